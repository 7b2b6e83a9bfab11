// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A slot's status as wasm_manager reads it, and orders as a slot reads them. The first byte says which, the rest is
//! what lies in the region.

use cofferdam_shared_memory::SharedRegion;
use cofferdam_slot_protocol::{Orders, Status, StatusWriter, read_orders, read_status, write_orders};

const REGION_BYTES: usize = 4096;

thread_local! {
    static MEMORY: SharedRegion = SharedRegion::leaked(REGION_BYTES);
}

/// What reads survives being written again, and texts in it are texts.
pub fn run(input: &[u8]) -> bool {
    let Some((kind, bytes)) = input.split_first() else { return false };
    let region = MEMORY.with(|memory| *memory);
    region.clear(0, REGION_BYTES).unwrap();
    region.copy_in(0, bytes.get(..REGION_BYTES).unwrap_or(bytes)).unwrap();
    if kind % 2 == 0 {
        let Ok(status) = read_status(region) else { return false };
        assert!(!status.detail.as_str().contains('\0'));
        StatusWriter::new(region).unwrap().publish(&status).unwrap();
        assert_eq!(read_status(region), Ok(status));
    } else {
        let Ok(orders) = read_orders(region) else { return false };
        assert_eq!(orders.limits.check(), Ok(()), "orders are within the slot's limits");
        assert!(orders.module_length_bytes <= orders.limits.module_bytes);
        write_orders(region, &orders).unwrap();
        assert_eq!(read_orders(region), Ok(orders));
    }
    true
}

/// One of each.
pub fn seeds() -> Vec<Vec<u8>> {
    let region = SharedRegion::leaked(REGION_BYTES);
    let mut bytes = vec![0; REGION_BYTES];
    StatusWriter::new(region).unwrap().publish(&Status::idle(3)).unwrap();
    region.copy_out(0, &mut bytes).unwrap();
    let status = [&[0], &bytes[..cofferdam_slot_protocol::STATUS_BYTES]].concat();
    region.clear(0, REGION_BYTES).unwrap();
    write_orders(region, &Orders::idle(3)).unwrap();
    region.copy_out(0, &mut bytes).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    vec![status, [&[1], &bytes[..end]].concat()]
}
