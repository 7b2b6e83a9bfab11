// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Going back to the version before: only to the one that was kept when it was replaced, and only as a whole. The ratchet
//! for new installs does not go back with it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use cofferdam_audit::{Event, What};
use cofferdam_management_protocol::{AppState, Installed, Refusal};
use cofferdam_package::PACKAGE_BYTES_MAX;
use cofferdam_restart::Supervision;

use crate::app::slot_number;
use crate::install::{MayBe, app};
use crate::manager::Manager;
use crate::platform::Platform;
use crate::refusal::Refused;

impl<P: Platform> Manager<P> {
    /// An app has used up its chances and stands: brings the version before back, or says why it cannot.
    pub(crate) fn roll_back_by_itself(&mut self, slot: usize) {
        let Some(app) = self.slots.get(slot).and_then(|slot| slot.app.as_ref()) else { return };
        let (name, signer, reason) = (app.name().to_string(), app.signer, app.reason.clone());
        let Err(refused) = self.roll_back(slot, &reason) else { return };
        log::error!("app {name} stays stopped, not rolled back: {refused}");
        let event = Event::new(What::GiveUp).about(&name).signed_by(signer.0);
        self.audit_limited(event.text(&alloc::format!("it stays stopped, not rolled back: {refused}")));
        let Some(app) = self.slots.get_mut(slot).and_then(|slot| slot.app.as_mut()) else { return };
        app.supervision.end_probation();
        app.state = AppState::Failed;
        app.reason = alloc::format!("{reason}; not rolled back: {refused}");
    }

    /// Puts the version before into the place of a slot's app and starts it. Everything is checked before anything
    /// changes, and it counts when it is kept.
    pub(crate) fn roll_back(&mut self, slot: usize, why: &str) -> Result<Installed, Refused> {
        let (from, name) = match self.slots.get(slot).and_then(|slot| slot.app.as_ref()) {
            Some(app) => (app.manifest.app.version.clone(), app.name().to_string()),
            None => return Err(Refusal::Internal.into()),
        };
        let Some(previous) = self.previous(slot).cloned() else {
            let detail = match self.platform.storage() {
                Some(_) => "none was kept",
                None => "there is no disk to keep one",
            };
            return Err(Refused::new(Refusal::NoPrevious, detail));
        };
        let storage = self.platform.storage().ok_or(Refusal::NoPrevious)?;
        // The upload's buffer may be in use.
        let mut package = Vec::new();
        package.try_reserve_exact(PACKAGE_BYTES_MAX).map_err(|_| Refusal::Internal)?;
        storage.read_package(previous.package, &mut package)?;
        let found = self.examine(&package, &MayBe::Only(previous.release))?;
        if found.manifest.common.name != name {
            return Err(Refused::new(Refusal::Internal, "the version before is another app"));
        }
        let mut app = app(found.manifest, found.signer, &found.admitted, &found.permitted, &found.texts);
        app.supervision = Supervision::new(self.platform.now_us(), None);
        app.rolled_back = rolled_back(&from, why);
        self.warn_of_deadlines(slot, &app);
        let (version, sequence) = (app.manifest.app.version.clone(), app.manifest.sequence);
        let event = Event::new(What::RollBack).about(&name).signed_by(app.signer.0).number(sequence);
        let event = event.digest(found.sha256).text(&app.rolled_back);
        self.audit(match self.commander {
            Some(key) => event.by(key.0),
            None => event,
        });
        if let Err(refused) = self.keep_roll_back(slot, &app) {
            self.audit_retract();
            return Err(refused);
        }

        // From here on things change.
        log::warn!("app {name} rolled back from {from} to {version}: {why}");
        let place = self.slots.get_mut(slot).ok_or(Refusal::Internal)?;
        place.install(&mut self.platform, app, found.module, true)?;
        Ok(Installed { name, version, sequence, slot: slot_number(slot), replaced: Some(from) })
    }
}

fn rolled_back(from: &str, why: &str) -> String {
    alloc::format!("{from}: {why}")
}
