// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From memory regions to something safe.
#![allow(unsafe_code)]

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::MemoryRegion;

/// The region as words that another protection domain may change at any time.
pub fn shared(region: MemoryRegion) -> SharedRegion {
    // SAFETY: the system description maps the region for as long as the program runs.
    unsafe { SharedRegion::new(region.start, region.size) }
}

/// Makes the region the heap. Call it once, first.
#[cfg(feature = "heap")]
pub fn heap(region: MemoryRegion) {
    // SAFETY: the system description maps the region writable into this protection domain alone.
    unsafe { sel4_microkit::heap::init_heap(region) }
}
