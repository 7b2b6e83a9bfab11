// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The timer's registers.
#![allow(unsafe_code)]

use cofferdam_generic_timer::PhysicalTimer;

/// The timer whose interrupt `system.xml` gives to this protection domain.
pub fn physical_timer() -> PhysicalTimer {
    // SAFETY: the loader opens the physical timer to user level (CNTKCTL_EL1), and the kernel uses another one.
    // Other protection domains could program it, too: the processor cannot keep them from it. Ours do not.
    unsafe { PhysicalTimer::new() }
}
