// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Untyped memory and slots of this machine; `cofferdam-memory-plan` gives them out.

use cofferdam_memory_plan::{Kernel, Piece};
use sel4::{BootInfo, CPtr, ObjectType, Untyped};

/// Memory and slots that are left.
pub(crate) type Memory = cofferdam_memory_plan::Memory<SystemCalls>;

/// Everything that the kernel gave away.
pub(crate) fn of(boot_info: &BootInfo) -> Memory {
    let pieces = boot_info.untyped().map(|untyped| Piece {
        slot: untyped.slot,
        paddr: untyped.paddr,
        size_bits: untyped.size_bits,
        is_device: untyped.is_device,
    });
    let slots = boot_info.empty_slots();
    Memory::new(SystemCalls, pieces, slots.start..slots.end)
}

/// The kernel that runs.
pub(crate) struct SystemCalls;

impl Kernel for SystemCalls {
    type Object = ObjectType;
    type Error = sel4::Error;
    const FAN_OUT_MAX: u64 = Untyped::FAN_OUT_MAX;

    fn size_bits(object: ObjectType) -> u8 {
        object.size_bits()
    }

    fn untyped(size_bits: u8) -> ObjectType {
        ObjectType::Untyped(size_bits)
    }

    fn retype(
        &mut self,
        untyped: CPtr,
        object: ObjectType,
        slot: CPtr,
        count: u64,
    ) -> Result<(), sel4::Error> {
        Untyped(untyped).retype(object, slot, count)
    }
}
