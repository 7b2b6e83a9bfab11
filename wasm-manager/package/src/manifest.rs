// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The manifest: what an app is, what it needs and what it may touch.
//!
//! In CBOR it is a map with integer keys, the numbers beside the fields. Encoding is deterministic: keys
//! ascending, integers and lengths shortest, lengths definite, floating point numbers always 64 bits, absent
//! optional fields left out. [`Common`] takes its numbers from SUIT's parameters (vendor 1, class 2, digest 3,
//! size 14), so that who knows SUIT finds the same things in the same places.
//!
//! An unknown key is refused: a device must not run an app under a rule that it does not understand. So a new
//! field is optional, and a package that uses it says so by needing a newer device.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

pub use crate::permissions::{
    ActuatorPermission, List, PERMISSIONS_MAX, Permissions, RATE_HZ_MAX, Resource, TOPICS_MAX,
};

/// The layout version that this crate writes and reads.
pub const MANIFEST_VERSION: u32 = 1;
/// COSE's number for SHA-256.
pub const ALGORITHM_SHA256: i64 = -16;
/// Longest component name in bytes; also the length of the name field in a slot's orders.
pub const NAME_BYTES_MAX: usize = 32;
/// Longest version text in bytes.
pub const VERSION_BYTES_MAX: usize = 32;
/// Longest description in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 160;
/// Most arguments, and most variables of the environment.
pub const TEXTS_MAX: usize = 32;
/// Most bytes of all arguments together, and of all variables, with a zero byte after each.
pub const TEXTS_BYTES_MAX: usize = 1024;
/// Most restarts after a failure that a manifest may ask for.
pub const RESTARTS_MAX: u8 = 16;
/// Longest time from a failure to the restart: an hour, in microseconds.
pub const RESTART_DELAY_US_MAX: u64 = 3_600_000_000;
/// Longest time for which a restart counts: a week, in microseconds.
pub const RESTART_WINDOW_US_MAX: u64 = 604_800_000_000;
/// Longest probation: a week, in microseconds.
pub const PROBATION_US_MAX: u64 = 604_800_000_000;

/// Longest time of a swap's parts: ten minutes, in microseconds.
pub const SWAP_US_MAX: u64 = 600_000_000;

/// All that is signed about an app.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Manifest {
    /// Layout version, [`MANIFEST_VERSION`].
    #[n(1)]
    pub manifest_version: u32,
    /// Grows with each release of this component; a device refuses to go back.
    #[n(2)]
    pub sequence: u64,
    /// Which component this is.
    #[n(3)]
    pub common: Common,
    /// How it wants to run.
    #[n(32)]
    pub app: App,
    /// What it may touch.
    #[n(33)]
    pub permissions: Permissions,
}

/// The SUIT-shaped core.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Common {
    /// Component name: 1 to 32 of `a-z`, `0-9`, `-`, beginning with a letter.
    #[n(0)]
    pub name: String,
    /// For whose devices: the [`vendor_id`] of the device's maker.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub vendor_id: [u8; 16],
    /// For which kind of device of that vendor: see [`class_id`].
    #[cbor(n(2), with = "minicbor::bytes")]
    pub class_id: [u8; 16],
    /// The module's digest.
    #[n(3)]
    pub digest: Digest,
    /// The module's size in bytes.
    #[n(14)]
    pub size_bytes: u32,
}

/// A digest as SUIT writes it: `[algorithm, bytes]`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Digest {
    /// [`ALGORITHM_SHA256`].
    #[n(0)]
    pub algorithm: i64,
    /// The digest itself.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub bytes: [u8; 32],
}

/// How an app runs. Bounds here are what the app asks for; admission holds them against what a slot has.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct App {
    /// Version for people, such as `1.4.2`; nothing is decided by it.
    #[n(0)]
    pub version: String,
    /// One line for people.
    #[n(1)]
    pub description: Option<String>,
    /// Reactor or command.
    #[n(2)]
    pub shape: Shape,
    /// Time between two activations in microseconds. For a command: between two slices of fuel.
    #[n(3)]
    pub period_us: u64,
    /// Time within which an activation should be done, counted from its release, in microseconds.
    #[n(4)]
    pub deadline_us: u64,
    /// Fuel for one activation.
    #[n(5)]
    pub fuel_per_activation: u64,
    /// Fuel for instantiation, the start function and `cofferdam_init` together.
    #[n(6)]
    pub init_fuel: u64,
    /// Most linear memory in pages of 64 KiB.
    #[n(7)]
    pub memory_pages: u32,
    /// Most value stack in bytes.
    #[n(8)]
    pub value_stack_bytes: u32,
    /// Deepest nesting of calls.
    #[n(9)]
    pub call_depth: u32,
    /// Most host calls in one activation.
    #[n(10)]
    pub host_calls_per_activation: u32,
    /// Most log output in bytes a second.
    #[n(11)]
    pub log_bytes_per_second: u32,
    /// Seed of the app's random numbers: the same seed gives the same run.
    #[n(12)]
    pub random_seed: u64,
    /// How often wasm_manager starts the app again after it failed, until somebody starts or replaces it.
    #[n(13)]
    pub restarts: u8,
    /// Which slots it prefers.
    #[n(14)]
    pub priority: Priority,
    /// What an activation that misses its deadline leads to.
    #[n(15)]
    pub overrun: Overrun,
    /// Arguments of the program, without its name, which is the component's. Left out if there are none.
    #[n(16)]
    pub arguments: Option<Vec<String>>,
    /// Its environment. Left out if there is none.
    #[n(17)]
    pub environment: Option<Vec<Variable>>,
    /// When `restarts` count and what comes after them. Left out: at once, for ever, and then the app stays stopped.
    #[n(18)]
    pub restart: Option<Restart>,
    /// How this version has to prove itself where it replaces another. Left out: it has not.
    #[n(19)]
    pub probation: Option<Probation>,
    /// How this version takes over from one that runs, where it is swapped in. Left out: as [`Swap::DEFAULT`].
    #[n(20)]
    pub swap: Option<Swap>,
    /// Its deadline is hard: it is admitted only where it keeps it whatever all apps do within their manifests, and nothing is
    /// admitted beside it that would change that. Left out: it is not.
    #[n(21)]
    pub hard_deadline: Option<bool>,
}

/// How a version takes over from the one that runs, tick by tick on the same inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Swap {
    /// So long without a break has it to do what the running version does, before it takes over, in microseconds; at most
    /// [`SWAP_US_MAX`].
    #[n(0)]
    pub agree_us: u64,
    /// So long after it took over can it lose authority again, in microseconds; at most [`SWAP_US_MAX`].
    #[n(1)]
    pub watch_us: u64,
    /// How far a value may be from the running version's, in thousandths of the actuator's range; at most 1000.
    #[n(2)]
    pub divergence_permille: u32,
    /// How many ticks in a row may be further off after it took over.
    #[n(3)]
    pub divergent_ticks_max: u32,
}

impl Swap {
    /// Half a second of agreement within a twentieth of the range, and a second in which nothing may differ.
    pub const DEFAULT: Self =
        Self { agree_us: 500_000, watch_us: 1_000_000, divergence_permille: 50, divergent_ticks_max: 0 };

    fn is_sound(&self) -> bool {
        (1..=SWAP_US_MAX).contains(&self.agree_us)
            && self.watch_us <= SWAP_US_MAX
            && self.divergence_permille <= 1000
    }
}

/// How `restarts` count, and what comes after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Restart {
    /// Time from the first failure to the restart in microseconds; it doubles with each restart in the window.
    #[n(0)]
    pub delay_us: u64,
    /// Longest such time, at least `delay_us`, at most [`RESTART_DELAY_US_MAX`].
    #[n(1)]
    pub delay_max_us: u64,
    /// So long does a restart count, in microseconds, at most [`RESTART_WINDOW_US_MAX`].
    #[n(2)]
    pub window_us: u64,
    /// What happens when there are no more.
    #[n(3)]
    pub then: AfterRestarts,
}

/// What happens when an app fails and has no restarts left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
pub enum AfterRestarts {
    /// It stays stopped.
    #[n(0)]
    Stop,
    /// The version before takes its place, if the device has kept it; else it stays stopped.
    #[n(1)]
    RollBack,
}

/// How an update has to prove itself: until it has run for this time, anything that stops it (a trap, a bound, exhausted
/// fuel, a fault of its slot) or too many missed deadlines bring the version before back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Probation {
    /// For how long it has to run, in microseconds, at most [`PROBATION_US_MAX`].
    #[n(0)]
    pub time_us: u64,
    /// How many deadlines it may miss meanwhile, in one run.
    #[n(1)]
    pub missed_deadlines_max: u32,
}

impl App {
    /// Its arguments.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        self.arguments.as_deref().unwrap_or_default()
    }

    /// Its environment.
    #[must_use]
    pub fn environment(&self) -> &[Variable] {
        self.environment.as_deref().unwrap_or_default()
    }
}

/// A variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Variable {
    /// Letters, digits and `_`, not beginning with a digit.
    #[n(0)]
    pub name: String,
    /// Anything but a zero byte.
    #[n(1)]
    pub value: String,
}

/// The two shapes of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
pub enum Shape {
    /// Exports `cofferdam_init` and `cofferdam_tick`; activated once a period.
    #[n(0)]
    Reactor,
    /// Exports `_start`; runs to completion in slices of fuel.
    #[n(1)]
    Command,
}

/// Which slots an app prefers. Slot 0 has the highest priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
pub enum Priority {
    /// The free slot with the highest priority.
    #[n(0)]
    Control,
    /// The free slot with the lowest priority.
    #[n(1)]
    Background,
}

/// What an activation that misses its deadline leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
pub enum Overrun {
    /// It is counted, and releases missed meanwhile are skipped.
    #[n(0)]
    Skip,
    /// The app is stopped.
    #[n(1)]
    Stop,
}

/// Why a manifest is not acceptable by itself, whatever the device's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestError {
    /// Not a manifest in CBOR.
    Malformed,
    /// Unknown keys, or not the deterministic encoding.
    NotDeterministic,
    /// Written for another layout version.
    Version(u32),
    /// A field's value cannot be; the text names field and rule.
    Field(&'static str),
    /// An entry of the permissions cannot be.
    Permission {
        /// In which list.
        list: List,
        /// The place in it, from 0.
        index: usize,
        /// What it breaks.
        rule: &'static str,
    },
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a manifest"),
            Self::NotDeterministic => f.write_str("unknown key, or not in deterministic encoding"),
            Self::Version(found) => {
                write!(f, "manifest version {found}, this is for version {MANIFEST_VERSION}")
            }
            Self::Field(what) => f.write_str(what),
            Self::Permission { list, index, rule } => write!(f, "{list}[{index}]: {rule}"),
        }
    }
}

impl core::error::Error for ManifestError {}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let mut decoder = minicbor::Decoder::new(bytes);
        let manifest: Self = decoder.decode().map_err(|_| ManifestError::Malformed)?;
        if manifest.manifest_version != MANIFEST_VERSION {
            return Err(ManifestError::Version(manifest.manifest_version));
        }
        if manifest.encode() != bytes {
            return Err(ManifestError::NotDeterministic);
        }
        manifest.check()?;
        Ok(manifest)
    }

    /// The one encoding of this manifest.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        minicbor::to_vec(self).unwrap_or_default() // encoding into memory cannot fail
    }

    /// Checks the rules that need no policy.
    ///
    /// # Errors
    /// [`ManifestError::Version`], [`ManifestError::Field`] or [`ManifestError::Permission`].
    pub fn check(&self) -> Result<(), ManifestError> {
        if self.manifest_version != MANIFEST_VERSION {
            return Err(ManifestError::Version(self.manifest_version));
        }
        let Common { name, digest, size_bytes, .. } = &self.common;
        let app = &self.app;
        let rules = [
            (is_name(name), "name: 1 to 32 of a-z, 0-9 and '-', beginning with a letter"),
            (digest.algorithm == ALGORITHM_SHA256, "digest: only SHA-256 (-16)"),
            (*size_bytes > 0 && *size_bytes as usize <= crate::MODULE_BYTES_MAX, "size: 1 byte to 1 MiB"),
            (is_version(&app.version), "version: 1 to 32 printable characters without spaces"),
            (
                app.description.as_deref().is_none_or(is_description),
                "description: one line of at most 160 bytes",
            ),
            (app.period_us > 0, "period: more than 0"),
            (
                app.deadline_us > 0 && app.deadline_us <= app.period_us,
                "deadline: more than 0, at most the period",
            ),
            (app.fuel_per_activation > 0, "fuel_per_activation: more than 0"),
            (app.init_fuel > 0, "init_fuel: more than 0"),
            (app.restarts <= RESTARTS_MAX, "restarts: at most 16"),
            (
                app.restart.is_none_or(|restart| {
                    restart.delay_us <= restart.delay_max_us && restart.delay_max_us <= RESTART_DELAY_US_MAX
                }),
                "restart: delay at most delay_max, which is at most an hour",
            ),
            (
                app.restart.is_none_or(|restart| (1..=RESTART_WINDOW_US_MAX).contains(&restart.window_us)),
                "restart: window more than 0, at most a week",
            ),
            (
                app.probation.is_none_or(|probation| (1..=PROBATION_US_MAX).contains(&probation.time_us)),
                "probation: time more than 0, at most a week",
            ),
            (
                app.hard_deadline.is_none_or(|hard| hard && app.shape == Shape::Reactor),
                "hard_deadline: true or left out, and only of a reactor",
            ),
            (
                app.swap.is_none_or(|swap| swap.is_sound()),
                "swap: agree more than 0, agree and watch at most ten minutes, divergence at most 1000 thousandths",
            ),
            (
                app.arguments.as_ref().is_none_or(|all| fit(all.iter().map(|text| (text.as_str(), 1)))),
                "arguments: 1 to 32 without zero bytes, of at most 1,024 bytes together, one more for each",
            ),
            (
                app.environment.as_ref().is_none_or(|all| {
                    fit(all.iter().map(|v| (v.value.as_str(), v.name.len().saturating_add(2))))
                }),
                "environment: 1 to 32 variables without zero bytes, of at most 1,024 bytes together, two more for each",
            ),
            (
                app.environment().iter().all(|variable| is_variable(&variable.name)),
                "environment: names are of letters, digits and '_', not beginning with a digit",
            ),
            (
                all_different(app.environment().iter().map(|variable| &variable.name)),
                "environment: one is named twice",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(ManifestError::Field(rule)),
            None => self.permissions.check(),
        }
    }
}

/// Whether `name` can name a component or a device.
#[must_use]
pub fn is_name(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_version(text: &str) -> bool {
    !text.is_empty() && text.len() <= VERSION_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic())
}

fn is_description(text: &str) -> bool {
    text.len() <= DESCRIPTION_BYTES_MAX && !text.chars().any(char::is_control)
}

/// Whether texts, each with so many bytes beside it, can be handed to a program.
fn fit<'a>(mut texts: impl ExactSizeIterator<Item = (&'a str, usize)> + Clone) -> bool {
    let bytes = texts
        .clone()
        .fold(0usize, |sum, (text, beside)| sum.saturating_add(text.len()).saturating_add(beside));
    (1..=TEXTS_MAX).contains(&texts.len())
        && bytes <= TEXTS_BYTES_MAX
        && texts.all(|(text, _)| !text.contains('\0'))
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn all_different<'a>(names: impl Iterator<Item = &'a String> + Clone) -> bool {
    names
        .clone()
        .enumerate()
        .all(|(i, name)| names.clone().skip(i.saturating_add(1)).all(|other| other != name))
}

/// The vendor id of `vendor` (a domain name such as `example.com`).
#[must_use]
pub fn vendor_id(vendor: &str) -> [u8; 16] {
    id(b"cofferdam vendor", &[], vendor)
}

/// The class id of the kind of device `class` of this vendor.
#[must_use]
pub fn class_id(vendor_id: &[u8; 16], class: &str) -> [u8; 16] {
    id(b"cofferdam class", vendor_id, class)
}

/// An RFC 9562 version 8 UUID: the beginning of a SHA-256 with version and variant set.
fn id(kind: &[u8], within: &[u8], name: &str) -> [u8; 16] {
    let digest = crate::sha256(&[kind, b"\0", within, b"\0", name.as_bytes()].concat());
    let mut id = [0; 16];
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut id;
    *version = (*version & 0x0f) | 0x80;
    *variant = (*variant & 0x3f) | 0x80;
    id
}
