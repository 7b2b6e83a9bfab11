// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Physical memory and the caches over it.
#![cfg(target_os = "none")]

use core::{arch::asm, ptr};

use aarch64_cpu::asm::barrier;

/// Smallest cache line that a core may have, so that no line is stepped over.
const LINE_BYTES: usize = 16;

/// Copies and zeroes: `file_bytes` from `source` to `destination`, then zeroes up to `memory_bytes`; what was written
/// can be executed afterwards.
///
/// # Safety
/// Both ranges are mapped RAM that no Rust object lives in; they are the same or do not overlap; `file_bytes` is at most
/// `memory_bytes`.
pub unsafe fn place(source: u64, destination: u64, file_bytes: u64, memory_bytes: u64) {
    let at = |address: u64| ptr::with_exposed_provenance_mut::<u8>(address as usize);
    let (file, all) = (file_bytes as usize, memory_bytes as usize);
    let mut first = file;
    if source != destination {
        first = 0;
        // SAFETY: the caller promises RAM without overlap for both ranges.
        unsafe { ptr::copy_nonoverlapping(at(source), at(destination), file) };
    }
    // SAFETY: `file <= all`, so this is the tail of the destination range.
    unsafe { ptr::write_bytes(at(destination).add(file), 0, all - file) };
    // SAFETY: the same range.
    unsafe { make_executable(at(destination).add(first), all - first) };
}

/// Cleans a range from the data cache, and drops all that the instruction cache holds.
///
/// # Safety
/// The range is mapped memory.
unsafe fn make_executable(start: *const u8, bytes: usize) {
    for offset in (0..bytes).step_by(LINE_BYTES) {
        // SAFETY: cleaning writes back what the program itself wrote, and changes no value.
        unsafe { asm!("dc cvac, {}", in(reg) start.wrapping_add(offset), options(nostack, preserves_flags)) };
    }
    barrier::dsb(barrier::SY);
    // SAFETY: the instruction cache holds copies only.
    unsafe { asm!("ic iallu", options(nostack, preserves_flags)) };
    barrier::dsb(barrier::SY);
    barrier::isb(barrier::SY);
}

/// Drops cache lines over an object that was written while the caches were off.
///
/// # Safety
/// Data cache and MMU are off, so that memory holds the object's value, and no line over it holds anything newer.
pub(crate) unsafe fn discard_cached<T>(object: &T) {
    let start = ptr::from_ref(object).cast::<u8>();
    barrier::dsb(barrier::SY);
    for offset in (0..size_of::<T>()).step_by(LINE_BYTES) {
        // SAFETY: the caller says that memory is the newer copy.
        unsafe { asm!("dc ivac, {}", in(reg) start.wrapping_add(offset), options(nostack, preserves_flags)) };
    }
    barrier::dsb(barrier::SY);
}

/// Drops cached translations and instructions.
///
/// # Safety
/// The translation registers hold what is to be used from now on.
pub(crate) unsafe fn forget_translations() {
    barrier::dsb(barrier::SY);
    // SAFETY: both instructions drop copies only.
    unsafe { asm!("tlbi vmalle1", "ic iallu", options(nostack, preserves_flags)) };
    barrier::dsb(barrier::SY);
    barrier::isb(barrier::SY);
}
