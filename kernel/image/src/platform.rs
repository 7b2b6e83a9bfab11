// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the image tool needs to know of a platform: RAM, devices, interrupts. The numbers come from
//! `kernel/overlay/PLATFORM/platform.toml`, their one home, which the kernel and the loader are built from too.

use std::ops::Range;

use anyhow::{Result, bail};
use cofferdam_platform::PlatformError;
use cofferdam_system_spec::environment::PAGE_BYTES;

/// The platforms built into this tool.
const PLATFORMS: [(&str, &str); 2] = [
    ("qemu-virt-aarch64", include_str!("../../overlay/qemu-virt-aarch64/platform.toml")),
    ("rpi4b", include_str!("../../overlay/rpi4b/platform.toml")),
];

/// What the kernel is configured to be, for every platform.
const KERNEL_CONFIGURATION: &str = include_str!("../../build/seL4.conf");
/// Its line that says how many slots the initialiser's CNode has: 2^n.
const ROOT_CNODE: &str = "ROOT_CNODE_SIZE_BITS";

/// A range of physical addresses with a name for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRange {
    /// As in the platform's file.
    pub name: String,
    /// Physical addresses.
    pub range: Range<u64>,
}

/// A platform's numbers.
#[derive(Clone, Debug)]
pub struct Platform {
    /// Its name.
    pub name: String,
    /// All RAM that is used.
    pub ram: Range<u64>,
    /// The part of it that the kernel manages: from the kernel upward.
    pub kernel_ram: Range<u64>,
    /// Where the loader may lie.
    pub loader: Range<u64>,
    /// The kernel's first address, virtual.
    pub kernel_virtual_base: u64,
    /// End of user address spaces: the first address above.
    pub user_end: u64,
    /// How many interrupts the interrupt controller has.
    pub interrupt_count: u32,
    /// The kernel's own timer interrupt.
    pub kernel_timer_interrupt: u32,
    /// Devices that a memory region may name by physical address.
    pub devices: Vec<DeviceRange>,
    /// Devices that the kernel keeps.
    pub kernel_devices: Vec<DeviceRange>,
    /// Slots of the initialiser's CNode.
    pub root_cnode_slots: u64,
    /// The PL011 that the monitor prints on.
    pub uart: u64,
}

impl Platform {
    /// The platform of that name.
    ///
    /// # Errors
    /// When there is none, or its file is incomplete.
    pub fn named(name: &str) -> Result<Self> {
        let Some((_, text)) = PLATFORMS.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = PLATFORMS.iter().map(|(known, _)| *known).collect();
            bail!("platform '{name}' is unknown; known are: {}", known.join(", "));
        };
        Ok(Self { root_cnode_slots: root_cnode_slots(KERNEL_CONFIGURATION)?, ..Self::parse(name, text)? })
    }

    fn parse(name: &str, text: &str) -> Result<Self, PlatformError> {
        let facts = cofferdam_platform::Platform::parse(name, text)?;
        let range = |start: &str, end: &str| Ok(facts.get(start)?..facts.get(end)?);
        let device = |name: &str, range: Range<u64>| DeviceRange { name: name.to_owned(), range };
        let ram = range("ram_start", "ram_end")?;
        let uart = facts.get("uart")?;
        let mut devices = vec![device("uart", page(uart))];
        for (name, value) in facts.facts() {
            let Some(name) = name.strip_prefix(DEVICE) else { continue };
            if let Some(name) = name.strip_suffix("_start") {
                devices.push(device(name, value..facts.get(&format!("{DEVICE}{name}_end"))?));
            } else if !name.ends_with("_end") {
                devices.push(device(name, page(value)));
            }
        }
        // A platform with more than 2^32 interrupts has one that no description can name: harmless.
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        Ok(Self {
            name: name.to_owned(),
            kernel_ram: facts.get("kernel_physical_base")?..ram.end,
            loader: range("loader_start", "loader_end")?,
            ram,
            kernel_virtual_base: facts.get("kernel_virtual_base")?,
            user_end: facts.get("user_top")?.saturating_add(1),
            interrupt_count: narrow(facts.get("interrupt_count")?),
            kernel_timer_interrupt: narrow(facts.get("kernel_timer_interrupt")?),
            devices,
            kernel_devices: vec![device("gic", range("gic_start", "gic_end")?)],
            root_cnode_slots: 0,
            uart,
        })
    }
}

/// Before the names of devices in a platform's file.
const DEVICE: &str = "device_";

fn page(start: u64) -> Range<u64> {
    start..start.saturating_add(PAGE_BYTES)
}

/// Reads the line of the kernel's configuration.
fn root_cnode_slots(configuration: &str) -> Result<u64> {
    let mut lines = configuration.lines().filter_map(|line| line.trim().split_once('='));
    let value = lines.find(|(name, _)| *name == ROOT_CNODE).map(|(_, value)| value);
    match value.and_then(|value| value.parse().ok()).and_then(|bits| 1_u64.checked_shl(bits)) {
        Some(slots) => Ok(slots),
        None => bail!("kernel/build/seL4.conf says {ROOT_CNODE}={}", value.unwrap_or("nothing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platforms_in_the_tree_are_complete() {
        for (name, _) in PLATFORMS {
            let platform = Platform::named(name).unwrap();
            assert!(platform.ram.start < platform.kernel_ram.start);
            assert!(platform.kernel_ram.start.is_multiple_of(0x20_0000));
            assert!(platform.loader.end <= platform.kernel_ram.start);
            assert!(platform.user_end.is_multiple_of(PAGE_BYTES));
            let ranges =
                || platform.devices.iter().chain(&platform.kernel_devices).map(|device| &device.range);
            for (number, range) in ranges().enumerate() {
                assert!(range.start.is_multiple_of(PAGE_BYTES) && range.end.is_multiple_of(PAGE_BYTES));
                assert!(!ranges().take(number).any(|other| crate::ranges::overlap(range, other)), "{name}");
            }
        }
    }

    #[test]
    fn devices_are_pages_and_ranges() {
        let platform = Platform::named("qemu-virt-aarch64").unwrap();
        let device = |name: &str| platform.devices.iter().find(|device| device.name == name).unwrap();
        assert_eq!(device("uart").range, 0x0900_0000..0x0900_1000);
        assert_eq!(device("rtc").range, 0x0901_0000..0x0901_1000);
        assert_eq!(device("virtio_mmio").range, 0x0a00_0000..0x0a00_4000);
        assert_eq!(platform.devices.len(), 5);
    }

    #[test]
    fn the_kernels_configuration_says_how_many_slots_there_are() {
        assert_eq!(root_cnode_slots("# x\nROOT_CNODE_SIZE_BITS=12\n").unwrap(), 4096);
        assert!(Platform::named("qemu-virt-aarch64").unwrap().root_cnode_slots >= 4096);
        for broken in ["", "ROOT_CNODE_SIZE_BITS=many", "ROOT_CNODE_SIZE_BITS=64"] {
            assert!(root_cnode_slots(broken).unwrap_err().to_string().contains("ROOT_CNODE_SIZE_BITS="));
        }
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        assert!(Platform::named("toaster").unwrap_err().to_string().contains("qemu-virt-aarch64"));
        let error = Platform::parse("x", "ram_start = 1\n").unwrap_err();
        assert_eq!(error.to_string(), "platform 'x' does not say its ram_end");
    }
}
