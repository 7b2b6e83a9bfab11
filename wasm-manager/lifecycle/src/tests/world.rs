// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Fakes: slots that behave as the name of their app says, and a host.

extern crate std;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::cell::{Cell, RefCell};

use cofferdam_actuator_guard::Guard;
use cofferdam_device_protocol::Status as GuardStatus;
use cofferdam_device_protocol::permission::{ActuatorOrder, Permissions as DevicePermissions};
use cofferdam_device_protocol::swap::{HandOver, SwapOrder, SwapReport, SwapTerms};
use cofferdam_management_protocol::*;
use cofferdam_package::manifest::*;
use cofferdam_package::{CommandEnvelope, SigningKey, create, sha256, sign_command, testing};
use cofferdam_policy::{Anchor, Grant, KeyChain, KeyList, Role};
use cofferdam_recording::{Ending, Recorder, Tape};
use cofferdam_shared_memory::SharedRegion;
use cofferdam_slot_protocol::{
    AppState as SlotState, Command as Order, Detail, Orders, Status, StatusWriter, StopReason, read_orders,
};
use cofferdam_verifier_protocol::{STAGED_AT, VERDICT_BYTES};

use crate::*;

pub const DEVICE: &str = "bench";
pub const NONCE: [u8; 16] = [0x5a; 16];

/// What is on a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Medium {
    pub records: BTreeMap<u32, Vec<u8>>,
    pub packages: BTreeMap<u32, Vec<u8>>,
}

/// When a disk stops to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stops {
    Never,
    /// After so many changes; the one after that is not made.
    Before(usize),
    /// The same, but it is made, and nobody is told.
    Behind(usize),
}

/// A disk; clones are the same one.
#[derive(Clone)]
pub struct FakeDisk(pub Rc<RefCell<(Medium, Stops)>>);

impl FakeDisk {
    pub fn new(medium: Medium, stops: Stops) -> Self {
        Self(Rc::new(RefCell::new((medium, stops))))
    }

    pub fn medium(&self) -> Medium {
        self.0.borrow().0.clone()
    }
}

fn broken() -> StorageError {
    StorageError("the disk failed".into())
}

impl Storage for FakeDisk {
    fn read(&mut self, number: u32, bytes: &mut Vec<u8>) -> Result<bool, StorageError> {
        bytes.clear();
        let disk = self.0.borrow();
        let record = disk.0.records.get(&number);
        bytes.extend(record.into_iter().flatten());
        Ok(record.is_some())
    }

    fn read_package(&mut self, number: u32, bytes: &mut Vec<u8>) -> Result<(), StorageError> {
        bytes.clear();
        bytes.extend(self.0.borrow().0.packages.get(&number).ok_or_else(broken)?);
        Ok(())
    }

    fn change(&mut self, changes: &[Change<'_>]) -> Result<(), StorageError> {
        let mut disk = self.0.borrow_mut();
        let (medium, stops) = &mut *disk;
        let stopped = match stops {
            Stops::Never => false,
            Stops::Before(0) => return Err(broken()),
            Stops::Behind(0) => true,
            Stops::Before(left) | Stops::Behind(left) => {
                *left -= 1;
                false
            }
        };
        if stopped {
            *stops = Stops::Before(0);
        }
        for change in changes {
            match *change {
                Change::Put(number, bytes) => drop(medium.records.insert(number, bytes.to_vec())),
                Change::Remove(number) => drop(medium.records.remove(&number)),
                Change::PutPackage(number, bytes) => {
                    // What is committed must not be written over.
                    assert!(!medium.packages.contains_key(&number), "package {number} is in use");
                    medium.packages.insert(number, bytes.to_vec());
                }
                Change::RemovePackage(number) => drop(medium.packages.remove(&number)),
            }
        }
        if stopped { Err(broken()) } else { Ok(()) }
    }
}

/// A system whose slots obey at once.
pub struct System {
    pub now_us: u64,
    pub regions: [SlotRegions; SLOTS],
    /// Slots that have notified and not been heard yet.
    pub notified: VecDeque<usize>,
    /// What each slot was last told to do.
    pub orders: [Option<Orders>; SLOTS],
    pub stopped: [bool; SLOTS],
    /// What sensor_hub and actuator_guard let each slot do.
    pub permissions: [DevicePermissions; SLOTS],
    /// The real one.
    pub guard: Guard,
    /// From when until when topic_hub hears each slot.
    pub voices: [(u64, u64); SLOTS],
    /// Whether the kernel has budgets.
    pub budgets: bool,
    pub restarts: usize,
    pub disk: Option<FakeDisk>,
    pub figures: Vec<FigurePage>,
    pub verifier: VerifierRegions,
    /// What the verifier does instead of its work.
    pub hostile: Option<HostileVerifier>,
    /// How often it was asked.
    pub verifier_uses: usize,
}

/// Writes any verdict, or ends without one.
pub type HostileVerifier = Box<dyn FnMut(VerifierRegions) -> Result<(), Unanswered>>;

impl System {
    fn guard_obeys(&mut self, order: ActuatorOrder) {
        let message = order.encode();
        self.guard.obey(message.label, message.words(), self.now_us).unwrap();
    }

    fn guard_swaps(&mut self, order: SwapOrder) -> Result<cofferdam_device_protocol::Message, GuardStatus> {
        let message = order.encode();
        self.guard.obey_swap(message.label, message.words(), self.now_us)
    }

    pub fn report(&mut self, slot: usize, status: &Status) {
        StatusWriter::new(self.regions[slot].status).unwrap().publish(status).unwrap();
        self.notified.push_back(slot);
    }
}

impl Platform for System {
    fn now_us(&self) -> u64 {
        self.now_us
    }

    fn revoke(&mut self, slot: usize) -> Result<(), PlatformError> {
        self.permissions[slot] = DevicePermissions::default();
        self.voices[slot] = (0, u64::MAX);
        self.guard_obeys(ActuatorOrder::Revoke { client: slot });
        Ok(())
    }

    fn permit(&mut self, slot: usize, permissions: &DevicePermissions) -> Result<(), PlatformError> {
        assert!(self.stopped[slot], "permissions are given while the slot stands");
        self.permissions[slot] = *permissions;
        self.guard_obeys(ActuatorOrder::Revoke { client: slot });
        permissions.actuator_orders(slot).for_each(|order| self.guard_obeys(order));
        Ok(())
    }

    fn swap_begin(&mut self, terms: &SwapTerms) -> Result<(), PlatformError> {
        assert!(self.stopped[terms.new], "compared from its first tick on");
        self.guard_swaps(SwapOrder::Begin(*terms)).map(drop).map_err(|_| PlatformError)
    }

    fn swap_hand_over(&mut self) -> Result<Option<u64>, PlatformError> {
        match self.guard_swaps(SwapOrder::HandOver) {
            Ok(message) => Ok(Some(HandOver::decode(message.label, message.words()).unwrap().at_us)),
            Err(GuardStatus::NotAgreed) => Ok(None),
            Err(_) => Err(PlatformError),
        }
    }

    fn swap_report(&mut self) -> Result<SwapReport, PlatformError> {
        let message = self.guard_swaps(SwapOrder::Report).map_err(|_| PlatformError)?;
        SwapReport::decode(message.label, message.words()).map_err(|_| PlatformError)
    }

    fn voice(&mut self, slot: usize, from_us: u64, until_us: u64) -> Result<(), PlatformError> {
        self.voices[slot] = (from_us, until_us);
        Ok(())
    }

    fn stop(&mut self, slot: usize) -> Result<(), PlatformError> {
        assert_eq!(self.permissions[slot], DevicePermissions::default(), "revoked before it is stopped");
        self.stopped[slot] = true;
        Ok(())
    }

    fn restart(&mut self, slot: usize) -> Result<(), PlatformError> {
        assert!(self.stopped[slot], "orders are written while the slot stands");
        self.stopped[slot] = false;
        self.restarts += 1;
        let orders = read_orders(self.regions[slot].orders).unwrap();
        self.orders[slot] = Some(orders.clone());
        let may = self.permissions[slot];
        for (id, sensor) in may.sensors.iter().enumerate() {
            assert_eq!(
                sensor.is_some(),
                orders.permits_sensor(id as u32),
                "the hub knows what the slot knows"
            );
        }
        for (id, actuator) in may.actuators.iter().enumerate() {
            let ordered = orders.actuator(id as u32).map(|grant| (grant.minimum, grant.maximum));
            assert_eq!(
                actuator.map(|may| (may.min, may.max)),
                ordered,
                "the guard knows what the slot knows"
            );
        }
        let idle = Status::idle(orders.generation);
        if orders.command == Order::Idle {
            self.report(slot, &idle);
            return Ok(());
        }
        let mut module = vec![0; orders.module_length_bytes as usize];
        self.regions[slot].module.copy_out(0, &mut module).unwrap();
        assert!(module.starts_with(b"\0asm"));
        if orders.record {
            let tape = Tape::begin(self.regions[slot].recording, &orders).unwrap();
            Recorder::new((), Some(tape)).end(11, Ending::Continue);
        }
        let mut status = Status { state: SlotState::Running, ..idle };
        status.counters.activations = 7;
        match orders.name.as_str() {
            "exiter" => status = Status { state: SlotState::Exited, exit_code: 3, ..status },
            "trapper" => {
                let (state, reason) = (SlotState::Stopped, Some(StopReason::Unreachable));
                status = Status { state, reason, detail: Detail::new("in \x1b[2Jtick"), ..status };
            }
            _ => {}
        }
        self.report(slot, &status);
        Ok(())
    }

    fn stop_verifier(&mut self) -> Result<(), PlatformError> {
        Ok(())
    }

    fn run_verifier(&mut self, is_answered: &dyn Fn() -> bool, _: u64) -> Result<(), Unanswered> {
        self.verifier_uses += 1;
        if let Some(hostile) = &mut self.hostile {
            hostile(self.verifier)?;
        } else {
            let mut staging = vec![0; self.verifier.staging.size_bytes()];
            self.verifier.staging.copy_out(0, &mut staging).unwrap();
            assert!(cofferdam_verifier::serve(&staging, self.verifier.verdict));
        }
        if is_answered() { Ok(()) } else { Err(Unanswered::Late) }
    }

    fn storage(&mut self) -> Option<&mut dyn Storage> {
        self.disk.as_mut().map(|disk| disk as &mut dyn Storage)
    }

    fn figures(&self) -> &[FigurePage] {
        &self.figures
    }

    fn has_budgets(&self) -> bool {
        self.budgets
    }

    fn heap_used_bytes(&self) -> u64 {
        1
    }
}

pub fn manager() -> Manager<System> {
    manager_with(vec![anchor(1, Grant::everything())], Some(NONCE))
}

pub fn anchor(seed: u8, grant: Grant) -> Anchor {
    Anchor { name: format!("key-{seed}"), public_key: key(seed).public(), root: true, grant }
}

pub fn read_only() -> Grant {
    Grant { commands: vec![Role::Read], ..Grant::everything() }
}

pub fn manager_with(anchors: Vec<Anchor>, boot_nonce: Option<[u8; 16]>) -> Manager<System> {
    manager_on(None, anchors, boot_nonce)
}

/// A device as it boots: with this disk, and what is on it.
pub fn boot(disk: &FakeDisk) -> Manager<System> {
    let mut manager = manager_on(Some(disk.clone()), vec![anchor(1, Grant::everything())], Some(NONCE));
    manager.restore();
    hear_slots(&mut manager);
    manager
}

/// wasm_manager is started again by its parent; slots, memory and disk are as they were.
pub fn restart_manager(manager: Manager<System>) -> Manager<System> {
    let (regions, verifier) = (manager.platform.regions, manager.platform.verifier);
    let identity = Identity { boot_nonce: Some([0xb0; 16]), ..manager.identity };
    let list = KeyList::first(identity.vendor_id, identity.class_id, vec![anchor(1, Grant::everything())]);
    let keys = KeyChain::new(list).unwrap();
    let mut manager = Manager::new(manager.platform, identity, keys, regions, verifier);
    manager.restore();
    hear_slots(&mut manager);
    manager
}

type Memory = ([SlotRegions; SLOTS], VerifierRegions);

std::thread_local! {
    static LAST: Cell<Option<Memory>> = const { Cell::new(None) };
    static REUSED: Cell<bool> = const { Cell::new(false) };
}

/// For a test that boots thousands of times, one device after the other: each has the memory of the one before, blank.
pub fn reuse_memory() {
    REUSED.set(true);
}

fn memory() -> Memory {
    if let Some((slots, verifier)) = LAST.get().filter(|_| REUSED.get()) {
        for SlotRegions { orders, status, log, recording, .. } in slots {
            for region in [orders, status, log, recording] {
                region.clear(0, region.size_bytes()).unwrap();
            }
        }
        return (slots, verifier);
    }
    let slots = core::array::from_fn(|_| SlotRegions {
        orders: SharedRegion::leaked(4096),
        status: SharedRegion::leaked(4096),
        module: SharedRegion::leaked(cofferdam_package::MODULE_BYTES_MAX),
        log: SharedRegion::leaked(0x8000),
        recording: SharedRegion::leaked(0x8000),
    });
    let verifier = VerifierRegions {
        staging: SharedRegion::leaked(STAGED_AT + cofferdam_package::PACKAGE_BYTES_MAX),
        verdict: SharedRegion::leaked(VERDICT_BYTES),
    };
    LAST.set(Some((slots, verifier)));
    (slots, verifier)
}

pub fn manager_on(
    disk: Option<FakeDisk>,
    anchors: Vec<Anchor>,
    boot_nonce: Option<[u8; 16]>,
) -> Manager<System> {
    let (regions, verifier) = memory();
    let system = System {
        now_us: 0,
        regions,
        notified: VecDeque::new(),
        orders: [const { None }; SLOTS],
        stopped: [false; SLOTS],
        permissions: [DevicePermissions::default(); SLOTS],
        guard: Guard::new(),
        voices: [(0, u64::MAX); SLOTS],
        budgets: false,
        restarts: 0,
        disk,
        figures: Vec::new(),
        verifier,
        hostile: None,
        verifier_uses: 0,
    };
    let vendor = vendor_id("maker");
    let identity = Identity {
        device_id: DEVICE.into(),
        boot_nonce,
        vendor_id: vendor,
        class_id: class_id(&vendor, "rig"),
    };
    let keys = KeyChain::new(KeyList::first(vendor, identity.class_id, anchors)).unwrap();
    Manager::new(system, identity, keys, regions, verifier)
}

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// A small module that fits both shapes and differs with `variant`.
pub fn module(variant: u32) -> Vec<u8> {
    let text = format!(
        r#"(module (memory (export "memory") 1) (global i32 (i32.const {variant})) (func (export "_start"))
            (func (export "cofferdam_init")) (func (export "cofferdam_tick") (param i64)))"#
    );
    wat::parse_str(text).unwrap()
}

pub fn manifest(name: &str, sequence: u64) -> Manifest {
    let mut manifest = testing::manifest(name, sequence);
    manifest.app.version = format!("1.{sequence}");
    manifest
}

/// A package of `name` in this version, signed by key 1.
pub fn package(name: &str, sequence: u64) -> Vec<u8> {
    create(manifest(name, sequence), &module(sequence as u32), &key(1)).unwrap()
}

/// The same with `change` made to its manifest.
pub fn package_with(name: &str, sequence: u64, change: impl FnOnce(&mut App)) -> Vec<u8> {
    let mut manifest = manifest(name, sequence);
    change(&mut manifest.app);
    create(manifest, &module(sequence as u32), &key(1)).unwrap()
}

/// A package that has to prove itself for a second, in which it may miss two deadlines.
pub fn on_probation(name: &str, sequence: u64) -> Vec<u8> {
    let probation = Probation { time_us: 1_000_000, missed_deadlines_max: 2 };
    package_with(name, sequence, |app| app.probation = Some(probation))
}

/// The app in `slot` is stopped by its slot, out of fuel.
pub fn fail(manager: &mut Manager<System>, slot: usize) {
    let status = Status {
        state: SlotState::Stopped,
        reason: Some(StopReason::FuelExhausted),
        ..running(manager, slot)
    };
    manager.platform.report(slot, &status);
    hear_slots(manager);
}

/// The status of an app that runs.
pub fn running(manager: &Manager<System>, slot: usize) -> Status {
    let generation = manager.platform.orders[slot].as_ref().unwrap().generation;
    Status { state: SlotState::Running, ..Status::idle(generation) }
}

/// Lets time pass, with a tick whenever the manager wants one.
pub fn pass(manager: &mut Manager<System>, time_us: u64) {
    let end_us = manager.platform.now_us + time_us;
    while let Some(deadline_us) = manager.deadline_us().filter(|deadline_us| *deadline_us <= end_us) {
        manager.platform.now_us = manager.platform.now_us.max(deadline_us);
        manager.tick();
        hear_slots(manager);
        assert!(
            manager.deadline_us().is_none_or(|next_us| next_us > manager.platform.now_us),
            "no storm of ticks"
        );
    }
    manager.platform.now_us = end_us;
}

/// The other end of a connection.
pub struct Host {
    pub connection: u32,
    pub key: SigningKey,
    pub device_id: String,
    pub nonce: [u8; 16],
    pub sequence: u64,
}

impl Host {
    /// Connects and reads the greeting.
    pub fn connect(manager: &mut Manager<System>, connection: u32, seed: u8) -> Self {
        manager.opened(connection);
        let mut greeting = replies(manager);
        let Some(DeviceMessage::Greeting(greeting)) = greeting.pop() else { panic!("no greeting") };
        assert_eq!(greeting.protocol_version, PROTOCOL_VERSION);
        let Greeting { device_id, boot_nonce, next_sequence, .. } = greeting;
        Self { connection, key: key(seed), device_id, nonce: boot_nonce, sequence: next_sequence }
    }

    pub fn signed(&self, command: &Command<'_>) -> Vec<u8> {
        let command = command.encode().unwrap();
        let envelope = CommandEnvelope {
            device_id: &self.device_id,
            nonce: self.nonce,
            sequence: self.sequence,
            command: &command,
        };
        encode_host(&HostMessage::Command(&sign_command(&envelope, &self.key))).unwrap()
    }

    /// Sends a command and takes its one reply.
    pub fn command(&mut self, manager: &mut Manager<System>, command: &Command<'_>) -> DeviceMessage {
        let frame = self.signed(command);
        self.sequence += 1;
        let mut replies = self.send(manager, &frame);
        assert_eq!(replies.len(), 1, "{replies:?}");
        replies.remove(0)
    }

    pub fn send(&self, manager: &mut Manager<System>, bytes: &[u8]) -> Vec<DeviceMessage> {
        manager.data(self.connection, bytes);
        hear_slots(manager);
        replies(manager)
    }

    pub fn announce(&mut self, manager: &mut Manager<System>, package: &[u8], start: bool) -> DeviceMessage {
        let (package_bytes, package_sha256) = (package.len() as u32, sha256(package));
        self.command(manager, &Command::Install { package_bytes, package_sha256, start })
    }

    /// Pushes a package and returns the last reply.
    pub fn push(&mut self, manager: &mut Manager<System>, package: &[u8]) -> DeviceMessage {
        let announced = self.announce(manager, package, true);
        self.upload(manager, package, announced)
    }

    /// The same to be swapped in.
    pub fn swap(&mut self, manager: &mut Manager<System>, package: &[u8]) -> DeviceMessage {
        let (package_bytes, package_sha256) = (package.len() as u32, sha256(package));
        let announced = self.command(manager, &Command::Swap { package_bytes, package_sha256 });
        self.upload(manager, package, announced)
    }

    fn upload(
        &mut self,
        manager: &mut Manager<System>,
        package: &[u8],
        announced: DeviceMessage,
    ) -> DeviceMessage {
        let mut last = announced;
        if !matches!(last, DeviceMessage::Ready { .. }) {
            return last;
        }
        for (i, bytes) in package.chunks(CHUNK_BYTES_MAX).enumerate() {
            let offset = (i * CHUNK_BYTES_MAX) as u32;
            let frame = encode_host(&HostMessage::Chunk { offset, bytes }).unwrap();
            let mut replies = self.send(manager, &frame);
            assert_eq!(replies.len(), 1, "{replies:?}");
            last = replies.remove(0);
        }
        last
    }

    pub fn apps(&mut self, manager: &mut Manager<System>) -> Vec<AppEntry> {
        match self.command(manager, &Command::List) {
            DeviceMessage::Apps(apps) => apps,
            other => panic!("{other:?}"),
        }
    }
}

/// Lets the manager hear every slot that has notified.
pub fn hear_slots(manager: &mut Manager<System>) {
    while let Some(slot) = manager.platform.notified.pop_front() {
        manager.slot_changed(slot);
    }
}

/// Takes what the manager has to say.
pub fn replies(manager: &mut Manager<System>) -> Vec<DeviceMessage> {
    let output = manager.output();
    let bytes = output.waiting().to_vec();
    output.sent(bytes.len());
    let (mut input, mut decoder, mut messages) = (bytes.as_slice(), FrameDecoder::new(), Vec::new());
    while let Some(frame) = decoder.next(&mut input).unwrap() {
        messages.push(DeviceMessage::decode(frame).unwrap());
    }
    messages
}

/// The code and text of a refusal.
pub fn refused(message: &DeviceMessage) -> (Refusal, String) {
    match message {
        DeviceMessage::Refused { code, text } => (Refusal::from_code(*code).unwrap(), text.to_string()),
        other => panic!("not refused: {other:?}"),
    }
}
