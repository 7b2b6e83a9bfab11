// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Checks the boot header before the loader acts on it.
//!
//! The loader writes to physical memory and jumps where the header says; so every range is checked here, on plain
//! numbers, first. The header itself is defined by [`cofferdam_system_spec::boot`]. Non-goals: the bytes' origin (an
//! image is as trustworthy as whoever wrote it to the machine) and what the kernel does with its arguments.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use core::{fmt, ops::Range};

use cofferdam_system_spec::boot::{HeaderError, LoaderHeader, Part};

/// The kernel's window and the user image are made of 2 MiB blocks.
pub const BLOCK_BYTES: u64 = 2 << 20;
const PAGE_BYTES: u64 = 4096;

/// What the machine is and where the loader itself lies.
#[derive(Clone, Debug)]
pub struct Machine {
    /// RAM, physical.
    pub ram: Range<u64>,
    /// The running loader with its stack and page tables.
    pub loader: Range<u64>,
    /// Where the kernel was linked to lie, physical and virtual.
    pub kernel_paddr: u64,
    /// See `kernel_paddr`.
    pub kernel_vaddr: u64,
}

/// Which range a [`Refusal`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The kernel's memory.
    Kernel,
    /// The user image.
    User,
    /// Where part N's bytes lie.
    Source(usize),
    /// Where part N must be.
    Destination(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel => f.write_str("the kernel"),
            Self::User => f.write_str("the user image"),
            Self::Source(index) => write!(f, "the source of part {index}"),
            Self::Destination(index) => write!(f, "the destination of part {index}"),
        }
    }
}

/// Why the loader will not act on a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The header's own fields are wrong.
    Header(HeaderError),
    /// A range is empty, or not in RAM.
    OutsideRam(Place, Range<u64>),
    /// A range would overwrite the running loader.
    OverLoader(Place, Range<u64>),
    /// Two ranges that must be apart are not.
    Overlap(Place, Place),
    /// A range does not begin or end where it must.
    Alignment(Place, Range<u64>),
    /// The kernel was linked for another machine.
    KernelBase {
        /// Physical address in the header.
        paddr: u64,
        /// Virtual address in the header.
        vaddr: u64,
    },
    /// An entry point outside of the program it belongs to.
    Entry(Place, u64),
}

impl From<HeaderError> for Refusal {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(error) => error.fmt(f),
            Self::OutsideRam(place, Range { start, end }) => {
                write!(f, "{place} ({start:#x}-{end:#x}) is not in RAM")
            }
            Self::OverLoader(place, Range { start, end }) => {
                write!(f, "{place} ({start:#x}-{end:#x}) lies over the loader")
            }
            Self::Overlap(one, other) => write!(f, "{one} overlaps {other}"),
            Self::Alignment(place, Range { start, end }) => {
                write!(f, "{place} ({start:#x}-{end:#x}) is misaligned")
            }
            Self::KernelBase { paddr, vaddr } => {
                write!(
                    f,
                    "the kernel was linked at {vaddr:#x} for {paddr:#x}, which is not this platform's base"
                )
            }
            Self::Entry(place, entry) => write!(f, "entry {entry:#x} is not in {place}"),
        }
    }
}

/// Checks everything that the loader relies on, and gives the parts to copy and to zero.
///
/// # Errors
/// The first thing found wrong.
pub fn check<'header>(header: &'header LoaderHeader, machine: &Machine) -> Result<&'header [Part], Refusal> {
    let parts = header.checked_parts()?;

    if (header.kernel_paddr, header.kernel_vaddr) != (machine.kernel_paddr, machine.kernel_vaddr) {
        return Err(Refusal::KernelBase { paddr: header.kernel_paddr, vaddr: header.kernel_vaddr });
    }
    let kernel = header.kernel_paddr..header.kernel_end_paddr;
    let user = header.user_start_paddr..header.user_end_paddr;
    in_ram(machine, Place::Kernel, &kernel)?;
    in_ram(machine, Place::User, &user)?;
    aligned(Place::Kernel, &kernel)?;
    aligned(Place::User, &user)?;
    // The kernel cuts its own image and the user image out of RAM in this order.
    if user.start < kernel.end {
        return Err(Refusal::Overlap(Place::User, Place::Kernel));
    }
    let kernel_bytes = kernel.end - kernel.start;
    if header.kernel_entry_vaddr.wrapping_sub(header.kernel_vaddr) >= kernel_bytes {
        return Err(Refusal::Entry(Place::Kernel, header.kernel_entry_vaddr));
    }
    if !user.contains(&header.user_entry_vaddr.wrapping_add(header.user_offset)) {
        return Err(Refusal::Entry(Place::User, header.user_entry_vaddr));
    }

    for (index, part) in parts.iter().enumerate() {
        in_ram(machine, Place::Destination(index), &destination(part))?;
        in_ram(machine, Place::Source(index), &source(part))?;
        if !within(&destination(part), &kernel) && !within(&destination(part), &user) {
            return Err(Refusal::OutsideRam(Place::Destination(index), destination(part)));
        }
    }
    // Copying one part must not spoil another, whichever comes first.
    for (index, part) in parts.iter().enumerate() {
        for (other_index, other) in parts.iter().enumerate() {
            if index < other_index && overlap(&destination(part), &destination(other)) {
                return Err(Refusal::Overlap(Place::Destination(index), Place::Destination(other_index)));
            }
            let in_place = index == other_index && part.source_paddr == part.destination_paddr;
            if !in_place && overlap(&destination(part), &source(other)) {
                return Err(Refusal::Overlap(Place::Destination(index), Place::Source(other_index)));
            }
        }
    }
    Ok(parts)
}

// No overflow in these two: `checked_parts` saw to it.
fn destination(part: &Part) -> Range<u64> {
    part.destination_paddr..part.destination_paddr + part.memory_bytes
}

fn source(part: &Part) -> Range<u64> {
    part.source_paddr..part.source_paddr + part.file_bytes
}

fn within(inner: &Range<u64>, outer: &Range<u64>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn overlap(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}

/// A range of memory to read or write: in RAM and clear of the loader. A part without file bytes has an empty source.
fn in_ram(machine: &Machine, place: Place, range: &Range<u64>) -> Result<(), Refusal> {
    let empty_allowed = matches!(place, Place::Source(_) | Place::Destination(_));
    if range.start > range.end || (range.is_empty() && !empty_allowed) || !within(range, &machine.ram) {
        return Err(Refusal::OutsideRam(place, range.clone()));
    }
    if overlap(range, &machine.loader) {
        return Err(Refusal::OverLoader(place, range.clone()));
    }
    Ok(())
}

fn aligned(place: Place, range: &Range<u64>) -> Result<(), Refusal> {
    if !range.start.is_multiple_of(BLOCK_BYTES) || !range.end.is_multiple_of(PAGE_BYTES) {
        return Err(Refusal::Alignment(place, range.clone()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
