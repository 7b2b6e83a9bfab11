// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Computes the same floating point series again and again while a protection domain of the same priority does
//! the same with other numbers: any register that a switch does not keep changes the result.
#![no_std]
#![no_main]

use sel4_microkit::{Handler, NullHandler, channel, now_us, pd_name, protection_domain};

/// How long to go on: many ticks of the kernel (10 ms each).
const DURATION_US: u64 = 300_000;
/// Steps of the series: a fraction of a tick.
const STEPS: u32 = 20_000;

#[protection_domain]
fn init() -> impl Handler {
    let client = channel!(client);
    let seed = pd_name().bytes().map(f64::from).sum::<f64>();
    let expected = series(seed);
    let end_us = now_us() + DURATION_US;
    while now_us() < end_us {
        let got = series(core::hint::black_box(seed));
        assert!(got.map(f64::to_bits) == expected.map(f64::to_bits), "{got:?} instead of {expected:?}");
    }
    client.notify();
    NullHandler
}

/// Eight values that stay in floating point registers through all steps.
fn series(seed: f64) -> [f64; 8] {
    let mut values: [f64; 8] = core::array::from_fn(|index| seed + index as f64);
    for step in 0..STEPS {
        for value in &mut values {
            *value = *value * 1.000_01 + f64::from(step) * 0.5 - seed;
        }
    }
    values
}
