// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What `system.xml` maps into this protection domain.
#![allow(unsafe_code)]

use cofferdam_shared_memory::{Consumer, GeometryError, Producer, SharedRegion};
use cofferdam_tcp_gateway::Queues;
use sel4_microkit::{MemoryRegion, memory_region};

/// # Safety
/// The region is shared memory, mapped for good, and this program takes it once.
unsafe fn shared(region: MemoryRegion) -> SharedRegion {
    // SAFETY: by this function's contract; regions are page-aligned.
    unsafe { SharedRegion::new(region.start, region.size) }
}

/// The queues to net_driver and wasm_manager.
pub fn queues() -> Result<Queues, GeometryError> {
    use cofferdam_gateway_protocol as management;
    use cofferdam_net_protocol as net;
    // SAFETY: system.xml maps these regions for sharing with net_driver and wasm_manager; where this
    // side produces, the data are writable, where it consumes, the counter. A symbol can be declared only
    // once, so nothing else has them.
    unsafe {
        Ok(Queues {
            net_receive: Consumer::new(
                shared(memory_region!(net_receive: net_receive_size)),
                shared(memory_region!(net_receive_taken: net_receive_taken_size)),
                net::RECORD_BYTES,
            )?,
            net_transmit: Producer::new(
                shared(memory_region!(net_transmit: net_transmit_size)),
                shared(memory_region!(net_transmit_taken: net_transmit_taken_size)),
                net::RECORD_BYTES,
            )?,
            to_manager: Producer::new(
                shared(memory_region!(to_manager: to_manager_size)),
                shared(memory_region!(to_manager_taken: to_manager_taken_size)),
                management::RECORD_BYTES,
            )?,
            from_manager: Consumer::new(
                shared(memory_region!(from_manager: from_manager_size)),
                shared(memory_region!(from_manager_taken: from_manager_taken_size)),
                management::RECORD_BYTES,
            )?,
        })
    }
}

/// Where this program's figures stand.
pub fn figures() -> SharedRegion {
    // SAFETY: system.xml maps this page writable here and read-only in wasm_manager.
    unsafe { shared(memory_region!(figures: figures_size)) }
}

/// Makes the region gateway_heap the heap. First of all, once.
pub fn initialise_heap() {
    let region = memory_region!(heap: heap_size);
    // SAFETY: system.xml maps gateway_heap writable into this protection domain alone; `init` calls this once,
    // before anything else.
    unsafe { sel4_microkit::heap::init_heap(region) };
}
