// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Records what arrives, and answers each event by a notification that it defers until it has recorded.
//!
//! Words of the region: 0 events so far, 1 channels of all events, 2 events that are recorded to the end.
#![no_std]
#![no_main]

use core::convert::Infallible;

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, Handler, channel, memory_region, protection_domain,
};

#[protection_domain]
fn init() -> impl Handler {
    let record = system_tests_support::shared(memory_region!(record: record_size));
    Listener { record, client: channel!(client), deferred: None }
}

struct Listener {
    record: SharedRegion,
    client: Channel,
    deferred: Option<DeferredAction>,
}

impl Listener {
    fn update(&self, index: usize, change: impl FnOnce(u64) -> u64) {
        // The region is a page: the offsets are inside.
        let word = self.record.load_u64_acquire(index * 8).unwrap_or(0);
        let _ = self.record.store_u64_release(index * 8, change(word));
    }
}

impl Handler for Listener {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        self.update(0, |events| events + 1);
        self.update(1, |bits| bits | channels.bits());
        // The client outranks this protection domain: were it notified here and now, it would look before the next line.
        self.deferred = Some(DeferredAction::new_notify(self.client));
        self.update(2, |events| events + 1);
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.deferred.take()
    }
}
