// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Both sides inside a protection domain: [`Timer`] for clients; [`receive`] and [`answer`] for the server.

use sel4_microkit::{Channel, MessageInfo};

use crate::{CallError, Message, Reply, Request, Status, WORDS_MAX};

/// The timer that a channel to `timer_driver` holds.
#[derive(Clone, Copy, Debug)]
pub struct Timer {
    channel: Channel,
}

impl Timer {
    /// The timer behind `channel`, the channel by which this protection domain calls `timer_driver`.
    pub const fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// The channel that is notified.
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// Notify at `first_us + k * period_us` for every k. Returns the time now.
    ///
    /// # Errors
    /// As [`Timer::call`].
    pub fn periodic(&self, first_us: u64, period_us: u64) -> Result<u64, CallError> {
        self.call(Request::Periodic { first_us, period_us })
    }

    /// Notify once, at `at_us`. Returns the time now.
    ///
    /// # Errors
    /// As [`Timer::call`].
    pub fn one_shot(&self, at_us: u64) -> Result<u64, CallError> {
        self.call(Request::OneShot { at_us })
    }

    /// Forget the timer. Returns the time now.
    ///
    /// # Errors
    /// As [`Timer::call`].
    pub fn cancel(&self) -> Result<u64, CallError> {
        self.call(Request::Cancel)
    }

    /// Sends `request` and waits for the answer. Returns the time now.
    ///
    /// # Errors
    /// [`CallError::Refused`] with the server's reason, [`CallError::BadReply`] if it is not to be understood.
    pub fn call(&self, request: Request) -> Result<u64, CallError> {
        let message = request.encode();
        let answer = self.channel.pp_call(MessageInfo::with_words(message.label, message.words()));
        let mut words = [0; WORDS_MAX + 1];
        let reply = Reply::decode(answer.label(), answer.words(&mut words)).map_err(CallError::BadReply)?;
        match reply.status {
            Status::Ok => Ok(reply.now_us),
            refusal => Err(CallError::Refused(refusal)),
        }
    }
}

/// The words of a message that a client sent. One more than any request has is kept, so that decoding sees
/// what is too long.
pub fn receive(message: MessageInfo, buffer: &mut [u64; WORDS_MAX + 1]) -> &[u64] {
    message.words(buffer)
}

/// Puts a reply where the kernel takes it from.
pub fn answer(reply: &Message) -> MessageInfo {
    MessageInfo::with_words(reply.label, reply.words())
}
