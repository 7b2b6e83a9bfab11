// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What happened.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use minicbor::{Decode, Encode};

/// Longest text of an event in bytes.
const TEXT_BYTES_MAX: usize = 96;
/// Longest name of a component in bytes.
const NAME_BYTES_MAX: usize = 32;

/// What kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum What {
    /// The device began to work. `text` is the boot nonce.
    #[n(1)]
    Boot,
    /// An app was installed. `number` is its sequence number, `digest` its package's.
    #[n(2)]
    Install,
    /// An app was installed in the place of another version; as [`Self::Install`].
    #[n(3)]
    Replace,
    /// An app was removed.
    #[n(4)]
    Remove,
    /// An app was started by command.
    #[n(5)]
    Start,
    /// An app was stopped, by command or by a list of keys.
    #[n(6)]
    Stop,
    /// An app went back to an earlier version. `number` is the sequence number that it now has.
    #[n(7)]
    RollBack,
    /// An app failed by itself; `text` says why.
    #[n(8)]
    Fail,
    /// Something was refused: `number` is the refusal's code, `text` says what and why.
    #[n(9)]
    Refuse,
    /// A list of keys came into force: `number` is its version, `digest` that of the signed list.
    #[n(10)]
    Keys,
    /// What was kept of the log could not be read; a new one began.
    #[n(11)]
    LogLost,
    /// An app was started again by the device after it failed. `number` says the how many-th time.
    #[n(12)]
    Restart,
    /// The device does not start something again any more; `text` says what and why. Without an app it is the slot `number`.
    #[n(13)]
    GiveUp,
    /// An update has passed its probation. `number` is its sequence number.
    #[n(14)]
    Proven,
    /// The protection domain of the slot `number` faulted; `text` says how. The app is the one that ran there.
    #[n(15)]
    Fault,
    /// wasm_manager was started again while the device went on; as [`Self::Boot`].
    #[n(16)]
    Resume,
    /// A version began to run beside the one that it is to replace. `number` is its sequence number, `digest` its package's.
    #[n(17)]
    Swap,
    /// It took over. `number` is its sequence number.
    #[n(18)]
    HandOver,
    /// It did not stay or did not even take over, and was stopped; `text` says why. `number` is its sequence number.
    #[n(19)]
    HandBack,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boot => "boot",
            Self::Install => "install",
            Self::Replace => "replace",
            Self::Remove => "remove",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::RollBack => "roll-back",
            Self::Fail => "fail",
            Self::Refuse => "refuse",
            Self::Keys => "keys",
            Self::LogLost => "log-lost",
            Self::Restart => "restart",
            Self::GiveUp => "give-up",
            Self::Proven => "proven",
            Self::Fault => "fault",
            Self::Resume => "resume",
            Self::Swap => "swap",
            Self::HandOver => "hand-over",
            Self::HandBack => "hand-back",
        })
    }
}

/// Something that happened. In CBOR: a map with these numbers; what there is not is left out.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Event {
    /// Its kind.
    #[n(4)]
    pub what: What,
    /// The key that signed the command, if a trusted one did.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub by: Option<[u8; 8]>,
    /// The app.
    #[n(6)]
    pub component: Option<String>,
    /// The key that signed the app's package.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub signer: Option<[u8; 8]>,
    /// SHA-256 of the package or list.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub digest: Option<[u8; 32]>,
    /// See [`What`].
    #[n(9)]
    pub number: Option<u64>,
    /// The how many-th of its kind in this boot, where not each has an entry (see [`Limiter`](crate::Limiter)).
    #[n(10)]
    pub count: Option<u32>,
    /// For people.
    #[n(11)]
    pub text: Option<String>,
}

impl Event {
    /// An event of which nothing else is known.
    #[must_use]
    pub fn new(what: What) -> Self {
        Self {
            what,
            by: None,
            component: None,
            signer: None,
            digest: None,
            number: None,
            count: None,
            text: None,
        }
    }

    /// The same by this key.
    #[must_use]
    pub fn by(self, key: [u8; 8]) -> Self {
        Self { by: Some(key), ..self }
    }

    /// The same about this app.
    #[must_use]
    pub fn about(self, component: &str) -> Self {
        Self { component: Some(shortened(component, NAME_BYTES_MAX)), ..self }
    }

    /// The same with this key as the package's signer.
    #[must_use]
    pub fn signed_by(self, key: [u8; 8]) -> Self {
        Self { signer: Some(key), ..self }
    }

    /// The same with this digest.
    #[must_use]
    pub fn digest(self, digest: [u8; 32]) -> Self {
        Self { digest: Some(digest), ..self }
    }

    /// The same with this number.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        Self { number: Some(number), ..self }
    }

    /// The same with a text, of which control characters are left out and what is too long is cut off.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        Self { text: Some(shortened(text, TEXT_BYTES_MAX)), ..self }
    }
}

fn shortened(text: &str, bytes_max: usize) -> String {
    let mut shortened = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if shortened.len().saturating_add(c.len_utf8()) > bytes_max {
            break;
        }
        shortened.push(c);
    }
    shortened
}

/// An event with its place. In CBOR: an array of these four.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Entry {
    /// Counts entries from 1, for the device's life.
    #[n(0)]
    pub sequence: u64,
    /// Counts boots from 1.
    #[n(1)]
    pub boot: u64,
    /// Time since that boot, in microseconds.
    #[n(2)]
    pub time_us: u64,
    /// What happened.
    #[n(3)]
    pub event: Event,
}

impl Entry {
    /// The bytes in the chain.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        minicbor::to_vec(self).unwrap_or_default() // encoding into memory cannot fail
    }

    /// Reads an entry; nothing may follow it.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let entry: Self = minicbor::decode(bytes).ok()?;
        (entry.encode() == bytes).then_some(entry)
    }
}
