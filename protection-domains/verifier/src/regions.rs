// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Memory that `system.xml` maps here.
#![allow(unsafe_code)]

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::memory_region;

/// Makes the verifier's heap usable, and empty. Called once, first of all.
pub fn init_heap() {
    let region = memory_region!(heap: heap_size);
    // SAFETY: `system.xml` maps this region into this protection domain alone; no other function here names it, and
    // `init`, which runs once after each entry, is the only caller.
    unsafe { sel4_microkit::heap::init_heap(region) }
}

/// What is to be parsed.
pub fn staging() -> &'static [u8] {
    // SAFETY: `system.xml` maps it, read-only here; wasm_manager alone can write it, and does so only while this protection
    // domain is stopped. It then begins anew, so no reference outlives the bytes.
    unsafe { memory_region!(staging: staging_size).bytes() }
}

/// What comes of it.
pub fn verdict() -> SharedRegion {
    let region = memory_region!(verdict: verdict_size);
    // SAFETY: `system.xml` maps it writable here for the life of the protection domain; it is named once.
    unsafe { SharedRegion::new(region.start, region.size) }
}

/// For tests alone: writes over the staged bytes if they ask for it, which they must not let happen.
#[cfg(feature = "hostile-test")]
pub fn scribble_if_asked() {
    let staging = staging();
    if cofferdam_verifier::hostile_test::word(staging) == Some("scribble") {
        let first = staging.as_ptr().cast_mut();
        // SAFETY: the page is mapped read-only, so this faults and has no other effect.
        unsafe { first.write_volatile(0) }
    }
}
