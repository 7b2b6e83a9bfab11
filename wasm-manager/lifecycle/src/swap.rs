// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Swapping a running app for another version in flight.
//!
//! The new version begins in a spare slot as a shadow: it reads what the running one reads, and `actuator_guard` compares what
//! it writes, which moves nothing. When the two have agreed for long enough, the guard is told to let it take over with the
//! next tick. From then on the version before is the shadow, until the new one has proven itself. The guard hands authority
//! back by itself; what happens here is slower and no output waits for it.
//!
//! The new version counts, for the ratchet and for the disk, when it has proven itself: until then a loss of power, or the end of
//! wasm_manager, leaves the version before.

mod next;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use cofferdam_audit::{Event, What};
use cofferdam_device_protocol::swap::{PERIOD_US_MAX, SwapPhase, SwapReport, SwapTerms};
use cofferdam_management_protocol::{AppState, DeviceMessage, Refusal, SwapRole, SwapState, SwapStatus};
use cofferdam_package::KeyId;
use cofferdam_package::manifest::{Manifest, Priority, Shape, Swap};
use cofferdam_restart::Supervision;
use sha2::{Digest as _, Sha256};

use crate::app::{App, slot_number};
use crate::install::{Examined, MayBe, app};
use crate::manager::Manager;
use crate::platform::Platform;
use crate::ratchet::Ratchet;
use crate::refusal::Refused;
use crate::slots::Slot;
use next::{Next, Seen, reason};

/// How often the guard is asked how it goes.
const LOOK_EVERY_US: u64 = 20_000;
/// The two have to agree within this time beside four times as long as they have to agree.
const PATIENCE_US: u64 = 2_000_000;

/// A swap under way.
pub(crate) struct Swapping {
    pub(crate) name: String,
    old: usize,
    new: usize,
    terms: Swap,
    /// The package up to its module, which is in the new slot's memory.
    head: Vec<u8>,
    sha256: [u8; 32],
    ratchet: Ratchet,
    by: KeyId,
    status: SwapStatus,
    patience_until_us: u64,
    look_at_us: u64,
    /// Some once the new version has taken over.
    watch_until_us: Option<u64>,
}

impl<P: Platform> Manager<P> {
    /// Begins a swap: everything that can be said against it is said before anything changes.
    pub(crate) fn swap(&mut self, package: &[u8], by: KeyId) -> Result<DeviceMessage, Refused> {
        let Examined { manifest, module, signer, permitted, admitted, texts, sha256 } =
            self.examine(package, &MayBe::NoOlder)?;
        let name = manifest.common.name.clone();
        self.covers(by, &name)?;
        if self.swapping.is_some() {
            return Err(Refused::new(Refusal::SwapUnderWay, name));
        }
        if let Some(error) = self.kept.unreadable() {
            return Err(error.clone().into());
        }
        let (old, present) = self.find(&name)?;
        swappable(present, &manifest)?;
        let present_version = present.manifest.app.version.clone();
        let is_update = present.manifest.sequence != manifest.sequence;
        self.check_total_beside(admitted.utilisation_permille)?;
        let new = spare(&self.slots, manifest.app.priority).ok_or(Refusal::NoFreeSlot)?;
        let mut ratchet = self.ratchet.clone();
        ratchet.commit(&manifest.common, manifest.sequence);
        let head =
            package.get(..package.len().saturating_sub(module.len())).ok_or(Refusal::Internal)?.to_vec();

        let terms = manifest.app.swap.unwrap_or(Swap::DEFAULT);
        let now_us = self.platform.now_us();
        let (version, sequence) = (manifest.app.version.clone(), manifest.sequence);
        let mut app = app(manifest, signer, &admitted, &permitted, &texts);
        app.supervision = Supervision::new(now_us, app.probation().filter(|_| is_update));
        app.swap = Some(SwapRole::Shadow);
        self.check_deadlines(new, &app)?;
        let needed_ticks = ticks(terms.agree_us, app.orders.period_us);
        let swap_terms = SwapTerms {
            old,
            new,
            period_us: app.orders.period_us,
            deadline_us: app.orders.deadline_us,
            divergence_permille: terms.divergence_permille,
            divergent_ticks_max: terms.divergent_ticks_max,
        };
        let event = Event::new(What::Swap).by(by.0).about(&name).signed_by(signer.0).number(sequence);
        self.audit(event.digest(sha256).text(&alloc::format!("{present_version} to {version}")));
        let status = SwapStatus {
            name: name.clone(),
            from_version: present_version,
            from_slot: slot_number(old),
            to_version: version,
            to_slot: slot_number(new),
            sequence,
            needed_ticks,
            ..SwapStatus::default()
        };
        log::info!(
            "swapping {name} {} in slot {old} for {} in slot {new}",
            status.from_version,
            status.to_version
        );
        let place = self.slots.get_mut(new).ok_or(Refusal::Internal)?;
        if let Err(error) = place.install_shadow(&mut self.platform, app, module, swap_terms) {
            self.audit_retract();
            return Err(error.into());
        }
        self.swapping = Some(Swapping {
            name,
            old,
            new,
            terms,
            head,
            sha256,
            ratchet,
            by,
            status: status.clone(),
            patience_until_us: now_us
                .saturating_add(terms.agree_us.saturating_mul(4))
                .saturating_add(PATIENCE_US),
            look_at_us: now_us.saturating_add(LOOK_EVERY_US),
            watch_until_us: None,
        });
        Ok(DeviceMessage::Swap(status))
    }

    /// How the last swap of this app goes, or went.
    pub(crate) fn swap_status(&self, name: &str) -> Result<DeviceMessage, Refused> {
        let under_way = self.swapping.as_ref().map(|swapping| &swapping.status);
        let status = under_way.into_iter().chain(&self.last_swap).find(|status| status.name == name);
        let nothing = || Refused::new(Refusal::NoSwap, "since wasm_manager began");
        status.cloned().map(DeviceMessage::Swap).ok_or_else(nothing)
    }

    /// When [`Self::swap_step`] wants to be called.
    pub(crate) fn swap_deadline_us(&self) -> Option<u64> {
        self.swapping.as_ref().map(|swapping| swapping.look_at_us)
    }

    /// Whether an app is being swapped, so that it cannot be touched otherwise.
    pub(crate) fn is_not_swapped(&self, name: &str) -> Result<(), Refused> {
        match &self.swapping {
            Some(swapping) if swapping.name == name => Err(Refused::new(Refusal::SwapUnderWay, name)),
            _ => Ok(()),
        }
    }

    /// Ends a swap of this app, if one is under way: the version before is what it was.
    pub(crate) fn end_swap(&mut self, name: &str, why: &str) {
        if self.swapping.as_ref().is_some_and(|swapping| swapping.name == name) {
            self.give_up_swap(why);
        }
    }

    /// The same, whichever app it is.
    pub(crate) fn end_any_swap(&mut self, why: &str) {
        if self.swapping.is_some() {
            self.give_up_swap(why);
        }
    }

    /// Sees how a swap goes, and does what is next.
    pub(crate) fn swap_step(&mut self) {
        let now_us = self.platform.now_us();
        let Some(swapping) = &mut self.swapping else { return };
        swapping.look_at_us = now_us.saturating_add(LOOK_EVERY_US);
        let report = match self.platform.swap_report() {
            Ok(report) => report,
            Err(error) => return self.give_up_swap(&error.to_string()),
        };
        swapping.show(&report);
        let (old, new) = (swapping.old, swapping.new);
        let app = |slot: usize| self.slots.get(slot).and_then(|slot| slot.app.as_ref());
        if report.phase == SwapPhase::Watching && swapping.watch_until_us.is_none() {
            let until_us = report.at_us.saturating_add(swapping.terms.watch_us);
            swapping.watch_until_us = Some(until_us);
            swapping.look_at_us = swapping.look_at_us.min(until_us.max(now_us.saturating_add(1)));
            let event = Event::new(What::HandOver).by(swapping.by.0).about(&swapping.name);
            let event = event.number(swapping.status.sequence);
            log::info!(
                "{} {} took over from {}",
                swapping.name,
                swapping.status.to_version,
                swapping.status.from_version
            );
            for (slot, role) in [(old, SwapRole::Shadow), (new, SwapRole::Counts)] {
                if let Some(app) = self.slots.get_mut(slot).and_then(|slot| slot.app.as_mut()) {
                    app.swap = Some(role);
                }
            }
            self.audit(event);
            return;
        }
        let ended = match app(new) {
            None => Some("it is gone".to_string()),
            Some(app) if app.is_active() => None,
            Some(app) if app.reason.is_empty() => Some("it ended".to_string()),
            Some(app) => Some(app.reason.clone()),
        };
        let seen = Seen {
            report: &report,
            old_runs: app(old).is_some_and(App::is_active),
            new_ended: ended.as_deref(),
            needed_ticks: swapping.status.needed_ticks,
            now_us,
            patience_until_us: swapping.patience_until_us,
            watch_until_us: swapping.watch_until_us,
        };
        match seen.next() {
            Next::Wait => {}
            Next::HandOver => self.hand_over(),
            Next::Settle => self.settle_swap(),
            Next::GiveUp(why) => self.give_up_swap(&why),
        }
    }

    fn hand_over(&mut self) {
        let at_us = match self.platform.swap_hand_over() {
            Ok(Some(at_us)) => at_us,
            Ok(None) => return,
            Err(error) => return self.give_up_swap(&error.to_string()),
        };
        let Some(swapping) = &mut self.swapping else { return };
        swapping.status.state = SwapState::HandingOver;
        // Topics pass at the same time.
        let voices = [(swapping.new, at_us, u64::MAX), (swapping.old, 0, at_us)];
        for (slot, from_us, until_us) in voices {
            if let Err(error) = self.platform.voice(slot, from_us, until_us) {
                log::error!("slot {slot}: {error}");
            }
        }
    }

    /// The new version has proven itself: it is the installed one once it is kept, and the version before is stopped.
    fn settle_swap(&mut self) {
        let Some(swapping) = self.swapping.take() else { return };
        if let Err(refused) = self.keep_swapped(&swapping) {
            let why = alloc::format!("it cannot be kept: {refused}");
            self.swapping = Some(swapping);
            return self.give_up_swap(&why);
        }
        self.ratchet = swapping.ratchet;
        self.counters.installs = self.counters.installs.saturating_add(1);
        let platform = &mut self.platform;
        if let Some(Err(error)) = self.slots.get_mut(swapping.old).map(|slot| slot.remove(platform)) {
            log::error!("slot {}: {error}", swapping.old);
        }
        if let Some(app) = self.slots.get_mut(swapping.new).and_then(|slot| slot.app.as_mut()) {
            app.swap = None;
        }
        let mut status = swapping.status;
        status.state = SwapState::Done;
        status.reason = String::new();
        log::info!(
            "swapped {} {} for {} in slot {}: {} ticks missed, {} us at most between two values",
            status.name,
            status.from_version,
            status.to_version,
            status.to_slot,
            status.missed_ticks,
            status.longest_us
        );
        self.last_swap = Some(status);
    }

    fn keep_swapped(&mut self, swapping: &Swapping) -> Result<(), Refused> {
        let place = self.slots.get(swapping.new).ok_or(Refusal::Internal)?;
        let app = place.app.as_ref().ok_or(Refusal::Internal)?;
        // The package as it came: only wasm_manager can have written its module.
        let module_bytes = app.manifest.common.size_bytes as usize;
        let whole = swapping.head.len().saturating_add(module_bytes);
        let mut package = Vec::new();
        package.try_reserve_exact(whole).map_err(|_| Refusal::Internal)?;
        package.extend_from_slice(&swapping.head);
        package.resize(whole, 0);
        let module = package.get_mut(swapping.head.len()..).ok_or(Refusal::Internal)?;
        place.regions().module.copy_out(0, module).map_err(|_| Refusal::Internal)?;
        if <[u8; 32]>::from(Sha256::digest(&package)) != swapping.sha256 {
            return Err(Refused::new(Refusal::Internal, "the package is not what it was"));
        }
        let event = Event::new(What::Replace).by(swapping.by.0).about(&swapping.name);
        let event = event.signed_by(app.signer.0).number(app.manifest.sequence);
        let event = event.digest(swapping.sha256).text(&app.manifest.app.version);
        self.audit(event);
        let kept = self.keep_swap(swapping.old, swapping.new, &package, &swapping.ratchet);
        if kept.is_err() {
            self.audit_retract();
        }
        kept
    }

    /// The new version is stopped. What it held, the guard gives the version before at once, if it has not long done so.
    fn give_up_swap(&mut self, why: &str) {
        let Some(swapping) = self.swapping.take() else { return };
        let Swapping { name, old, new, mut status, .. } = swapping;
        let signer = self.slots.get(new).and_then(|slot| slot.app.as_ref()).map(|app| app.signer);
        let platform = &mut self.platform;
        if let Some(Err(error)) = self.slots.get_mut(new).map(|slot| slot.remove(platform)) {
            log::error!("slot {new}: {error}");
        }
        if let Err(error) = self.platform.voice(old, 0, u64::MAX) {
            log::error!("slot {old}: {error}");
        }
        if let Ok(report) = self.platform.swap_report() {
            status.count(&report);
        }
        if let Some(app) = self.slots.get_mut(old).and_then(|slot| slot.app.as_mut()) {
            app.swap = None;
        }
        log::warn!("{name} {} goes on, not {}: {why}", status.from_version, status.to_version);
        let event = Event::new(What::HandBack).about(&name).number(status.sequence).text(why);
        self.audit(match signer {
            Some(signer) => event.signed_by(signer.0),
            None => event,
        });
        status.state = SwapState::Failed;
        status.reason = why.to_string();
        self.last_swap = Some(status);
    }
}

impl Swapping {
    /// Where the new version is.
    pub(crate) fn new_slot(&self) -> usize {
        self.new
    }

    /// Whether what happens to a slot may end it.
    pub(crate) fn concerns(&self, slot: usize) -> bool {
        [self.old, self.new].contains(&slot)
    }

    fn show(&mut self, report: &SwapReport) {
        self.status.count(report);
        self.status.reason = reason(report);
        match report.phase {
            SwapPhase::Shadow => self.status.state = SwapState::Shadow,
            SwapPhase::HandingOver => self.status.state = SwapState::HandingOver,
            SwapPhase::Watching => {
                self.status.state = SwapState::Watching;
                self.status.taken_over_us = report.at_us;
            }
            SwapPhase::HandedBack | SwapPhase::Over => {}
        }
    }
}

/// What a report counts.
trait Count {
    fn count(&mut self, report: &SwapReport);
}

impl Count for SwapStatus {
    fn count(&mut self, report: &SwapReport) {
        self.agreed_ticks = report.agreed_ticks;
        self.compared_ticks = report.compared_ticks;
        self.missed_ticks = report.missed_ticks;
        self.worst_permille = report.worst_permille;
        self.longest_us = report.longest_us;
    }
}

/// Whether `manifest` can be compared with `present`, tick by tick.
fn swappable(present: &App, manifest: &Manifest) -> Result<(), Refused> {
    let against = |what: &str| Err(Refused::new(Refusal::NotSwappable, what));
    if present.state != AppState::Running {
        return against("the version before does not run");
    }
    if [present.manifest.app.shape, manifest.app.shape] != [Shape::Reactor; 2] {
        return against("only control loops are compared");
    }
    let (was_us, is_us) = (present.manifest.app.period_us, manifest.app.period_us);
    if was_us != is_us {
        return against(&alloc::format!("a period of {is_us} us, not of {was_us} us"));
    }
    if is_us > PERIOD_US_MAX {
        return against(&alloc::format!("a period of {is_us} us, at most {PERIOD_US_MAX} us"));
    }
    Ok(())
}

/// A free slot: the one that fits the priority best.
fn spare(slots: &[Slot], priority: Priority) -> Option<usize> {
    match priority {
        Priority::Control => slots.iter().position(Slot::is_free),
        Priority::Background => slots.iter().rposition(Slot::is_free),
    }
}

/// Ticks in a time, at least one.
fn ticks(time_us: u64, period_us: u64) -> u32 {
    u32::try_from(time_us.div_ceil(period_us.max(1))).unwrap_or(u32::MAX).max(1)
}
