// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A device on the desk: wasm_manager's own logic behind a real socket, with slots that only pretend.
//!
//! Keys, commands, uploads, refusals and the registry are the real code. A slot follows its orders as a slot
//! does, but runs nothing: a command ends at once with exit code 0, a reactor is running for ever, and an app
//! whose name begins with `trap` is stopped by a trap. Which outputs move is for the real guard to say: an app that may move the
//! brake sets it to a half in each period, one in slot 1 whose name begins with `veer` to more.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cofferdam_actuator_guard::Guard;
use cofferdam_device_protocol::permission::{ActuatorOrder, Permissions};
use cofferdam_device_protocol::swap::{HandOver, SwapOrder, SwapReport, SwapTerms};
use cofferdam_device_protocol::{Message, Status as GuardStatus, actuator_by_name};
use cofferdam_host_abi::Shape;
use cofferdam_lifecycle::{
    Identity, Manager, Platform, PlatformError, SLOTS, SlotRegions, Storage, Unanswered, VerifierRegions,
};
use cofferdam_log_ring::{Line, Origin, Producer};
use cofferdam_management_protocol::BUSY_FRAME;
use cofferdam_package::manifest::{class_id, vendor_id};
use cofferdam_policy::{Anchor, Grant, KeyChain, KeyList};
use cofferdam_shared_memory::SharedRegion;
use cofferdam_slot_protocol::{
    AppState, Command, Detail, HistogramsWriter, Orders, Status, StatusWriter, StopReason, read_orders,
};
use cofferdam_verifier_protocol::{STAGED_AT, VERDICT_BYTES};

const MODULE_BYTES: usize = 0x10_0000;
const LOG_BYTES: usize = 0x8000;
const PAGE_BYTES: usize = 0x1000;
/// Between two looks at whether the test is over.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A device that trusts one key. It ends with this value.
pub struct Double {
    /// Where it listens.
    pub address: SocketAddr,
    over: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Double {
    /// A device that grants `grant` to the key `public`.
    pub fn start(public: [u8; 32], grant: Grant) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let serving = Arc::new(AtomicBool::new(false));
        let (sender, receiver) = std::sync::mpsc::channel::<TcpStream>();
        let gateway = {
            let (over, serving) = (Arc::clone(&over), Arc::clone(&serving));
            thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    match listener.accept() {
                        Ok((mut stream, _)) if serving.swap(true, Ordering::SeqCst) => {
                            let _ = stream.write_all(&BUSY_FRAME);
                        }
                        Ok((stream, _)) => sender.send(stream).unwrap(),
                        Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(LOOK_AGAIN),
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        };
        let manager = {
            let over = Arc::clone(&over);
            thread::spawn(move || {
                let mut device = Device::new(public, grant);
                for (number, stream) in (1..).zip(receiver) {
                    device.serve(number, stream, &over);
                    serving.store(false, Ordering::SeqCst);
                }
            })
        };
        Self { address, over, threads: vec![gateway, manager] }
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            let outcome = thread.join();
            assert!(outcome.is_ok() || thread::panicking(), "the double panicked");
        }
    }
}

struct Device {
    manager: Manager<Desk>,
    changed: Rc<RefCell<VecDeque<usize>>>,
}

impl Device {
    fn new(public: [u8; 32], grant: Grant) -> Self {
        let changed = Rc::new(RefCell::new(VecDeque::new()));
        let regions: [SlotRegions; SLOTS] = std::array::from_fn(|_| SlotRegions {
            orders: SharedRegion::leaked(PAGE_BYTES),
            status: SharedRegion::leaked(PAGE_BYTES),
            module: SharedRegion::leaked(MODULE_BYTES),
            log: SharedRegion::leaked(LOG_BYTES),
            recording: SharedRegion::leaked(LOG_BYTES),
        });
        let verifier = VerifierRegions {
            staging: SharedRegion::leaked(STAGED_AT + cofferdam_package::PACKAGE_BYTES_MAX),
            verdict: SharedRegion::leaked(VERDICT_BYTES),
        };
        let desk = Desk {
            regions,
            verifier,
            changed: Rc::clone(&changed),
            begun: Instant::now(),
            guard: Guard::new(),
            swap: None,
        };
        let vendor_id = vendor_id("cofferdam.example");
        let identity = Identity {
            device_id: "double".to_owned(),
            boot_nonce: Some([7; 16]),
            vendor_id,
            class_id: class_id(&vendor_id, "vehicle"),
        };
        let anchor = Anchor { name: "test".to_owned(), public_key: public, root: true, grant };
        let keys = KeyChain::new(KeyList::first(vendor_id, identity.class_id, vec![anchor])).unwrap();
        Self { manager: Manager::new(desk, identity, keys, regions, verifier), changed }
    }

    fn serve(&mut self, number: u32, mut stream: TcpStream, over: &AtomicBool) {
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(LOOK_AGAIN)).unwrap();
        self.manager.opened(number);
        let mut buffer = [0; 1500];
        loop {
            if self.send(&mut stream).is_err() || self.manager.output().take_close() {
                break;
            }
            let now_us = self.manager.platform().now_us();
            if self.manager.deadline_us().is_some_and(|deadline_us| deadline_us <= now_us) {
                self.manager.tick();
                self.slots();
            }
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    self.manager.data(number, &buffer[..count]);
                    self.slots();
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if over.load(Ordering::SeqCst) {
                        break;
                    }
                }
                Err(_) => break,
            }
        }
        self.manager.closed(number);
    }

    fn send(&mut self, stream: &mut TcpStream) -> std::io::Result<()> {
        let output = self.manager.output();
        while !output.waiting().is_empty() {
            let count = stream.write(output.waiting())?;
            output.sent(count);
        }
        Ok(())
    }

    /// Delivers what the slots have to say; delivering may make them say more.
    fn slots(&mut self) {
        loop {
            let Some(slot) = self.changed.borrow_mut().pop_front() else { return };
            self.manager.slot_changed(slot);
        }
    }
}

/// The system around the manager, on a desk.
struct Desk {
    regions: [SlotRegions; SLOTS],
    verifier: VerifierRegions,
    changed: Rc<RefCell<VecDeque<usize>>>,
    begun: Instant,
    guard: Guard,
    /// Two slots that are compared, and the first tick that nobody has run yet.
    swap: Option<(SwapTerms, u64)>,
}

impl Platform for Desk {
    fn now_us(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap()
    }

    fn revoke(&mut self, slot: usize) -> Result<(), PlatformError> {
        self.guard_obeys(ActuatorOrder::Revoke { client: slot })
    }

    fn permit(&mut self, slot: usize, permissions: &Permissions) -> Result<(), PlatformError> {
        permissions.actuator_orders(slot).try_for_each(|order| self.guard_obeys(order))
    }

    fn swap_begin(&mut self, terms: &SwapTerms) -> Result<(), PlatformError> {
        let now_us = self.now_us();
        self.swap = Some((*terms, now_us / terms.period_us + 1));
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
        self.run_ticks();
        let message = self.guard_swaps(SwapOrder::Report).map_err(|_| PlatformError)?;
        SwapReport::decode(message.label, message.words()).map_err(|_| PlatformError)
    }

    fn voice(&mut self, _slot: usize, _from_us: u64, _until_us: u64) -> Result<(), PlatformError> {
        Ok(())
    }

    fn stop(&mut self, _slot: usize) -> Result<(), PlatformError> {
        Ok(())
    }

    fn restart(&mut self, slot: usize) -> Result<(), PlatformError> {
        let regions = &self.regions[slot];
        let orders = read_orders(regions.orders).map_err(|_| PlatformError)?;
        let mut writer = StatusWriter::new(regions.status).map_err(|_| PlatformError)?;
        let status = if orders.command == Command::Run {
            self.pretend(slot, &orders)
        } else {
            Status::idle(orders.generation)
        };
        writer.publish(&status).map_err(|_| PlatformError)?;
        self.changed.borrow_mut().push_back(slot);
        Ok(())
    }

    fn stop_verifier(&mut self) -> Result<(), PlatformError> {
        Ok(())
    }

    fn run_verifier(&mut self, is_answered: &dyn Fn() -> bool, _: u64) -> Result<(), Unanswered> {
        let mut staging = vec![0; self.verifier.staging.size_bytes()];
        self.verifier.staging.copy_out(0, &mut staging).unwrap();
        assert!(cofferdam_verifier::serve(&staging, self.verifier.verdict) && is_answered());
        Ok(())
    }

    fn storage(&mut self) -> Option<&mut dyn Storage> {
        None
    }

    fn heap_used_bytes(&self) -> u64 {
        4096
    }
}

impl Desk {
    fn guard_obeys(&mut self, order: ActuatorOrder) -> Result<(), PlatformError> {
        let (message, now_us) = (order.encode(), self.now_us());
        self.guard.obey(message.label, message.words(), now_us).map_err(|_| PlatformError)
    }

    fn guard_swaps(&mut self, order: SwapOrder) -> Result<Message, GuardStatus> {
        let (message, now_us) = (order.encode(), self.now_us());
        self.guard.obey_swap(message.label, message.words(), now_us)
    }

    /// Both versions do their ticks up to now.
    fn run_ticks(&mut self) {
        let now_us = self.now_us();
        let Some((terms, next)) = &mut self.swap else { return };
        let brake = actuator_by_name("brake").unwrap().id;
        while *next * terms.period_us + 2 < now_us {
            for slot in [terms.old, terms.new] {
                let at_us = *next * terms.period_us + 1;
                let orders = read_orders(self.regions[slot].orders).unwrap();
                if orders.command == Command::Run && orders.actuator(brake as u32).is_some() {
                    let veers = slot == 1 && orders.name.as_str().starts_with("veer");
                    let client = u8::try_from(slot).unwrap();
                    self.guard.acquire(client, brake, 100_000, at_us).unwrap();
                    self.guard.write(client, brake, if veers { 0.9 } else { 0.5 }, at_us).unwrap();
                }
            }
            *next += 1;
        }
    }

    fn pretend(&self, slot: usize, orders: &Orders) -> Status {
        let name = orders.name.as_str();
        let text = format!("{name} says hello \u{1b}[31m");
        let line = Line {
            time_us: self.now_us(),
            level: log::Level::Info,
            origin: Origin::App,
            name: name.as_bytes(),
            text: text.as_bytes(),
        };
        Producer::attach(self.regions[slot].log).unwrap().push(line);
        let mut status = Status::idle(orders.generation);
        status.counters.activations = 42;
        status.counters.host_calls_total = 84;
        let mut histograms = HistogramsWriter::new(self.regions[slot].status, orders.generation).unwrap();
        for activation in 0..42 {
            histograms.count(if activation < 40 { 7 } else { 9 }, 100, 5_000).unwrap();
        }
        if name.starts_with("trap") {
            status.state = AppState::Stopped;
            status.reason = Some(StopReason::Unreachable);
            status.detail = Detail::new("in the test double");
        } else {
            status.state = if orders.shape == Shape::Command { AppState::Exited } else { AppState::Running };
        }
        status
    }
}
