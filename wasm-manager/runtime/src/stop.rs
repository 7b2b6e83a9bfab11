// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Why an app does not go on, in words that its author understands.

use core::fmt;

use cofferdam_slot_protocol::{Detail, StopReason};
use wasmi::errors::{ErrorKind, InstantiationError};
use wasmi::{Error, TrapCode};
use wasmi_core::HostError;

/// The end of an app that was not its own will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// The kind of reason.
    pub reason: StopReason,
    /// Where and how, for people.
    pub detail: Detail,
}

impl Stop {
    pub(crate) fn new(reason: StopReason, detail: fmt::Arguments<'_>) -> Self {
        Self { reason, detail: Detail::format(detail) }
    }

    /// What an error that came out of running `export` means.
    pub(crate) fn from_run(error: &Error, export: &str) -> Self {
        if let Some(Interrupt::HostCalls { limit }) = error.downcast_ref() {
            return Self::new(
                StopReason::HostCallsExhausted,
                format_args!("in {export}: more than {limit} host calls in one activation"),
            );
        }
        match error.kind().as_trap_code() {
            Some(code) => Self::new(reason_of(code), format_args!("in {export}")),
            None => Self::new(StopReason::OtherTrap, format_args!("in {export}: {error}")),
        }
    }

    /// What an error that came out of instantiation means. The start function runs in there, too.
    pub(crate) fn from_instantiation(error: &Error) -> Self {
        let ran = matches!(error.kind(), ErrorKind::Host(_) | ErrorKind::I32ExitStatus(_));
        if ran || error.kind().as_trap_code().is_some() {
            return Self::from_run(error, "instantiation or start function");
        }
        // The library's text for this one shows its innards.
        if let ErrorKind::Instantiation(InstantiationError::ElementSegmentDoesNotFit { .. }) = error.kind() {
            return Self::new(
                StopReason::TableOutOfBounds,
                format_args!("in instantiation: element segment"),
            );
        }
        Self::new(StopReason::InstantiationFailed, format_args!("{error}"))
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

impl core::error::Error for Stop {}

fn reason_of(code: TrapCode) -> StopReason {
    match code {
        TrapCode::UnreachableCodeReached => StopReason::Unreachable,
        TrapCode::MemoryOutOfBounds => StopReason::MemoryOutOfBounds,
        TrapCode::TableOutOfBounds => StopReason::TableOutOfBounds,
        TrapCode::IndirectCallToNull => StopReason::IndirectCallToNull,
        TrapCode::IntegerDivisionByZero => StopReason::DivisionByZero,
        TrapCode::IntegerOverflow => StopReason::IntegerOverflow,
        TrapCode::BadConversionToInteger => StopReason::ConversionToInteger,
        TrapCode::StackOverflow => StopReason::StackExhausted,
        TrapCode::BadSignature => StopReason::IndirectCallType,
        TrapCode::OutOfFuel => StopReason::FuelExhausted,
        _ => StopReason::OtherTrap,
    }
}

/// How a host function leaves the app without answering.
#[derive(Debug)]
pub(crate) enum Interrupt {
    /// Stop: too many host calls.
    HostCalls { limit: u32 },
    /// Answer at this time; the app sleeps until then.
    Sleep { until_us: u64 },
}

impl fmt::Display for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostCalls { limit } => write!(f, "more than {limit} host calls"),
            Self::Sleep { until_us } => write!(f, "asleep until {until_us} µs"),
        }
    }
}

impl HostError for Interrupt {}
