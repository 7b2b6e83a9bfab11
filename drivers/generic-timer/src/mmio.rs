// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The registers of the EL1 physical timer, as user level reaches them.
//!
//! Arm Architecture Reference Manual (DDI 0487), chapter "The Generic Timer in AArch64 state", and register
//! descriptions CNTPCT_EL0, CNTFRQ_EL0, CNTP_CTL_EL0, CNTP_CVAL_EL0. The loader opens them to EL0
//! (CNTKCTL_EL1); a system gives the timer's interrupt to one protection domain only.
#![allow(unsafe_code)]

use core::arch::asm;

use bitflags::bitflags;

use crate::{Comparator, Counter, Frequency};

bitflags! {
    /// CNTP_CTL_EL0.
    struct Control: u64 {
        /// The timer is on.
        const ENABLE = 1 << 0;
        /// Its interrupt is masked.
        const IMASK = 1 << 1;
        /// The counter has reached the comparator (read only).
        const ISTATUS = 1 << 2;
    }
}

/// The EL1 physical timer of this processor.
#[derive(Debug)]
pub struct PhysicalTimer(());

impl PhysicalTimer {
    /// The timer of this processor.
    ///
    /// # Safety
    /// User level may access the counter and the physical timer, and nothing else in the system programs it.
    pub const unsafe fn new() -> Self {
        Self(())
    }

    /// How fast its counter counts; nothing if firmware never said.
    pub fn frequency(&self) -> Option<Frequency> {
        Frequency::new(read_frequency())
    }

    fn write_control(&mut self, control: Control) {
        // SAFETY: writes a register that `new` promises is accessible and used by nobody else. The barrier
        // makes the write take effect before the interrupt is acknowledged.
        unsafe { asm!("msr cntp_ctl_el0, {}", "isb", in(reg) control.bits(), options(nostack)) };
    }
}

/// The physical counter alone, for a processor whose timer is closed to user level.
#[derive(Debug)]
pub struct PhysicalCounter(());

impl PhysicalCounter {
    /// The counter of this processor.
    ///
    /// # Safety
    /// User level may read the counter and its frequency.
    pub const unsafe fn new() -> Self {
        Self(())
    }
}

impl Counter for PhysicalCounter {
    fn now_ticks(&self) -> u64 {
        read_counter()
    }
}

fn read_frequency() -> u64 {
    let hertz: u64;
    // SAFETY: reads a register that whoever calls this was promised to be accessible; no memory is touched.
    unsafe { asm!("mrs {}, cntfrq_el0", out(reg) hertz, options(nomem, nostack, pure)) };
    hertz
}

fn read_counter() -> u64 {
    let ticks: u64;
    // SAFETY: reads a register that whoever calls this was promised to be accessible; the barrier keeps the read from
    // being done early.
    unsafe { asm!("isb", "mrs {}, cntpct_el0", out(reg) ticks, options(nostack)) };
    ticks
}

impl Comparator for PhysicalTimer {
    fn now_ticks(&self) -> u64 {
        read_counter()
    }

    fn interrupt_at(&mut self, ticks: u64) {
        // SAFETY: writes a register that `new` promises is accessible and used by nobody else.
        unsafe { asm!("msr cntp_cval_el0, {}", in(reg) ticks, options(nostack)) };
        self.write_control(Control::ENABLE);
    }

    fn switch_off(&mut self) {
        self.write_control(Control::IMASK);
    }
}
