// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Brings the seL4 kernel source into Cargo.lock; holds no code.
#![no_std]
