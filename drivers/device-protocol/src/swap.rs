// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What `wasm_manager` tells and asks `actuator_guard` about two versions of an app that run side by side.
//!
//! While they do, one of the two slots has authority: what it writes counts. The other one is a shadow: it is answered as if
//! it had the leases that it takes, what it writes is compared and moves nothing. Authority passes from one to the other
//! at once, for all outputs, and the guard alone does it: at a tick's boundary when `wasm_manager` has ordered it, and back as
//! soon as the new version fails.

use core::fmt;

use crate::permission::{CLIENTS, number};
use crate::sensor::success;
use crate::{ACTUATOR_COUNT, BadReply, CallError, Message, Status};

const LABEL_BEGIN: u64 = 48;
const LABEL_HAND_OVER: u64 = 49;
const LABEL_REPORT: u64 = 50;

/// Longest period of apps that are compared, in µs.
pub const PERIOD_US_MAX: u64 = 10_000_000;

/// Who is compared with whom, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwapTerms {
    /// The slot that has authority.
    pub old: usize,
    /// The slot that begins as its shadow; another one.
    pub new: usize,
    /// Time from tick to tick of both, in µs: 1 to [`PERIOD_US_MAX`]. Ticks begin at multiples of it.
    pub period_us: u64,
    /// Time from a tick's beginning to when the new one must have written what the old one has, in µs; at most the period.
    pub deadline_us: u64,
    /// How far values may lie apart, in thousandths of the actuator's range; at most 1000.
    pub divergence_permille: u32,
    /// So many ticks in a row may lie further apart once the new one has authority.
    pub divergent_ticks_max: u32,
}

/// An order to `actuator_guard`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapOrder {
    /// From now on `new` is a shadow of `old`: answered by [`crate::actuator::done`].
    Begin(SwapTerms),
    /// `new` is to have authority from the next tick on: answered by [`HandOver`].
    HandOver,
    /// How it goes, or how it went: answered by [`SwapReport`].
    Report,
}

impl SwapOrder {
    /// Whether a message is such an order.
    pub const fn is(label: u64) -> bool {
        matches!(label, LABEL_BEGIN..=LABEL_REPORT)
    }

    /// The message that carries this order.
    pub fn encode(&self) -> Message {
        match *self {
            Self::Begin(terms) => Message::new(
                LABEL_BEGIN,
                &[
                    terms.old as u64,
                    terms.new as u64,
                    terms.period_us,
                    terms.deadline_us,
                    terms.divergence_permille.into(),
                    terms.divergent_ticks_max.into(),
                ],
            ),
            Self::HandOver => Message::new(LABEL_HAND_OVER, &[]),
            Self::Report => Message::new(LABEL_REPORT, &[]),
        }
    }

    /// The order in a message; terms of a decoded order are within their ranges.
    ///
    /// # Errors
    /// [`Status::UnknownRequest`], [`Status::BadLength`], [`Status::NotAClient`], [`Status::BadSwap`].
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, Status> {
        match (label, words) {
            (LABEL_BEGIN, &[old, new, period_us, deadline_us, divergence, ticks]) => {
                let small = |word| u32::try_from(word).map_err(|_| Status::BadSwap);
                let terms = SwapTerms {
                    old: number(old, CLIENTS, Status::NotAClient)?,
                    new: number(new, CLIENTS, Status::NotAClient)?,
                    period_us,
                    deadline_us,
                    divergence_permille: small(divergence)?,
                    divergent_ticks_max: small(ticks)?,
                };
                let sound = terms.old != terms.new
                    && (1..=PERIOD_US_MAX).contains(&period_us)
                    && (1..=period_us).contains(&deadline_us)
                    && terms.divergence_permille <= 1000;
                if sound { Ok(Self::Begin(terms)) } else { Err(Status::BadSwap) }
            }
            (LABEL_HAND_OVER, &[]) => Ok(Self::HandOver),
            (LABEL_REPORT, &[]) => Ok(Self::Report),
            (LABEL_BEGIN..=LABEL_REPORT, _) => Err(Status::BadLength),
            _ => Err(Status::UnknownRequest),
        }
    }
}

/// Authority passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandOver {
    /// When: a tick's beginning.
    pub at_us: u64,
}

impl HandOver {
    /// The message that carries this answer.
    pub fn encode(&self) -> Message {
        Message::new(Status::Ok as u64, &[self.at_us])
    }

    /// The answer in a reply.
    ///
    /// # Errors
    /// [`CallError::Refused`] with the guard's reason, [`CallError::BadReply`] if it is not to be understood.
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, CallError> {
        match (success(label, words)?, words) {
            ((), &[at_us]) => Ok(Self { at_us }),
            _ => Err(CallError::BadReply(BadReply { label, words: words.len() })),
        }
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SwapPhase {
    /// The old one has authority, the new one is its shadow.
    Shadow = 1,
    /// The same until [`SwapReport::at_us`], when the new one takes over.
    HandingOver = 2,
    /// The new one has authority, the old one is its shadow.
    Watching = 3,
    /// The old one has authority; the new one stays a shadow and never takes over.
    HandedBack = 4,
    /// One of the two was revoked; the other one is a client like any.
    Over = 5,
}

/// Why the new one does not get, or does not keep, authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SwapReason {
    /// It had not written an output by its deadline that the old one had.
    Missing = 1,
    /// It wrote something else.
    Diverged = 2,
    /// Its lease ran out, or its last value was too old.
    LeaseEnded = 3,
    /// Its slot gave everything back: its app has ended.
    GaveUp = 4,
    /// `wasm_manager` revoked it.
    Revoked = 5,
    /// The old one has ended before the new one took over.
    OldEnded = 6,
    /// It holds no lease on an output that the old one holds.
    NoLease = 7,
}

impl SwapPhase {
    const ALL: [Self; 5] = [Self::Shadow, Self::HandingOver, Self::Watching, Self::HandedBack, Self::Over];

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| *phase as u8 == code)
    }
}

impl SwapReason {
    /// Every one of them.
    pub const ALL: [Self; 7] = [
        Self::Missing,
        Self::Diverged,
        Self::LeaseEnded,
        Self::GaveUp,
        Self::Revoked,
        Self::OldEnded,
        Self::NoLease,
    ];

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| *reason as u8 == code)
    }
}

impl fmt::Display for SwapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "no value by the deadline",
            Self::Diverged => "value too far off",
            Self::LeaseEnded => "lease ended",
            Self::GaveUp => "it ended",
            Self::Revoked => "it was stopped",
            Self::OldEnded => "the old version ended first",
            Self::NoLease => "no lease where the old version has one",
        })
    }
}

/// How two versions did side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwapReport {
    /// How far it is.
    pub phase: SwapPhase,
    /// Why authority is not, or not any more, with the new one; while it is a shadow: why it does not agree.
    pub reason: Option<SwapReason>,
    /// The actuator that `reason` is about, if it is about one.
    pub actuator: Option<usize>,
    /// Ticks in a row, up to now, in which the new one did what the old one did.
    pub agreed_ticks: u32,
    /// Ticks in which both could be compared.
    pub compared_ticks: u64,
    /// Ticks in which an output that both versions' slots should have moved was not written by the one with authority.
    pub missed_ticks: u64,
    /// The largest difference, in thousandths of the actuator's range, of the ticks that agree in a row.
    pub worst_permille: u32,
    /// The longest time between two values that counted of the same output, in µs.
    pub longest_us: u64,
    /// When the new one took over or will; 0: never.
    pub at_us: u64,
}

impl SwapReport {
    /// The message that carries this answer.
    pub fn encode(&self) -> Message {
        let actuator = self.actuator.map_or(0, |id| id as u64 + 1);
        let what = self.phase as u64 | self.reason.map_or(0, |reason| reason as u64) << 8 | actuator << 16;
        let ticks = u64::from(self.agreed_ticks) << 32 | u64::from(self.worst_permille);
        Message::new(
            Status::Ok as u64,
            &[what, ticks, self.compared_ticks, self.missed_ticks, self.longest_us, self.at_us],
        )
    }

    /// The answer in a reply.
    ///
    /// # Errors
    /// As [`HandOver::decode`].
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, CallError> {
        success(label, words)?;
        Self::from_words(words).ok_or(CallError::BadReply(BadReply { label, words: words.len() }))
    }

    fn from_words(words: &[u64]) -> Option<Self> {
        let &[what, ticks, compared_ticks, missed_ticks, longest_us, at_us] = words else { return None };
        let [phase, reason, actuator, 0, 0, 0, 0, 0] = what.to_le_bytes() else { return None };
        Some(Self {
            phase: SwapPhase::from_code(phase)?,
            reason: if reason == 0 { None } else { Some(SwapReason::from_code(reason)?) },
            actuator: match usize::from(actuator).checked_sub(1) {
                Some(id) if id >= ACTUATOR_COUNT => return None,
                actuator => actuator,
            },
            agreed_ticks: u32::try_from(ticks >> 32).ok()?,
            worst_permille: ticks as u32, // the lower half
            compared_ticks,
            missed_ticks,
            longest_us,
            at_us,
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    const TERMS: SwapTerms = SwapTerms {
        old: 0,
        new: 3,
        period_us: 10_000,
        deadline_us: 8_000,
        divergence_permille: 50,
        divergent_ticks_max: 2,
    };
    const REPORT: SwapReport = SwapReport {
        phase: SwapPhase::Watching,
        reason: Some(SwapReason::Diverged),
        actuator: Some(4),
        agreed_ticks: 7,
        compared_ticks: 70,
        missed_ticks: 1,
        worst_permille: 12,
        longest_us: 10_100,
        at_us: 5_000,
    };

    #[test]
    fn golden() {
        let begin = SwapOrder::Begin(TERMS);
        for (order, label, words) in [
            (begin, 48, [0, 3, 10_000, 8_000, 50, 2].as_slice()),
            (SwapOrder::HandOver, 49, &[]),
            (SwapOrder::Report, 50, &[]),
        ] {
            assert_eq!((order.encode().label, order.encode().words()), (label, words));
            assert_eq!(SwapOrder::decode(label, words), Ok(order));
            assert!(SwapOrder::is(label));
        }
        let message = REPORT.encode();
        assert_eq!(message.words(), [0x5_02_03, 7 << 32 | 12, 70, 1, 10_100, 5_000]);
        assert_eq!(SwapReport::decode(message.label, message.words()), Ok(REPORT));
        let message = HandOver { at_us: 9 }.encode();
        assert_eq!(HandOver::decode(message.label, message.words()), Ok(HandOver { at_us: 9 }));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (words, status) in [
            ([4, 3, 10, 8, 50, 2], Status::NotAClient),
            ([3, 3, 10, 8, 50, 2], Status::BadSwap),
            ([0, 3, 0, 0, 50, 2], Status::BadSwap),
            ([0, 3, 10, 11, 50, 2], Status::BadSwap),
            ([0, 3, 10, 0, 50, 2], Status::BadSwap),
            ([0, 3, PERIOD_US_MAX + 1, 8, 50, 2], Status::BadSwap),
            ([0, 3, 10, 8, 1001, 2], Status::BadSwap),
            ([0, 3, 10, 8, 50, 1 << 32], Status::BadSwap),
        ] {
            assert_eq!(SwapOrder::decode(48, &words), Err(status), "{words:?}");
        }
        assert_eq!(SwapOrder::decode(49, &[1]), Err(Status::BadLength));
        assert_eq!(SwapOrder::decode(51, &[]), Err(Status::UnknownRequest));
        for what in [0, 6, 0x803, 0xff_0003, 1 << 24 | 1] {
            assert!(SwapReport::decode(Status::Ok as u64, &[what, 0, 0, 0, 0, 0]).is_err(), "{what:#x}");
        }
    }

    proptest! {
        #[test]
        fn any_order_or_report_decodes_or_is_refused(
            label in 47u64..52,
            words in proptest::collection::vec(prop_oneof![0u64..12, any::<u64>()], 0..8),
        ) {
            if let Ok(order) = SwapOrder::decode(label, &words) {
                let message = order.encode();
                prop_assert_eq!((message.label, message.words()), (label, words.as_slice()));
            }
            if let Ok(report) = SwapReport::decode(Status::Ok as u64, &words) {
                let message = report.encode();
                prop_assert_eq!(message.words(), words.as_slice());
            }
        }
    }
}
