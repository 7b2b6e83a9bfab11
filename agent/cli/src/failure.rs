// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Errors for people and for scripts, and the exit status of each kind.

use std::io;
use std::process::ExitCode;

use anyhow::Error;
use cofferdam_client::ClientError;
use serde_json::json;

/// The exit status; 0 is success and 2, wrong usage, comes from clap as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// It did not work.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The device said no.
    Refused = 3,
    /// The device was not reached, or the connection broke.
    Unreachable = 4,
    /// The device serves another connection.
    Busy = 5,
}

impl Kind {
    fn of(error: &Error) -> Self {
        if error.is::<Usage>() {
            return Self::Usage;
        }
        match error.downcast_ref::<ClientError>() {
            Some(ClientError::Refused { .. }) => Self::Refused,
            Some(
                ClientError::Unreachable { .. }
                | ClientError::NoGreeting { .. }
                | ClientError::Lost(_)
                | ClientError::Silent(_),
            ) => Self::Unreachable,
            Some(ClientError::Busy { .. }) => Self::Busy,
            Some(ClientError::Address { .. }) => Self::Usage,
            _ => Self::Failed,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Busy => "busy",
        }
    }
}

/// A mistake in the command line that clap cannot see; it says what to write instead.
#[derive(Debug)]
pub struct Usage(pub String);

impl std::fmt::Display for Usage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Prints `error` and gives the exit status.
pub fn report(error: &Error, json: bool) -> ExitCode {
    let kind = Kind::of(error);
    // Whoever closed our output (`| head`) wants no error for it.
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    let client = error.downcast_ref::<ClientError>();
    let hint = client.and_then(ClientError::hint);
    if json {
        let code = match client {
            Some(ClientError::Refused { code, .. }) => Some(code),
            _ => None,
        };
        let value = json!({ "error": { "kind": kind.name(), "message": format!("{error:#}"), "code": code, "hint": hint } });
        println!("{value}");
    } else {
        eprintln!("error: {error:#}");
        if let Some(hint) = hint {
            eprintln!("  hint: {hint}");
        }
    }
    ExitCode::from(kind as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_kind_has_its_status() {
        let refused = ClientError::Refused { code: 33, text: "ratchet".into() };
        let context = Error::new(refused).context("push");
        assert_eq!(Kind::of(&context), Kind::Refused);
        assert_eq!(Kind::of(&ClientError::Busy { waited: Duration::ZERO }.into()), Kind::Busy);
        assert_eq!(Kind::of(&ClientError::Silent(Duration::ZERO).into()), Kind::Unreachable);
        assert_eq!(Kind::of(&Usage("x".into()).into()), Kind::Usage);
        assert_eq!(Kind::of(&Error::msg("x")), Kind::Failed);
    }
}
