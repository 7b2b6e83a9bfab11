// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The slots: which app each has, and starting and stopping it.
//!
//! A slot is never asked to stop: its protection domain is stopped, given new orders and started from its
//! beginning. So it makes no difference what state the app has brought it into.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use cofferdam_audit::{Event, What};
use cofferdam_device_protocol::permission::Permissions;
use cofferdam_device_protocol::swap::SwapTerms;
use cofferdam_management_protocol::AppState;
use cofferdam_package::manifest::Priority;
use cofferdam_restart::{Due, Verdict};
use cofferdam_slot_protocol::{AppState as SlotState, Counters, Orders, Status, read_status, write_orders};

use crate::app::App;
use crate::platform::{Platform, PlatformError, SlotRegions};

/// Faults of a slot without an app in between, after which it is left stopped: it would only fault again, at a
/// priority above ours.
const IDLE_FAULTS_MAX: u8 = 3;
/// Longest reason that is kept.
const REASON_CHARS_MAX: usize = 200;
/// How often an app on probation is asked for its missed deadlines.
const LOOK_EVERY_US: u64 = 100_000;
/// Most that one event has to tell the event log: that something failed, and what follows.
const TOLD_MAX: usize = 4;

pub(crate) struct Slot {
    number: usize,
    regions: SlotRegions,
    /// Of the newest orders. Grows with each.
    pub(crate) generation: u64,
    pub(crate) app: Option<App>,
    idle_faults: u8,
    /// How often the slot's budget was used up since its app was started. The slot cannot know.
    pub(crate) budgets_used_up: u64,
    /// The same since wasm_manager began; so are faults, and restarts of what failed.
    pub(crate) budgets_used_up_ever: u64,
    pub(crate) faults: u64,
    pub(crate) restarts: u64,
    /// Its status made no sense; said once.
    bad_status: bool,
    /// The app is to be rolled back: it stands, for the reason that it has.
    roll_back: bool,
    /// When an app on probation is asked next.
    look_at_us: u64,
    /// An app that was taken over has to show that it is alive.
    pub(crate) watch: Option<Watch>,
    /// Runs something that an earlier life of wasm_manager started and this one knows nothing of.
    pub(crate) foreign: bool,
    /// The generation of the run of this app that was recorded last.
    pub(crate) recorded: Option<u64>,
    /// The run that measures how fast apps run, and what it found.
    calibrating: Option<u64>,
    measured: Option<Counters>,
    /// The next run begins as a shadow, under these terms.
    shadow: Option<SwapTerms>,
    /// What happened by itself in this event, for the event log.
    told: Vec<Event>,
}

/// Until when a slot must have been active again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    pub(crate) activations: u64,
    pub(crate) until_us: u64,
}

impl Slot {
    pub(crate) fn new(number: usize, regions: SlotRegions) -> Self {
        Self {
            number,
            regions,
            generation: 0,
            app: None,
            idle_faults: 0,
            budgets_used_up: 0,
            budgets_used_up_ever: 0,
            faults: 0,
            restarts: 0,
            bad_status: false,
            roll_back: false,
            look_at_us: 0,
            watch: None,
            foreign: false,
            recorded: None,
            calibrating: None,
            measured: None,
            shadow: None,
            told: Vec::new(),
        }
    }

    /// Notes for the event log what happens by itself to the app, or to the slot if it has none.
    fn tell(&mut self, event: Event) {
        let event = match &self.app {
            Some(app) => event.about(app.name()).signed_by(app.signer.0),
            None => event,
        };
        if self.told.len() < TOLD_MAX {
            self.told.push(event);
        }
    }

    /// What [`Self::tell`] noted.
    pub(crate) fn take_told(&mut self) -> Vec<Event> {
        core::mem::take(&mut self.told)
    }

    fn number(&self) -> u64 {
        self.number as u64
    }

    /// Starts the app again after a failure.
    fn run_again(&mut self, platform: &mut impl Platform) -> Result<(), PlatformError> {
        let count = self.app.as_ref().map_or(0, |app| app.supervision.restarts());
        self.tell(Event::new(What::Restart).number(count.into()));
        self.restarts = self.restarts.saturating_add(1);
        self.run(platform)
    }

    pub(crate) fn regions(&self) -> &SlotRegions {
        &self.regions
    }

    pub(crate) fn is_usable(&self) -> bool {
        self.idle_faults < IDLE_FAULTS_MAX && !self.foreign
    }

    pub(crate) fn is_free(&self) -> bool {
        self.app.is_none() && self.is_usable()
    }

    /// Puts `app` with its module here in the place of whatever was here, and runs it if `start`. Its count of restarts
    /// stays: none for a new app, those of earlier boots for one that was found again. When this fails the slot is empty.
    pub(crate) fn install(
        &mut self,
        platform: &mut impl Platform,
        app: App,
        module: &[u8],
        start: bool,
    ) -> Result<(), PlatformError> {
        self.app = None;
        self.recorded = None;
        self.roll_back = false;
        self.halt(platform)?;
        self.regions.module.copy_in(0, module).map_err(|_| PlatformError)?;
        self.app = Some(app);
        let done = if start { self.run(platform) } else { self.idle(platform) };
        if done.is_err() {
            self.app = None;
        }
        done
    }

    /// The same for the new version of a swap: it runs, as a shadow.
    pub(crate) fn install_shadow(
        &mut self,
        platform: &mut impl Platform,
        app: App,
        module: &[u8],
        terms: SwapTerms,
    ) -> Result<(), PlatformError> {
        self.shadow = Some(terms);
        let done = self.install(platform, app, module, true);
        self.shadow = None;
        done
    }

    /// Starts the app as somebody's wish: earlier failures are forgotten.
    pub(crate) fn start(&mut self, platform: &mut impl Platform) -> Result<(), PlatformError> {
        if let Some(app) = &mut self.app {
            app.supervision.started(platform.now_us());
        }
        self.run(platform)
    }

    /// Starts the app anew, also if it runs, and records this run.
    pub(crate) fn record(&mut self, platform: &mut impl Platform) -> Result<(), PlatformError> {
        if let Some(app) = &mut self.app {
            app.supervision.stopped(platform.now_us());
            app.supervision.started(platform.now_us());
        }
        self.run_with(platform, true)
    }

    fn run(&mut self, platform: &mut impl Platform) -> Result<(), PlatformError> {
        self.run_with(platform, false)
    }

    fn run_with(&mut self, platform: &mut impl Platform, record: bool) -> Result<(), PlatformError> {
        let Some(app) = &mut self.app else { return Ok(()) };
        self.budgets_used_up = 0;
        self.look_at_us = platform.now_us().saturating_add(LOOK_EVERY_US);
        app.supervision.starting();
        app.state = AppState::Starting;
        app.reason = String::new();
        app.last_status = None;
        let (orders, permissions) = (Orders { record, ..app.orders.clone() }, app.permissions);
        let done = self.order(platform, orders, Some(&permissions));
        if record {
            self.recorded = Some(self.generation);
        }
        done
    }

    /// Stops the app; it stays installed.
    pub(crate) fn stop(&mut self, platform: &mut impl Platform) -> Result<(), PlatformError> {
        // What it does until it stands still counts.
        let halted = self.halt(platform);
        self.keep_status();
        if let Some(app) = &mut self.app {
            app.state = AppState::Stopped;
            app.supervision.stopped(platform.now_us());
        }
        halted?;
        self.idle(platform)
    }

    /// When [`Self::tick`] has something to do.
    pub(crate) fn deadline_us(&self) -> Option<u64> {
        let app = self.app.as_ref()?;
        let look = (app.is_active() && app.supervision.is_on_probation()).then_some(self.look_at_us);
        let watch = self.watch.map(|watch| watch.until_us);
        look.into_iter().chain(watch).chain(app.supervision.deadline_us()).min()
    }

    /// Time has passed: an app that waits for its restart starts, one on probation is looked at.
    pub(crate) fn tick(&mut self, platform: &mut impl Platform) -> Result<(), PlatformError> {
        let now_us = platform.now_us();
        let status = self.status();
        let Some(app) = &mut self.app else { return Ok(()) };
        if app.is_active() && app.supervision.is_on_probation() && self.look_at_us <= now_us {
            self.look_at_us = now_us.saturating_add(LOOK_EVERY_US);
            let missed = status.map_or(0, |status| status.counters.overruns);
            if app.supervision.is_too_late(missed) {
                self.keep_status();
                let reason = alloc::format!("{missed} deadlines missed on probation");
                return self.failed(platform, Event::new(What::Fail), &reason);
            }
        }
        if let Some(watch) = self.watch.take_if(|watch| watch.until_us <= now_us)
            && app.is_active()
            && status.is_none_or(|status| status.counters.activations == watch.activations)
        {
            let reason = "it stood still when wasm_manager came back";
            return self.failed(platform, Event::new(What::Fail), reason);
        }
        match app.supervision.tick(now_us) {
            None => Ok(()),
            Some(Due::ProbationPassed) => {
                log::info!("app {} {} has passed its probation", app.name(), app.manifest.app.version);
                let event = Event::new(What::Proven).number(app.manifest.sequence);
                self.tell(event);
                Ok(())
            }
            Some(Due::Restart) if app.revoked => {
                app.state = AppState::Failed;
                self.idle(platform)
            }
            Some(Due::Restart) => self.run_again(platform),
        }
    }

    /// Whether the app is to be rolled back. True once.
    pub(crate) fn takes_roll_back(&mut self) -> bool {
        core::mem::take(&mut self.roll_back)
    }

    /// Stops the app and forgets it.
    pub(crate) fn remove(&mut self, platform: &mut impl Platform) -> Result<(), PlatformError> {
        self.app = None;
        self.recorded = None;
        self.idle(platform)
    }

    /// Has the slot measure how fast apps run. It stays free.
    pub(crate) fn calibrate(&mut self, platform: &mut impl Platform) -> Result<(), PlatformError> {
        self.halt(platform)?;
        self.regions.module.copy_in(0, crate::schedule::MODULE).map_err(|_| PlatformError)?;
        let done = self.order(platform, crate::schedule::orders(), None);
        self.calibrating = Some(self.generation);
        done
    }

    /// What the slot measured. Some once.
    pub(crate) fn take_measured(&mut self) -> Option<Counters> {
        self.measured.take()
    }

    /// Begins the protection domain anew with nothing to run.
    fn idle(&mut self, platform: &mut impl Platform) -> Result<(), PlatformError> {
        self.order(platform, Orders::idle(0), None)
    }

    /// Its outputs are safe and nobody runs in it, in this order.
    fn halt(&self, platform: &mut impl Platform) -> Result<(), PlatformError> {
        let revoked = platform.revoke(self.number);
        platform.stop(self.number)?;
        revoked
    }

    fn order(
        &mut self,
        platform: &mut impl Platform,
        mut orders: Orders,
        permissions: Option<&Permissions>,
    ) -> Result<(), PlatformError> {
        self.generation = self.generation.saturating_add(1);
        self.watch = None;
        self.foreign = false;
        orders.generation = self.generation;
        self.halt(platform)?;
        write_orders(self.regions.orders, &orders).map_err(|_| PlatformError)?;
        if let Some(permissions) = permissions {
            platform.permit(self.number, permissions)?;
        }
        if let Some(terms) = self.shadow.take() {
            platform.voice(self.number, u64::MAX, u64::MAX)?;
            platform.swap_begin(&terms)?;
        }
        platform.restart(self.number)
    }

    /// The status of the current run, if there is one.
    pub(crate) fn status(&self) -> Option<Status> {
        read_status(self.regions.status).ok().filter(|status| status.generation == self.generation)
    }

    fn keep_status(&mut self) {
        let status = self.status();
        if let (Some(app), Some(status)) = (&mut self.app, status) {
            app.last_status = Some(status);
        }
    }

    /// The slot says that its status has changed. It is hostile: what it says moves its own app's state and
    /// nothing else.
    pub(crate) fn changed(&mut self, platform: &mut impl Platform) -> Result<(), PlatformError> {
        let status = match read_status(self.regions.status) {
            Ok(status) if status.generation == self.generation => status,
            Ok(_) | Err(cofferdam_slot_protocol::StatusError::Unwritten) => return Ok(()), // about earlier orders
            Err(error) => {
                if !core::mem::replace(&mut self.bad_status, true) {
                    log::warn!("slot {}: {error}", self.number);
                }
                return Ok(());
            }
        };
        if self.calibrating == Some(self.generation) {
            return match status.state {
                SlotState::Exited | SlotState::Stopped => {
                    self.measured = Some(status.counters);
                    self.idle(platform)
                }
                SlotState::Idle | SlotState::Loading | SlotState::Running => Ok(()),
            };
        }
        let Some(app) = self.app.as_mut().filter(|app| app.is_active()) else { return Ok(()) };
        match status.state {
            SlotState::Idle | SlotState::Loading => Ok(()),
            SlotState::Running => {
                if app.state == AppState::Starting {
                    app.state = AppState::Running;
                    app.supervision.running(platform.now_us());
                    log::info!("app {} running in slot {}", app.name(), self.number);
                }
                self.idle_faults = 0;
                Ok(())
            }
            SlotState::Exited => {
                app.last_status = Some(status);
                app.state = AppState::Exited(status.exit_code);
                app.supervision.stopped(platform.now_us());
                log::info!("app {} exited with code {}", app.name(), status.exit_code);
                self.idle(platform)
            }
            SlotState::Stopped => {
                app.last_status = Some(status);
                let reason =
                    status.reason.map_or_else(|| "unknown reason".to_string(), |reason| reason.to_string());
                let reason = match status.detail.as_str() {
                    "" => reason,
                    detail => alloc::format!("{reason}: {detail}"),
                };
                self.failed(platform, Event::new(What::Fail), &reason)
            }
        }
    }

    /// The slot's protection domain has faulted and stands still.
    pub(crate) fn faulted(
        &mut self,
        platform: &mut impl Platform,
        fault: &dyn fmt::Display,
    ) -> Result<(), PlatformError> {
        if self.app.as_ref().is_some_and(App::is_active) {
            self.keep_status();
            let event = Event::new(What::Fault).number(self.number());
            return self.failed(platform, event, &alloc::format!("protection domain fault: {fault}"));
        }
        let event = Event::new(What::Fault).number(self.number()).text(&fault.to_string());
        self.tell(event);
        self.foreign = false;
        self.idle_faults = self.idle_faults.saturating_add(1);
        log::error!("slot {} faulted without an app: {fault}", self.number);
        if self.is_usable() {
            return self.idle(platform);
        }
        log::error!("slot {} is out of use", self.number);
        let event = Event::new(What::GiveUp).number(self.number());
        self.tell(event.text("the slot is out of use: it faults without an app"));
        self.halt(platform)
    }

    /// The app cannot go on: its manifest says what comes next. `event` is what the event log is told, without the
    /// reason.
    fn failed(
        &mut self,
        platform: &mut impl Platform,
        event: Event,
        reason: &str,
    ) -> Result<(), PlatformError> {
        let now_us = platform.now_us();
        self.tell(event.text(reason));
        let Some(app) = &mut self.app else { return self.idle(platform) };
        // Parts of the reason come from the slot.
        app.reason = reason.chars().filter(|c| !c.is_control()).take(REASON_CHARS_MAX).collect();
        app.state = AppState::Failed;
        log::warn!("app {} stopped: {}", app.name(), app.reason);
        if app.swap.is_some() {
            // The other version goes on; what becomes of this one, the swap says.
            return self.idle(platform);
        }
        let policy = app.policy();
        match app.supervision.failed(now_us, &policy) {
            Verdict::Stop => {
                if policy.limit > 0 {
                    let text = alloc::format!("it stays stopped: limit of {} restarts", policy.limit);
                    self.tell(Event::new(What::GiveUp).text(&text));
                }
                self.idle(platform)
            }
            Verdict::RollBack => {
                self.roll_back = true;
                self.idle(platform)
            }
            Verdict::Restart { .. } if app.revoked => self.idle(platform),
            Verdict::Restart { at_us } => {
                let (count, delay_us) = (app.supervision.restarts(), at_us.saturating_sub(now_us));
                if delay_us == 0 {
                    log::info!("app {} starts again ({count} of {})", app.name(), policy.limit);
                    return self.run_again(platform);
                }
                log::info!("app {} starts again in {delay_us} us (restart {count})", app.name());
                app.state = AppState::Waiting;
                self.idle(platform)
            }
        }
    }
}

/// The slot that an app should have: the one that it has, or the free one that fits its priority best.
pub(crate) fn choose(slots: &[Slot], name: &str, priority: Priority) -> Option<usize> {
    let has = |slot: &Slot| slot.app.as_ref().is_some_and(|app| app.name() == name);
    if let Some(slot) = slots.iter().position(has) {
        return Some(slot);
    }
    match priority {
        Priority::Control => slots.iter().position(Slot::is_free),
        Priority::Background => slots.iter().rposition(Slot::is_free),
    }
}
