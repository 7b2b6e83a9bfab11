// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Sleeps between ticks as a slot does, so that the emulator finds both equally cold.
//!
//! The virtual timer's interrupt ends `wfi` although it stays masked: nothing is ever taken. Registers: Arm Generic
//! Interrupt Controller Architecture Specification 2.0 (IHI 0048), 4.3 and 4.4.

use core::ptr::{self, NonNull};

use aarch64_cpu::{
    asm,
    registers::{CNTV_CTL_EL0, CNTV_CVAL_EL0, CNTVCT_EL0, Readable as _, Writeable as _},
};
use cofferdam_boot_aarch64::mmio::Registers;

use crate::{host, platform};

/// GICD_CTLR and GICC_CTLR: forward interrupts.
const CONTROL: u16 = 0x000;
const CONTROL_ENABLE: u32 = 1;
/// GICD_ISENABLER0: the core's own interrupts, a bit for each.
const DISTRIBUTOR_SET_ENABLE: u16 = 0x100;
/// GICC_PMR: interrupts of a higher priority (a lower number) are signalled.
const CPU_PRIORITY_MASK: u16 = 0x004;
const CPU_PRIORITY_ANY: u32 = 0xff;

/// The virtual timer, waking the core.
pub struct Alarm(());

impl Alarm {
    /// Lets the timer's interrupt through to the core. To be called once, with the devices mapped.
    pub fn new() -> Self {
        let mut distributor = registers(platform::GIC_DISTRIBUTOR);
        distributor.write(DISTRIBUTOR_SET_ENABLE, 1 << platform::KERNEL_TIMER_INTERRUPT);
        distributor.write(CONTROL, CONTROL_ENABLE);
        let mut cpu = registers(platform::GIC_CPU_INTERFACE);
        cpu.write(CPU_PRIORITY_MASK, CPU_PRIORITY_ANY);
        cpu.write(CONTROL, CONTROL_ENABLE);
        Self(())
    }

    /// Sleeps until `time_us` of [`host::now_us`].
    pub fn sleep_until(&mut self, time_us: u64) {
        loop {
            let left_us = time_us.saturating_sub(host::now_us());
            if left_us == 0 {
                break;
            }
            CNTV_CVAL_EL0.set(CNTVCT_EL0.get() + host::ticks(left_us));
            CNTV_CTL_EL0.write(CNTV_CTL_EL0::ENABLE::SET);
            asm::wfi();
        }
        CNTV_CTL_EL0.write(CNTV_CTL_EL0::ENABLE::CLEAR);
    }
}

fn registers(address: u64) -> Registers {
    let base =
        NonNull::new(ptr::with_exposed_provenance_mut(address as usize)).unwrap_or(NonNull::dangling());
    // SAFETY: the platform file says that a GICv2 is there; `Alarm`, of which there is one, is its only user.
    unsafe { Registers::new(base) }
}
