// SPDX-License-Identifier: Apache-2.0 OR MIT
//! For tests alone (feature `spin-test`, image `timing`): a slot whose own code misbehaves in a host call, where no fuel
//! counts. An app asks for it by logging `spin MICROSECONDS` or `fault`.

use sel4_microkit::now_us;

/// Keeps the processor for so long, or faults, if `line` asks for it.
#[allow(clippy::panic)] // It is what this is for.
pub fn obey(line: &str) {
    if line == "fault" {
        panic!("asked to");
    }
    let Some(duration_us) = line.strip_prefix("spin ").and_then(|number| number.parse::<u64>().ok()) else {
        return;
    };
    let begun_us = now_us();
    while now_us().saturating_sub(begun_us) < duration_us {
        core::hint::spin_loop();
    }
}
