// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Works for a while, then panics, which ends in a trap. The device stops it and says where.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![forbid(unsafe_code)]

use cofferdam_app::{Reactor, log};

/// Ticks before the trap: one tenth of a second.
const GOOD_TICKS: u32 = 10;

struct Trapper {
    ticks: u32,
}

cofferdam_app::reactor!(Trapper);

impl Reactor for Trapper {
    fn init() -> Self {
        log!("will trap after {GOOD_TICKS} ticks");
        Self { ticks: 0 }
    }

    #[allow(clippy::panic)] // It is what this app is for.
    fn tick(&mut self, _now_us: u64) {
        self.ticks += 1;
        if self.ticks > GOOD_TICKS {
            panic!("as promised");
        }
    }
}
