// SPDX-License-Identifier: Apache-2.0 OR MIT
//! For tests alone (feature `spin-test`, image `timing`): a slot whose own code misbehaves in a host call, where no fuel
//! counts. An app asks for it by logging `spin MICROSECONDS`.

use sel4_microkit::now_us;

/// Keeps the processor for so long, if `line` asks for it.
pub fn obey(line: &str) {
    let Some(duration_us) = line.strip_prefix("spin ").and_then(|number| number.parse::<u64>().ok()) else {
        return;
    };
    let begun_us = now_us();
    while now_us().saturating_sub(begun_us) < duration_us {
        core::hint::spin_loop();
    }
}
