// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Receives events and gives them to the handler.

use core::cell::Cell;
use core::fmt::Display;

use sel4::badge::{self, Origin};
use sel4::{Fault, Received};

use crate::handler::{LABEL_NOT_SERVED, SCHEDULING_BADGE_BASE};
use crate::{
    Channel, ChannelSet, Child, DeferredAction, Handler, MESSAGE_WORDS_MAX, MessageInfo, debug_println,
};

/// Microkit's slots: what events come from; with MCS alone also the reply object, and the monitor if this
/// protection domain is passive.
const SLOT_INPUT: u64 = 1;
const SLOT_REPLY: u64 = 4;
const SLOT_MONITOR: u64 = 5;

/// A message that [`poll_notification`] received while it looked for notifications.
struct Postponed {
    received: Received,
    words: [u64; MESSAGE_WORDS_MAX],
}

/// Where events come from.
pub(crate) struct Inbox(Cell<Option<Postponed>>);

// SAFETY: a protection domain has one thread.
unsafe impl Sync for Inbox {}

static INBOX: Inbox = Inbox::new();

/// Notifications that are pending now, without waiting; for work that takes long. They are not delivered to
/// [`Handler::notified`] again.
///
/// If a call or a fault is pending instead, it is kept for the event loop and nothing more is received until
/// the loop has served it.
///
/// Call it from [`Handler::notified`] or `init` only: inside [`Handler::protected`] the receive would lose the
/// caller that waits for its answer.
pub fn poll_notification() -> Option<ChannelSet> {
    INBOX.poll()
}

/// An event that [`wait`] received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// These channels and interrupts have notified, each at least once.
    Notified(ChannelSet),
    /// A child has faulted and stands still.
    Fault(Child, Fault),
    /// A child has used up its budget; it goes on when it has time again ([`Handler::exhausted`]).
    Exhausted(u64),
}

/// Waits for the next event in the middle of another, for what takes long and is done by somebody else meanwhile. The
/// event is not given to the [`Handler`]: keep what it is about.
///
/// For protection domains that serve no calls, outside of [`Handler::protected`]: who calls is told that nobody serves.
pub fn wait() -> Event {
    INBOX.wait()
}

impl Inbox {
    /// See [`wait`].
    pub(crate) fn wait(&self) -> Event {
        let mut received = self.postponed().unwrap_or_else(|| sel4::recv(SLOT_INPUT, SLOT_REPLY));
        loop {
            if let Some(index) = exhausted(&received) {
                // Only with MCS: the answer goes to the reply object.
                sel4::send(SLOT_REPLY, MessageInfo::new(0, 0).to_kernel());
                return Event::Exhausted(index);
            }
            match badge::decode(received.badge) {
                Origin::Notification(bits) => return Event::Notified(ChannelSet::from_bits(bits)),
                Origin::Fault(child) => {
                    let fault = Fault::from_message(received.info);
                    return Event::Fault(Child::new(u64::from(child)), fault);
                }
                Origin::Protected(_) => {
                    let nobody = MessageInfo::new(LABEL_NOT_SERVED, 0).to_kernel();
                    received = sel4::reply_recv(SLOT_INPUT, nobody, SLOT_REPLY);
                }
            }
        }
    }

    pub(crate) const fn new() -> Self {
        Self(Cell::new(None))
    }

    /// See [`poll_notification`].
    pub(crate) fn poll(&self) -> Option<ChannelSet> {
        let postponed = self.0.take();
        if postponed.is_some() {
            self.0.set(postponed);
            return None;
        }
        let received = sel4::nb_recv(SLOT_INPUT, SLOT_REPLY);
        if received.badge == 0 && exhausted(&received).is_none() {
            return None;
        }
        match badge::decode(received.badge) {
            Origin::Notification(bits) if received.badge != 0 => Some(ChannelSet::from_bits(bits)),
            _ => {
                let words = core::array::from_fn(crate::get_mr);
                self.0.set(Some(Postponed { received, words }));
                None
            }
        }
    }

    /// What [`Self::poll`] kept for the event loop, as if it had just been received.
    fn postponed(&self) -> Option<Received> {
        let Postponed { received, words } = self.0.take()?;
        for (index, word) in words.into_iter().enumerate().take(received.info.length()) {
            crate::set_mr(index, word);
        }
        Some(received)
    }
}

/// Runs a protection domain: `init`, each interrupt acknowledged once, then events for ever.
#[doc(hidden)]
#[expect(clippy::panic, reason = "a broken system description")]
pub fn run<H: Handler>(init: impl FnOnce() -> H) -> ! {
    let is_passive = crate::identity::is_passive();
    if is_passive && !sel4::MCS {
        panic!("passive protection domains need a kernel with scheduling contexts (KERNEL=sdk)");
    }
    let mut handler = init();
    for interrupt in crate::identity::interrupts().iter() {
        if let Err(error) = interrupt.irq_ack() {
            debug_println!("{}: interrupt {}: {error}", crate::pd_name(), interrupt.id());
        }
    }
    let mut events = Events::new(&INBOX, is_passive);
    let mut answer: Option<MessageInfo> = None;
    loop {
        answer = events.serve(answer, &mut handler, crate::panic::report_error);
    }
}

/// The event loop: what it receives, and whom it answers.
pub(crate) struct Events<'a> {
    inbox: &'a Inbox,
    /// The monitor has yet to be told that `init` is done. It then binds this protection domain's scheduling context
    /// to its notification, so that the kernel takes it away when next this protection domain waits: the first
    /// event is served on its own time, later ones on that of who calls, or of the notification. It must be
    /// waiting by then, so it tells and waits in one step.
    tells_monitor: bool,
    /// What the handler wants done when its event is over.
    deferred: Option<DeferredAction>,
}

impl<'a> Events<'a> {
    pub(crate) const fn new(inbox: &'a Inbox, is_passive: bool) -> Self {
        Self { inbox, tells_monitor: is_passive, deferred: None }
    }

    /// Gives the last caller its answer, waits for an event and lets `handler` serve it; gives the next answer.
    /// The handler's errors go to `report`.
    pub(crate) fn serve<H: Handler>(
        &mut self,
        answer: Option<MessageInfo>,
        handler: &mut H,
        report: impl Fn(&dyn Display),
    ) -> Option<MessageInfo> {
        let received = self.receive(answer);
        let answer = dispatch(handler, received).unwrap_or_else(|(error, answer)| {
            report(&error);
            answer
        });
        self.deferred = handler.take_deferred_action();
        answer
    }

    fn receive(&mut self, answer: Option<MessageInfo>) -> Received {
        let deferred = self.deferred.take().map(DeferredAction::message);
        if self.tells_monitor {
            perform(deferred);
            if let Some(info) = answer {
                // The last caller hangs on the reply object, which takes the answer like an endpoint.
                sel4::send(SLOT_REPLY, info.to_kernel());
            }
            if let Some(received) = self.inbox.postponed() {
                return received;
            }
            self.tells_monitor = false;
            return sel4::nb_send_recv(
                SLOT_MONITOR,
                MessageInfo::new(0, 0).to_kernel(),
                SLOT_INPUT,
                SLOT_REPLY,
            );
        }
        if let Some(info) = answer {
            // A system call has room for the answer or for the action.
            perform(deferred);
            return sel4::reply_recv(SLOT_INPUT, info.to_kernel(), SLOT_REPLY);
        }
        if let Some(received) = self.inbox.postponed() {
            perform(deferred);
            return received;
        }
        match deferred {
            Some((capability, info)) => sel4::nb_send_recv(capability, info, SLOT_INPUT, SLOT_REPLY),
            None => sel4::recv(SLOT_INPUT, SLOT_REPLY),
        }
    }
}

/// Does a deferred action in a system call of its own. The message words stay as they are.
fn perform(deferred: Option<(sel4::CPtr, sel4::MessageInfo)>) {
    if let Some((capability, info)) = deferred {
        sel4::nb_send(capability, info);
    }
}

/// The answer, if somebody waits for one; or the handler's error and the answer that goes out in spite of it.
fn dispatch<H: Handler>(
    handler: &mut H,
    received: Received,
) -> Result<Option<MessageInfo>, (H::Error, Option<MessageInfo>)> {
    if let Some(index) = exhausted(&received) {
        let answer = Some(MessageInfo::new(0, 0));
        return handler.exhausted(index).map(|()| answer).map_err(|error| (error, answer));
    }
    match badge::decode(received.badge) {
        Origin::Notification(bits) => {
            handler.notified(ChannelSet::from_bits(bits)).map(|()| None).map_err(|error| (error, None))
        }
        Origin::Protected(channel) => {
            let message = MessageInfo::from_kernel(received.info);
            handler
                .protected(Channel::new(u64::from(channel)), message)
                .map(Some)
                .map_err(|error| (error, Some(MessageInfo::new(LABEL_NOT_SERVED, 0))))
        }
        Origin::Fault(child) => {
            let fault = Fault::from_message(received.info);
            handler.fault(Child::new(u64::from(child)), fault).map_err(|error| (error, None))
        }
    }
}

/// Whose budget is used up, if that is what the message is about. It comes over this protection domain's own endpoint
/// capability, which has no badge and which nobody else has; a notification always has one.
fn exhausted(received: &Received) -> Option<u64> {
    if received.badge != 0 {
        return None;
    }
    match Fault::from_message(received.info) {
        Fault::Timeout { context } => context.checked_sub(SCHEDULING_BADGE_BASE),
        _ => None,
    }
}
