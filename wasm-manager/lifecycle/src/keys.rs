// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The keys that this device trusts, and taking a new list of them.

use alloc::string::ToString;
use alloc::vec::Vec;

use cofferdam_audit::{Event, What};
use cofferdam_management_protocol::{AppState, CHUNK_BYTES_MAX, DeviceMessage, KeysPart, Refusal};
use cofferdam_package::KeyId;
use cofferdam_policy::{KeyChain, chain};
use cofferdam_verifier_protocol::{Found, Kind};

use crate::SLOTS;
use crate::app::App;
use crate::manager::Manager;
use crate::platform::Platform;
use crate::refusal::Refused;
use crate::saved::KEY_LISTS;
use crate::storage::{Change, StorageError};

impl<P: Platform> Manager<P> {
    /// At boot: finds the newest accepted list again.
    ///
    /// # Errors
    /// If there is one and it does not follow from the image's: which keys were revoked is then not known.
    pub(crate) fn restore_keys(&mut self) -> Result<(), StorageError> {
        let mut bytes = Vec::new();
        let Some(storage) = self.platform.storage() else { return Ok(()) };
        if !storage.read(KEY_LISTS, &mut bytes)? {
            return Ok(());
        }
        match self.kept_keys(&bytes) {
            Ok(keys) => self.keys = keys,
            Err(refused) => return Err(StorageError(alloc::format!("the kept list of keys: {refused}"))),
        }
        self.anchors = self.keys.anchors().clone();
        if !self.keys.is_image() {
            log::info!("keys: list {} is in force, anchors={}", self.keys.list().version, self.anchors.len());
        }
        Ok(())
    }

    fn kept_keys(&mut self, bytes: &[u8]) -> Result<KeyChain, Refused> {
        let Found::KeyLists(claims) = self.ask_verifier(Kind::KeptLists, bytes)?.found else {
            return Err(Refused::of_nonsense());
        };
        let lists = chain::parts(claims, bytes).ok_or_else(Refused::of_nonsense)?;
        Ok(self.keys.restore_lists(&lists)?)
    }

    /// Takes a new list, if it is one: kept first, then in force.
    pub(crate) fn update_keys(&mut self, signed: &[u8], by: KeyId) -> Result<(), Refused> {
        if let Some(error) = self.kept.unreadable() {
            return Err(error.clone().into());
        }
        let checked = self.ask_verifier(Kind::KeyList, signed)?;
        let claim = match checked.found {
            Found::KeyLists(mut claims) if claims.len() == 1 => claims.pop(),
            _ => None,
        };
        let list = claim.and_then(|claim| claim.parts(signed)).ok_or_else(Refused::of_nonsense)?;
        let keys = self.keys.follow(&list)?;
        let version = keys.list().version;
        self.audit(Event::new(What::Keys).by(by.0).number(version).digest(checked.sha256));
        let record = keys.encode();
        if let Err(error) = self.journal.change(self.platform.storage(), &[Change::Put(KEY_LISTS, &record)]) {
            self.audit_retract();
            return Err(error.into());
        }
        self.keys = keys;
        self.anchors = self.keys.anchors().clone();
        log::info!("keys: list {version} is in force, anchors={}", self.anchors.len());
        self.end_any_swap("another list of keys came into force");
        self.judge_apps(by);
        Ok(())
    }

    /// Looks at every app under the keys in force: one that they do not permit any more does not start again, and is
    /// stopped if the list says so.
    fn judge_apps(&mut self, by: KeyId) {
        let stop = self.keys.list().stop_revoked;
        for slot in 0..SLOTS {
            let Some(app) = self.slots.get_mut(slot).and_then(|slot| slot.app.as_mut()) else { continue };
            let anchor = self.anchors.anchor(&app.signer);
            app.revoked = anchor.is_none_or(|anchor| anchor.grant.permit(&app.manifest).is_err());
            if !app.revoked {
                continue;
            }
            let (name, signer, active) =
                (app.name().to_string(), app.signer, app.is_active() || app.state == AppState::Waiting);
            if !(stop && active) {
                log::warn!(
                    "app {name}: the keys in force do not permit it any more; it will not start again"
                );
                continue;
            }
            log::warn!("app {name} stopped: the keys in force do not permit it any more");
            let platform = &mut self.platform;
            if let Some(Err(error)) = self.slots.get_mut(slot).map(|slot| slot.stop(platform)) {
                log::error!("slot {slot}: {error}");
            }
            let event = Event::new(What::Stop).by(by.0).about(&name).signed_by(signer.0);
            self.audit(event.text("by the list of keys"));
            self.keep_state_or_log(slot);
        }
    }

    /// Whether an app may be started under the keys in force.
    pub(crate) fn may_start(app: &App) -> Result<(), Refused> {
        if app.revoked { Err(Refused::new(Refusal::Revoked, app.name())) } else { Ok(()) }
    }

    /// Whether a key may have to do with an app of this name.
    pub(crate) fn covers(&self, signer: KeyId, name: &str) -> Result<(), Refused> {
        if self.anchors.anchor(&signer).is_some_and(|anchor| anchor.grant.covers(name)) {
            return Ok(());
        }
        let shown = if cofferdam_package::manifest::is_name(name) { name } else { "(not a name)" };
        let detail = alloc::format!("key {signer} has nothing to do with component {shown}");
        Err(Refused::new(Refusal::NotAuthorised, detail))
    }

    /// A piece of the list in force.
    pub(crate) fn keys_part(&self, offset: u32) -> DeviceMessage {
        let list = self.keys.list().encode();
        let rest = list.get(offset as usize..).unwrap_or_default();
        DeviceMessage::Keys(KeysPart {
            version: self.keys.list().version,
            from_image: self.keys.is_image(),
            list_bytes: u32::try_from(list.len()).unwrap_or(u32::MAX),
            bytes: rest.get(..CHUNK_BYTES_MAX).unwrap_or(rest).to_vec(),
        })
    }
}
