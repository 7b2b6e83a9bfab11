// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Boots at EL1, maps the kernel window and starts seL4.
//!
//! The image tool appends kernel, user image and a header ([`cofferdam_system_spec::boot`]) to this program's ELF. The
//! loader checks the header, puts the parts in place, maps itself and the kernel, and jumps to the kernel with MMU and
//! caches on. Whatever is wrong is said on the UART, and the machine stops.
//!
//! Non-goals: device trees, more than one core, verifying who made the image.
#![no_std]
#![no_main]

mod handover;
mod regions;

use core::{fmt::Write as _, panic::PanicInfo};

use cofferdam_boot_aarch64::{
    entry, image, mmu, power,
    tables::{Half, MapError, Memory, Tables},
};
use cofferdam_boot_plan::{Machine, check};
use cofferdam_system_spec::boot::LoaderHeader;

/// The platform's facts, from `platform.toml`.
#[allow(dead_code, reason = "the loader needs some of the platform's facts, not all")]
mod platform {
    include!(concat!(env!("OUT_DIR"), "/platform.rs"));
}

entry!(main);

fn main() -> ! {
    let mut uart = regions::uart();
    let failure = match boot() {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    // Nothing can be done about a line that cannot be written.
    let _ = writeln!(uart, "loader: {failure}; halted");
    power::halt()
}

/// Why the kernel was not started.
enum Failure {
    NoPayload,
    Refused(cofferdam_boot_plan::Refusal),
    Map(MapError),
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoPayload => f.write_str("there is no boot header: this loader was not made into an image"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Map(error) => write!(f, "cannot map memory: {error}"),
        }
    }
}

fn boot() -> Result<core::convert::Infallible, Failure> {
    let machine = Machine {
        ram: platform::RAM_START..platform::RAM_END,
        loader: image(),
        kernel_paddr: platform::KERNEL_PHYSICAL_BASE,
        kernel_vaddr: platform::KERNEL_VIRTUAL_BASE,
    };
    regions::probe_end_of_ram(&machine);
    let header: LoaderHeader = regions::header(&machine).ok_or(Failure::NoPayload)?;
    let parts = check(&header, &machine).map_err(Failure::Refused)?;

    let tables = regions::tables();
    map(tables, &header).map_err(Failure::Map)?;
    // SAFETY: `map` maps all of RAM, where the loader is, and the UART to their own addresses; `entry` got here at EL1
    // with the MMU off, on the only running core.
    unsafe { mmu::enable(tables) };
    for part in parts {
        regions::place(part);
    }
    handover::start_kernel(&header)
}

fn map(tables: &mut Tables, header: &LoaderHeader) -> Result<(), MapError> {
    tables.map_identity(platform::UART..platform::UART + 1, Memory::Device)?;
    tables.map_identity(platform::RAM_START..platform::RAM_END, Memory::Normal)?;
    let kernel_bytes = header.kernel_end_paddr - header.kernel_paddr;
    let window = header.kernel_vaddr..header.kernel_vaddr + kernel_bytes;
    tables.map(Half::High, window, header.kernel_paddr, Memory::Normal)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(regions::uart(), "loader: {info}; halted");
    power::halt()
}
