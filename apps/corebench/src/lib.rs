// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Measures the interpreter: a checksum, a small matrix product, a sieve (integers), and four bodies that
//! attract each other (floats).
//!
//! As an app it runs [`bench()`] once a tick and logs what the run took. `qemu/bare-metal` runs the same module without a
//! kernel; `make bench` compares. The module also exports `bench`, so that it can be timed elsewhere.
#![cfg_attr(target_arch = "wasm32", no_std)]

mod kernel;

use cofferdam_app::{Reactor, log, time};

/// Iterations of one run, about 30 million units of fuel: a run fits in the one activation of cofferdam.toml.
const ITERATIONS: i32 = 80;

struct Benchmark;

cofferdam_app::reactor!(Benchmark);

impl Reactor for Benchmark {
    fn init() -> Self {
        Self
    }

    fn tick(&mut self, _now_us: u64) {
        let (fuel, start_us) = (time::fuel_left(), time::now_us());
        let checksum = bench(ITERATIONS);
        let (time_us, fuel) = (time::now_us() - start_us, fuel - time::fuel_left());
        log!("iterations={ITERATIONS} time_us={time_us} fuel={fuel} checksum={checksum:08x}");
    }
}

/// The kernel, exported. The result depends on everything that was computed.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn bench(iterations: i32) -> i32 {
    kernel::run(iterations.unsigned_abs()) as i32
}
