// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How badges tell a protection domain who has sent.
//!
//! Microkit's encoding needs 64-bit badges: bit 63 marks a protected procedure call, bit 62 a fault, and
//! anything else is a bitmap of channels and interrupts. seL4 5.0 gives an endpoint capability only 28 bits
//! (a notification has 64), so there the marks move: **bit 63 marks a notification**, and an endpoint badge
//! has bit 27 for a fault and bit 26 for a call. No endpoint badge reaches bit 63, so the two cannot be
//! confused, whatever a sender does. This module is the only place that knows; the initialiser makes badges
//! with it, the runtime reads them.

use crate::MCS;

/// Who has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// One or more notifications or interrupts: a bit for each channel.
    Notification(u64),
    /// A protected procedure call through this channel.
    Protected(u8),
    /// A fault of this child.
    Fault(u8),
}

const CALL: u64 = if MCS { 1 << 63 } else { 1 << 26 };
const FAULT: u64 = if MCS { 1 << 62 } else { 1 << 27 };
const NOTIFICATION: u64 = if MCS { 0 } else { 1 << 63 };

/// Channels and interrupt identifiers are 0 to 61; this masks their bits.
pub const CHANNEL_BITS: u64 = (1 << 62) - 1;

/// The badge of a capability that notifies the receiver's `channel`.
pub const fn notification(channel: u8) -> u64 {
    NOTIFICATION | 1 << (channel & 0x3f)
}

/// The badge of a capability that calls the receiver's `channel`.
pub const fn protected(channel: u8) -> u64 {
    CALL | (channel & 0x3f) as u64
}

/// The badge of the fault endpoint capability of child `child`.
pub const fn fault(child: u8) -> u64 {
    FAULT | child as u64
}

/// Reads a badge.
pub const fn decode(badge: u64) -> Origin {
    let is_notification = if MCS { badge & (CALL | FAULT) == 0 } else { badge >> 63 != 0 };
    if is_notification {
        Origin::Notification(badge & CHANNEL_BITS)
    } else if badge & FAULT != 0 {
        Origin::Fault((badge & 0xff) as u8)
    } else {
        Origin::Protected((badge & 0x3f) as u8)
    }
}

// What is encoded is decoded again, at the edges of each range.
const _: () = {
    assert!(matches!(decode(notification(0)), Origin::Notification(1)));
    assert!(matches!(decode(notification(61)), Origin::Notification(bits) if bits == 1 << 61));
    assert!(matches!(decode(notification(26) | notification(27)), Origin::Notification(0xc00_0000)));
    assert!(matches!(decode(protected(0)), Origin::Protected(0)));
    assert!(matches!(decode(protected(61)), Origin::Protected(61)));
    assert!(matches!(decode(fault(0)), Origin::Fault(0)));
    assert!(matches!(decode(fault(61)), Origin::Fault(61)));
    // seL4 5.0 keeps 28 bits of an endpoint badge.
    assert!(MCS || (fault(u8::MAX) < 1 << 28 && protected(u8::MAX) < 1 << 28));
};
