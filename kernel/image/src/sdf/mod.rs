// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `system.xml`: Microkit's System Description Format 2.x, the part that this kernel can give.
//!
//! [`parse()`] turns XML into a [`model::System`]: every element, attribute and value has been understood. Whether the
//! system makes sense is [`crate::check`]'s question.

pub mod attributes;
pub mod elements;
pub mod model;
pub mod parse;

pub use model::System;
pub use parse::parse;
