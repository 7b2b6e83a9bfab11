// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The physical timer, as a source of interrupts.

use core::arch::asm;

/// Interrupt after this many ticks of the counter: some milliseconds.
const DELAY_TICKS: u64 = 200_000;

/// Fires once, a few milliseconds from now.
pub(crate) fn start() {
    // SAFETY: the timer's registers are open to user level and nothing else in this system uses them.
    unsafe {
        asm!("msr cntp_tval_el0, {}", "msr cntp_ctl_el0, {}", "isb", in(reg) DELAY_TICKS, in(reg) 1_u64)
    };
}

/// Does not fire any more.
pub(crate) fn stop() {
    // SAFETY: as in `start`.
    unsafe { asm!("msr cntp_ctl_el0, {}", "isb", in(reg) 0_u64) };
}
