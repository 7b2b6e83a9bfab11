// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Memory that `system.xml` maps here.
#![allow(unsafe_code)]

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::memory_region;

/// Where this program's figures stand.
pub fn figures() -> SharedRegion {
    let region = memory_region!(figures: figures_size);
    // SAFETY: `system.xml` maps this page, normal memory, writable here for good, and read-only in wasm_manager; only
    // this value refers to it.
    unsafe { SharedRegion::new(region.start, region.size) }
}
