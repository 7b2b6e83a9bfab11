// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Measures the interpreter: a checksum, a small matrix product, a sieve (integers), and four bodies that
//! attract each other (floats).
//!
//! As an app it runs [`bench`] a few times and logs what each run took. The module also exports `bench`, so
//! that the same module can be timed elsewhere.
#![cfg_attr(target_arch = "wasm32", no_std)]

mod kernel;

use cofferdam_app::{log, time};

/// Iterations of one run, about 30 million fuel: all runs fit in the one slice of cofferdam.toml.
const ITERATIONS: i32 = 80;
/// Runs: the first warms caches, the best counts.
const RUNS: u32 = 3;

cofferdam_app::command!(main);

fn main() {
    for _ in 0..RUNS {
        let start_us = time::now_us();
        let checksum = bench(ITERATIONS);
        let time_us = time::now_us() - start_us;
        log!("corebench: iterations={ITERATIONS} time_us={time_us} checksum={checksum:08x}");
    }
}

/// The kernel, exported. The result depends on everything that was computed.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn bench(iterations: i32) -> i32 {
    kernel::run(iterations.unsigned_abs()) as i32
}
