// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The ring's memory.
#![allow(unsafe_code)]

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::memory_region;

/// The log ring that `system.xml` maps into this protection domain.
pub(super) fn log_ring() -> SharedRegion {
    let region = memory_region!(log_ring: log_ring_size);
    // SAFETY: `system.xml` maps this region, a whole number of pages of normal memory, readable and writable
    // for as long as the protection domain lives. Nothing else in the program knows the symbols: the linker
    // refuses a second definition.
    unsafe { SharedRegion::new(region.start, region.size) }
}
