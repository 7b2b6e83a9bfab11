// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Channels and interrupts, and sets of them.

use sel4::{Error, IrqHandler};

use crate::MessageInfo;

/// Where Microkit puts the capabilities of channel 0; channel `n` has the slot `n` further.
const SLOT_NOTIFICATIONS: u64 = 10;
const SLOT_PROTECTED: u64 = 74;
const SLOT_INTERRUPTS: u64 = 138;

/// Identifiers are 0 to 61.
const IDENTIFIER_MAX: u64 = 61;

/// A channel or an interrupt of this protection domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel(u8);

impl Channel {
    /// The channel with identifier `id`, as `system.xml` numbers it.
    ///
    /// # Panics
    /// If `id` is above 61, which no system description can contain.
    pub const fn new(id: u64) -> Self {
        assert!(id <= IDENTIFIER_MAX, "channel identifiers are 0 to 61");
        Self(id as u8)
    }

    /// The identifier.
    pub const fn id(self) -> u64 {
        self.0 as u64
    }

    /// Notifies the protection domain at the other end. Notifications coalesce.
    pub fn notify(self) {
        sel4::signal(self.notification());
    }

    /// Protected procedure call: sends the message words (see [`crate::set_mr`]) and waits for the answer.
    pub fn pp_call(self, message: MessageInfo) -> MessageInfo {
        MessageInfo::from_kernel(sel4::call(SLOT_PROTECTED + self.id(), message.to_kernel()))
    }

    /// Lets the interrupt come again, after it has been handled.
    pub fn irq_ack(self) -> Result<(), Error> {
        self.interrupt().acknowledge()
    }

    pub(crate) const fn notification(self) -> sel4::CPtr {
        SLOT_NOTIFICATIONS + self.id()
    }

    pub(crate) const fn interrupt(self) -> IrqHandler {
        IrqHandler(SLOT_INTERRUPTS + self.id())
    }
}

/// The channels and interrupts that have notified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelSet(u64);

impl ChannelSet {
    /// From a bitmap of identifiers.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & sel4::badge::CHANNEL_BITS)
    }

    /// The bitmap of identifiers.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether none has.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `channel` has.
    pub const fn contains(self, channel: Channel) -> bool {
        self.0 & 1 << channel.0 != 0
    }

    /// Both sets together.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Each of them, lowest identifier first.
    pub fn iter(self) -> impl Iterator<Item = Channel> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let id = rest.trailing_zeros() as u8;
            rest &= rest - 1;
            Some(Channel(id))
        })
    }
}
