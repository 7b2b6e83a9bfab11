// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The processor's own timer.
#![allow(unsafe_code)]

use cofferdam_generic_timer::{Frequency, PhysicalTimer};

/// For the log.
pub const NAME: &str = "generic timer";

/// The timer.
pub type Alarm = PhysicalTimer;

/// The timer whose interrupt `system.xml` gives to this protection domain.
pub fn alarm(_frequency: Frequency) -> PhysicalTimer {
    // SAFETY: the loader opens the physical timer to user level (CNTKCTL_EL1), and the kernel uses another one.
    // Other protection domains could program it, too: the processor cannot keep them from it. Ours do not.
    unsafe { PhysicalTimer::new() }
}

/// How fast its counter counts.
pub fn frequency() -> Option<Frequency> {
    Frequency::new(sel4_microkit::counter_frequency())
}
