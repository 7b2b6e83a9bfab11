// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Computes the same floating point series again and again, and holds values in all floating point registers, while a
//! protection domain of the same priority does the same with other numbers: any register that a switch does not keep
//! changes the result.
#![no_std]
#![no_main]
#![allow(unsafe_code)] // The registers by name need assembly.

use core::arch::asm;
use core::hint::black_box;

use sel4_microkit::{Handler, NullHandler, channel, memory_region, now_us, pd_name, protection_domain};

/// How long to go on: many time slices of the kernel (10 ms, or 1 ms with budgets).
const DURATION_US: u64 = 300_000;
/// Steps of the series: a fraction of a slice.
const STEPS: u32 = 20_000;
/// How long the registers hold their values.
const IDLE_STEPS: u64 = 20_000;
/// How often the other one must have run in between, or nothing was tested.
const SWITCHES_MIN: u32 = 5;

#[protection_domain]
fn init() -> impl Handler {
    let client = channel!(client);
    let turns = system_tests_support::shared(memory_region!(turns: turns_size));
    let seed = pd_name().bytes().map(f64::from).sum::<f64>();
    let expected = series(seed);
    let mut switches = 0;
    let end_us = now_us() + DURATION_US;
    while now_us() < end_us {
        let got = series(black_box(seed));
        assert!(got.map(f64::to_bits) == expected.map(f64::to_bits), "{got:?} instead of {expected:?}");
        registers(seed.to_bits());
        // The region is a page: the offset is inside.
        switches += u32::from(turns.load_u64_acquire(0) != Ok(seed.to_bits()));
        let _ = turns.store_u64_release(0, seed.to_bits());
    }
    assert!(switches >= SWITCHES_MIN, "only {switches} switches");
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

/// All bits of all 32 registers, and a way of rounding.
fn registers(seed: u64) {
    let values: [u128; 32] =
        core::array::from_fn(|index| (u128::from(seed) << 64 | u128::from(!seed)) ^ index as u128);
    let mut found = [0_u128; 32];
    // FPCR.RMode, bits 22 and 23.
    let rounding = (seed >> 44 & 3) << 22;
    let found_rounding: u64;
    // SAFETY: reads and writes the two arrays; every register that it changes is named, and FPCR gets its value back.
    unsafe {
        asm!(
            "mrs {kept}, fpcr",
            "msr fpcr, {rounding}",
            "ld1 {{v0.2d-v3.2d}}, [{from}], #64", "ld1 {{v4.2d-v7.2d}}, [{from}], #64",
            "ld1 {{v8.2d-v11.2d}}, [{from}], #64", "ld1 {{v12.2d-v15.2d}}, [{from}], #64",
            "ld1 {{v16.2d-v19.2d}}, [{from}], #64", "ld1 {{v20.2d-v23.2d}}, [{from}], #64",
            "ld1 {{v24.2d-v27.2d}}, [{from}], #64", "ld1 {{v28.2d-v31.2d}}, [{from}], #64",
            "2: subs {steps}, {steps}, #1", "b.ne 2b",
            "st1 {{v0.2d-v3.2d}}, [{to}], #64", "st1 {{v4.2d-v7.2d}}, [{to}], #64",
            "st1 {{v8.2d-v11.2d}}, [{to}], #64", "st1 {{v12.2d-v15.2d}}, [{to}], #64",
            "st1 {{v16.2d-v19.2d}}, [{to}], #64", "st1 {{v20.2d-v23.2d}}, [{to}], #64",
            "st1 {{v24.2d-v27.2d}}, [{to}], #64", "st1 {{v28.2d-v31.2d}}, [{to}], #64",
            "mrs {rounding}, fpcr",
            "msr fpcr, {kept}",
            kept = out(reg) _,
            rounding = inout(reg) rounding => found_rounding,
            steps = inout(reg) IDLE_STEPS => _,
            from = inout(reg) values.as_ptr() => _,
            to = inout(reg) found.as_mut_ptr() => _,
            out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v6") _, out("v7") _,
            out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _, out("v14") _,
            out("v15") _, out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _,
            out("v22") _, out("v23") _, out("v24") _, out("v25") _, out("v26") _, out("v27") _, out("v28") _,
            out("v29") _, out("v30") _, out("v31") _,
            options(nostack),
        );
    }
    assert!(found == values, "{found:x?} instead of {values:x?}");
    assert!(found_rounding == rounding, "FPCR {found_rounding:#x} instead of {rounding:#x}");
}
