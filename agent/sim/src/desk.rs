// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The desk: apps and a plant, tick by tick.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use cofferdam_actuator_guard::{Guard, Throttle};
use cofferdam_device_protocol::permission::CLIENTS;
use cofferdam_device_protocol::{actuator_by_name, sensor_by_name};
use cofferdam_lifecycle::{Refused, on_a_desk};
use cofferdam_package::Manifest;
use cofferdam_plant_link::Latch;
use cofferdam_plant_protocol::{Outputs, TICK_US};
use cofferdam_recording::Ending;
use cofferdam_runtime::{App, Stop};
use cofferdam_simulator::{Flight, Setup, World};
use cofferdam_slot_protocol::Orders;
use cofferdam_synthetic_sensors::Access;
use cofferdam_topic_hub::Hub;

use crate::host::{DeskHost, Device, Line};

/// Why an app is not on the desk.
#[derive(Debug)]
pub enum AddError {
    /// A device would refuse it, whoever signed it.
    Refused(Refused),
    /// There are as many as a device has slots.
    Full,
    /// It failed while it was loaded.
    Stopped(Stop),
}

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => write!(f, "a device would refuse it: {refused}"),
            Self::Full => write!(f, "a device has {CLIENTS} slots"),
            Self::Stopped(stop) => write!(f, "{}: {}", stop.reason, stop.detail),
        }
    }
}

impl std::error::Error for AddError {}

/// An app has run once.
#[derive(Clone, Debug, PartialEq)]
pub struct Activated {
    /// Which app, in the order in which they were added.
    pub app: usize,
    /// Which of its activations, from 1.
    pub number: u64,
    /// When it was due.
    pub release_us: u64,
    /// Fuel that it took.
    pub fuel: u64,
    /// What becomes of the app.
    pub ending: Ending,
    /// What it asked with what it was answered, if that was to be kept.
    pub calls: Vec<String>,
}

struct Placed {
    orders: Orders,
    app: Option<App<DeskHost>>,
    activations: u64,
    fuel_total: u64,
}

/// Apps and a plant.
pub struct Desk {
    device: Rc<RefCell<Device>>,
    world: World,
    latch: Latch,
    apps: Vec<Placed>,
    tick: u64,
}

/// The number of the actuator of this name.
pub fn actuator_id(name: &str) -> Option<usize> {
    actuator_by_name(name).map(|actuator| actuator.id)
}

impl Desk {
    /// A plant that nobody flies or drives.
    pub fn new(setup: Setup) -> Self {
        let device = Device {
            now_us: 0,
            guard: Guard::new(),
            access: Access::default(),
            topics: Hub::new(),
            samples: Default::default(),
            sampled_us: 0,
            lines: Vec::new(),
            calls: None,
            refusals: Throttle::new(),
        };
        let mut desk = Self {
            device: Rc::new(RefCell::new(device)),
            world: World::new(setup),
            latch: Latch::new(),
            apps: Vec::new(),
            tick: 0,
        };
        desk.exchange();
        desk
    }

    /// Loads an app into the next slot, with all permissions that its manifest asks for. Its first release is at the next
    /// multiple of its period.
    ///
    /// # Errors
    /// [`AddError`].
    pub fn add(&mut self, manifest: Manifest, module: &[u8]) -> Result<(), AddError> {
        let client = self.apps.len();
        if client >= CLIENTS {
            return Err(AddError::Full);
        }
        let (orders, permissions) = on_a_desk(manifest, module).map_err(AddError::Refused)?;
        {
            let device = &mut *self.device.borrow_mut();
            let now_us = device.now_us;
            // What these permit was encoded just now, so it decodes.
            for order in permissions.sensor_orders(client) {
                let message = order.encode();
                let _ = device.access.obey(message.label, message.words());
            }
            for order in permissions.actuator_orders(client) {
                let message = order.encode();
                let _ = device.guard.obey(message.label, message.words(), now_us);
            }
            for order in permissions.topic_orders(client) {
                let message = order.encode();
                let _ = device.topics.obey(message.label, message.words());
            }
        }
        let name = orders.name.as_str().to_owned();
        let host = DeskHost { client, name, device: Rc::clone(&self.device) };
        let app = App::load(&orders, module, host).map_err(AddError::Stopped)?;
        self.apps.push(Placed { orders, app: Some(app), activations: 0, fuel_total: 0 });
        Ok(())
    }

    /// One tick on: apps that are due meanwhile, then the plant, then apps that are due with it, each time the lowest slot first.
    /// `traced` keeps the calls of that activation of that app.
    pub fn step(&mut self, traced: Option<(usize, u64)>) -> Vec<Activated> {
        let mut activated = Vec::new();
        let (from_us, to_us) = (self.tick * TICK_US, (self.tick + 1) * TICK_US);
        let between = self.due(from_us + 1, to_us - 1);
        self.run(between, traced, &mut activated);
        self.tick += 1;
        self.exchange();
        let with_it = self.due(to_us, to_us);
        self.run(with_it, traced, &mut activated);
        activated
    }

    /// Releases from `from_us` to `to_us`, both included: when, and whose.
    fn due(&self, from_us: u64, to_us: u64) -> Vec<(u64, usize)> {
        let mut due = Vec::new();
        for (index, placed) in self.apps.iter().enumerate().filter(|(_, placed)| placed.app.is_some()) {
            let period_us = placed.orders.period_us.max(1);
            let mut at_us = from_us.next_multiple_of(period_us);
            while at_us <= to_us {
                due.push((at_us, index));
                at_us += period_us;
            }
        }
        due.sort_unstable();
        due
    }

    fn run(&mut self, due: Vec<(u64, usize)>, traced: Option<(usize, u64)>, activated: &mut Vec<Activated>) {
        for (release_us, index) in due {
            let Some(placed) = self.apps.get_mut(index) else { continue };
            let Some(app) = &mut placed.app else { continue };
            let number = placed.activations + 1;
            {
                let mut device = self.device.borrow_mut();
                device.now_us = release_us;
                device.guard.expire(release_us);
                device.calls = (traced == Some((index, number))).then(Vec::new);
            }
            let outcome = app.activate(release_us, release_us + placed.orders.deadline_us);
            placed.activations = number;
            let mut counters = cofferdam_slot_protocol::Counters::default();
            app.count(&mut counters);
            placed.fuel_total = counters.fuel_total;
            let ending = Ending::of(&outcome);
            let mut device = self.device.borrow_mut();
            if let Err(stop) = &outcome {
                let text = format!("stopped: {}: {}", stop.reason, stop.detail);
                let app = placed.orders.name.as_str().to_owned();
                let level = cofferdam_runtime::Level::Error;
                device.lines.push(Line { time_us: release_us, app, level, text });
            }
            if ending != Ending::Continue {
                // As its slot does.
                device.guard.release_all(index as u8, release_us);
            }
            let calls = device.calls.take().unwrap_or_default();
            activated.push(Activated {
                app: index,
                number,
                release_us,
                fuel: counters.fuel_last,
                ending,
                calls,
            });
            drop(device);
            if ending != Ending::Continue {
                placed.app = None;
            }
        }
    }

    /// What `plant_link` does at a tick.
    fn exchange(&mut self) {
        let mut device = self.device.borrow_mut();
        let now_us = self.tick * TICK_US;
        device.now_us = now_us;
        device.guard.expire(now_us);
        let outputs = self.latch.step(&device.guard.moving(now_us));
        device.samples = self.world.tick(&Outputs { tick: self.tick, late: 0, outputs });
        device.sampled_us = now_us;
        let brake =
            sensor_by_name("driver").and_then(|driver| device.samples.get(driver.id)?.first().copied());
        // A pedal that shows what none can, changes nothing.
        let _ = device.guard.demand(brake.unwrap_or_default(), now_us);
    }

    /// How many ticks have passed.
    pub const fn ticks(&self) -> u64 {
        self.tick
    }

    /// The plant.
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// Whether any app still runs.
    pub fn any_runs(&self) -> bool {
        self.apps.iter().any(|placed| placed.app.is_some())
    }

    /// What apps have logged since this was last asked.
    pub fn take_lines(&mut self) -> Vec<Line> {
        core::mem::take(&mut self.device.borrow_mut().lines)
    }

    /// The memory of an app as it is now; empty if it is over.
    pub fn memory(&self, app: usize) -> Vec<u8> {
        self.apps.get(app).and_then(|placed| placed.app.as_ref()).map(App::memory).unwrap_or_default()
    }

    /// Fuel that an app has taken in all its activations.
    pub fn fuel_total(&self, app: usize) -> u64 {
        self.apps.get(app).map_or(0, |placed| placed.fuel_total)
    }

    /// What was seen.
    pub fn into_flight(self) -> Flight {
        self.world.into_flight()
    }
}
