// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What happens at a tick, and when the simulator says something.

use cofferdam_device_protocol::outputs;
use cofferdam_device_protocol::pd::Pedal;
use cofferdam_device_protocol::sensor_by_name;
use cofferdam_plant_link::{Event, Link};
use cofferdam_plant_protocol::samples::{Sample, Writer};
use cofferdam_plant_protocol::{Mode, TICK_US};
use cofferdam_shared_memory::{OutOfBounds, SharedRegion};
use cofferdam_timer_protocol::pd::Timer;
use sel4_microkit::{ChannelSet, Handler, channel, now_us};

use crate::port::Port;
use crate::regions;

/// How long a tick waits for its sample in lockstep, of the device's time: what is left of the tick is enough for loops that fit
/// into their slot's budget. Waiting is reading a device's register, which takes QEMU far longer than the instruction counts
/// for: this is some tens of milliseconds of the host's.
const WAIT_US: u64 = 600;
/// The shortest time between two complaints.
const QUIET_US: u64 = 1_000_000;
/// Bytes that are taken at once, and how often in a row: several times what a simulator says in a tick. Whoever says more waits.
const CHUNK_BYTES: usize = 256;
const CHUNKS_MAX: usize = 16;

/// The link, and what it stands between.
pub struct PlantLink {
    port: Port,
    link: Link,
    outputs: SharedRegion,
    samples: Writer,
    pedal: Pedal,
    /// What the guard was told last.
    demand: f64,
    timer: Timer,
    complaints: u64,
    last_complaint_us: u64,
}

impl PlantLink {
    /// Looks for the console, and listens.
    #[allow(clippy::expect_used)] // of the system description
    pub fn begin() -> Self {
        let mut link = Self {
            port: Port::open(),
            link: Link::new(),
            outputs: regions::outputs(),
            samples: Writer::new(regions::plant()).expect("region plant"),
            pedal: Pedal::new(channel!(guard_channel)),
            demand: 0.0,
            timer: Timer::new(channel!(timer_channel)),
            complaints: 0,
            last_complaint_us: 0,
        };
        // What came before the interrupt was wanted raises none.
        let _ = link.hear();
        link
    }

    /// Takes what the simulator has said.
    fn hear(&mut self) -> Result<(), OutOfBounds> {
        let mut chunk = [0; CHUNK_BYTES];
        for _ in 0..CHUNKS_MAX {
            let count = self.port.receive(&mut chunk);
            let mut bytes = chunk.get(..count).unwrap_or(&[]);
            if bytes.is_empty() {
                break;
            }
            while let Some(event) = self.link.hear(&mut bytes, now_us()) {
                self.obey(&event)?;
            }
        }
        Ok(())
    }

    fn obey(&mut self, event: &Event) -> Result<(), OutOfBounds> {
        match event {
            Event::Attached { mode, first_tick } => {
                let how = if *mode == Mode::Lockstep { "in lockstep" } else { "in real time" };
                log::info!("a simulator is attached, {how}");
                if let Err(error) = self.timer.periodic(first_tick * TICK_US, TICK_US) {
                    log::error!("no ticks: {error}");
                }
                // Looked at in each tick from now on.
                self.port.interrupt(false);
                if let Some(frame) = self.link.welcome() {
                    self.port.send(frame.bytes());
                }
            }
            Event::Sample(sample) => self.show(sample)?,
            Event::Detached(why) => {
                log::info!("the simulator is gone: {why}");
                self.detach()?;
            }
            Event::Complaint(complaint) => {
                self.complaints += 1;
                let now_us = now_us();
                if now_us >= self.last_complaint_us + QUIET_US {
                    self.last_complaint_us = now_us;
                    let times = core::mem::take(&mut self.complaints);
                    log::warn!("from the simulator: {complaint} ({times})");
                }
            }
        }
        Ok(())
    }

    fn show(&mut self, sample: &Sample) -> Result<(), OutOfBounds> {
        let driver = sensor_by_name("driver").and_then(|driver| sample.samples.get(driver.id));
        if let Some([brake, ..]) = driver {
            self.demand(*brake);
        }
        self.samples.publish(sample)
    }

    /// Nobody sits in the vehicle that is there instead.
    fn detach(&mut self) -> Result<(), OutOfBounds> {
        self.samples.detach()?;
        self.demand(0.0);
        self.pause();
        Ok(())
    }

    /// Looks again in a tick, and listens to interrupts from then on: nobody takes more time by saying anything but hello.
    fn pause(&mut self) {
        self.port.interrupt(false);
        if let Err(error) = self.timer.one_shot(now_us() + TICK_US) {
            log::error!("no simulator can attach any more: {error}");
        }
    }

    fn demand(&mut self, brake: f64) {
        if brake == self.demand {
            return;
        }
        match self.pedal.demand(brake) {
            Ok(()) => self.demand = brake,
            Err(error) => log::error!("the driver's demand is not taken: {error}"),
        }
    }

    /// Tells the outputs, and waits for the sensors if that was agreed on.
    fn tick(&mut self) -> Result<(), OutOfBounds> {
        let begun_us = now_us();
        match outputs::read(&self.outputs) {
            Ok(outputs) => {
                if let Some(frame) = self.link.tick(begun_us, &outputs.outputs) {
                    self.port.send(frame.bytes());
                }
            }
            // The guard outranks this program, so its page is whole; anything else is a broken guard.
            Err(error) => log::error!("nothing told: {error}"),
        }
        let mut waits = 0;
        while self.link.awaits() && now_us() < begun_us + WAIT_US {
            self.port.pass_time(waits);
            waits += 1;
            self.hear()?;
        }
        Ok(())
    }
}

impl Handler for PlantLink {
    type Error = OutOfBounds;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), OutOfBounds> {
        let (interrupted, timed) =
            (self.port.has_interrupted(&channels), channels.contains(self.timer.channel()));
        if interrupted {
            self.port.acknowledge();
        }
        if timed && self.link.is_attached() {
            self.tick()?;
        } else if timed {
            // Before looking: what comes from here on interrupts.
            self.port.interrupt(true);
        }
        self.hear()?;
        if let Some(event) = self.link.miss(now_us()) {
            self.obey(&event)?;
        }
        if self.link.is_attached() && !self.port.works() {
            self.link.lose();
            self.detach()?;
        }
        if interrupted && !self.link.is_attached() {
            self.pause();
        }
        Ok(())
    }
}
