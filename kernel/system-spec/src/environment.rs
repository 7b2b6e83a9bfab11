// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The environment of a protection domain: the same that Microkit 2.3 gives.

/// The slots of a protection domain's CSpace.
pub mod slot {
    /// Where the protection domain receives: its endpoint if it serves calls or has children, else its notification.
    pub const INPUT: u64 = 1;
    /// Its own fault endpoint (a badged capability to its parent's input or to the monitor).
    pub const FAULT: u64 = 2;
    /// Its own VSpace.
    pub const VSPACE: u64 = 3;
    /// Reply object (MCS kernels only).
    pub const REPLY: u64 = 4;
    /// The monitor's endpoint (passive protection domains only).
    pub const MONITOR: u64 = 5;
    /// SMC capability; never given.
    pub const SMC: u64 = 7;
    /// `OUTPUT_NOTIFICATION + channel`: the other end's notification.
    pub const OUTPUT_NOTIFICATION: u64 = 10;
    /// `PROTECTED_PROCEDURE + channel`: the other end's endpoint.
    pub const PROTECTED_PROCEDURE: u64 = 74;
    /// `IRQ_HANDLER + id`: an interrupt's handler.
    pub const IRQ_HANDLER: u64 = 138;
    /// `CHILD_TCB + child`: a child's TCB.
    pub const CHILD_TCB: u64 = 202;
    /// The first slot that is never used; a CNode of [`CNODE_SIZE_BITS`] holds them all.
    pub const END: u64 = CHILD_TCB + super::MAX_ID + 1;
    /// Size of a protection domain's CNode: 2^9 slots.
    pub const CNODE_SIZE_BITS: u8 = 9;
}

/// The greatest identifier of a channel, an interrupt or a child.
pub const MAX_ID: u64 = 61;
/// The greatest number of protection domains.
pub const MAX_PROTECTION_DOMAINS: usize = 63;
/// The greatest priority.
pub const MAX_PRIORITY: u8 = 254;

/// Bit of a badge that marks a protected procedure call; the channel is in the low 6 bits.
pub const BADGE_PROTECTED_PROCEDURE: u64 = 1 << 63;
/// Bit of a badge that marks a fault; the child is in the low 8 bits.
pub const BADGE_FAULT: u64 = 1 << 62;

/// Bytes of the small page, which is also the granule of program segments.
pub const PAGE_BYTES: u64 = 0x1000;
/// Bytes of the large page.
pub const LARGE_PAGE_BYTES: u64 = 0x20_0000;
/// Where a program image starts: `sel4-microkit/pd.ld` links it there.
pub const PROGRAM_BASE: u64 = 0x20_0000;

/// Slot of the notification that notifies the other end of `channel`.
pub const fn output_notification_slot(channel: u64) -> u64 {
    slot::OUTPUT_NOTIFICATION + channel
}

/// Badge that the other end, which calls this channel `peer_id`, sees when it is notified.
pub const fn notification_badge(peer_id: u64) -> u64 {
    1 << (peer_id & 0x3f)
}

/// Badge that the other end, which calls this channel `peer_id`, sees when it is called.
pub const fn call_badge(peer_id: u64) -> u64 {
    BADGE_PROTECTED_PROCEDURE | (peer_id & 0x3f)
}

/// Badge that a parent sees when its child `child_id` faults.
pub const fn fault_badge(child_id: u64) -> u64 {
    BADGE_FAULT | (child_id & 0xff)
}

const _: () = assert!(slot::END <= 1 << slot::CNODE_SIZE_BITS);
const _: () = assert!(slot::PROTECTED_PROCEDURE - slot::OUTPUT_NOTIFICATION > MAX_ID);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn badges_are_those_of_microkit() {
        assert_eq!(notification_badge(5), 0b10_0000);
        assert_eq!(call_badge(5), 0x8000_0000_0000_0005);
        assert_eq!(fault_badge(3), 0x4000_0000_0000_0003);
        assert_eq!(output_notification_slot(3), 13);
        assert_eq!(slot::END, 264);
    }
}
