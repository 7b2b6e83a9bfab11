// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The messages. Those of the host are borrowed from the frame, so that reading one allocates nothing.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::frame::FrameError;

/// Host to device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostMessage<'a> {
    /// A signed command: COSE_Sign1 over the package crate's `CommandEnvelope`, whose `command` is a
    /// [`Command`] in postcard.
    Command(&'a [u8]),
    /// A piece of the package announced by the install under way. Pieces come in order and do not overlap.
    Chunk {
        /// Where the piece belongs.
        offset: u32,
        /// The piece, at most [`CHUNK_BYTES_MAX`](crate::CHUNK_BYTES_MAX) long.
        bytes: &'a [u8],
    },
}

impl<'a> HostMessage<'a> {
    /// Reads a message; nothing may follow it.
    ///
    /// # Errors
    /// [`FrameError::Malformed`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, FrameError> {
        all_of(bytes)
    }
}

/// What the host wants. Goes signed only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command<'a> {
    /// The device itself: [`DeviceMessage::Status`].
    Status,
    /// The installed apps: [`DeviceMessage::Apps`].
    List,
    /// Install or replace: [`DeviceMessage::Ready`], then chunks.
    Install {
        /// Length of the whole package.
        package_bytes: u32,
        /// SHA-256 of the whole package.
        package_sha256: [u8; 32],
        /// Whether to start it at once.
        start: bool,
    },
    /// Start a stopped app: [`DeviceMessage::Done`].
    Start {
        /// Its name.
        name: &'a str,
    },
    /// Stop a running app; it keeps its slot: [`DeviceMessage::Done`].
    Stop {
        /// Its name.
        name: &'a str,
    },
    /// Stop it and free its slot: [`DeviceMessage::Done`].
    Remove {
        /// Its name.
        name: &'a str,
    },
    /// What it logged: [`DeviceMessage::Logs`].
    Logs {
        /// Its name.
        name: &'a str,
        /// Where to go on: 0, or [`Logs::next`] of the reply before.
        since: u64,
    },
    /// How it runs: [`DeviceMessage::Stats`].
    Stats {
        /// Its name.
        name: &'a str,
    },
    /// Put the version before in its place and start it: [`DeviceMessage::Installed`].
    RollBack {
        /// Its name.
        name: &'a str,
    },
    /// What was signed about it, its permissions for one: [`DeviceMessage::Manifest`].
    Manifest {
        /// Its name.
        name: &'a str,
    },
    /// The list of keys in force: [`DeviceMessage::Keys`].
    Keys {
        /// From which byte of the list.
        offset: u32,
    },
    /// Put another list of keys in force: [`DeviceMessage::Ready`], then chunks as in an install, then
    /// [`DeviceMessage::Done`]. It takes no role: the list's own signatures decide.
    UpdateKeys {
        /// Length of the signed list.
        list_bytes: u32,
        /// SHA-256 of the signed list.
        list_sha256: [u8; 32],
    },
    /// The event log: [`DeviceMessage::Audit`].
    Audit {
        /// Entries after this number.
        after: u64,
    },
    /// How the protection domains do: [`DeviceMessage::Domains`].
    Domains,
    /// Start an app anew, also if it runs, and record what it asks and is answered: [`DeviceMessage::Done`].
    Record {
        /// Its name.
        name: &'a str,
    },
    /// What was recorded last in an app's slot: [`DeviceMessage::Recording`].
    Recording {
        /// The app's name.
        name: &'a str,
        /// From which byte on.
        offset: u32,
    },
    /// Start this version of a running app beside it and let it take over: [`DeviceMessage::Ready`], then chunks as in an
    /// install, then [`DeviceMessage::Swap`].
    Swap {
        /// Length of the whole package.
        package_bytes: u32,
        /// SHA-256 of the whole package.
        package_sha256: [u8; 32],
    },
    /// How the last swap of this app goes, or went: [`DeviceMessage::Swap`].
    SwapStatus {
        /// Its name.
        name: &'a str,
    },
}

impl<'a> Command<'a> {
    /// Reads a command; nothing may follow it.
    ///
    /// # Errors
    /// [`FrameError::Malformed`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, FrameError> {
        all_of(bytes)
    }

    /// The bytes to be signed.
    ///
    /// # Errors
    /// [`FrameError::Malformed`]; in memory it cannot happen.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        postcard::to_allocvec(self).map_err(|_| FrameError::Malformed)
    }
}

fn all_of<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        _ => Err(FrameError::Malformed),
    }
}

/// Device to host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceMessage {
    /// First on every connection.
    Greeting(Greeting),
    /// Instead of a greeting: another connection is being served. See [`BUSY_FRAME`](crate::BUSY_FRAME).
    Busy,
    /// An install was accepted so far: send the package.
    Ready {
        /// Longest piece that the device takes.
        chunk_bytes_max: u32,
    },
    /// So much of the package has arrived.
    Progress {
        /// Bytes from its beginning.
        received_bytes: u32,
    },
    /// An install is done.
    Installed(Installed),
    /// A start, stop or remove is done.
    Done,
    /// Answer to [`Command::Status`].
    Status(DeviceStatus),
    /// Answer to [`Command::List`]. There are at most four.
    Apps(Vec<AppEntry>),
    /// Answer to [`Command::Logs`].
    Logs(Logs),
    /// Answer to [`Command::Stats`].
    Stats(AppStats),
    /// The command, or the install under way, was refused. Nothing has changed.
    Refused {
        /// A [`Refusal`](crate::Refusal) code.
        code: u16,
        /// Why, for people: the refusal's text and what it was about.
        text: String,
    },
    /// Answer to [`Command::Manifest`].
    Manifest {
        /// The app's manifest in CBOR, as it was signed.
        manifest: Vec<u8>,
        /// The key that signed it.
        signer: [u8; 8],
    },
    /// Answer to [`Command::Keys`].
    Keys(KeysPart),
    /// Answer to [`Command::Audit`].
    Audit(AuditPage),
    /// Answer to [`Command::Domains`]. There are 32 at most.
    Domains(Vec<DomainFigures>),
    /// Answer to [`Command::Recording`].
    Recording(RecordingPart),
    /// A swap has begun; answer to [`Command::SwapStatus`].
    Swap(SwapStatus),
}

impl DeviceMessage {
    /// Reads a message; nothing may follow it.
    ///
    /// # Errors
    /// [`FrameError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        all_of(bytes)
    }
}

/// Who the device is and what the next command must be signed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION). Stays first.
    pub protocol_version: u16,
    /// The device's name.
    pub device_id: String,
    /// New at each boot.
    pub boot_nonce: [u8; 16],
    /// The sequence number that the next command must carry. Each authenticated command uses one up, also if
    /// it is refused for another reason.
    pub next_sequence: u64,
}

/// A piece of the list of keys in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysPart {
    /// The list's version.
    pub version: u64,
    /// Whether it is the one in the image.
    pub from_image: bool,
    /// Length of the whole list.
    pub list_bytes: u32,
    /// The piece: CBOR as the policy crate's `KeyList` describes it.
    pub bytes: Vec<u8>,
}

/// How far a swap is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SwapState {
    /// The new version runs as a shadow.
    #[default]
    Shadow,
    /// It takes over with the next tick.
    HandingOver,
    /// It has authority, and the version before runs on as a shadow.
    Watching,
    /// It is the installed version.
    Done,
    /// The version before is what it was; [`SwapStatus::reason`] says why.
    Failed,
}

/// A swap of two versions of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapStatus {
    /// The app.
    pub name: String,
    /// How far it is.
    pub state: SwapState,
    /// Why it failed, or why the two do not agree at present; else empty.
    pub reason: String,
    /// The version before, for people.
    pub from_version: String,
    /// Its slot.
    pub from_slot: u8,
    /// The new version, for people.
    pub to_version: String,
    /// Its slot.
    pub to_slot: u8,
    /// Its sequence number.
    pub sequence: u64,
    /// In so many ticks in a row must the two agree before the new one takes over.
    pub needed_ticks: u32,
    /// In so many do they now.
    pub agreed_ticks: u32,
    /// Ticks in which both were compared.
    pub compared_ticks: u64,
    /// Ticks in which an output did not get a value that counts.
    pub missed_ticks: u64,
    /// Largest difference in the ticks that agree in a row, in thousandths of an output's range.
    pub worst_permille: u32,
    /// Longest time between two values that counted of one output, in microseconds.
    pub longest_us: u64,
    /// When the new version took over, since boot; 0: it never did.
    pub taken_over_us: u64,
}

/// What an app is in a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SwapRole {
    /// What it writes counts.
    Counts,
    /// What it writes is compared and moves nothing.
    Shadow,
}

/// A piece of a recording: the word of a slot that runs untrusted code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingPart {
    /// Tells one recording from the next.
    pub generation: u64,
    /// Length so far.
    pub length_bytes: u32,
    /// There is no room for more.
    pub full: bool,
    /// Activations so far; loading is one.
    pub activations: u64,
    /// The piece, as the recording crate describes it.
    pub bytes: Vec<u8>,
}

/// A stretch of the event log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// Number of the last entry before these.
    pub first_sequence: u64,
    /// The chain's hash there.
    pub first_hash: [u8; 32],
    /// Entries, oldest first. Empty: there are no more.
    pub entries: Vec<AuditEntry>,
    /// Number of the newest entry that there is.
    pub head_sequence: u64,
}

/// An entry of the event log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its bytes, as the audit crate describes them.
    pub entry: Vec<u8>,
    /// The chain's hash behind it.
    pub hash: [u8; 32],
}

/// The outcome of an install.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// The component's name.
    pub name: String,
    /// Its version for people.
    pub version: String,
    /// Its sequence number.
    pub sequence: u64,
    /// The slot that it has.
    pub slot: u8,
    /// The version that it replaces, if it replaces one.
    pub replaced: Option<String>,
}

/// The device itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// Time since boot.
    pub uptime_us: u64,
    /// Slots for apps.
    pub slots: u8,
    /// Slots without an app.
    pub free_slots: u8,
    /// Trusted keys.
    pub anchors: u8,
    /// Installs done since boot.
    pub installs: u64,
    /// Commands and installs refused since boot.
    pub refusals: u64,
    /// Faults of slots' protection domains since boot.
    pub slot_faults: u64,
    /// Heap of wasm_manager in use.
    pub manager_heap_bytes: u64,
    /// Fuel that apps burn in a millisecond at least, as far as admission relies on it.
    pub fuel_per_ms: u64,
}

/// What an app is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AppState {
    /// The slot is instantiating it.
    Starting,
    /// It runs.
    Running,
    /// A command ended by itself with this exit code.
    Exited(i32),
    /// Stopped by command.
    Stopped,
    /// Stopped by the device; [`AppEntry::reason`] says why.
    Failed,
    /// It failed and is started again in [`AppEntry::restart_in_us`].
    Waiting,
}

/// An installed app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppEntry {
    /// The component's name.
    pub name: String,
    /// Its version for people.
    pub version: String,
    /// Its sequence number.
    pub sequence: u64,
    /// The slot that it has.
    pub slot: u8,
    /// What it is doing.
    pub state: AppState,
    /// Why it failed; else empty.
    pub reason: String,
    /// The key that signed it.
    pub signer: [u8; 8],
    /// Its module's size.
    pub module_bytes: u32,
    /// How often the device has restarted it after a failure, since somebody started it.
    pub restarts: u32,
    /// Time until it is started again, if it waits for that.
    pub restart_in_us: Option<u64>,
    /// What is left of its probation, if it is on probation.
    pub probation_left_us: Option<u64>,
    /// The version that a rollback would bring back, if one is kept.
    pub previous: Option<String>,
    /// From which version and why it was rolled back to this one; else empty.
    pub rolled_back: String,
    /// What it is in a swap, if it is in one. Then two entries have its name.
    pub swap: Option<SwapRole>,
}

/// How many values there were with 0, 1, 2 … significant bits: number `k` counts those from `2^(k-1)` to `2^k - 1`. The
/// last of 32 counts all that are larger; zeroes at the end are left out.
pub type Histogram = Vec<u64>;

/// How an app runs, since its last start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppStats {
    /// The slot that it has.
    pub slot: u8,
    /// Activations: ticks of a reactor, slices of a command.
    pub activations: u64,
    /// Releases that fell into a later one because the app was still busy.
    pub missed_releases: u64,
    /// Activations that ended after their deadline.
    pub overruns: u64,
    /// Fuel of the last activation.
    pub fuel_last: u64,
    /// Most fuel of one activation.
    pub fuel_max: u64,
    /// Fuel of all activations.
    pub fuel_total: u64,
    /// Longest activation in microseconds.
    pub execution_max_us: u64,
    /// Latest start of an activation after its release, in microseconds.
    pub jitter_max_us: u64,
    /// The most linear memory that it had, in pages of 64 KiB: memory never shrinks.
    pub memory_pages: u64,
    /// Most calls to the host in one activation.
    pub host_calls: u64,
    /// Log output dropped because of its rate, in bytes.
    pub log_dropped_bytes: u64,
    /// How often its protection domain had used up its budget before it was done; 0 on a kernel without budgets.
    pub budgets_used_up: u64,
    /// Restarts after a failure, since somebody started it.
    pub restarts: u64,
    /// Time of all activations in microseconds.
    pub execution_total_us: u64,
    /// Log lines written.
    pub log_lines: u64,
    /// How late activations began, in microseconds: a [`Histogram`].
    pub jitter_us: Histogram,
    /// How long activations took, in microseconds.
    pub execution_us: Histogram,
    /// How much fuel activations used.
    pub fuel: Histogram,
    /// Calls to the host, all together.
    pub host_calls_total: u64,
}

/// What is known of a protection domain since boot; `None`: nobody knows. Slots' figures come from their parent,
/// wasm_manager, those of wasm_manager and gateway from supervisor, and `log_lost_bytes` from console; what a protection
/// domain says of its queues is its own word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainFigures {
    /// Its name in `system.xml`.
    pub name: String,
    /// Its faults.
    pub faults: Option<u64>,
    /// How often it was started again after a failure.
    pub restarts: Option<u64>,
    /// How often it had used up its budget before it was done; 0 on a kernel without budgets.
    pub budgets_used_up: Option<u64>,
    /// Bytes of its log that console could not read before they were overwritten.
    pub log_lost_bytes: Option<u64>,
    /// Frames and records that it threw away.
    pub dropped: Option<u64>,
    /// How often a queue out of it was full.
    pub held_up: Option<u64>,
    /// How often a neighbour broke the rules of a queue.
    pub misbehaviour: Option<u64>,
}

/// A stretch of an app's log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logs {
    /// The lines, oldest first. Empty: there are no more for now.
    pub lines: Vec<LogLine>,
    /// What to ask for next.
    pub next: u64,
    /// Bytes that were overwritten before they were read.
    pub lost_bytes: u64,
    /// What the app was doing just before the lines were read: once it is over, no more will come.
    pub state: Option<AppState>,
    /// Why it failed; else empty.
    pub reason: String,
}

/// One line of an app's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When, since boot.
    pub time_us: u64,
    /// 1 error, 2 warning, 3 information, 4 debug, 5 trace.
    pub level: u8,
    /// What. It comes from the app: escape it before showing it.
    pub text: String,
}
