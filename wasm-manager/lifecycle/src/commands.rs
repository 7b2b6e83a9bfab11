// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Commands: authenticate, authorise, act.

use alloc::string::ToString;

use cofferdam_audit::{Event, What};
use cofferdam_management_protocol::{
    AppState, CHUNK_BYTES_MAX, Command, DeviceMessage, DeviceStatus, Logs, RecordingPart, Refusal,
};
use cofferdam_package::{KeyId, PACKAGE_BYTES_MAX};
use cofferdam_policy::Role;
use cofferdam_policy::list::SIGNED_LIST_BYTES_MAX;
use cofferdam_recording::{Header, read_part};
use cofferdam_verifier_protocol::{Found, Kind as Staged};

use crate::app::{App, slot_number, stats};
use crate::manager::{Manager, Outcome};
use crate::platform::Platform;
use crate::refusal::Refused;
use crate::swap::Swapping;
use crate::upload::{Announced, Kind};
use crate::{SLOTS, logs};

/// Bytes of a recording in one reply, so that it fits a frame.
const RECORDING_BYTES_MAX: usize = 3072;
/// Longest reason beside lines of a log, so that both fit a frame.
const LOGS_REASON_CHARS_MAX: usize = 100;

impl<P: Platform> Manager<P> {
    /// Handles a signed command and answers it.
    pub(crate) fn command(&mut self, signed: &[u8]) -> Outcome {
        let (command, signer) = match self.authenticate(signed) {
            Ok(authenticated) => authenticated,
            Err(refused) => {
                self.refuse("command", &refused);
                return Outcome::AttemptFailed;
            }
        };
        self.commander = Some(signer);
        if self.upload.under_way() {
            // The sequence number is not used up: the command may come again when the upload is over.
            self.upload.reset();
            self.refuse("upload", &Refused::new(Refusal::OutOfTurn, "a command came in the middle"));
            return Outcome::Authenticated;
        }
        self.upload.reset(); // chunks of a refused upload are late no longer
        self.next_sequence = self.next_sequence.saturating_add(1);
        match self.act(command, signer) {
            Ok(message) => self.reply(&message),
            Err(refused) => self.refuse("command", &refused),
        }
        if self.upload.under_way() { Outcome::Uploading } else { Outcome::Authenticated }
    }

    /// Who signed this command, for this device, for this boot and for now.
    fn authenticate<'c>(&mut self, signed: &'c [u8]) -> Result<(&'c [u8], KeyId), Refused> {
        let Found::Command(claim) = self.ask_verifier(Staged::Command, signed)?.found else {
            return Err(Refused::of_nonsense());
        };
        let command = claim.check(signed, |id| self.anchors.key(id)).map_err(Refused::of_command)?;
        // From here on the claim is what a trusted key signed.
        if claim.device_id != self.identity.device_id {
            return Err(Refusal::OtherDevice.into());
        }
        if Some(claim.nonce) != self.identity.boot_nonce {
            return Err(Refusal::OtherBoot.into());
        }
        if claim.sequence != self.next_sequence {
            let detail = alloc::format!("{}, expected {}", claim.sequence, self.next_sequence);
            return Err(Refused::new(Refusal::WrongSequence, detail));
        }
        Ok((command, claim.signed.key))
    }

    fn act(&mut self, command: &[u8], signer: KeyId) -> Result<DeviceMessage, Refused> {
        let command =
            Command::decode(command).map_err(|error| Refused::new(Refusal::MalformedCommand, error))?;
        let role = match command {
            Command::Status
            | Command::List
            | Command::Logs { .. }
            | Command::Stats { .. }
            | Command::Manifest { .. }
            | Command::Keys { .. }
            | Command::Domains
            | Command::Recording { .. }
            | Command::SwapStatus { .. }
            | Command::Audit { .. } => Some(Role::Read),
            Command::Start { .. } | Command::Stop { .. } | Command::Record { .. } => Some(Role::Control),
            Command::Install { .. }
            | Command::Swap { .. }
            | Command::Remove { .. }
            | Command::RollBack { .. } => Some(Role::Install),
            // The list's own signatures decide.
            Command::UpdateKeys { .. } => None,
        };
        if let Some(role) = role
            && !self.anchors.anchor(&signer).is_some_and(|anchor| anchor.grant.allows(role))
        {
            return Err(Refused::new(
                Refusal::NotAuthorised,
                alloc::format!("key {signer} has no role {role}"),
            ));
        }
        match command {
            Command::Status => Ok(DeviceMessage::Status(self.status())),
            Command::List => {
                let now_us = self.platform.now_us();
                let entry = |(slot, app): (usize, &App)| app.entry(slot, now_us, self.previous_version(slot));
                let apps = self.apps().map(entry).collect();
                Ok(DeviceMessage::Apps(apps))
            }
            Command::Install { package_bytes, package_sha256, start } => {
                self.ready(package_bytes, PACKAGE_BYTES_MAX, package_sha256, Kind::Package { start }, signer)
            }
            Command::Swap { package_bytes, package_sha256 } => {
                self.ready(package_bytes, PACKAGE_BYTES_MAX, package_sha256, Kind::Swap, signer)
            }
            Command::SwapStatus { name } => self.swap_status(name),
            Command::UpdateKeys { list_bytes, list_sha256 } => {
                self.ready(list_bytes, SIGNED_LIST_BYTES_MAX, list_sha256, Kind::Keys, signer)
            }
            Command::Keys { offset } => Ok(self.keys_part(offset)),
            Command::Audit { after } => Ok(self.audit_page(after)),
            Command::Domains => Ok(DeviceMessage::Domains(self.domains())),
            Command::Start { name } => self.start(name, signer),
            Command::Manifest { name } => {
                let (_, app) = self.find_to_see(name)?;
                Ok(DeviceMessage::Manifest { manifest: app.manifest.encode(), signer: app.signer.0 })
            }
            Command::Stop { name } => self.stop(name, signer),
            Command::Record { name } => self.record(name, signer),
            Command::Recording { name, offset } => self.recording(name, offset),
            Command::Remove { name } => self.remove(name, signer),
            Command::RollBack { name } => {
                self.covers(signer, name)?;
                self.is_not_swapped(name)?;
                let (slot, _) = self.find(name)?;
                self.roll_back(slot, "by command").map(DeviceMessage::Installed)
            }
            Command::Logs { name, since } => {
                let (slot, app) = self.find_to_see(name)?;
                let region = self.slots.get(slot).ok_or(Refusal::Internal)?.regions().log;
                let logs = logs::read(region, app.name(), since);
                let reason = app.reason.chars().take(LOGS_REASON_CHARS_MAX).collect();
                Ok(DeviceMessage::Logs(Logs { state: Some(app.state), reason, ..logs }))
            }
            Command::Stats { name } => {
                let (slot, app) = self.find_to_see(name)?;
                let place = self.slots.get(slot).ok_or(Refusal::Internal)?;
                let live = if app.is_active() { place.status() } else { None };
                let status = live.as_ref().or(app.last_status.as_ref());
                let (used_up, restarts) = (place.budgets_used_up, app.supervision.restarts());
                Ok(DeviceMessage::Stats(stats(slot, status, place.regions().status, used_up, restarts)))
            }
        }
    }

    /// Begins an upload of what a command announced.
    fn ready(
        &mut self,
        bytes: u32,
        bytes_max: usize,
        sha256: [u8; 32],
        kind: Kind,
        by: KeyId,
    ) -> Result<DeviceMessage, Refused> {
        let package_bytes = bytes as usize;
        if package_bytes == 0 {
            return Err(Refused::new(Refusal::Truncated, "an empty package"));
        }
        if package_bytes > bytes_max {
            let detail = alloc::format!("{package_bytes} bytes, at most {bytes_max}");
            return Err(Refused::new(Refusal::TooLarge, detail));
        }
        self.upload.begin(Announced { package_bytes, sha256, kind, by });
        let chunk_bytes_max = u32::try_from(CHUNK_BYTES_MAX).unwrap_or(u32::MAX);
        Ok(DeviceMessage::Ready { chunk_bytes_max })
    }

    fn start(&mut self, name: &str, by: KeyId) -> Result<DeviceMessage, Refused> {
        self.covers(by, name)?;
        self.is_not_swapped(name)?;
        let (slot, app) = self.find(name)?;
        Self::may_start(app)?;
        if app.is_active() {
            return Err(Refused::new(Refusal::AlreadyRunning, name));
        }
        self.slots.get_mut(slot).ok_or(Refusal::Internal)?.start(&mut self.platform)?;
        log::info!("app {name} started by command");
        self.audit(Event::new(What::Start).by(by.0).about(name));
        self.keep_state(slot)?;
        Ok(DeviceMessage::Done)
    }

    /// Starts an app anew with a recording.
    fn record(&mut self, name: &str, by: KeyId) -> Result<DeviceMessage, Refused> {
        self.covers(by, name)?;
        self.is_not_swapped(name)?;
        let (slot, app) = self.find(name)?;
        Self::may_start(app)?;
        self.slots.get_mut(slot).ok_or(Refusal::Internal)?.record(&mut self.platform)?;
        log::info!("app {name} started by command, to be recorded");
        self.audit(Event::new(What::Start).by(by.0).about(name).text("to be recorded"));
        self.keep_state(slot)?;
        Ok(DeviceMessage::Done)
    }

    /// A piece of what was recorded last in an app's slot: nothing of an app that had the slot before.
    fn recording(&self, name: &str, offset: u32) -> Result<DeviceMessage, Refused> {
        let (slot, _) = self.find(name)?;
        let place = self.slots.get(slot).ok_or(Refusal::Internal)?;
        let part = read_part(place.regions().recording, offset, RECORDING_BYTES_MAX);
        let nothing =
            || Refused::new(Refusal::NoRecording, "nothing was recorded of this app since it was installed");
        let part = part.filter(|part| place.recorded == Some(part.header.generation)).ok_or_else(nothing)?;
        let Header { generation, length_bytes, full, activations } = part.header;
        Ok(DeviceMessage::Recording(RecordingPart {
            generation,
            length_bytes,
            full,
            activations,
            bytes: part.bytes,
        }))
    }

    fn stop(&mut self, name: &str, by: KeyId) -> Result<DeviceMessage, Refused> {
        self.covers(by, name)?;
        self.end_swap(name, "it is stopped by command");
        let (slot, app) = self.find(name)?;
        if !app.is_active() && app.state != AppState::Waiting {
            return Err(Refused::new(Refusal::NotRunning, name));
        }
        self.slots.get_mut(slot).ok_or(Refusal::Internal)?.stop(&mut self.platform)?;
        log::info!("app {name} stopped: by command");
        self.audit(Event::new(What::Stop).by(by.0).about(name));
        self.keep_state(slot)?;
        Ok(DeviceMessage::Done)
    }

    fn remove(&mut self, name: &str, by: KeyId) -> Result<DeviceMessage, Refused> {
        self.covers(by, name)?;
        self.end_swap(name, "it is removed by command");
        let (slot, app) = self.find(name)?;
        let event = Event::new(What::Remove).by(by.0).about(name);
        let event = event.signed_by(app.signer.0).number(app.manifest.sequence);
        self.audit(event);
        if let Err(refused) = self.keep_removal(slot) {
            self.audit_retract();
            return Err(refused);
        }
        self.slots.get_mut(slot).ok_or(Refusal::Internal)?.remove(&mut self.platform)?;
        log::info!("removed {name} from slot {slot}");
        Ok(DeviceMessage::Done)
    }

    fn status(&self) -> DeviceStatus {
        DeviceStatus {
            uptime_us: self.platform.now_us(),
            slots: slot_number(SLOTS),
            free_slots: slot_number(self.slots.iter().filter(|slot| slot.is_free()).count()),
            anchors: slot_number(self.anchors.len()),
            installs: self.counters.installs,
            refusals: self.counters.refusals,
            slot_faults: self.counters.slot_faults,
            manager_heap_bytes: self.platform.heap_used_bytes(),
            fuel_per_ms: self.speed.fuel_per_ms,
        }
    }

    /// The installed apps with their slots.
    pub(crate) fn apps(&self) -> impl Iterator<Item = (usize, &App)> {
        self.slots.iter().enumerate().filter_map(|(slot, entry)| Some((slot, entry.app.as_ref()?)))
    }

    /// An installed app with its slot. While it is swapped, that is the version before.
    pub(crate) fn find(&self, name: &str) -> Result<(usize, &App), Refused> {
        let new = self.swapping.as_ref().map(Swapping::new_slot);
        let found = self.apps().find(|(slot, app)| app.name() == name && Some(*slot) != new);
        // The name comes from outside, if only from a trusted key: keep it out of the log when it is none.
        let shown = if cofferdam_package::manifest::is_name(name) { name } else { "(not a name)" };
        found.ok_or_else(|| Refused::new(Refusal::NoSuchApp, shown.to_string()))
    }

    /// The same to look at: `NAME@SLOT` is the app of that name in that slot.
    fn find_to_see(&self, name: &str) -> Result<(usize, &App), Refused> {
        let Some((plain, number)) = name.split_once('@') else { return self.find(name) };
        let number = number.parse().ok();
        let found = self.apps().find(|(slot, app)| Some(*slot) == number && app.name() == plain);
        found.map_or_else(|| self.find(name), Ok)
    }
}
