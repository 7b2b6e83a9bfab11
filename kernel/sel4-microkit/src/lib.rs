// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The runtime of a protection domain: Microkit's programming model in Rust.
#![no_std]
