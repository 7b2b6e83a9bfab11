// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Receives events and gives them to the handler.

use core::cell::Cell;

use sel4::badge::{self, Origin};
use sel4::{Fault, Received};

use crate::handler::LABEL_NOT_SERVED;
use crate::{Channel, ChannelSet, Child, Handler, MESSAGE_WORDS_MAX, MessageInfo, debug_println};

/// Microkit's slots: what events come from, and the reply object (MCS alone).
const SLOT_INPUT: u64 = 1;
const SLOT_REPLY: u64 = 4;

/// A message that [`poll_notification`] received while it looked for notifications.
struct Postponed {
    received: Received,
    words: [u64; MESSAGE_WORDS_MAX],
}

struct PostponedSlot(Cell<Option<Postponed>>);

// SAFETY: a protection domain has one thread.
unsafe impl Sync for PostponedSlot {}

static POSTPONED: PostponedSlot = PostponedSlot(Cell::new(None));

/// Notifications that are pending now, without waiting; for work that takes long. They are not delivered to
/// [`Handler::notified`] again.
///
/// If a call or a fault is pending instead, it is kept for the event loop and nothing more is received until
/// the loop has served it.
///
/// Call it from [`Handler::notified`] or `init` only: inside [`Handler::protected`] the receive would lose the
/// caller that waits for its answer.
pub fn poll_notification() -> Option<ChannelSet> {
    let postponed = POSTPONED.0.take();
    if postponed.is_some() {
        POSTPONED.0.set(postponed);
        return None;
    }
    let received = sel4::nb_recv(SLOT_INPUT, SLOT_REPLY);
    if received.badge == 0 {
        return None;
    }
    match badge::decode(received.badge) {
        Origin::Notification(bits) => Some(ChannelSet::from_bits(bits)),
        Origin::Protected(_) | Origin::Fault(_) => {
            let words = core::array::from_fn(crate::get_mr);
            POSTPONED.0.set(Some(Postponed { received, words }));
            None
        }
    }
}

/// Runs a protection domain: `init`, each interrupt acknowledged once, then events for ever.
#[doc(hidden)]
#[expect(clippy::panic, reason = "a broken system description")]
pub fn run<H: Handler>(init: impl FnOnce() -> H) -> ! {
    if crate::identity::is_passive() {
        panic!("passive protection domains are not supported");
    }
    let mut handler = init();
    for interrupt in crate::identity::interrupts().iter() {
        if let Err(error) = interrupt.irq_ack() {
            debug_println!("{}: interrupt {}: {error}", crate::pd_name(), interrupt.id());
        }
    }
    let mut answer: Option<MessageInfo> = None;
    loop {
        let received = receive(answer.take());
        answer = dispatch(&mut handler, received);
    }
}

fn receive(answer: Option<MessageInfo>) -> Received {
    if let Some(info) = answer {
        return sel4::reply_recv(SLOT_INPUT, info.to_kernel(), SLOT_REPLY);
    }
    match POSTPONED.0.take() {
        Some(postponed) => {
            for (index, word) in
                postponed.words.into_iter().enumerate().take(postponed.received.info.length())
            {
                crate::set_mr(index, word);
            }
            postponed.received
        }
        None => sel4::recv(SLOT_INPUT, SLOT_REPLY),
    }
}

fn dispatch<H: Handler>(handler: &mut H, received: Received) -> Option<MessageInfo> {
    match badge::decode(received.badge) {
        Origin::Notification(bits) => {
            if let Err(error) = handler.notified(ChannelSet::from_bits(bits)) {
                report(&error);
            }
            None
        }
        Origin::Protected(channel) => {
            let message = MessageInfo::from_kernel(received.info);
            match handler.protected(Channel::new(u64::from(channel)), message) {
                Ok(answer) => Some(answer),
                Err(error) => {
                    report(&error);
                    Some(MessageInfo::new(LABEL_NOT_SERVED, 0))
                }
            }
        }
        Origin::Fault(child) => {
            let fault = Fault::from_message(received.info);
            match handler.fault(Child::new(u64::from(child)), fault) {
                Ok(answer) => answer,
                Err(error) => {
                    report(&error);
                    None
                }
            }
        }
    }
}

#[cold]
fn report(error: &dyn core::fmt::Display) {
    crate::panic::report_error(error);
}
