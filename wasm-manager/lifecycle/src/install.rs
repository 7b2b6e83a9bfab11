// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Installing: everything is checked before anything changes.

use alloc::string::String;

use cofferdam_admission::{Admitted, SlotClass, admit_manifest};
use cofferdam_audit::{Event, What};
use cofferdam_host_abi::Limits;
use cofferdam_management_protocol::{AppState, DeviceMessage, Installed, Refusal};
use cofferdam_package::KeyId;
use cofferdam_package::manifest::{self, Manifest};
use cofferdam_policy::Permitted;
use cofferdam_restart::Supervision;
use cofferdam_slot_protocol::{
    ACTUATORS_MAX, ActuatorGrant, AppName, Command, Orders, Overrun, TextList, TextRefused, TopicGrant,
};
use cofferdam_verifier_protocol::{Found, Kind as Staged, PackageFound};

use crate::UTILISATION_PERMILLE_MAX;
use crate::app::{App, slot_number};
use crate::manager::{Manager, Outcome};
use crate::platform::Platform;
use crate::refusal::Refused;
use crate::saved::Release;
use crate::slots::choose;
use crate::upload::{Kind, Progress};

/// A package that may be installed.
pub(crate) struct Examined<'p> {
    pub(crate) manifest: Manifest,
    pub(crate) module: &'p [u8],
    pub(crate) signer: KeyId,
    pub(crate) permitted: Permitted,
    pub(crate) admitted: Admitted,
    pub(crate) texts: Texts,
    /// Of the whole package.
    pub(crate) sha256: [u8; 32],
}

/// Which release a package may be.
pub(crate) enum MayBe {
    /// What the ratchet lets through: every new install.
    NoOlder,
    /// This one alone: a version that was kept to be gone back to.
    Only(Release),
}

impl<P: Platform> Manager<P> {
    /// Takes a piece of a package; with the last one, installs it.
    pub(crate) fn chunk(&mut self, offset: u32, bytes: &[u8]) -> Outcome {
        self.commander = self.upload.by();
        match self.upload.chunk(offset, bytes) {
            Ok(Progress::Received { received_bytes }) => {
                self.reply(&DeviceMessage::Progress { received_bytes });
                Outcome::Uploading
            }
            Ok(Progress::Dropped) => Outcome::Uploading,
            Ok(Progress::Complete(announced)) => {
                let package = self.upload.take();
                let (what, outcome) = match announced.kind {
                    Kind::Package { start } => {
                        let installed = self.install(&package, start, announced.by);
                        ("install", installed.map(DeviceMessage::Installed))
                    }
                    Kind::Swap => ("swap", self.swap(&package, announced.by)),
                    Kind::Keys => {
                        let updated = self.update_keys(&package, announced.by);
                        ("list of keys", updated.map(|()| DeviceMessage::Done))
                    }
                };
                self.upload.put_back(package);
                match outcome {
                    Ok(message) => self.reply(&message),
                    Err(refused) => self.refuse(what, &refused),
                }
                Outcome::Authenticated
            }
            Err(Refusal::OutOfTurn) => {
                self.refuse("chunk", &Refusal::OutOfTurn.into());
                Outcome::AttemptFailed
            }
            Err(refusal) => {
                self.refuse("upload", &refusal.into());
                Outcome::Authenticated
            }
        }
    }

    /// Everything that can be said against a package.
    pub(crate) fn examine<'p>(&mut self, package: &'p [u8], may_be: &MayBe) -> Result<Examined<'p>, Refused> {
        let checked = self.ask_verifier(Staged::Package, package)?;
        let Found::Package(found) = checked.found else { return Err(Refused::of_nonsense()) };
        let PackageFound { claim, manifest, module: fits } = *found;
        let parts = claim.check(package, |id| self.anchors.key(id))?;
        let manifest = manifest.map_err(|complaint| Refused::hearsay(&complaint))?;
        let (manifest, module) = parts.with(manifest)?;
        // From here on both are what a trusted key signed.
        let signer = claim.signed.key;
        let common = &manifest.common;
        if common.vendor_id != self.identity.vendor_id || common.class_id != self.identity.class_id {
            return Err(Refusal::OtherClass.into());
        }
        match may_be {
            MayBe::NoOlder => self.ratchet.check(common, manifest.sequence)?,
            MayBe::Only(release) if release.is(&manifest) => {}
            MayBe::Only(_) => return Err(Refused::new(Refusal::Ratchet, "not the release that was kept")),
        }
        let anchor = self.anchors.anchor(&signer).ok_or(Refusal::Internal)?;
        let permitted = anchor.grant.permit(&manifest)?;
        let admitted = admit_manifest(&manifest, &SlotClass::SHARED)?;
        // The slot's interpreter looks at the module again, whatever the verifier says.
        fits.map_err(|complaint| Refused::hearsay(&complaint))?;
        self.check_total(&manifest, admitted.utilisation_permille)?;
        let texts = Texts::of(&manifest.app).map_err(|TextRefused| Refusal::Internal)?;
        Ok(Examined { manifest, module, signer, permitted, admitted, texts, sha256: checked.sha256 })
    }

    /// An app that replaces another version of itself is on probation, if its manifest says so.
    fn on_probation(&self, slot: usize, mut app: App) -> App {
        let present = self.slots.get(slot).and_then(|slot| slot.app.as_ref());
        let is_update = present.is_some_and(|present| {
            present.manifest.sequence != app.manifest.sequence || present.supervision.is_on_probation()
        });
        app.supervision = Supervision::new(self.platform.now_us(), app.probation().filter(|_| is_update));
        app
    }

    fn install(&mut self, package: &[u8], start: bool, by: KeyId) -> Result<Installed, Refused> {
        let examined = self.examine(package, &MayBe::NoOlder)?;
        self.covers(by, &examined.manifest.common.name)?;
        self.is_not_swapped(&examined.manifest.common.name)?;
        self.put(examined, package, start, Some(by))
    }

    /// Gives what was found in `package` a slot. `by` is whose command it was; the image itself has none.
    pub(crate) fn put(
        &mut self,
        examined: Examined<'_>,
        package: &[u8],
        start: bool,
        by: Option<KeyId>,
    ) -> Result<Installed, Refused> {
        let Examined { manifest, module, signer, permitted, admitted, texts, sha256 } = examined;
        let common = &manifest.common;
        let slot = choose(&self.slots, &common.name, manifest.app.priority).ok_or(Refusal::NoFreeSlot)?;
        let mut ratchet = self.ratchet.clone();
        ratchet.commit(common, manifest.sequence);
        let replaces = self.slots.get(slot).is_some_and(|slot| slot.app.is_some());
        let event = Event::new(if replaces { What::Replace } else { What::Install });
        let event = by.iter().fold(event, |event, by| event.by(by.0));
        let event = event.about(&common.name).signed_by(signer.0).number(manifest.sequence);
        let event = event.digest(sha256).text(&manifest.app.version);
        let app = app(manifest, signer, &admitted, &permitted, &texts);
        let app = self.on_probation(slot, app);
        self.check_deadlines(slot, &app)?;
        self.audit(event);
        if let Err(refused) = self.keep_install(slot, package, &ratchet, &app, start) {
            self.audit_retract();
            return Err(refused);
        }

        // From here on things change.
        self.ratchet = ratchet;
        let place = self.slots.get_mut(slot).ok_or(Refusal::Internal)?;
        let replaced = place.app.take().map(|app| app.manifest.app.version);
        let manifest = &app.manifest;
        let (name, version, sequence) =
            (manifest.common.name.clone(), manifest.app.version.clone(), manifest.sequence);
        // Said before the slot starts, so that the log has it in this order.
        log::info!("installed {name} {version} (sequence {sequence}) into slot {slot}");
        place.install(&mut self.platform, app, module, start)?;
        self.counters.installs = self.counters.installs.saturating_add(1);
        Ok(Installed { name, version, sequence, slot: slot_number(slot), replaced })
    }

    /// The same beside all that run: also the version that it is to replace.
    pub(crate) fn check_total_beside(&self, permille: u32) -> Result<(), Refused> {
        check_share(self.apps().fold(permille, |sum, (_, app)| sum.saturating_add(app.utilisation_permille)))
    }

    /// Whether all apps together leave time for the rest of the system, with this one in its own place.
    fn check_total(&self, manifest: &Manifest, permille: u32) -> Result<(), Refused> {
        let others = self.apps().filter(|(_, app)| app.name() != manifest.common.name);
        check_share(others.fold(permille, |sum, (_, app)| sum.saturating_add(app.utilisation_permille)))
    }
}

fn check_share(total: u32) -> Result<(), Refused> {
    if total > UTILISATION_PERMILLE_MAX {
        let detail = alloc::format!(
            "all apps up to {total} thousandths of the processor, at most {UTILISATION_PERMILLE_MAX}"
        );
        return Err(Refused::new(Refusal::Utilisation, detail));
    }
    Ok(())
}

/// What the app finds as its arguments and its environment. The manifest's bounds are those of the orders.
pub(crate) struct Texts {
    arguments: TextList,
    environment: TextList,
}

impl Texts {
    pub(crate) fn of(app: &manifest::App) -> Result<Self, TextRefused> {
        let mut texts = Self { arguments: TextList::EMPTY, environment: TextList::EMPTY };
        for argument in app.arguments() {
            texts.arguments.push(&[argument])?;
        }
        for variable in app.environment() {
            texts.environment.push(&[&variable.name, "=", &variable.value])?;
        }
        Ok(texts)
    }
}

pub(crate) fn app(
    manifest: Manifest,
    signer: KeyId,
    admitted: &Admitted,
    permitted: &Permitted,
    texts: &Texts,
) -> App {
    let app = &manifest.app;
    let mut actuators = [None; ACTUATORS_MAX];
    for (place, range) in actuators.iter_mut().zip(permitted.actuators) {
        *place = range.map(|range| ActuatorGrant { minimum: range.min, maximum: range.max });
    }
    let topics = permitted.devices.topics.map(|topic| {
        topic.map(|topic| TopicGrant {
            name: topic.name,
            publish: topic.publishes_per_second > 0,
            receive: topic.receives_per_second > 0,
        })
    });
    let orders = Orders {
        generation: 0,
        command: Command::Run,
        shape: admitted.shape,
        overrun: match app.overrun {
            manifest::Overrun::Skip => Overrun::Skip,
            manifest::Overrun::Stop => Overrun::Stop,
        },
        name: AppName::new(&manifest.common.name),
        module_length_bytes: manifest.common.size_bytes,
        period_us: app.period_us,
        deadline_us: app.deadline_us,
        random_seed: app.random_seed,
        sensors: permitted.sensors,
        actuators,
        topics,
        limits: admitted.limits,
        arguments: texts.arguments,
        environment: texts.environment,
        record: false,
    };
    App {
        orders,
        permissions: permitted.devices,
        signer,
        utilisation_permille: admitted.utilisation_permille,
        state: AppState::Stopped,
        reason: String::new(),
        supervision: Supervision::default(),
        rolled_back: String::new(),
        revoked: false,
        last_status: None,
        swap: None,
        manifest,
    }
}

// Every actuator that policy can permit has its place in the orders.
const _: () = assert!(ACTUATORS_MAX >= cofferdam_policy::ACTUATORS);
// And every list of texts that a manifest can hold has its place.
const _: () =
    assert!(Limits::TEXTS >= manifest::TEXTS_MAX && Limits::TEXTS_BYTES >= manifest::TEXTS_BYTES_MAX);
