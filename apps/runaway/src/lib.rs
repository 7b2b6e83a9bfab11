// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Never returns from a tick. The device stops it when its fuel is used up; nobody else notices.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![forbid(unsafe_code)]

use cofferdam_app::{Reactor, log};

struct Runaway {
    turns: u64,
}

cofferdam_app::reactor!(Runaway);

impl Reactor for Runaway {
    fn init() -> Self {
        Self { turns: 0 }
    }

    fn tick(&mut self, _now_us: u64) {
        log!("running away");
        loop {
            self.turns = core::hint::black_box(self.turns.wrapping_add(1));
        }
    }
}
