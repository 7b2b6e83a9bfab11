// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Pictures of flights and stops: SVG files, and one HTML page that holds them with the figures and their bounds.
//!
//! - [`Chart`] and [`Bars`] are what is drawn; [`flight`] and [`stops`] say what is drawn of what was seen.
//! - [`Page`] collects and writes them.
#![forbid(unsafe_code)]

mod chart;
mod page;
mod pictures;

pub use chart::{Bars, Chart, DrawError, Moments, Series};
pub use page::{Page, WriteError};
pub use pictures::{Stop, flight, jitter, stops};
