// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Memory that `system.xml` maps here.
#![allow(unsafe_code)]

use cofferdam_gateway_protocol::RECORD_BYTES;
use cofferdam_lifecycle::{Author, FigurePage, SLOTS, SlotRegions, VerifierRegions};
use cofferdam_shared_memory::{Consumer, Producer, SharedRegion};
use sel4_microkit::{MemoryRegion, heap, memory_region};

/// Makes the region `heap` the heap. Called once, first of all.
pub fn init_heap() {
    let region = memory_region!(heap: heap_size);
    // SAFETY: `system.xml` maps `manager_heap` into this protection domain alone, nothing else here names it,
    // and `init` calls this once.
    unsafe { heap::init_heap(region) }
}

/// A region that another protection domain shares.
fn shared(region: MemoryRegion) -> SharedRegion {
    // SAFETY: `region` comes from `memory_region!` below: `system.xml` maps it, whole pages of normal memory,
    // for the life of the protection domain; each is named once, and those mapped read-only are only read.
    unsafe { SharedRegion::new(region.start, region.size) }
}

/// The queues from and to gateway.
#[expect(clippy::expect_used, reason = "a region of the wrong size is a mistake in system.xml")]
pub fn queues() -> (Consumer, Producer) {
    let to_manager = shared(memory_region!(to_manager: to_manager_size));
    let to_manager_taken = shared(memory_region!(to_manager_taken: to_manager_taken_size));
    let from_manager = shared(memory_region!(from_manager: from_manager_size));
    let from_manager_taken = shared(memory_region!(from_manager_taken: from_manager_taken_size));
    let consumer = Consumer::new(to_manager, to_manager_taken, RECORD_BYTES)
        .expect("system.xml: to_manager and to_manager_taken must hold a queue");
    let producer = Producer::new(from_manager, from_manager_taken, RECORD_BYTES)
        .expect("system.xml: from_manager and from_manager_taken must hold a queue");
    (consumer, producer)
}

/// The regions to and from store_driver.
pub fn store() -> (SharedRegion, SharedRegion) {
    (
        shared(memory_region!(store_request: store_request_size)),
        shared(memory_region!(store_reply: store_reply_size)),
    )
}

/// What other protection domains tell.
pub fn figures() -> [FigurePage; 4] {
    [
        FigurePage {
            author: Author::Supervisor,
            page: shared(memory_region!(figures_supervisor: figures_supervisor_size)),
        },
        FigurePage {
            author: Author::Console,
            page: shared(memory_region!(figures_console: figures_console_size)),
        },
        FigurePage {
            author: Author::Itself("net_driver"),
            page: shared(memory_region!(figures_net_driver: figures_net_driver_size)),
        },
        FigurePage {
            author: Author::Itself("gateway"),
            page: shared(memory_region!(figures_gateway: figures_gateway_size)),
        },
    ]
}

/// What is shared with the verifier.
pub fn verifier() -> VerifierRegions {
    VerifierRegions {
        staging: shared(memory_region!(staging: staging_size)),
        verdict: shared(memory_region!(verdict: verdict_size)),
    }
}

/// What is shared with each slot.
pub fn slots() -> [SlotRegions; SLOTS] {
    [
        SlotRegions {
            orders: shared(memory_region!(slot_0_orders: slot_0_orders_size)),
            status: shared(memory_region!(slot_0_status: slot_0_status_size)),
            module: shared(memory_region!(slot_0_module: slot_0_module_size)),
            log: shared(memory_region!(slot_0_log: slot_0_log_size)),
            recording: shared(memory_region!(slot_0_recording: slot_0_recording_size)),
        },
        SlotRegions {
            orders: shared(memory_region!(slot_1_orders: slot_1_orders_size)),
            status: shared(memory_region!(slot_1_status: slot_1_status_size)),
            module: shared(memory_region!(slot_1_module: slot_1_module_size)),
            log: shared(memory_region!(slot_1_log: slot_1_log_size)),
            recording: shared(memory_region!(slot_1_recording: slot_1_recording_size)),
        },
        SlotRegions {
            orders: shared(memory_region!(slot_2_orders: slot_2_orders_size)),
            status: shared(memory_region!(slot_2_status: slot_2_status_size)),
            module: shared(memory_region!(slot_2_module: slot_2_module_size)),
            log: shared(memory_region!(slot_2_log: slot_2_log_size)),
            recording: shared(memory_region!(slot_2_recording: slot_2_recording_size)),
        },
        SlotRegions {
            orders: shared(memory_region!(slot_3_orders: slot_3_orders_size)),
            status: shared(memory_region!(slot_3_status: slot_3_status_size)),
            module: shared(memory_region!(slot_3_module: slot_3_module_size)),
            log: shared(memory_region!(slot_3_log: slot_3_log_size)),
            recording: shared(memory_region!(slot_3_recording: slot_3_recording_size)),
        },
    ]
}
