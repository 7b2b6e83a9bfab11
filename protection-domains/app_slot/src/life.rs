// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From orders to the end of an app.

use alloc::vec::Vec;
use core::fmt;

use cofferdam_host_abi::Shape;
use cofferdam_recording::{Ending, Recorder, Tape};
use cofferdam_runtime::{Activation, App, Releases, Stop};
use cofferdam_shared_memory::{OutOfBounds, SharedRegion};
use cofferdam_slot_protocol::{
    AppState, Command, Detail, HistogramsWriter, Orders, Overrun, Status, StatusWriter, StopReason,
    read_orders,
};
use cofferdam_timer_protocol::pd::Timer;
use sel4_microkit::{Channel, ChannelSet, Handler, now_us};

use crate::devices::{Devices, SlotHost};
use crate::regions;

/// The first release comes so long after loading, so that the slot is waiting for it. Loading has used up the slot's budget, where
/// there are budgets, and the next one comes within a millisecond but for slow loops. A reactor's is at a multiple of its period, too.
const LEAD_US: u64 = 1_000;

/// Channels by name.
pub struct Wiring {
    /// `timer_driver`
    pub timer: Timer,
    /// `sensor_hub` and `actuator_guard`
    pub devices: Devices,
    /// `wasm_manager`, which is told when the state changes
    pub manager: Channel,
}

/// The slot.
pub struct Slot {
    wiring: Wiring,
    status: Status,
    writer: StatusWriter,
    running: Option<Running>,
}

struct Running {
    app: App<Recorder<SlotHost>>,
    releases: Releases,
    overrun: Overrun,
    histograms: HistogramsWriter,
}

impl Slot {
    /// What happens at each entry: outputs safe, orders read, the app under way.
    #[allow(clippy::expect_used)] // A status region too small for a status is a broken image.
    pub fn begin(wiring: Wiring) -> Self {
        // An earlier life may have been cut off anywhere: it may still hold leases and a timer.
        if let Err(error) = wiring.devices.actuators.release_all() {
            log::error!("leases not released: {error}");
        }
        if let Err(error) = wiring.timer.cancel() {
            log::error!("timer not cancelled: {error}");
        }
        let writer = StatusWriter::new(regions::status()).expect("region `status` is too small");
        let mut slot = Self { wiring, status: Status::idle(0), writer, running: None };
        match read_orders(regions::orders()) {
            Ok(orders) => slot.obey(&orders),
            Err(error) if error.is_unwritten() => slot.change_state(AppState::Idle),
            Err(error) => slot.stop(Stop {
                reason: StopReason::BadOrders,
                detail: Detail::format(format_args!("{error}")),
            }),
        }
        slot
    }

    fn obey(&mut self, orders: &Orders) {
        self.status = Status::idle(orders.generation);
        match orders.command {
            Command::Idle => self.change_state(AppState::Idle),
            Command::Run => {
                self.status.state = AppState::Loading;
                self.publish();
                match self.load(orders) {
                    Ok(running) => {
                        self.running = Some(running);
                        self.change_state(AppState::Running);
                        // The timer tells nobody of a release that had passed when it was asked: late is better than missed.
                        self.activate();
                    }
                    Err(stop) => self.stop(stop),
                }
            }
        }
    }

    fn load(&mut self, orders: &Orders) -> Result<Running, Stop> {
        let start_us = now_us();
        regions::init_heap();
        let module = copy_module(regions::module(), orders.module_length_bytes)?;
        let host = SlotHost {
            devices: self.wiring.devices,
            name: orders.name,
            #[cfg(feature = "rogue-test")]
            rogue: crate::rogue_test::Rogue::new(self.wiring.timer, self.wiring.manager),
            #[cfg(feature = "spin-test")]
            timer: self.wiring.timer,
        };
        let tape = if orders.record { Some(tape(orders)?) } else { None };
        let mut app = App::load(orders, &module, Recorder::new(host, tape))?;
        drop(module);
        let now_us = now_us();
        let counters = &mut self.status.counters;
        app.count(counters);
        app.host().end(counters.fuel_init, Ending::Continue);
        counters.load_us = now_us.saturating_sub(start_us);
        counters.started_us = now_us;
        counters.heap_used_bytes = sel4_microkit::heap::statistics().used_bytes as u64;
        let period_us = orders.period_us;
        let soon_us = now_us.saturating_add(LEAD_US);
        let first_us = match orders.shape {
            Shape::Reactor => soon_us.next_multiple_of(period_us),
            Shape::Command => soon_us,
        };
        self.wiring.timer.periodic(first_us, period_us).map_err(|error| Stop {
            reason: StopReason::Internal,
            detail: Detail::format(format_args!("{error}")),
        })?;
        let releases = Releases::new(first_us, period_us, orders.deadline_us);
        let histograms = HistogramsWriter::new(regions::status(), orders.generation).map_err(|error| {
            Stop { reason: StopReason::Internal, detail: Detail::format(format_args!("{error}")) }
        })?;
        Ok(Running { app, releases, overrun: orders.overrun, histograms })
    }

    /// One activation, if a release is due.
    fn activate(&mut self) {
        let Some(running) = &mut self.running else { return };
        let start_us = now_us();
        let Some(release) = running.releases.next(start_us) else { return };
        running.app.host().begin(release.at_us, release.deadline_us);
        let outcome = running.app.activate(release.at_us, release.deadline_us);
        let counters = &mut self.status.counters;
        let timing = release.count(start_us, now_us(), counters);
        running.app.count(counters);
        running.app.host().end(counters.fuel_last, Ending::of(&outcome));
        // The region's size was checked when the writer was made.
        let _ = running.histograms.count(timing.jitter_us, timing.execution_us, counters.fuel_last);
        match outcome {
            Ok(Activation::Continue) if timing.overrun && running.overrun == Overrun::Stop => {
                let execution_us = timing.execution_us;
                self.stop(Stop {
                    reason: StopReason::DeadlineMissed,
                    detail: Detail::format(format_args!("activation took {execution_us} us")),
                });
            }
            Ok(Activation::Continue) => self.publish(),
            Ok(Activation::Exited(code)) => {
                self.end();
                self.status.exit_code = code;
                self.change_state(AppState::Exited);
            }
            Err(stop) => self.stop(stop),
        }
    }

    fn stop(&mut self, stop: Stop) {
        self.end();
        self.status.reason = Some(stop.reason);
        self.status.detail = stop.detail;
        self.change_state(AppState::Stopped);
    }

    /// No more activations, and outputs safe at once: not only when the leases run out.
    fn end(&mut self) {
        self.running = None;
        if let Err(error) = self.wiring.devices.actuators.release_all() {
            log::error!("leases not released: {error}");
        }
        if let Err(error) = self.wiring.timer.cancel() {
            log::error!("timer not cancelled: {error}");
        }
    }

    fn change_state(&mut self, state: AppState) {
        self.status.state = state;
        self.publish();
        self.wiring.manager.notify();
    }

    fn publish(&mut self) {
        // The region's size was checked when the writer was made.
        let _ = self.writer.publish(&self.status);
    }
}

impl Handler for Slot {
    type Error = fmt::Error;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        if channels.contains(self.wiring.timer.channel()) {
            self.activate();
        }
        Ok(())
    }
}

/// A recording that begins now.
fn tape(orders: &Orders) -> Result<Tape, Stop> {
    Tape::begin(regions::recording(), orders).map_err(|error| Stop {
        reason: StopReason::Internal,
        detail: Detail::format(format_args!("recording: {error}")),
    })
}

/// A private copy: what is checked is what runs.
fn copy_module(region: SharedRegion, length_bytes: u32) -> Result<Vec<u8>, Stop> {
    let length_bytes = length_bytes as usize;
    let failed =
        |detail: fmt::Arguments<'_>| Stop { reason: StopReason::Internal, detail: Detail::format(detail) };
    let mut module = Vec::new();
    module.try_reserve_exact(length_bytes).map_err(|_| failed(format_args!("no heap for the module")))?;
    module.resize(length_bytes, 0);
    region.copy_out(0, &mut module).map_err(|error: OutOfBounds| failed(format_args!("{error}")))?;
    Ok(module)
}
