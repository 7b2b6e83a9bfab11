// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Keeping what has to survive a reboot, and finding it again at boot.

use alloc::string::String;
use alloc::vec::Vec;

use cofferdam_management_protocol::{AppState, Refusal};
use cofferdam_restart::Supervision;
use cofferdam_slot_protocol::{Command, Orders};

use crate::SLOTS;
use crate::app::App;
use crate::install::{MayBe, app};
use crate::manager::Manager;
use crate::platform::Platform;
use crate::ratchet::Ratchet;
use crate::refusal::Refused;
use crate::saved::{
    Previous, RATCHETS, Release, Saved, decode_ratchets, encode_ratchets, free_package, slot_record,
};
use crate::slots::Slot;
use crate::storage::{Change, StorageError};

/// What is known to be kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Why nothing can be installed: there is a storage, but what it holds cannot be read.
    unreadable: Option<StorageError>,
    pub(crate) slots: [Option<Saved>; SLOTS],
}

impl Kept {
    /// Why nothing can be changed, if so.
    pub(crate) fn unreadable(&self) -> Option<&StorageError> {
        self.unreadable.as_ref()
    }
}

impl From<StorageError> for Refused {
    fn from(error: StorageError) -> Self {
        Self::new(Refusal::Storage, error)
    }
}

impl<P: Platform> Manager<P> {
    /// At boot: finds the ratchets and the apps again, and starts those that ran. Nothing is believed of a
    /// package because it was kept: it is verified and admitted like one that comes over the network.
    ///
    /// If the ratchets cannot be read, nothing can be installed in this boot: any old package would pass.
    ///
    /// If this is not the first life of wasm_manager since the boot, slots that run what they should go on untouched.
    pub fn restore(&mut self) {
        let earlier = self.slots.each_ref().map(Slot::earlier_orders);
        for (slot, orders) in self.slots.iter_mut().zip(&earlier) {
            orders.iter().for_each(|orders| slot.continue_behind(orders));
        }
        let is_again = earlier.iter().any(Option::is_some);
        let mut bytes = Vec::new();
        if let Err(error) = self.restore_keys() {
            self.kept.unreadable = Some(error);
        }
        let Some(storage) = self.platform.storage() else {
            log::warn!("no disk: apps, ratchets, keys and the event log last until the next boot");
            if is_again {
                self.kept.unreadable =
                    Some(StorageError("the ratchets were lost with wasm_manager's earlier life".into()));
                self.leave_alone(&earlier);
            }
            self.restore_journal(false, is_again);
            return;
        };
        match storage.read(RATCHETS, &mut bytes) {
            Ok(false) => {}
            Ok(true) => match decode_ratchets(&bytes) {
                Some(ratchet) => self.ratchet = ratchet,
                None => self.kept.unreadable = Some(StorageError("the kept ratchets make no sense".into())),
            },
            Err(error) => self.kept.unreadable = Some(error),
        }
        if let Some(error) = &self.kept.unreadable {
            log::error!("nothing can be installed: {error}");
            self.leave_alone(&earlier);
            self.restore_journal(true, is_again);
            return;
        }
        self.restore_journal(false, is_again);
        // The upload's buffer has room for any package.
        let mut package = self.upload.take();
        for (slot, earlier) in earlier.iter().enumerate() {
            match self.restore_slot(slot, earlier.as_ref(), &mut package) {
                Ok(()) => {}
                Err(refused) => log::error!("the app kept for slot {slot} stays out: {refused}"),
            }
            self.stop_unknown(slot, earlier.as_ref());
        }
        self.upload.put_back(package);
    }

    /// Apps of which nothing is known go on until the next boot: what they may do, others enforce.
    fn leave_alone(&mut self, earlier: &[Option<Orders>; SLOTS]) {
        for (slot, orders) in self.slots.iter_mut().zip(earlier) {
            let Some(orders) = orders.as_ref().filter(|orders| orders.command == Command::Run) else {
                continue;
            };
            slot.foreign = true;
            log::error!("{} goes on and cannot be managed until the next boot", orders.name.as_str());
        }
    }

    /// A slot that runs what nobody has kept: it is stopped, as if that had been done before.
    fn stop_unknown(&mut self, slot: usize, earlier: Option<&Orders>) {
        let runs = earlier.is_some_and(|orders| orders.command == Command::Run);
        let Some(place) = self.slots.get_mut(slot).filter(|place| runs && place.app.is_none()) else {
            return;
        };
        if let Err(error) = place.remove(&mut self.platform) {
            log::error!("slot {slot}: {error}");
        }
    }

    fn restore_slot(
        &mut self,
        slot: usize,
        earlier: Option<&Orders>,
        package: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        let storage = self.platform.storage().ok_or(Refusal::Internal)?;
        let mut bytes = Vec::new();
        if !storage.read(slot_record(slot), &mut bytes)? {
            return Ok(());
        }
        let saved = Saved::decode(&bytes).ok_or_else(|| StorageError("its record makes no sense".into()))?;
        storage.read_package(saved.package, package)?;
        // Known from here on, so that an install into this slot takes the place of the kept package too.
        if let Some(kept) = self.kept.slots.get_mut(slot) {
            *kept = Some(saved.clone());
        }
        let may_be = saved.back_at.map_or(MayBe::NoOlder, MayBe::Only);
        let found = self.examine(package, &may_be)?;
        let name = found.manifest.common.name.clone();
        if self.apps().any(|(_, other)| other.name() == name) {
            return Err(Refused::new(Refusal::Internal, "two slots have the same app"));
        }
        let mut app = app(found.manifest, found.signer, &found.admitted, &found.permitted, &found.texts);
        app.supervision = Supervision::restored(self.platform.now_us(), &saved.record, app.probation());
        app.rolled_back = saved.rolled_back;
        if saved.failed {
            app.state = AppState::Failed;
            app.reason = saved.reason;
        }
        self.warn_of_deadlines(slot, &app);
        let place = self.slots.get_mut(slot).ok_or(Refusal::Internal)?;
        if let Some(orders) = earlier.filter(|orders| saved.wanted && place.runs(orders, &app)) {
            place.take_over(orders, app, self.platform.now_us());
            // A swap that wasm_manager's earlier life began ends with that life.
            self.platform.voice(slot, 0, u64::MAX)?;
            log::info!("took over {name} in slot {slot}");
            self.slot_changed(slot);
            return Ok(());
        }
        log::info!("found {name} {} again in slot {slot}", app.manifest.app.version);
        place.install(&mut self.platform, app, found.module, saved.wanted)?;
        Ok(())
    }

    /// Keeps a package that is about to be installed, with its ratchet: at once or not at all. The version that it
    /// replaces is kept to be gone back to, unless it was on probation or had failed and there is a better one.
    pub(crate) fn keep_install(
        &mut self,
        slot: usize,
        package: &[u8],
        ratchet: &Ratchet,
        app: &App,
        start: bool,
    ) -> Result<(), Refused> {
        if let Some(error) = &self.kept.unreadable {
            return Err(error.clone().into());
        }
        let Some(storage) = self.platform.storage() else { return Ok(()) };
        let present = self.slots.get(slot).and_then(|slot| slot.app.as_ref());
        let number = free_package(self.kept.slots.iter().flatten());
        let journal = &mut self.journal;
        let kept = self.kept.slots.get_mut(slot).ok_or(Refusal::Internal)?;
        let mut saved = Saved::installed(number, app, start);
        saved.previous = kept.as_ref().zip(present).and_then(|(kept, present)| previous(kept, present, app));
        let (ratchets, record) = (encode_ratchets(ratchet), saved.encode());
        let mut changes = alloc::vec![
            Change::PutPackage(saved.package, package),
            Change::Put(RATCHETS, &ratchets),
            Change::Put(slot_record(slot), &record),
        ];
        let stays = saved.previous.as_ref().map(|previous| previous.package);
        let gone = kept.iter().flat_map(packages).filter(|number| Some(*number) != stays);
        changes.extend(gone.map(Change::RemovePackage));
        journal.change(Some(storage), &changes)?;
        *kept = Some(saved);
        Ok(())
    }

    /// Keeps that the app in `new` has taken the place of the one in `old`, with its ratchet: at once or not at all. The version
    /// before is kept as in [`Self::keep_install`].
    pub(crate) fn keep_swap(
        &mut self,
        old: usize,
        new: usize,
        package: &[u8],
        ratchet: &Ratchet,
    ) -> Result<(), Refused> {
        let app = |slot: usize| self.slots.get(slot).and_then(|slot| slot.app.as_ref());
        let (before, app) = (app(old), app(new).ok_or(Refusal::Internal)?);
        let Some(storage) = self.platform.storage() else { return Ok(()) };
        let kept = self.kept.slots.get(old).ok_or(Refusal::Internal)?;
        let mut saved = Saved::installed(free_package(self.kept.slots.iter().flatten()), app, true);
        saved.previous = kept.as_ref().zip(before).and_then(|(kept, before)| previous(kept, before, app));
        let (ratchets, record) = (encode_ratchets(ratchet), saved.encode());
        let mut changes = alloc::vec![
            Change::PutPackage(saved.package, package),
            Change::Put(RATCHETS, &ratchets),
            Change::Put(slot_record(new), &record),
            Change::Remove(slot_record(old)),
        ];
        let stays = saved.previous.as_ref().map(|previous| previous.package);
        let gone = kept.iter().flat_map(packages).filter(|number| Some(*number) != stays);
        changes.extend(gone.map(Change::RemovePackage));
        self.journal.change(Some(storage), &changes)?;
        for (slot, saved) in [(old, None), (new, Some(saved))] {
            *self.kept.slots.get_mut(slot).ok_or(Refusal::Internal)? = saved;
        }
        Ok(())
    }

    /// Keeps that a slot's app is to be the version before, whose package is there. It has no version before.
    pub(crate) fn keep_roll_back(&mut self, slot: usize, app: &App) -> Result<(), Refused> {
        let storage = self.platform.storage().ok_or(Refusal::NoPrevious)?;
        let kept = self.kept.slots.get_mut(slot).ok_or(Refusal::Internal)?;
        let present = kept.as_ref().ok_or(Refusal::NoPrevious)?;
        let previous = present.previous.as_ref().ok_or(Refusal::NoPrevious)?;
        let mut saved = Saved::installed(previous.package, app, true);
        saved.back_at = Some(Release::of(&app.manifest));
        let record = saved.encode();
        let changes = [Change::Put(slot_record(slot), &record), Change::RemovePackage(present.package)];
        self.journal.change(Some(storage), &changes)?;
        *kept = Some(saved);
        Ok(())
    }

    /// The version that a rollback of this slot would bring back.
    pub(crate) fn previous(&self, slot: usize) -> Option<&Previous> {
        self.kept.slots.get(slot)?.as_ref()?.previous.as_ref()
    }

    /// The same for people.
    pub(crate) fn previous_version(&self, slot: usize) -> Option<String> {
        self.previous(slot).map(|previous| previous.version.clone())
    }

    /// Keeps that a slot's app is gone. Its ratchet stays.
    pub(crate) fn keep_removal(&mut self, slot: usize) -> Result<(), Refused> {
        let Some(storage) = self.platform.storage() else { return Ok(()) };
        let kept = self.kept.slots.get_mut(slot).ok_or(Refusal::Internal)?;
        if let Some(saved) = kept {
            let mut changes = alloc::vec![Change::Remove(slot_record(slot))];
            changes.extend(packages(saved).map(Change::RemovePackage));
            self.journal.change(Some(storage), &changes)?;
            *kept = None;
        }
        Ok(())
    }

    /// Keeps whether a slot's app is to run, how often it had to be restarted and whether it is on probation, if that
    /// has changed.
    pub(crate) fn keep_state(&mut self, slot: usize) -> Result<(), Refused> {
        let now_us = self.platform.now_us();
        let Some(app) = self.slots.get(slot).and_then(|slot| slot.app.as_ref()) else { return Ok(()) };
        let Some(Some(kept)) = self.kept.slots.get_mut(slot) else { return Ok(()) };
        let now = kept.updated(app, now_us);
        if !now.is_as(kept) {
            let Some(storage) = self.platform.storage() else { return Ok(()) };
            self.journal.change(Some(storage), &[Change::Put(slot_record(slot), &now.encode())])?;
            *kept = now;
        }
        Ok(())
    }

    /// The same when nobody waits for an answer.
    pub(crate) fn keep_state_or_log(&mut self, slot: usize) {
        if let Err(refused) = self.keep_state(slot) {
            log::error!("slot {slot}: its state may be lost at the next boot: {refused}");
        }
    }
}

/// What an update of `present`, which is kept as `kept`, to `app` goes back to.
fn previous(kept: &Saved, present: &App, app: &App) -> Option<Previous> {
    let same = Release::of(&present.manifest) == Release::of(&app.manifest);
    let doubtful = present.supervision.is_on_probation() || present.state == AppState::Failed;
    if same || (doubtful && kept.previous.is_some()) {
        return kept.previous.clone();
    }
    let (release, version) = (Release::of(&present.manifest), present.manifest.app.version.clone());
    Some(Previous { package: kept.package, release, version })
}

/// The numbers of all packages of a slot.
fn packages(saved: &Saved) -> impl Iterator<Item = u32> {
    [Some(saved.package), saved.previous.as_ref().map(|previous| previous.package)].into_iter().flatten()
}
