// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Memory that `system.xml` maps here.
#![allow(unsafe_code)]

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::memory_region;

/// What `plant_link` has from a simulator; read-only here.
pub fn plant() -> SharedRegion {
    let region = memory_region!(plant: plant_size);
    // SAFETY: as in `outputs`.
    unsafe { SharedRegion::new(region.start, region.size) }
}

/// What `actuator_guard` publishes; read-only here.
pub fn outputs() -> SharedRegion {
    let region = memory_region!(outputs: outputs_size);
    // SAFETY: `system.xml` maps this region, whole pages of normal memory, for the life of the protection
    // domain; only this value refers to it, and nothing here stores to it.
    unsafe { SharedRegion::new(region.start, region.size) }
}
