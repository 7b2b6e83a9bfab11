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
mod verifier;

use alloc::string::ToString;
use core::convert::Infallible;

use cofferdam_entropy_protocol as entropy;
use cofferdam_lifecycle::{Gateway, Identity, Manager, SLOTS};
use cofferdam_package::manifest::{class_id, vendor_id};
use cofferdam_policy::{KeyChain, KeyList};
use sel4_microkit::{
    Channel, ChannelSet, Child, Event, Fault, Handler, MessageInfo, channel, get_mr, protection_domain,
    set_mr,
};

use crate::slots::Slots;

/// What build.rs made of the trust anchor files.
const KEYS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/keys.bin"));

/// Signed packages that the image brings; build.rs wrote the list.
mod preinstalled {
    include!(concat!(env!("OUT_DIR"), "/preinstalled.rs"));
}

struct WasmManager {
    manager: Manager<Slots>,
    gateway: Gateway,
    gateway_channel: Channel,
    slots: [Channel; SLOTS],
}

#[protection_domain]
fn init() -> impl Handler {
    cofferdam_log_ring::pd::init();
    regions::init_heap();
    let vendor_id = vendor_id(env!("COFFERDAM_VENDOR"));
    let class_id = class_id(&vendor_id, env!("COFFERDAM_CLASS"));
    let keys = KeyList::from_image(KEYS).and_then(KeyChain::new).unwrap_or_else(|error| {
        log::error!("{error}");
        KeyChain::empty(vendor_id, class_id)
    });
    let identity = Identity {
        device_id: env!("COFFERDAM_DEVICE_ID").to_string(),
        boot_nonce: boot_nonce(),
        vendor_id,
        class_id,
    };
    let system = slots::slots(storage::disk());
    let mut manager = Manager::new(system, identity, keys, regions::slots(), regions::verifier());
    manager.restore();
    manager.preinstall(preinstalled::PACKAGES);
    manager.calibrate();
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
    /// Carries what waits between gateway and the manager, handles what came while the verifier ran, and sets the timer to
    /// the manager's next deadline.
    fn after_event(&mut self) {
        loop {
            if self.gateway.carry(&mut self.manager) {
                self.gateway_channel.notify();
            }
            let kept = self.manager.platform().verifier.take_kept();
            if kept.is_empty() {
                break;
            }
            kept.into_iter().for_each(|event| self.event(event));
        }
        if let Some(deadline_us) = self.manager.deadline_us() {
            self.manager.platform().verifier.arm(deadline_us);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Notified(channels) => {
                for (slot, channel) in self.slots.iter().enumerate() {
                    if channels.contains(*channel) {
                        self.manager.slot_changed(slot);
                    }
                }
                let verifier = &mut self.manager.platform().verifier;
                if channels.contains(verifier.timer_channel()) {
                    verifier.rang();
                    self.manager.tick();
                }
            }
            Event::Fault(child, fault) => match slots::number(child) {
                Some(slot) => self.manager.slot_faulted(slot, &fault),
                // Its verdict was read, and it begins anew for the next.
                None if self.manager.platform().verifier.is(child) => log::error!("verifier: {fault}"),
                None => log::error!("fault of unknown child {}: {fault}", child.id()),
            },
            Event::Exhausted(index) => match slots::number_by_index(index) {
                Some(slot) => self.manager.slot_exhausted(slot),
                None => log::error!("protection domain {index}, which is no slot, reports a used-up budget"),
            },
        }
    }
}

impl Handler for WasmManager {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        self.event(Event::Notified(channels));
        self.after_event();
        Ok(())
    }

    fn fault(&mut self, child: Child, fault: Fault) -> Result<Option<MessageInfo>, Infallible> {
        self.event(Event::Fault(child, fault));
        self.after_event();
        Ok(None)
    }

    fn exhausted(&mut self, index: u64) -> Result<(), Infallible> {
        self.event(Event::Exhausted(index));
        Ok(())
    }
}
