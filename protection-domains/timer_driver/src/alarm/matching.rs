// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The processor's counter, and a timer of the chip that interrupts.
#![allow(unsafe_code)]

#[cfg(feature = "bcm-system-timer")]
use cofferdam_bcm_system_timer::{REGISTERS_BYTES, SystemTimer as Timer};
use cofferdam_generic_timer::{Frequency, Matching, PhysicalCounter};
#[cfg(feature = "imx-gpt")]
use cofferdam_imx_gpt::{Gpt as Timer, REGISTERS_BYTES};
use sel4_microkit::memory_region;

/// For the log.
#[cfg(feature = "bcm-system-timer")]
pub const NAME: &str = "BCM system timer, beside a counter";
/// For the log.
#[cfg(feature = "imx-gpt")]
pub const NAME: &str = "GPT, beside a counter";

/// The timer.
pub type Alarm = Matching<Timer<'static>, PhysicalCounter>;

/// The timer whose registers and interrupt the board's description gives to this protection domain.
///
/// # Panics
/// If the region is too small for its registers.
pub fn alarm(frequency: Frequency) -> Alarm {
    let region = memory_region!(timer_registers: timer_registers_size);
    assert!(region.size >= REGISTERS_BYTES, "board.toml: timer_registers is too small");
    // SAFETY: the description maps the timer's page here as device memory, page-aligned and large enough, for the life of
    // the protection domain, and nobody else drives it.
    #[allow(unused_mut, reason = "one of the timers has to be started")]
    let mut timer = unsafe { Timer::at(region.start) };
    #[cfg(feature = "imx-gpt")]
    timer.start();
    // SAFETY: every kernel lets user level read the counter.
    Matching::new(timer, unsafe { PhysicalCounter::new() }, frequency)
}

/// How fast the counter counts.
pub fn frequency() -> Option<Frequency> {
    Frequency::new(sel4_microkit::counter_frequency())
}
