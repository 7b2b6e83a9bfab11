// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Whether loops whose deadlines are hard meet them, whatever all apps do within their manifests.
//!
//! How much fuel this machine burns in a millisecond is measured at boot: a free slot runs a program of our own, and its status
//! says how much fuel it took and how long.

use cofferdam_host_abi::{Limits, Shape};
use cofferdam_management_protocol::Refusal;
use cofferdam_schedulability::{Budget, Demand, Late, Place, Servers, Speed, check};
use cofferdam_slot_protocol::{AppName, Command, Counters, Orders};

use crate::SLOTS;
use crate::app::App;
use crate::manager::Manager;
use crate::platform::Platform;
use crate::refusal::Refused;

/// Protection domains above the slots. One event of each may be under way when a loop is released, for which kernel/README.md
/// allows 100 µs; after that `sensor_hub` takes a sample in each millisecond. `kernel/image/tests/wiring.rs` holds the first
/// figure against its own.
pub const SERVERS: Servers = Servers { once_us: 100, each_us: 25, period_us: 1_000 };

/// Budgets of the slots in `system.xml`, in µs and by slot; `kernel/image/tests/wiring.rs` compares.
pub const BUDGETS: [Budget; SLOTS] = [
    Budget { budget_us: 100, period_us: 500 },
    Budget { budget_us: 100, period_us: 500 },
    Budget { budget_us: 200, period_us: 1_000 },
    Budget { budget_us: 2_000, period_us: 10_000 },
];

/// Until it is measured: taken low, so that times come out long.
pub(crate) const SPEED: Speed = Speed {
    fuel_per_ms: cofferdam_admission::FUEL_PER_US * 1_000,
    // 2,850 instructions on one kernel, 4,100 on the other (README.md, Figures), at one a nanosecond.
    host_call_ns: 5_000,
    // Waking, reading the clock, counting and publishing.
    activation_us: 40,
};

/// What of a measured speed is relied on, in eighths: other apps' instructions may burn less fuel in the same time.
const RELIED_ON_EIGHTHS: u64 = 7;
/// What no machine burns in a millisecond, and what every one does.
const FUEL_PER_MS: core::ops::RangeInclusive<u64> = 1_000..=10_000_000;

/// The program that measures: `(module (func (export "_start") (local i32) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add
/// (local.get 0) (i32.const 1))) (i32.const 200000))))) (memory (export "memory") 1))`.
pub(crate) const MODULE: &[u8] = &[
    0, b'a', b's', b'm', 1, 0, 0, 0, // header
    1, 4, 1, 0x60, 0, 0, // a type: () -> ()
    3, 2, 1, 0, // a function of it
    5, 3, 1, 0, 1, // a memory of one page
    7, 19, 2, 6, b'_', b's', b't', b'a', b'r', b't', 0, 0, 6, b'm', b'e', b'm', b'o', b'r', b'y', 2,
    0, // exports
    10, 23, 1, 21, 1, 1, 0x7f, // code: a local i32
    0x03, 0x40, 0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41, 0xc0, 0x9a, 0x0c, 0x49, 0x0d, 0, 0x0b, 0x0b,
];
/// Fuel of its slices, one in each period: within half of what a slot of the SDK's has.
const SLICE_FUEL: u64 = 50_000;
const SLICE_US: u64 = 5_000;

/// What a slot does to measure.
pub(crate) fn orders() -> Orders {
    Orders {
        command: Command::Run,
        shape: Shape::Command,
        name: AppName::new("calibration"),
        module_length_bytes: u32::try_from(MODULE.len()).unwrap_or(0),
        period_us: SLICE_US,
        deadline_us: SLICE_US,
        limits: Limits { fuel_per_activation: SLICE_FUEL, memory_pages: 1, ..Limits::DEFAULT },
        ..Orders::idle(0)
    }
}

/// How fast a slot was that has done so; nothing if that cannot be.
fn measured(counters: &Counters) -> Option<u64> {
    let per_ms = counters.fuel_total.saturating_mul(1_000).checked_div(counters.execution_total_us)?;
    FUEL_PER_MS.contains(&per_ms).then_some(per_ms)
}

impl App {
    /// What it takes at most.
    fn demand(&self, speed: &Speed) -> Demand {
        let app = &self.manifest.app;
        let execution_us = speed.execution_us(app.fuel_per_activation, app.host_calls_per_activation);
        Demand { period_us: app.period_us, execution_us }
    }

    /// The deadline that it must not miss.
    fn hard_deadline_us(&self) -> Option<u64> {
        let app = &self.manifest.app;
        app.hard_deadline.unwrap_or(false).then_some(app.deadline_us)
    }
}

impl<P: Platform> Manager<P> {
    /// Has a free slot measure how fast apps run. What it finds comes later, by itself; whoever wants the slot before gets it.
    pub fn calibrate(&mut self) {
        let Some(place) = self.slots.iter_mut().rev().find(|slot| slot.is_free()) else { return };
        if let Err(error) = place.calibrate(&mut self.platform) {
            log::error!("nothing is measured: {error}");
        }
    }

    /// A slot has measured.
    pub(crate) fn calibrated(&mut self, counters: &Counters) {
        let Some(per_ms) = measured(counters) else {
            log::warn!(
                "a slot says that it burnt {} fuel in {} us",
                counters.fuel_total,
                counters.execution_total_us
            );
            return;
        };
        self.speed.fuel_per_ms = (per_ms / 8).saturating_mul(RELIED_ON_EIGHTHS);
        // Seen in `cofferdam stats`.
        log::debug!("apps burn {per_ms} fuel a millisecond; {} is relied on", self.speed.fuel_per_ms);
    }

    /// Whether every loop with a hard deadline meets it with `app` in `slot`, beside all that is installed.
    ///
    /// # Errors
    /// [`Refusal::Deadline`] with the first that might not, and the figures.
    pub(crate) fn check_deadlines(&self, slot: usize, app: &App) -> Result<(), Refused> {
        let mut places = [Place::default(); SLOTS];
        let mut deadlines_us = [None; SLOTS];
        let budgets = self.platform.has_budgets().then_some(BUDGETS);
        for (number, place) in places.iter_mut().enumerate() {
            let installed = self.slots.get(number).and_then(|slot| slot.app.as_ref());
            let of_slot = if number == slot { Some(app) } else { installed };
            place.demand = of_slot.map(|app| app.demand(&self.speed));
            place.budget = budgets.as_ref().and_then(|budgets| budgets.get(number)).copied();
            if let Some(deadline_us) = deadlines_us.get_mut(number) {
                *deadline_us = of_slot.and_then(App::hard_deadline_us);
            }
        }
        check(&places, &deadlines_us, &SERVERS).map_err(|late| self.too_late(slot, &late))
    }

    fn too_late(&self, slot: usize, late: &Late) -> Refused {
        let of = self.slots.get(late.slot).and_then(|slot| slot.app.as_ref()).map(App::name);
        match of {
            Some(other) if late.slot != slot => {
                Refused::new(Refusal::Deadline, alloc::format!("{other} in slot {}: {late}", late.slot))
            }
            _ => Refused::new(Refusal::Deadline, alloc::format!("in slot {slot}: {late}")),
        }
    }

    /// The same for an app that is there already: it is told, and stays.
    pub(crate) fn warn_of_deadlines(&self, slot: usize, app: &App) {
        if let Err(refused) = self.check_deadlines(slot, app) {
            log::warn!("{}: {refused}", app.name());
        }
    }
}
