// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The manager: events in, replies out.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use cofferdam_audit::{Event, What};
use cofferdam_management_protocol::{
    DeviceMessage, FrameError, Greeting, HostMessage, PORT, PROTOCOL_VERSION, Refusal, SwapStatus,
    encode_device,
};
use cofferdam_package::KeyId;
use cofferdam_policy::{KeyChain, TrustAnchors};
use cofferdam_schedulability::Speed;
use cofferdam_verifier_protocol::Asker;

use crate::SLOTS;
use crate::journal::Journal;
use crate::keep::Kept;
use crate::output::Output;
use crate::platform::{Platform, PlatformError, SlotRegions};
use crate::ratchet::Ratchet;
use crate::refusal::Refused;
use crate::session::Session;
use crate::slots::Slot;
use crate::swap::Swapping;
use crate::upload::Upload;
use crate::verifier::VerifierRegions;

/// Who this device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name, which commands must carry.
    pub device_id: String,
    /// Fresh random bytes of this boot. Without them no command could be told from one of an earlier boot, so
    /// nobody is served.
    pub boot_nonce: Option<[u8; 16]>,
    /// Which packages are for it: the maker.
    pub vendor_id: [u8; 16],
    /// Which packages are for it: the kind of device.
    pub class_id: [u8; 16],
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) installs: u64,
    pub(crate) refusals: u64,
    pub(crate) slot_faults: u64,
    pub(crate) gateway: Troubles,
}

/// What went wrong at the queues between gateway and here.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Troubles {
    /// Records that made no sense.
    pub(crate) dropped: u64,
    /// How often gateway's queue was full.
    pub(crate) held_up: u64,
    /// How often gateway broke the rules of a queue.
    pub(crate) misbehaviour: u64,
}

/// Everything that wasm_manager knows. See the crate's documentation.
pub struct Manager<P> {
    pub(crate) platform: P,
    pub(crate) identity: Identity,
    pub(crate) keys: KeyChain,
    /// Those of the list in force.
    pub(crate) anchors: TrustAnchors,
    pub(crate) journal: Journal,
    /// The trusted key whose command is being handled.
    pub(crate) commander: Option<KeyId>,
    pub(crate) slots: [Slot; SLOTS],
    pub(crate) ratchet: Ratchet,
    pub(crate) upload: Upload,
    pub(crate) asker: Asker,
    pub(crate) kept: Kept,
    /// How fast apps run here.
    pub(crate) speed: Speed,
    /// A swap under way, and how the one before ended.
    pub(crate) swapping: Option<Swapping>,
    pub(crate) last_swap: Option<SwapStatus>,
    pub(crate) next_sequence: u64,
    pub(crate) counters: Counters,
    /// Boxed: it holds a frame.
    pub(crate) session: Option<Box<Session>>,
    output: Output,
    ready: bool,
}

impl<P: Platform> Manager<P> {
    /// A manager without apps. Allocates what it needs for good.
    pub fn new(
        platform: P,
        identity: Identity,
        keys: KeyChain,
        regions: [SlotRegions; SLOTS],
        verifier: VerifierRegions,
    ) -> Self {
        let mut number = 0;
        let slots = regions.map(|regions| {
            let slot = Slot::new(number, regions);
            number = number.saturating_add(1);
            slot
        });
        let anchors = keys.anchors().clone();
        if anchors.is_empty() {
            log::warn!("no trust anchors: nothing can be installed (see keys/README.md)");
        }
        Self {
            platform,
            identity,
            keys,
            anchors,
            journal: Journal::default(),
            commander: None,
            slots,
            ratchet: Ratchet::default(),
            upload: Upload::new(),
            asker: Asker::new(verifier.staging, verifier.verdict),
            kept: Kept::default(),
            speed: crate::schedule::SPEED,
            swapping: None,
            last_swap: None,
            next_sequence: 1,
            counters: Counters::default(),
            session: None,
            output: Output::default(),
            ready: false,
        }
    }

    /// The system around it.
    pub fn platform(&mut self) -> &mut P {
        &mut self.platform
    }

    /// Replies to be carried to gateway.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// When [`Self::tick`] wants to be called, if at all.
    pub fn deadline_us(&self) -> Option<u64> {
        let slots = self.slots.iter().filter_map(Slot::deadline_us).chain(self.swap_deadline_us());
        self.session.as_ref().map(|session| session.deadline_us).into_iter().chain(slots).min()
    }

    /// The device has an address.
    pub fn address(&mut self, address: [u8; 4]) {
        let [a, b, c, d] = address;
        if core::mem::replace(&mut self.ready, true) {
            log::info!("address changed: {a}.{b}.{c}.{d}:{PORT}");
            return;
        }
        let Some(nonce) = &self.identity.boot_nonce else {
            log::error!("device not ready: without entropy no command can be authenticated");
            return;
        };
        log::info!(
            "device ready: id={} address={a}.{b}.{c}.{d}:{PORT} boot={} anchors={}",
            self.identity.device_id,
            Hex(nonce),
            self.anchors.len()
        );
    }

    /// Somebody has connected; earlier connections are over.
    pub fn opened(&mut self, connection: u32) {
        self.drop_session();
        self.output.open(connection);
        let Some(boot_nonce) = self.identity.boot_nonce else {
            self.output.close();
            return;
        };
        self.session = Some(Box::new(Session::new(connection, self.platform.now_us())));
        self.reply(&DeviceMessage::Greeting(Greeting {
            protocol_version: PROTOCOL_VERSION,
            device_id: self.identity.device_id.clone(),
            boot_nonce,
            next_sequence: self.next_sequence,
        }));
    }

    /// A connection is over.
    pub fn closed(&mut self, connection: u32) {
        if self.session.as_ref().is_some_and(|session| session.connection == connection) {
            self.drop_session();
        }
    }

    /// Bytes have come on a connection. Those of connections that are over are ignored.
    pub fn data(&mut self, connection: u32, mut bytes: &[u8]) {
        loop {
            // The session is taken out while one of its frames is looked at; it ends if it is not put back.
            let Some(mut session) = self.session.take_if(|session| session.connection == connection) else {
                return;
            };
            let outcome = match session.decoder.next(&mut bytes) {
                Ok(None) => {
                    self.session = Some(session);
                    return;
                }
                Ok(Some(frame)) => self.frame(frame),
                Err(error) => self.malformed(error),
            };
            self.commander = None;
            self.audit_flush();
            let now_us = self.platform.now_us();
            let goes_on = match outcome {
                Outcome::Authenticated => {
                    session.authenticated(now_us);
                    true
                }
                Outcome::Uploading => {
                    session.uploading(now_us);
                    true
                }
                Outcome::AttemptFailed => session.attempt_failed(),
                Outcome::End => false,
            };
            if goes_on && !self.output.is_closing() {
                self.session = Some(session);
            } else {
                self.end_session();
            }
        }
    }

    fn frame(&mut self, frame: &[u8]) -> Outcome {
        #[cfg(feature = "fault-test")]
        crate::fault_test::obey(frame);
        match HostMessage::decode(frame) {
            Ok(HostMessage::Command(signed)) => self.command(signed),
            Ok(HostMessage::Chunk { offset, bytes }) => self.chunk(offset, bytes),
            Err(error) => self.malformed(error),
        }
    }

    fn malformed(&mut self, error: FrameError) -> Outcome {
        self.refuse("message", &Refused::new(Refusal::MalformedMessage, error));
        Outcome::End
    }

    /// Time has passed: closes a connection on which nothing happens, starts what waits for a restart.
    pub fn tick(&mut self) {
        for slot in 0..SLOTS {
            self.slot_event(slot, Slot::tick);
        }
        let now_us = self.platform.now_us();
        if self.swap_deadline_us().is_some_and(|look_at_us| look_at_us <= now_us) {
            self.swap_step();
            self.audit_flush();
        }
        if self.session.take_if(|session| session.deadline_us <= now_us).is_some() {
            log::info!("connection closed: nothing happened on it");
            self.end_session();
        }
    }

    /// A slot says that its status has changed.
    pub fn slot_changed(&mut self, slot: usize) {
        self.slot_event(slot, Slot::changed);
    }

    /// A slot's protection domain has faulted and stands still.
    pub fn slot_faulted(&mut self, slot: usize, fault: &dyn fmt::Display) {
        self.counters.slot_faults = self.counters.slot_faults.saturating_add(1);
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.faults = slot.faults.saturating_add(1);
        }
        self.slot_event(slot, |slot, platform| slot.faulted(platform, fault));
    }

    /// Something happens to a slot; afterwards its app may have to be rolled back, and what changed is kept.
    fn slot_event(
        &mut self,
        number: usize,
        event: impl FnOnce(&mut Slot, &mut P) -> Result<(), PlatformError>,
    ) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        if let Err(error) = event(slot, &mut self.platform) {
            log::error!("slot {number}: {error}");
        }
        let rolls_back = slot.takes_roll_back();
        let measured = slot.take_measured();
        for event in slot.take_told() {
            self.audit_limited(event);
        }
        if let Some(counters) = measured {
            self.calibrated(&counters);
        }
        if rolls_back {
            self.roll_back_by_itself(number);
        }
        if self.swapping.as_ref().is_some_and(|swapping| swapping.concerns(number)) {
            self.swap_step();
        }
        self.keep_state_or_log(number);
        self.audit_flush();
    }

    /// A slot's protection domain has used up its budget and gets no more time in this period.
    pub fn slot_exhausted(&mut self, slot: usize) {
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.budgets_used_up = slot.budgets_used_up.saturating_add(1);
            slot.budgets_used_up_ever = slot.budgets_used_up_ever.saturating_add(1);
        }
    }

    /// Sends a message on the connection that is being served.
    pub(crate) fn reply(&mut self, message: &DeviceMessage) {
        match encode_device(message) {
            Ok(frame) => self.output.push(&frame),
            Err(error) => {
                log::error!("no reply: {error}");
                self.output.close();
            }
        }
    }

    /// Refuses: counted, in both logs and on the wire.
    pub(crate) fn refuse(&mut self, what: &str, refused: &Refused) {
        self.counters.refusals = self.counters.refusals.saturating_add(1);
        log::warn!("refused {what}: {refused}");
        let event = Event::new(What::Refuse).number(refused.code.code().into());
        let event = event.text(&alloc::format!("{what}: {refused}"));
        self.audit_limited(match self.commander {
            Some(key) => event.by(key.0),
            None => event,
        });
        self.reply(&refused.message());
    }

    /// Ends the session from this side; what was said so far is still sent.
    fn end_session(&mut self) {
        self.drop_session();
        self.output.close();
    }

    fn drop_session(&mut self) {
        self.session = None;
        if let Some((received, announced)) = self.upload.progress() {
            self.counters.refusals = self.counters.refusals.saturating_add(1);
            log::warn!("refused upload: connection lost after {received} of {announced} bytes");
        }
        self.upload.reset();
    }
}

/// What a message means for its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An authenticated command was handled.
    Authenticated,
    /// An upload goes on.
    Uploading,
    /// Refused without authentication.
    AttemptFailed,
    /// The stream makes no sense.
    End,
}

pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
