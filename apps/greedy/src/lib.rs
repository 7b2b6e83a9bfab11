// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Grows its memory without end. The device refuses above what the manifest asked for, and stops it when
//! its fuel is used up.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![forbid(unsafe_code)]

use cofferdam_app::{Reactor, log};

struct Greedy;

cofferdam_app::reactor!(Greedy);

impl Reactor for Greedy {
    fn init() -> Self {
        Self
    }

    fn tick(&mut self, _now_us: u64) {
        log!("has {} pages and wants more", pages());
        loop {
            grow();
        }
    }
}

#[cfg(target_arch = "wasm32")]
fn pages() -> usize {
    core::arch::wasm32::memory_size::<0>()
}

#[cfg(target_arch = "wasm32")]
fn grow() {
    core::arch::wasm32::memory_grow::<0>(1);
}

#[cfg(not(target_arch = "wasm32"))]
fn pages() -> usize {
    0
}

#[cfg(not(target_arch = "wasm32"))]
fn grow() {}
