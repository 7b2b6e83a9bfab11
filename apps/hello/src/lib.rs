// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A program: prints a greeting, then exits.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![forbid(unsafe_code)]

use cofferdam_app::{log, time};

cofferdam_app::command!(main);

fn main() {
    log!("hello from a protection domain of its own, {} us after power-on", time::now_us());
}
