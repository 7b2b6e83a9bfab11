// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What stands in for the firmware of an i.MX 8M Plus on QEMU, so that the SDK's loader finds what U-Boot and TF-A leave.
//!
//! The loader calls PSCI, which QEMU answers only when it starts what it takes for Linux: at EL2, with a device tree. So it
//! gets a few instructions in place of Linux, which do the one thing that TF-A would have done, and jump to the loader.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Puts all interrupts into group 1, as the kernel's driver expects of firmware: GICD_IGROUPR1-5 and GICR_IGROUPR0 (Arm IHI
/// 0069, 12.9.7 and 12.11.9; addresses: hw/arm/fsl-imx8mp.c). Then to the loader, at 0x4100_0000.
const ENTER: [u32; 11] = [
    0xd2a7_1000, // mov x0, #0x38800000
    0x1280_0001, // mov w1, #0xffffffff
    0xb900_8401, // str w1, [x0, #0x84]
    0xb900_8801, // str w1, [x0, #0x88]
    0xb900_8c01, // str w1, [x0, #0x8c]
    0xb900_9001, // str w1, [x0, #0x90]
    0xb900_9401, // str w1, [x0, #0x94]
    0xd2a7_1120, // mov x0, #0x38890000
    0xb900_8001, // str w1, [x0, #0x80]
    0xd2a8_2010, // mov x16, #0x41000000
    0xd61f_0200, // br x16
];

/// The files that QEMU is given: instructions and a device tree.
pub(crate) fn files(image: &Path) -> [PathBuf; 2] {
    [image.with_extension("enter"), image.with_extension("dtb")]
}

/// Writes them beside the image.
pub(crate) fn write(image: &Path) -> io::Result<()> {
    let [enter, tree] = files(image);
    fs::write(enter, ENTER.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>())?;
    fs::write(tree, device_tree())
}

/// A tree with a root alone, which QEMU adds its memory to; nobody reads it (Devicetree Specification 0.4, chapter 5).
fn device_tree() -> Vec<u8> {
    const BEGIN_NODE: u32 = 1;
    const END_NODE: u32 = 2;
    const PROPERTY: u32 = 3;
    const END: u32 = 9;
    const HEADER_BYTES: u32 = 40;
    const RESERVATIONS_BYTES: u32 = 16;
    let strings = b"#address-cells\0#size-cells\0";
    // Names begin at 0 and 15 in them; both values are 2.
    let structure = [BEGIN_NODE, 0, PROPERTY, 4, 0, 2, PROPERTY, 4, 15, 2, END_NODE, END];
    let structure_bytes = 4 * structure.len() as u32;
    let structure_at = HEADER_BYTES + RESERVATIONS_BYTES;
    let strings_at = structure_at + structure_bytes;
    let total = strings_at + strings.len() as u32;
    let (magic, version, compatible_with) = (0xd00d_feed, 17, 16);
    let header = [
        magic,
        total,
        structure_at,
        strings_at,
        HEADER_BYTES,
        version,
        compatible_with,
        0,
        strings.len() as u32,
        structure_bytes,
    ];
    let big_endian = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    [big_endian(&header), vec![0; RESERVATIONS_BYTES as usize], big_endian(&structure), strings.to_vec()]
        .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_as_long_as_it_says_and_its_parts_lie_in_it() {
        let tree = device_tree();
        let word = |at: usize| u32::from_be_bytes(tree[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!((word(0), word(4)), (0xd00d_feed, tree.len()));
        let (structure, strings) = (word(8), word(12));
        assert_eq!((structure, strings), (word(16) + 16, structure + word(36)));
        assert_eq!(strings + word(32), tree.len());
        assert_eq!((word(structure), word(strings - 4)), (1, 9), "from its first node to its end");
        assert!(tree[strings + 15..].starts_with(b"#size-cells\0"));
    }
}
