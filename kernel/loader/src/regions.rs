// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The loader's view of physical memory: the UART, the appended header, the page tables, the parts.

use core::ptr::{self, NonNull};

use cofferdam_boot_aarch64::{memory, tables::Tables, uart::Uart};
use cofferdam_boot_plan::Machine;
use cofferdam_system_spec::boot::{LoaderHeader, Part};
use zerocopy::FromBytes as _;

use crate::platform;

/// Physical address of the header; the image tool patches it by name. Zero in a loader that is not part of an image.
#[allow(non_upper_case_globals, reason = "the name is the contract with the image tool")]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".data")]
#[used]
static loader_payload: u64 = 0;

/// The UART of the platform.
pub fn uart() -> Uart {
    const BASE: NonNull<u32> = match NonNull::new(ptr::with_exposed_provenance_mut(platform::UART as usize)) {
        Some(base) => base,
        None => unreachable!(),
    };
    // SAFETY: the platform file says that a PL011 is there. The loader runs alone, and uses one `Uart` at a time: the
    // panic handler makes a second one only when the first is never used again.
    unsafe { Uart::new(BASE) }
}

/// A copy of the header, if the image tool left one in RAM outside of the loader.
pub fn header(machine: &Machine) -> Option<LoaderHeader> {
    // SAFETY: a static of this program; volatile, since the tool changes it behind the compiler's back.
    let start = unsafe { (&raw const loader_payload).read_volatile() };
    let end = start.checked_add(size_of::<LoaderHeader>() as u64)?;
    let in_ram = machine.ram.start <= start && end <= machine.ram.end;
    let in_loader = start < machine.loader.end && machine.loader.start < end;
    if !in_ram || in_loader || !start.is_multiple_of(align_of::<LoaderHeader>() as u64) {
        return None;
    }
    let mut words = [0_u64; size_of::<LoaderHeader>() / size_of::<u64>()];
    for (index, word) in words.iter_mut().enumerate() {
        let address = ptr::with_exposed_provenance::<u64>(start as usize).wrapping_add(index);
        // SAFETY: aligned RAM outside of this program, as just checked; any bytes are a valid u64.
        *word = unsafe { address.read_volatile() };
    }
    LoaderHeader::read_from_bytes(zerocopy::IntoBytes::as_bytes(&words)).ok()
}

/// Reads the last word of RAM. A machine with less RAM than the platform says ends here with an exception that names
/// the address, and not later in a kernel that cannot say anything.
pub fn probe_end_of_ram(machine: &Machine) {
    let address = ptr::with_exposed_provenance::<u64>(machine.ram.end as usize).wrapping_sub(1);
    // SAFETY: aligned, RAM by the platform file, any bytes are a valid u64; or else the exception that is wanted.
    unsafe { address.read_volatile() };
}

/// The translation tables. To be called once.
pub fn tables() -> &'static mut Tables {
    static mut TABLES: Tables = Tables::new();
    let tables = &raw mut TABLES;
    // SAFETY: the loader runs alone on one core, and `boot`, which runs once, is the only caller.
    unsafe { &mut *tables }
}

/// Puts a part that `cofferdam_boot_plan::check` has passed where it belongs.
pub fn place(part: &Part) {
    // SAFETY: `check` saw to it that both ranges are RAM outside of the loader (where all its objects live), the same
    // or without overlap, and that the sizes agree; `map` has mapped all of RAM.
    unsafe { memory::place(part.source_paddr, part.destination_paddr, part.file_bytes, part.memory_bytes) }
}
