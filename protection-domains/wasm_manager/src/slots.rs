// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The slots' protection domains, which are children of this one.

use cofferdam_lifecycle::{Platform, PlatformError, SLOTS, Storage};
use sel4_microkit::{Child, child, heap, now_us};

use crate::storage::Disk;

/// The children by slot number; also everything else that the manager needs from the system.
pub struct Slots {
    children: [Child; SLOTS],
    disk: Option<Disk>,
}

/// As `system.xml` numbers them.
pub fn slots(disk: Option<Disk>) -> Slots {
    let children = [child!(slot_0_child), child!(slot_1_child), child!(slot_2_child), child!(slot_3_child)];
    Slots { children, disk }
}

/// The slot that is this child. The numbers of both agree: `system.xml` gives slot n the identifier n.
pub fn number(child: Child) -> Option<usize> {
    usize::try_from(child.id()).ok().filter(|slot| *slot < SLOTS)
}

impl Slots {
    fn child(&self, slot: usize) -> Result<Child, PlatformError> {
        self.children.get(slot).copied().ok_or(PlatformError)
    }
}

impl Platform for Slots {
    fn now_us(&self) -> u64 {
        now_us()
    }

    fn stop(&mut self, slot: usize) -> Result<(), PlatformError> {
        self.child(slot)?.stop().map_err(|_| PlatformError)
    }

    fn restart(&mut self, slot: usize) -> Result<(), PlatformError> {
        self.child(slot)?.restart().map_err(|_| PlatformError)
    }

    fn storage(&mut self) -> Option<&mut dyn Storage> {
        self.disk.as_mut().map(|disk| disk as &mut dyn Storage)
    }

    fn heap_used_bytes(&self) -> u64 {
        heap::statistics().used_bytes as u64
    }
}
