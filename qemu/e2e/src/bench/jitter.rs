// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How late control loops begin while the network is flooded.

use anyhow::{Result, ensure};

use super::product::boot_product;
use super::{Arguments, Measured};
use crate::context::Settings;
use crate::harness::System;
use crate::loops::{self, FAST, SLOW};

/// The 1 kHz loop's latest begin.
pub fn under_flood(settings: &Settings, _: &Arguments) -> Result<Measured> {
    let context = boot_product(settings, System::ProductByInstructions)?;
    loops::start(&context)?;
    let calm = loops::timing(&context, &FAST)?;
    let flood = loops::flood(&context)?;
    let [fast, slow] = [loops::timing(&context, &FAST)?, loops::timing(&context, &SLOW)?];
    ensure!(fast.missed + slow.missed == 0, "releases were missed: {fast:?} {slow:?}");
    Ok(Measured {
        value: fast.jitter_max_us as f64,
        how: format!(
            "latest begin of a 1 kHz loop in slot 1 after its release, of {} activations; before the flood {} us; a 100 Hz loop \
             in slot 2 beside it: {} us of {}; {} connections with {} KiB of noise; measured by the slots, -icount shift=0",
            fast.activations,
            calm.jitter_max_us,
            slow.jitter_max_us,
            slow.activations,
            flood.connections,
            flood.bytes / 1024,
        ),
    })
}
