// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Memory that `system.xml` maps here.
#![allow(unsafe_code)]

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::{MemoryRegion, memory_region};

/// What `wasm_manager` wants; read-only here.
pub fn orders() -> SharedRegion {
    shared(memory_region!(orders: orders_size))
}

/// The module to run; read-only here.
pub fn module() -> SharedRegion {
    shared(memory_region!(module: module_size))
}

/// What `wasm_manager` reads; written here only.
pub fn status() -> SharedRegion {
    shared(memory_region!(status: status_size))
}

/// Where recordings go; `wasm_manager` reads it, this slot alone writes.
pub fn recording() -> SharedRegion {
    shared(memory_region!(recording: recording_size))
}

/// Makes the slot's heap usable, and empty. Called once, by `Slot::begin`.
pub fn init_heap() {
    let region = memory_region!(heap: heap_size);
    // SAFETY: `system.xml` maps this region into this slot alone; no other function here names it, and
    // `Slot::begin`, which runs once after each entry, is the only caller.
    unsafe { sel4_microkit::heap::init_heap(region) }
}

fn shared(region: MemoryRegion) -> SharedRegion {
    // SAFETY: `system.xml` maps these regions, whole pages of normal memory, for the life of the protection
    // domain; each is named once above. Only `status` and `recording` are stored to, and they alone are mapped writable.
    unsafe { SharedRegion::new(region.start, region.size) }
}
