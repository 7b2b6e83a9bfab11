// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Status: how the app in a slot is doing.
//!
//! The slot has the higher priority and may publish while the manager copies, so there is a sequence lock
//! around the fields ([`sequence_lock`]).

use core::fmt;

use cofferdam_shared_memory::sequence_lock::{self, SequenceWriter};
use cofferdam_shared_memory::{OutOfBounds, SharedRegion};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use crate::text::DETAIL_BYTES;
use crate::{AppState, Detail, StopReason, VERSION};

/// "CFST": first word of a status.
const MAGIC: u32 = u32::from_le_bytes(*b"CFST");
/// The sequence number's word: before everything else.
const SEQUENCE_AT: usize = 0;
const FIELDS_AT: usize = 8;
/// A correct slot changes its status once per activation and needs a microsecond for it; who sees it
/// changing this often sees one that misbehaves.
const ATTEMPTS: usize = 8;

/// Bytes at the start of the status region.
pub const STATUS_BYTES: usize = FIELDS_AT + size_of::<StatusLayout>();

const _: () = assert!(STATUS_BYTES == 328);

#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct StatusLayout {
    magic: u32,
    version: u32,
    generation: u64,
    state: u32,
    /// 0 if there is none.
    reason: u32,
    exit_code: i32,
    padding: u32,
    counters: Counters,
    detail: [u8; DETAIL_BYTES],
}

/// What the slot counts since the app was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Counters {
    /// Ticks of a reactor, slices of a command.
    pub activations: u64,
    /// Releases that passed while an activation was still under way or the slot could not run.
    pub missed_releases: u64,
    /// Activations that were not over at their deadline.
    pub overruns: u64,
    /// Fuel used by the last activation.
    pub fuel_last: u64,
    /// Most fuel used by an activation.
    pub fuel_max: u64,
    /// Fuel used by all activations.
    pub fuel_total: u64,
    /// Fuel used by instantiation, the start function and `cofferdam_init`.
    pub fuel_init: u64,
    /// Time that the last activation took, in µs.
    pub execution_last_us: u64,
    /// Longest time that an activation took, in µs.
    pub execution_max_us: u64,
    /// Time of all activations, in µs.
    pub execution_total_us: u64,
    /// Longest time from a release to the start of its activation, in µs.
    pub jitter_max_us: u64,
    /// Sum of these times, in µs.
    pub jitter_total_us: u64,
    /// Host calls in the last activation.
    pub host_calls_last: u64,
    /// Most host calls in an activation.
    pub host_calls_max: u64,
    /// Pages of 64 KiB of linear memory.
    pub memory_pages: u64,
    /// How often `memory.grow` was refused.
    pub grows_refused: u64,
    /// Log lines written.
    pub log_lines: u64,
    /// Log bytes dropped because of the rate limit.
    pub log_bytes_dropped: u64,
    /// Time that translation and instantiation took, in µs.
    pub load_us: u64,
    /// When the app began to run, in µs of the device's clock.
    pub started_us: u64,
    /// Bytes of the slot's heap in use after loading.
    pub heap_used_bytes: u64,
    /// Host calls in all activations.
    pub host_calls_total: u64,
}

/// Status, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// That of the orders which this status is about; zero before the first.
    pub generation: u64,
    /// Where the app is in its life.
    pub state: AppState,
    /// Why it was stopped; some exactly if `state` is [`AppState::Stopped`].
    pub reason: Option<StopReason>,
    /// What a command exited with.
    pub exit_code: i32,
    /// Numbers.
    pub counters: Counters,
    /// More about the reason.
    pub detail: Detail,
}

impl Status {
    /// Nothing runs.
    pub const fn idle(generation: u64) -> Self {
        Self {
            generation,
            state: AppState::Idle,
            reason: None,
            exit_code: 0,
            counters: Counters {
                activations: 0,
                missed_releases: 0,
                overruns: 0,
                fuel_last: 0,
                fuel_max: 0,
                fuel_total: 0,
                fuel_init: 0,
                execution_last_us: 0,
                execution_max_us: 0,
                execution_total_us: 0,
                jitter_max_us: 0,
                jitter_total_us: 0,
                host_calls_last: 0,
                host_calls_max: 0,
                memory_pages: 0,
                grows_refused: 0,
                log_lines: 0,
                log_bytes_dropped: 0,
                load_us: 0,
                started_us: 0,
                heap_used_bytes: 0,
                host_calls_total: 0,
            },
            detail: Detail::EMPTY,
        }
    }

    fn layout(&self) -> StatusLayout {
        StatusLayout {
            magic: MAGIC,
            version: VERSION,
            generation: self.generation,
            state: self.state.code(),
            reason: self.reason.map_or(0, StopReason::code),
            exit_code: self.exit_code,
            padding: 0,
            counters: self.counters,
            detail: *self.detail.padded(),
        }
    }

    fn from_layout(layout: &StatusLayout) -> Result<Self, StatusError> {
        match (layout.magic, layout.version) {
            (MAGIC, VERSION) => {}
            (0, _) => return Err(StatusError::Unwritten),
            (magic, version) => return Err(StatusError::Header { magic, version }),
        }
        let state = AppState::from_code(layout.state).ok_or(StatusError::State(layout.state))?;
        let reason = match layout.reason {
            0 => None,
            code => Some(StopReason::from_code(code).ok_or(StatusError::Reason(code))?),
        };
        if reason.is_some() != (state == AppState::Stopped) {
            return Err(StatusError::Reason(layout.reason));
        }
        Ok(Self {
            generation: layout.generation,
            state,
            reason,
            exit_code: layout.exit_code,
            counters: layout.counters,
            detail: Detail::from_padded(&layout.detail),
        })
    }
}

/// The slot's side.
#[derive(Debug)]
pub struct StatusWriter(SequenceWriter);

impl StatusWriter {
    /// Takes over the region, which is large enough or this fails.
    pub fn new(region: SharedRegion) -> Result<Self, OutOfBounds> {
        region.part(0, STATUS_BYTES)?;
        // A slot that was stopped in the middle of a write left an odd number.
        let sequence = region.load_u64_relaxed(SEQUENCE_AT)? & !1;
        Ok(Self(SequenceWriter::new(region, SEQUENCE_AT, sequence)))
    }

    /// Publishes a status.
    pub fn publish(&mut self, status: &Status) -> Result<(), OutOfBounds> {
        self.0.write(|region| region.copy_in(FIELDS_AT, status.layout().as_bytes()))
    }
}

/// The manager's side: a consistent, checked copy.
pub fn read_status(region: SharedRegion) -> Result<Status, StatusError> {
    let copy = sequence_lock::read(&region, SEQUENCE_AT, ATTEMPTS, |region| {
        let mut layout = StatusLayout::new_zeroed();
        region.copy_out(FIELDS_AT, layout.as_mut_bytes())?;
        Ok(layout)
    });
    Status::from_layout(&copy.map_err(StatusError::Region)?.ok_or(StatusError::Unstable)?)
}

/// Why there is no status to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusError {
    /// The region is too small.
    Region(OutOfBounds),
    /// The slot has not written one yet.
    Unwritten,
    /// It kept changing. A slot that was stopped in the middle of a write gives this, too.
    Unstable,
    /// Not a status of this version.
    Header {
        /// First word.
        magic: u32,
        /// Second word.
        version: u32,
    },
    /// No such state.
    State(u32),
    /// No such reason, or one where there should be none, or none where there should be one.
    Reason(u32),
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region(error) => error.fmt(f),
            Self::Unwritten => f.write_str("no status written yet"),
            Self::Unstable => f.write_str("status keeps changing"),
            Self::Header { magic, version } => write!(f, "no status: {magic:#x} version {version}"),
            Self::State(code) => write!(f, "unknown state {code}"),
            Self::Reason(code) => write!(f, "stop reason {code} does not fit"),
        }
    }
}

impl core::error::Error for StatusError {}

#[cfg(test)]
mod tests;
