// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: decides which apps run.
//!
//! Carries events to `cofferdam_lifecycle::Manager` and its replies to gateway. It holds the trust anchors and
//! is the parent of the app slots; it never runs app code.
#![no_std]
#![no_main]
#![deny(unsafe_code)]
extern crate alloc;

mod regions;
mod slots;
mod storage;

use alloc::string::ToString;
use core::convert::Infallible;

use cofferdam_entropy_protocol as entropy;
use cofferdam_lifecycle::{Gateway, Identity, Manager, SLOTS};
use cofferdam_package::manifest::{class_id, vendor_id};
use cofferdam_policy::{KeyChain, KeyList};
use cofferdam_timer_protocol::pd::Timer;
use sel4_microkit::{
    Channel, ChannelSet, Child, Fault, Handler, MessageInfo, channel, get_mr, protection_domain, set_mr,
};

use crate::slots::Slots;

/// What build.rs made of the trust anchor files.
const KEYS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/keys.bin"));

struct WasmManager {
    manager: Manager<Slots>,
    gateway: Gateway,
    gateway_channel: Channel,
    slots: [Channel; SLOTS],
    timer: Timer,
    /// What the timer is set to.
    armed_us: Option<u64>,
}

#[protection_domain]
fn init() -> impl Handler {
    cofferdam_log_ring::pd::init();
    regions::init_heap();
    let vendor_id = vendor_id(env!("COFFERDAM_VENDOR"));
    let class_id = class_id(&vendor_id, env!("COFFERDAM_CLASS"));
    let keys = KeyList::decode(KEYS).and_then(KeyChain::new).unwrap_or_else(|error| {
        log::error!("{error}");
        KeyChain::empty(vendor_id, class_id)
    });
    let identity = Identity {
        device_id: env!("COFFERDAM_DEVICE_ID").to_string(),
        boot_nonce: boot_nonce(),
        vendor_id,
        class_id,
    };
    let mut manager = Manager::new(slots::slots(storage::disk()), identity, keys, regions::slots());
    manager.restore();
    let (to_manager, from_manager) = regions::queues();
    let mut wasm_manager = WasmManager {
        manager,
        gateway: Gateway::new(to_manager, from_manager),
        gateway_channel: channel!(gateway_channel),
        slots: [
            channel!(slot_0_channel),
            channel!(slot_1_channel),
            channel!(slot_2_channel),
            channel!(slot_3_channel),
        ],
        timer: Timer::new(channel!(timer_channel)),
        armed_us: None,
    };
    if let Err(error) = slots::report_exhaustion() {
        log::error!("budgets that slots use up are not counted: {error}");
    }
    wasm_manager.gateway.begin();
    wasm_manager.gateway_channel.notify();
    wasm_manager.after_event();
    wasm_manager
}

/// Fresh random bytes of this boot, if there is an entropy source.
fn boot_nonce() -> Option<[u8; 16]> {
    let mut nonce = [0; 16];
    set_mr(0, nonce.len() as u64);
    let reply = channel!(entropy_channel).pp_call(MessageInfo::new(entropy::FILL, 1));
    let words: [u64; entropy::WORDS_MAX] = core::array::from_fn(get_mr);
    let words = words.get(..reply.count()).unwrap_or(&words);
    match entropy::unpack(reply.label(), words, &mut nonce) {
        Ok(()) => Some(nonce),
        Err(error) => {
            log::error!("no boot nonce: {error}");
            None
        }
    }
}

impl WasmManager {
    /// Carries what waits between gateway and the manager, and sets the timer to the manager's next deadline.
    fn after_event(&mut self) {
        if self.gateway.carry(&mut self.manager) {
            self.gateway_channel.notify();
        }
        // A later deadline needs no call: when the timer fires early it is set anew.
        let Some(deadline_us) = self.manager.deadline_us() else { return };
        if self.armed_us.is_none_or(|armed_us| deadline_us < armed_us) {
            match self.timer.one_shot(deadline_us) {
                Ok(_) => self.armed_us = Some(deadline_us),
                Err(error) => log::error!("no timer: {error}"),
            }
        }
    }
}

impl Handler for WasmManager {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        for (slot, channel) in self.slots.iter().enumerate() {
            if channels.contains(*channel) {
                self.manager.slot_changed(slot);
            }
        }
        if channels.contains(self.timer.channel()) {
            self.armed_us = None;
            self.manager.tick();
        }
        self.after_event();
        Ok(())
    }

    fn fault(&mut self, child: Child, fault: Fault) -> Result<Option<MessageInfo>, Infallible> {
        match slots::number(child) {
            Some(slot) => self.manager.slot_faulted(slot, &fault),
            None => log::error!("fault of unknown child {}: {fault}", child.id()),
        }
        self.after_event();
        Ok(None)
    }

    fn exhausted(&mut self, index: u64) -> Result<(), Infallible> {
        match slots::number_by_index(index) {
            Some(slot) => self.manager.slot_exhausted(slot),
            None => log::error!("protection domain {index}, which is no slot, reports a used-up budget"),
        }
        Ok(())
    }
}
