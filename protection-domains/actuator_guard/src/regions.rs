// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Memory that `system.xml` maps here.
#![allow(unsafe_code)]

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::memory_region;

/// What the outputs are, for others to read.
pub fn outputs() -> SharedRegion {
    let region = memory_region!(outputs: outputs_size);
    // SAFETY: `system.xml` maps this region, whole pages of normal memory, for the life of the protection
    // domain, writable here alone; only this value refers to it.
    unsafe { SharedRegion::new(region.start, region.size) }
}
