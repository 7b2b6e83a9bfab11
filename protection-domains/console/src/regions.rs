// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Memory that `system.xml` maps here.
#![allow(unsafe_code)]

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::{MemoryRegion, memory_region};

use crate::uart::{Device, REGISTERS_BYTES};

/// How many rings there are.
pub const RINGS: usize = 16;

/// Every protection domain's log ring, with its name.
pub fn rings(own: SharedRegion) -> [(&'static str, SharedRegion); RINGS] {
    let read_only = |region: MemoryRegion| {
        // SAFETY: `system.xml` maps this region, whole pages of normal memory, for the life of the protection
        // domain; only this value refers to it, and log rings' readers never store.
        unsafe { SharedRegion::new(region.start, region.size) }
    };
    [
        ("timer_driver", read_only(memory_region!(log_timer_driver: log_timer_driver_size))),
        ("actuator_guard", read_only(memory_region!(log_actuator_guard: log_actuator_guard_size))),
        ("sensor_hub", read_only(memory_region!(log_sensor_hub: log_sensor_hub_size))),
        ("app_slot_0", read_only(memory_region!(log_app_slot_0: log_app_slot_0_size))),
        ("app_slot_1", read_only(memory_region!(log_app_slot_1: log_app_slot_1_size))),
        ("app_slot_2", read_only(memory_region!(log_app_slot_2: log_app_slot_2_size))),
        ("app_slot_3", read_only(memory_region!(log_app_slot_3: log_app_slot_3_size))),
        ("entropy_driver", read_only(memory_region!(log_entropy_driver: log_entropy_driver_size))),
        ("store_driver", read_only(memory_region!(log_store_driver: log_store_driver_size))),
        ("supervisor", read_only(memory_region!(log_supervisor: log_supervisor_size))),
        ("wasm_manager", read_only(memory_region!(log_wasm_manager: log_wasm_manager_size))),
        ("console", own),
        ("net_driver", read_only(memory_region!(log_net_driver: log_net_driver_size))),
        ("gateway", read_only(memory_region!(log_gateway: log_gateway_size))),
        ("topic_hub", read_only(memory_region!(log_topic_hub: log_topic_hub_size))),
        ("plant_link", read_only(memory_region!(log_plant_link: log_plant_link_size))),
    ]
}

/// Where this program's figures stand.
pub fn figures() -> SharedRegion {
    let region = memory_region!(figures: figures_size);
    // SAFETY: `system.xml` maps this page writable here, for good, and read-only in wasm_manager; only this value refers
    // to it.
    unsafe { SharedRegion::new(region.start, region.size) }
}

/// The UART.
///
/// # Panics
/// If the region is too small for its registers.
pub fn uart() -> Device {
    let region = memory_region!(uart: uart_size);
    assert!(region.size >= REGISTERS_BYTES, "system.xml: uart is too small");
    // SAFETY: `system.xml` maps the UART's page here as device memory for the life of the protection domain,
    // page-aligned and large enough; this is the only driver value in the program.
    unsafe { Device::at(region.start) }
}
