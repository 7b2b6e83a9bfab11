// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The processor's physical counter, which every protection domain may read.

/// Ticks of the counter now.
#[cfg(target_os = "none")]
#[inline]
pub fn now() -> u64 {
    let ticks: u64;
    // SAFETY: reads a register that the loader opened to user level. The barrier keeps the read from being
    // done early; the statement is not `nomem` so that memory accesses stay on their side of it.
    unsafe { core::arch::asm!("isb", "mrs {}, cntpct_el0", out(reg) ticks, options(nostack)) };
    ticks
}

/// Ticks per second.
#[cfg(target_os = "none")]
#[inline]
pub fn counter_frequency() -> u64 {
    let hertz: u64;
    // SAFETY: reads a register that never changes and is open to user level.
    unsafe { core::arch::asm!("mrs {}, cntfrq_el0", out(reg) hertz, options(nomem, nostack, pure)) };
    hertz
}

/// Microseconds since the counter was zero: monotonic, the same for all protection domains. Does not overflow
/// in 500,000 years.
#[cfg(target_os = "none")]
pub fn now_us() -> u64 {
    microseconds(now(), counter_frequency())
}

/// So many ticks at so many per second, in whole microseconds.
pub(crate) const fn microseconds(ticks: u64, frequency: u64) -> u64 {
    const US_PER_SECOND: u64 = 1_000_000;
    let frequency = if frequency == 0 { 1 } else { frequency };
    ticks / frequency * US_PER_SECOND + ticks % frequency * US_PER_SECOND / frequency
}
