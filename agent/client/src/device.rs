// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What can be asked of a device. Every command is signed for this device, this boot and this place in the
//! sequence.

use cofferdam_audit::{Export, Place};
use cofferdam_management_protocol::{
    AppEntry, AppStats, AuditEntry, CHUNK_BYTES_MAX, Command, DeviceMessage, DeviceStatus, DomainFigures,
    Greeting, HostMessage, Installed, Logs, RecordingPart, Refusal, SwapStatus,
};
use cofferdam_package::{CommandEnvelope, PACKAGE_BYTES_MAX, SigningKey, sha256, sign_command};

use crate::connection::{Connection, OnBusy, Patience, unexpected};
use crate::error::ClientError;
use crate::recording::Recording;

/// How many chunks may be under way before the device has confirmed the first of them.
const CHUNKS_UNDER_WAY: usize = 8;

/// Longest signed list of keys, as the policy crate has it.
const KEY_LIST_BYTES_MAX: usize = 0x2000;

/// Longest recording that is fetched: more than a slot has room for.
const RECORDING_BYTES_MAX: usize = 0x10_0000;

/// A device and a key that it is hoped to trust.
pub struct Device<'k> {
    connection: Connection,
    key: &'k SigningKey,
    sequence: u64,
}

impl<'k> Device<'k> {
    /// Connects; see [`Connection::open`].
    pub fn connect(
        address: &str,
        key: &'k SigningKey,
        patience: &Patience,
        on_busy: OnBusy<'_>,
    ) -> Result<Self, ClientError> {
        Ok(Self::over(Connection::open(address, patience, on_busy)?, key))
    }

    /// Speaks through a connection that is open already and over which no command was sent yet.
    pub fn over(connection: Connection, key: &'k SigningKey) -> Self {
        let sequence = connection.greeting().next_sequence;
        Self { connection, key, sequence }
    }

    /// What the device said first.
    pub fn greeting(&self) -> &Greeting {
        self.connection.greeting()
    }

    /// The connection, for what is not a command: tests.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// The device itself.
    pub fn status(&mut self) -> Result<DeviceStatus, ClientError> {
        match self.request(&Command::Status)? {
            DeviceMessage::Status(status) => Ok(status),
            other => Err(unexpected(&other)),
        }
    }

    /// The installed apps.
    pub fn list(&mut self) -> Result<Vec<AppEntry>, ClientError> {
        match self.request(&Command::List)? {
            DeviceMessage::Apps(apps) => Ok(apps),
            other => Err(unexpected(&other)),
        }
    }

    /// Starts an app that does not run.
    pub fn start(&mut self, name: &str) -> Result<(), ClientError> {
        self.done(&Command::Start { name })
    }

    /// Stops an app; it keeps its slot.
    pub fn stop(&mut self, name: &str) -> Result<(), ClientError> {
        self.done(&Command::Stop { name })
    }

    /// Stops an app and frees its slot.
    pub fn remove(&mut self, name: &str) -> Result<(), ClientError> {
        self.done(&Command::Remove { name })
    }

    /// Puts the version before into an app's place and starts it.
    pub fn roll_back(&mut self, name: &str) -> Result<Installed, ClientError> {
        match self.request(&Command::RollBack { name })? {
            DeviceMessage::Installed(installed) => Ok(installed),
            other => Err(unexpected(&other)),
        }
    }

    /// A stretch of an app's log.
    pub fn logs(&mut self, name: &str, since: u64) -> Result<Logs, ClientError> {
        match self.request(&Command::Logs { name, since })? {
            DeviceMessage::Logs(logs) => Ok(logs),
            other => Err(unexpected(&other)),
        }
    }

    /// How an app runs.
    pub fn stats(&mut self, name: &str) -> Result<AppStats, ClientError> {
        match self.request(&Command::Stats { name })? {
            DeviceMessage::Stats(stats) => Ok(stats),
            other => Err(unexpected(&other)),
        }
    }

    /// Starts an app anew, also if it runs, and has it recorded.
    pub fn record(&mut self, name: &str) -> Result<(), ClientError> {
        self.done(&Command::Record { name })
    }

    /// A piece of what was recorded last of an app.
    pub fn recording_part(&mut self, name: &str, offset: u32) -> Result<RecordingPart, ClientError> {
        match self.request(&Command::Recording { name, offset })? {
            DeviceMessage::Recording(part) => Ok(part),
            other => Err(unexpected(&other)),
        }
    }

    /// What was recorded last of an app, as far as it was when this is asked. It is the device's word.
    pub fn recording(&mut self, name: &str) -> Result<Recording, ClientError> {
        let (manifest, _) = self.manifest(name)?;
        let mut first: Option<RecordingPart> = None;
        let mut bytes = Vec::new();
        loop {
            let part = self.recording_part(name, u32::try_from(bytes.len()).unwrap_or(u32::MAX))?;
            let first = first.get_or_insert_with(|| RecordingPart { bytes: Vec::new(), ..part.clone() });
            let begun_anew = first.generation != part.generation;
            let whole = first.length_bytes as usize;
            let over = part.bytes.is_empty() || begun_anew;
            if !begun_anew {
                bytes.extend(part.bytes);
            }
            if over || bytes.len() >= whole || bytes.len() > RECORDING_BYTES_MAX {
                bytes.truncate(whole);
                let device_id = &self.connection.greeting().device_id;
                return Ok(Recording::new(device_id, manifest, first.full, first.activations, bytes));
            }
        }
    }

    /// How the protection domains do.
    pub fn domains(&mut self) -> Result<Vec<DomainFigures>, ClientError> {
        match self.request(&Command::Domains)? {
            DeviceMessage::Domains(domains) => Ok(domains),
            other => Err(unexpected(&other)),
        }
    }

    /// What was signed about an installed app: its manifest in CBOR, and the key.
    pub fn manifest(&mut self, name: &str) -> Result<(Vec<u8>, [u8; 8]), ClientError> {
        match self.request(&Command::Manifest { name })? {
            DeviceMessage::Manifest { manifest, signer } => Ok((manifest, signer)),
            other => Err(unexpected(&other)),
        }
    }

    /// Installs `package`, or replaces the component of that name; `progress` hears how many bytes have arrived.
    ///
    /// After an error the connection is of no more use: chunks may still be under way.
    pub fn install(
        &mut self,
        package: &[u8],
        start: bool,
        progress: &mut dyn FnMut(u32),
    ) -> Result<Installed, ClientError> {
        let command =
            |package_bytes, package_sha256| Command::Install { package_bytes, package_sha256, start };
        match self.upload(package, PACKAGE_BYTES_MAX, &command, progress)? {
            DeviceMessage::Installed(installed) => Ok(installed),
            other => Err(unexpected(&other)),
        }
    }

    /// Starts `package` beside the running version of its app, from which it is to take over; `progress` as in
    /// [`Self::install`].
    ///
    /// After an error the connection is of no more use.
    pub fn swap(&mut self, package: &[u8], progress: &mut dyn FnMut(u32)) -> Result<SwapStatus, ClientError> {
        let command = |package_bytes, package_sha256| Command::Swap { package_bytes, package_sha256 };
        match self.upload(package, PACKAGE_BYTES_MAX, &command, progress)? {
            DeviceMessage::Swap(status) => Ok(status),
            other => Err(unexpected(&other)),
        }
    }

    /// How the last swap of an app goes, or went.
    pub fn swap_status(&mut self, name: &str) -> Result<SwapStatus, ClientError> {
        match self.request(&Command::SwapStatus { name })? {
            DeviceMessage::Swap(status) => Ok(status),
            other => Err(unexpected(&other)),
        }
    }

    /// Puts a signed list of keys in force.
    ///
    /// After an error the connection is of no more use.
    pub fn update_keys(&mut self, signed: &[u8]) -> Result<(), ClientError> {
        let command = |list_bytes, list_sha256| Command::UpdateKeys { list_bytes, list_sha256 };
        match self.upload(signed, KEY_LIST_BYTES_MAX, &command, &mut |_| ())? {
            DeviceMessage::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// The list of keys in force in CBOR, its version, and whether it is the image's.
    pub fn keys(&mut self) -> Result<(Vec<u8>, u64, bool), ClientError> {
        let mut list = Vec::new();
        loop {
            let offset = u32::try_from(list.len()).unwrap_or(u32::MAX);
            let part = match self.request(&Command::Keys { offset })? {
                DeviceMessage::Keys(part) => part,
                other => return Err(unexpected(&other)),
            };
            list.extend(&part.bytes);
            let whole = list.len() >= part.list_bytes as usize;
            if whole || part.bytes.is_empty() || list.len() > KEY_LIST_BYTES_MAX {
                return Ok((list, part.version, part.from_image));
            }
        }
    }

    /// The event log, from its oldest entry. Nothing is verified.
    pub fn audit(&mut self) -> Result<Export, ClientError> {
        let mut export = None;
        let mut after = 0;
        loop {
            let page = match self.request(&Command::Audit { after })? {
                DeviceMessage::Audit(page) => page,
                other => return Err(unexpected(&other)),
            };
            let first = Place { sequence: page.first_sequence, hash: page.first_hash };
            let device_id = &self.connection.greeting().device_id;
            let export = export.get_or_insert_with(|| Export::new(device_id, first));
            let count = page.entries.len() as u64;
            for AuditEntry { entry, hash } in &page.entries {
                export.push(entry, *hash);
            }
            after = page.first_sequence.saturating_add(count);
            if count == 0 || after >= page.head_sequence {
                return Ok(export.clone());
            }
        }
    }

    /// Announces `bytes` by a command and sends them in chunks; gives what answers the last one.
    fn upload(
        &mut self,
        bytes: &[u8],
        bytes_max: usize,
        command: &dyn Fn(u32, [u8; 32]) -> Command<'static>,
        progress: &mut dyn FnMut(u32),
    ) -> Result<DeviceMessage, ClientError> {
        let too_large = ClientError::TooLarge { bytes: bytes.len() };
        if bytes.len() > bytes_max {
            return Err(too_large);
        }
        let length = u32::try_from(bytes.len()).map_err(|_| too_large)?;
        let chunk_bytes = match self.request(&command(length, sha256(bytes)))? {
            DeviceMessage::Ready { chunk_bytes_max } => (chunk_bytes_max as usize).clamp(1, CHUNK_BYTES_MAX),
            other => return Err(unexpected(&other)),
        };
        let mut under_way = 0;
        let mut offset: u32 = 0;
        for piece in bytes.chunks(chunk_bytes) {
            if let Err(error) = self.connection.send(&HostMessage::Chunk { offset, bytes: piece }) {
                // A device that refuses may close at once: its reason says more than a broken pipe.
                return match self.answer() {
                    Err(refused @ ClientError::Refused { .. }) => Err(refused),
                    _ => Err(error),
                };
            }
            offset = offset.saturating_add(u32::try_from(piece.len()).unwrap_or(u32::MAX));
            under_way += 1;
            if under_way == CHUNKS_UNDER_WAY {
                self.confirmed(progress)?;
                under_way -= 1;
            }
        }
        // The last chunk is answered by the outcome.
        loop {
            match self.answer()? {
                DeviceMessage::Progress { received_bytes } => progress(received_bytes),
                outcome => {
                    progress(length);
                    return Ok(outcome);
                }
            }
        }
    }

    /// Signs a command with the sequence number that comes next, without sending it.
    pub fn sign(&self, command: &Command<'_>) -> Result<Vec<u8>, ClientError> {
        let greeting = self.connection.greeting();
        let command = command.encode()?;
        let envelope = CommandEnvelope {
            device_id: &greeting.device_id,
            nonce: greeting.boot_nonce,
            sequence: self.sequence,
            command: &command,
        };
        Ok(sign_command(&envelope, self.key))
    }

    /// Signs and sends a command and gives the first message that answers it; a refusal is an error.
    pub fn request(&mut self, command: &Command<'_>) -> Result<DeviceMessage, ClientError> {
        let signed = self.sign(command)?;
        self.connection.send(&HostMessage::Command(&signed))?;
        let answer = self.answer();
        // The device counts what it could authenticate, refused for another reason or not.
        let authentic = !matches!(
            answer.as_ref().err().and_then(ClientError::refusal),
            Some(
                Refusal::MalformedCommand
                    | Refusal::UnknownKey
                    | Refusal::BadSignature
                    | Refusal::OtherDevice
                    | Refusal::OtherBoot
                    | Refusal::WrongSequence
            )
        );
        if authentic {
            self.sequence = self.sequence.wrapping_add(1);
        }
        answer
    }

    fn confirmed(&mut self, progress: &mut dyn FnMut(u32)) -> Result<(), ClientError> {
        match self.answer()? {
            DeviceMessage::Progress { received_bytes } => {
                progress(received_bytes);
                Ok(())
            }
            other => Err(unexpected(&other)),
        }
    }

    fn done(&mut self, command: &Command<'_>) -> Result<(), ClientError> {
        match self.request(command)? {
            DeviceMessage::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    fn answer(&mut self) -> Result<DeviceMessage, ClientError> {
        match self.connection.receive()? {
            DeviceMessage::Refused { code, text } => Err(ClientError::Refused { code, text }),
            message => Ok(message),
        }
    }
}
