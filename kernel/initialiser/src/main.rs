// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The root task that creates every protection domain, then monitors them.
//!
//! It reads the compact description that the image tool has put behind it (`cofferdam-system-spec`), gives each
//! protection domain the environment that Microkit 2.3 gives, starts them all, and from then on only reports
//! the faults of those without a parent. A refusal by the kernel is reported with what was being done and for
//! whom, and nothing is started.
//!
//! Not here: reading `system.xml`, changing a running system.
#![no_std]
#![no_main]

mod allocate;
mod create;
mod failure;
mod memory;
mod mmio;
mod monitor;
mod regions;
mod space;

use core::fmt::Write;

use cofferdam_memory_plan::slots;
use cofferdam_system_spec::SystemSpec;
use cofferdam_system_spec::layout::NO_PADDR;
use sel4::BootInfo;

use crate::failure::{Context, Failure, Reason};
use crate::mmio::Serial;

/// What the platform's facts say; most of it is not for here.
#[allow(dead_code)]
mod platform {
    include!(concat!(env!("OUT_DIR"), "/platform.rs"));
}

sel4_root_task::root_task!(main);

fn main(boot_info: BootInfo) -> ! {
    let failure = match run(&boot_info) {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    // Writing never fails.
    let _ = writeln!(Serial, "initialiser: {failure}; nothing was started");
    sel4_root_task::halt()
}

fn run(boot_info: &BootInfo) -> Result<core::convert::Infallible, Failure> {
    let mut payload = regions::Payload::take().ok_or(Failure::NoPayload)?;
    let mut memory = memory::of(boot_info);

    // Allocated regions are remembered by index; their physical addresses go into the payload before any of
    // its pages is mapped elsewhere.
    let mut patches = allocate::Patches::new();
    let (regions, counted) = {
        let spec = SystemSpec::new(payload.bytes()).map_err(Failure::Description)?;
        let mut regions = allocate::list_regions(&spec)?;
        // The serial port before anything that may go wrong.
        let uart = allocate::fixed_regions(&spec, &mut memory, &mut regions)?;
        if spec.header.uart_paddr != NO_PADDR {
            space::map_serial(uart, &mut memory).doing("mapping the serial port", "the monitor")?;
        }
        greet();
        // Nothing else is worth beginning if the system cannot be finished.
        let counted = slots::of_initialiser(&spec).doing("counting the slots", "the system")?;
        memory
            .check_slots(counted.saturating_sub(memory.used_slots()))
            .doing("finding slots", "the system")?;
        allocate::ram_regions(&spec, &mut memory, &mut regions)?;
        allocate::collect_patches(&spec, &regions, &mut patches)?;
        (regions, counted)
    };
    for (offset, paddr) in &patches {
        payload.write(*offset, *paddr);
    }

    let spec = SystemSpec::new(payload.bytes()).map_err(Failure::Description)?;
    let monitor = memory.object(sel4::ObjectType::Endpoint).doing("making the endpoint", "the monitor")?;
    let domains = create::protection_domains(&spec, boot_info, regions, monitor, &mut memory)?;
    let used_kib =
        (platform::RAM_END - platform::KERNEL_PHYSICAL_BASE).saturating_sub(memory.free_bytes()) / 1024;
    let count = spec.protection_domains().len();
    // Writing never fails.
    let used = memory.used_slots();
    let _ = writeln!(
        Serial,
        "initialiser: {count} protection domains, {used_kib} KiB of RAM in use, {used} slots of {}",
        boot_info.empty_slots().end - boot_info.empty_slots().start
    );
    // The image tool relies on the count.
    if used > counted {
        return Err(Reason::Miscounted(counted)).doing("counting the slots", "the system");
    }
    create::start(&spec, &domains)?;
    monitor::run(&spec, monitor)
}

fn greet() {
    let kind = if sel4::PRINTING { "debug" } else { "release" };
    // Writing never fails.
    let _ = writeln!(Serial, "cofferdam {} on seL4 5.0.0 ({kind} kernel)", env!("CARGO_PKG_VERSION"));
    let _ = writeln!(
        Serial,
        "initialiser: KERNEL=crates is seL4 5.0.0 in an unverified configuration without temporal isolation: \
         for development only"
    );
}
