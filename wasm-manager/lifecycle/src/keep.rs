// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Keeping what has to survive a reboot, and finding it again at boot.

use alloc::vec::Vec;

use cofferdam_management_protocol::{AppState, Refusal};

use crate::SLOTS;
use crate::install::app;
use crate::manager::Manager;
use crate::platform::Platform;
use crate::ratchet::Ratchet;
use crate::refusal::Refused;
use crate::saved::{RATCHETS, Saved, decode_ratchets, encode_ratchets, next_package, slot_record};
use crate::storage::{Change, StorageError};

/// What is known to be kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Why nothing can be installed: there is a storage, but what it holds cannot be read.
    unreadable: Option<StorageError>,
    slots: [Option<Saved>; SLOTS],
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
    pub fn restore(&mut self) {
        let mut bytes = Vec::new();
        let Some(storage) = self.platform.storage() else {
            log::warn!("no disk: apps and ratchets last until the next boot");
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
            return;
        }
        // The upload's buffer has room for any package.
        let mut package = self.upload.take();
        for slot in 0..SLOTS {
            match self.restore_slot(slot, &mut package) {
                Ok(()) => {}
                Err(refused) => log::error!("the app kept for slot {slot} stays out: {refused}"),
            }
        }
        self.upload.put_back(package);
    }

    fn restore_slot(&mut self, slot: usize, package: &mut Vec<u8>) -> Result<(), Refused> {
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
        let found = self.examine(package)?;
        let name = found.manifest.common.name.clone();
        if self.apps().any(|(_, other)| other.name() == name) {
            return Err(Refused::new(Refusal::Internal, "two slots have the same app"));
        }
        let place = self.slots.get_mut(slot).ok_or(Refusal::Internal)?;
        let mut app = app(found.manifest, found.signer, &found.admitted, &found.permitted, &found.texts);
        app.restarts = saved.restarts;
        if saved.failed {
            app.state = AppState::Failed;
            app.reason = saved.reason;
        }
        log::info!("found {name} {} again in slot {slot}", app.manifest.app.version);
        place.install(&mut self.platform, app, found.module, saved.wanted)?;
        Ok(())
    }

    /// Keeps a package that is about to be installed, with its ratchet: at once or not at all.
    pub(crate) fn keep_install(
        &mut self,
        slot: usize,
        package: &[u8],
        ratchet: &Ratchet,
        start: bool,
    ) -> Result<(), Refused> {
        if let Some(error) = &self.kept.unreadable {
            return Err(error.clone().into());
        }
        let Some(storage) = self.platform.storage() else { return Ok(()) };
        let kept = self.kept.slots.get_mut(slot).ok_or(Refusal::Internal)?;
        let present = kept.as_ref().map(|saved| saved.package);
        let saved = Saved::installed(next_package(slot, present), start);
        let (ratchets, record) = (encode_ratchets(ratchet), saved.encode());
        let changes = [
            Change::PutPackage(saved.package, package),
            Change::Put(RATCHETS, &ratchets),
            Change::Put(slot_record(slot), &record),
            Change::RemovePackage(present.unwrap_or(0)),
        ];
        let count = if present.is_some() { 4 } else { 3 };
        storage.change(changes.get(..count).unwrap_or(&changes))?;
        *kept = Some(saved);
        Ok(())
    }

    /// Keeps that a slot's app is gone. Its ratchet stays.
    pub(crate) fn keep_removal(&mut self, slot: usize) -> Result<(), Refused> {
        let Some(storage) = self.platform.storage() else { return Ok(()) };
        let kept = self.kept.slots.get_mut(slot).ok_or(Refusal::Internal)?;
        if let Some(saved) = kept {
            storage.change(&[Change::Remove(slot_record(slot)), Change::RemovePackage(saved.package)])?;
            *kept = None;
        }
        Ok(())
    }

    /// Keeps whether a slot's app is to run, and how often it had to be restarted, if that has changed.
    pub(crate) fn keep_state(&mut self, slot: usize) -> Result<(), Refused> {
        let Some(app) = self.slots.get(slot).and_then(|slot| slot.app.as_ref()) else { return Ok(()) };
        let Some(Some(kept)) = self.kept.slots.get_mut(slot) else { return Ok(()) };
        let now = Saved::of(app, kept.package);
        if now != *kept {
            let Some(storage) = self.platform.storage() else { return Ok(()) };
            storage.change(&[Change::Put(slot_record(slot), &now.encode())])?;
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
