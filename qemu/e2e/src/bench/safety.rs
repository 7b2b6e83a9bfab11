// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What outputs do while who moves them changes or is gone.

use anyhow::{Context as _, Result};

use super::product::boot_product;
use super::{Arguments, Measured};
use crate::context::Settings;
use crate::suites::envelope::{self, CAUSES};
use crate::suites::swap::{self, SWAPS};

/// From the end of a lease to the way to the safe state, whatever ended it: the longest.
pub fn safe_state(settings: &Settings, _: &Arguments) -> Result<Measured> {
    let mut context = boot_product(settings, envelope::SUITE.system)?;
    let mut by_cause = Vec::new();
    for (name, happens) in CAUSES {
        context.begin(name)?;
        by_cause.push((name.replace('_', " "), happens(&mut context).context(*name)?));
    }
    let longest = by_cause.iter().map(|(_, us)| *us).max().context("no cause")?;
    let words: Vec<String> = by_cause.iter().map(|(name, us)| format!("{name}: {us}")).collect();
    Ok(Measured {
        value: longest as f64,
        how: format!(
            "the longest of {}; a control period is {} us; said by actuator_guard, -icount shift=0",
            words.join(", "),
            envelope::PERIOD_US
        ),
    })
}

/// Ticks without a value.
pub fn swap_gap(settings: &Settings, _: &Arguments) -> Result<Measured> {
    let context = boot_product(settings, swap::SUITE.system)?;
    let swap::Swaps { missed, longest_us, compared, milliseconds } = swap::swaps(&context)?;
    Ok(Measured {
        value: missed as f64,
        how: format!(
            "in {SWAPS} swaps of a loop of 250 Hz, {compared} ticks side by side; longest time between two values of its output \
             {longest_us} us of a period of {} us; {} ms a swap; said by actuator_guard, -icount shift=0",
            swap::PERIOD_US,
            milliseconds / SWAPS
        ),
    })
}
