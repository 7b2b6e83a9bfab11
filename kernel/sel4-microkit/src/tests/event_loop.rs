// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The event loop against a kernel that delivers events in any order: each arrives once, and each caller gets its
//! answer.

use core::convert::Infallible;
use core::fmt;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;
use sel4::badge;
use sel4::desk::{Trap, call, silence, with_kernel};
use sel4::{Fault, Received};

use crate::event_loop::{Event as Awaited, Events, Inbox};
use crate::handler::LABEL_NOT_SERVED;
use crate::{
    Channel, ChannelSet, Child, DeferredAction, Handler, MESSAGE_WORDS_MAX, MessageInfo, get_mr, set_mr,
};

const SLOT_INPUT: u64 = 1;
const SLOT_REPLY: u64 = 4;
const SLOT_MONITOR: u64 = 5;

/// The notification after which a test is over.
const LAST: u8 = 61;

/// What happens to a protection domain.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Notification(u8),
    Call { channel: u8, label: u64, words: Vec<u64> },
    Fault { child: u8, label: u64 },
}

/// What the handler was told, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    /// By the event loop or by polling.
    Notified(u8),
    Called {
        channel: u8,
        label: u64,
        words: Vec<u64>,
    },
    Faulted {
        child: u8,
        label: u64,
    },
    /// The kernel was given this answer.
    Answered {
        label: u64,
        words: Vec<u64>,
    },
}

type Log = Rc<RefCell<Vec<Seen>>>;

/// The kernel's side: what is pending, and who waits for an answer.
struct Kernel {
    pending: VecDeque<Event>,
    caller_waits: bool,
    log: Log,
}

impl Kernel {
    fn trap(&mut self, trap: Trap) -> (Received, [u64; 4]) {
        match trap.number {
            call::RECV => self.receive(trap, true),
            call::NB_RECV => self.receive(trap, false),
            call::REPLY_RECV => {
                assert!(self.caller_waits, "an answer that nobody waits for");
                self.caller_waits = false;
                let info = sel4::MessageInfo::from_word(trap.info);
                let words = trap.words.into_iter().chain((4..MESSAGE_WORDS_MAX).map(get_mr));
                let words = words.take(info.length()).collect();
                self.log.borrow_mut().push(Seen::Answered { label: info.label(), words });
                self.receive(trap, true)
            }
            other => panic!("system call {other}"),
        }
    }

    fn receive(&mut self, trap: Trap, waits: bool) -> (Received, [u64; 4]) {
        assert_eq!((trap.capability, trap.reply), (SLOT_INPUT, if sel4::MCS { SLOT_REPLY } else { 0 }));
        assert!(!self.caller_waits, "receiving now would lose the caller that waits");
        let event = match self.pending.pop_front() {
            Some(event) => event,
            None if waits => Event::Notification(LAST),
            None => return silence(),
        };
        match event {
            Event::Notification(channel) => {
                // Message registers are anything after a notification.
                (received(badge::notification(channel), 0, 0), [0xdead; 4])
            }
            Event::Call { channel, label, words } => {
                self.caller_waits = true;
                for (index, word) in words.iter().enumerate().skip(4) {
                    set_mr(index, *word);
                }
                let registers = core::array::from_fn(|index| words.get(index).copied().unwrap_or(0));
                (received(badge::protected(channel), label, words.len()), registers)
            }
            Event::Fault { child, label } => (received(badge::fault(child), label, 0), [0; 4]),
        }
    }
}

fn received(badge: u64, label: u64, words: usize) -> Received {
    Received { info: sel4::MessageInfo::new(label, 0, 0, words), badge }
}

/// Polls as often as it is told while it handles a notification, and writes over the message words.
struct Program<'a> {
    inbox: &'a Inbox,
    polls: VecDeque<usize>,
    log: Log,
    over: bool,
}

impl Program<'_> {
    fn notice(&mut self, channels: ChannelSet) {
        for channel in channels.iter() {
            if channel.id() == u64::from(LAST) {
                self.over = true;
            } else {
                self.log.borrow_mut().push(Seen::Notified(channel.id() as u8));
            }
        }
    }
}

impl Handler for Program<'_> {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        self.notice(channels);
        for _ in 0..self.polls.pop_front().unwrap_or(0) {
            if let Some(more) = self.inbox.poll() {
                self.notice(more);
            }
        }
        // As a call to another protection domain would.
        (0..MESSAGE_WORDS_MAX).for_each(|index| set_mr(index, 0xbad));
        Ok(())
    }

    fn protected(&mut self, channel: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        let words: Vec<u64> = (0..message.count()).map(get_mr).collect();
        for (index, word) in words.iter().enumerate() {
            set_mr(index, !word);
        }
        let (channel, label) = (channel.id() as u8, message.label());
        let answer = MessageInfo::new(label ^ 1, words.len());
        self.log.borrow_mut().push(Seen::Called { channel, label, words });
        Ok(answer)
    }

    fn fault(&mut self, child: Child, fault: Fault) -> Result<Option<MessageInfo>, Infallible> {
        let Fault::Unknown { label } = fault else { panic!("{fault}") };
        self.log.borrow_mut().push(Seen::Faulted { child: child.id() as u8, label });
        Ok(None)
    }
}

fn an_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0..LAST).prop_map(Event::Notification),
        2 => (0..62u8, 0..1u64 << 20, prop::collection::vec(any::<u64>(), 0..=MESSAGE_WORDS_MAX))
            .prop_map(|(channel, label, words)| Event::Call { channel, label, words }),
        // Labels that no kernel gives to a fault of its own, so that they come through.
        1 => (0..62u8, 64..1u64 << 20).prop_map(|(child, label)| Event::Fault { child, label }),
    ]
}

proptest! {
    /// However often the handler polls: every event is told once and in its order, every call is answered before
    /// anything else is received, with its own words.
    #[test]
    fn every_event_arrives_once_and_every_caller_gets_its_answer(
        events in prop::collection::vec(an_event(), 0..40), polls in prop::collection::vec(0..6usize, 0..40),
    ) {
        let log = Log::default();
        let inbox = Inbox::new();
        let mut kernel =
            Kernel { pending: events.iter().cloned().collect(), caller_waits: false, log: Rc::clone(&log) };
        let mut program =
            Program { inbox: &inbox, polls: polls.into(), log: Rc::clone(&log), over: false };
        with_kernel(move |trap| kernel.trap(trap), || {
            let mut events = Events::new(&inbox, false);
            let mut answer = None;
            while !program.over {
                answer = events.serve(answer, &mut program, |error| panic!("{error}"));
            }
        });
        let expected: Vec<Seen> = events
            .into_iter()
            .flat_map(|event| match event {
                Event::Notification(channel) => std::vec![Seen::Notified(channel)],
                Event::Fault { child, label } => std::vec![Seen::Faulted { child, label }],
                Event::Call { channel, label, words } => {
                    let answer = words.iter().map(|word| !word).collect();
                    std::vec![
                        Seen::Called { channel, label, words },
                        Seen::Answered { label: label ^ 1, words: answer },
                    ]
                }
            })
            .collect();
        prop_assert_eq!(log.take(), expected);
    }
}

/// Defers one action after each event; answers calls with all their words.
struct Deferring(VecDeque<DeferredAction>);

impl Handler for Deferring {
    type Error = Infallible;
    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        Ok(())
    }
    fn protected(&mut self, _: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        Ok(message)
    }
    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.0.pop_front()
    }
}

/// Deferred actions happen once, after the event, before the answer, and leave the answer's words alone.
#[test]
fn deferred_actions_go_out_before_the_answer_or_with_the_wait() {
    const NOTIFICATION: u64 = 10 + 5;
    const INTERRUPT: u64 = 138 + 6;
    let steps = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&steps);
    let mut events = VecDeque::from([
        badge::notification(1),
        badge::protected(2),
        badge::notification(3),
        badge::notification(4),
    ]);
    let kernel = move |trap: Trap| {
        let sends_to = if trap.destination != 0 { trap.destination } else { trap.capability };
        let info = sel4::MessageInfo::from_word(trap.info);
        if sends_to != SLOT_INPUT {
            let expected = if sends_to == INTERRUPT { sel4::IrqHandler::ACKNOWLEDGEMENT.label() } else { 0 };
            assert_eq!((info.label(), info.length()), (expected, 0));
            seen.borrow_mut().push(sends_to);
            if trap.number == call::NB_SEND {
                return silence();
            }
            assert_eq!(trap.capability, SLOT_INPUT, "an action and a wait in one step");
        }
        if trap.number == call::REPLY_RECV {
            assert_eq!((trap.words, info.length()), ([1, 2, 3, 4], 4));
        }
        seen.borrow_mut().push(if trap.number == call::REPLY_RECV { SLOT_REPLY } else { SLOT_INPUT });
        let badge = events.pop_front().unwrap_or(badge::notification(LAST));
        (received(badge, 9, 4), [1, 2, 3, 4])
    };
    let inbox = Inbox::new();
    let notify = DeferredAction::new_notify(Channel::new(5));
    let acknowledge = DeferredAction::new_irq_ack(Channel::new(6));
    with_kernel(kernel, || {
        let mut handler = Deferring([notify, acknowledge, acknowledge].into());
        let mut events = Events::new(&inbox, false);
        let mut answer = None;
        for _ in 0..5 {
            answer = events.serve(answer, &mut handler, |error| panic!("{error}"));
        }
    });
    let expected =
        [SLOT_INPUT, NOTIFICATION, SLOT_INPUT, INTERRUPT, SLOT_REPLY, INTERRUPT, SLOT_INPUT, SLOT_INPUT];
    assert_eq!(steps.take(), expected);
}

/// Refuses everything.
struct Unwilling;

#[derive(Debug)]
struct Refusal(&'static str);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Handler for Unwilling {
    type Error = Refusal;
    fn notified(&mut self, _: ChannelSet) -> Result<(), Refusal> {
        Err(Refusal("notified"))
    }
    fn protected(&mut self, _: Channel, _: MessageInfo) -> Result<MessageInfo, Refusal> {
        Err(Refusal("protected"))
    }
    fn fault(&mut self, _: Child, _: Fault) -> Result<Option<MessageInfo>, Refusal> {
        Err(Refusal("fault"))
    }
}

/// What `handler` does with one event of this badge: the answer, and the errors that were reported.
fn serve_one(handler: &mut impl Handler, badge: u64) -> (Option<MessageInfo>, Vec<String>) {
    let inbox = Inbox::new();
    let errors = RefCell::new(Vec::new());
    let answer = with_kernel(
        move |trap| if trap.number == call::RECV { (received(badge, 64, 0), [0; 4]) } else { silence() },
        || {
            Events::new(&inbox, false)
                .serve(None, handler, |error| errors.borrow_mut().push(error.to_string()))
        },
    );
    (answer, errors.take())
}

#[test]
fn a_handlers_error_is_reported_and_its_caller_not_left_waiting() {
    let refused = Some(MessageInfo::new(LABEL_NOT_SERVED, 0));
    let outcome = |badge| serve_one(&mut Unwilling, badge);
    assert_eq!(outcome(badge::protected(3)), (refused, std::vec!["protected".to_string()]));
    assert_eq!(outcome(badge::notification(3)), (None, std::vec!["notified".to_string()]));
    assert_eq!(outcome(badge::fault(3)), (None, std::vec!["fault".to_string()]));
}

#[test]
fn who_serves_nothing_says_so() {
    let refused = Some(MessageInfo::new(LABEL_NOT_SERVED, 0));
    assert_eq!(serve_one(&mut crate::NullHandler, badge::protected(0)), (refused, Vec::new()));
    // The child stays stopped, so its fault gets no answer.
    assert_eq!(serve_one(&mut crate::NullHandler, badge::fault(0)), (None, Vec::new()));
}

/// A passive protection domain tells the monitor once, after what came during `init` is served and answered.
#[test]
fn the_monitor_is_told_once_and_not_too_early() {
    let targets = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&targets);
    let inbox = Inbox::new();
    let log = Log::default();
    let mut program = Program { inbox: &inbox, polls: VecDeque::new(), log: Rc::clone(&log), over: false };
    let kernel = move |trap: Trap| {
        let target = if trap.destination != 0 { trap.destination } else { trap.capability };
        seen.borrow_mut().push(target);
        match trap.number {
            call::NB_RECV => (received(badge::protected(7), 20, 0), [0; 4]),
            call::SEND | call::NB_SEND => silence(),
            _ => (received(badge::notification(1), 0, 0), [0; 4]),
        }
    };
    with_kernel(kernel, || {
        assert_eq!(inbox.poll(), None, "a call is pending, no notification");
        let mut events = Events::new(&inbox, true);
        let mut answer = None;
        for _ in 0..3 {
            answer = events.serve(answer, &mut program, |error| panic!("{error}"));
        }
    });
    let told =
        [Seen::Called { channel: 7, label: 20, words: Vec::new() }, Seen::Notified(1), Seen::Notified(1)];
    assert_eq!(log.take(), told);
    // With MCS telling and waiting is one step; the number of that system call is `sel4`'s affair.
    let rest: &[u64] = if sel4::MCS { &[] } else { &[SLOT_INPUT] };
    assert_eq!(targets.take(), [&[SLOT_INPUT, SLOT_REPLY, SLOT_MONITOR, SLOT_INPUT], rest].concat());
}

/// The end of a child's budget arrives without a badge; also where only notifications are looked for.
#[test]
fn a_used_up_budget_is_told_and_answered() {
    struct Counter(Vec<u64>);
    impl Handler for Counter {
        type Error = Infallible;
        fn exhausted(&mut self, index: u64) -> Result<(), Infallible> {
            self.0.push(index);
            Ok(())
        }
    }
    let Some(label) = sel4::desk::TIMEOUT_LABEL else { return };
    let mut answers = Vec::new();
    let mut counter = Counter(Vec::new());
    let inbox = Inbox::new();
    let kernel = move |trap: Trap| match trap.number {
        call::NB_RECV | call::RECV => (received(0, label, 2), [0x105, 77, 0, 0]),
        call::REPLY_RECV => {
            assert_eq!(trap.info, sel4::MessageInfo::new(0, 0, 0, 0).word(), "goes on as it was");
            (received(0, label, 2), [0x106, 78, 0, 0])
        }
        other => panic!("system call {other}"),
    };
    with_kernel(kernel, || {
        assert_eq!(inbox.poll(), None, "it is no notification");
        let mut events = Events::new(&inbox, false);
        for _ in 0..2 {
            let answer = events.serve(answers.last().copied(), &mut counter, |error| panic!("{error}"));
            answers.extend(answer);
        }
    });
    assert_eq!((counter.0, answers.len()), (std::vec![5, 6], 2));
}

/// In the middle of an event: whatever comes is given to who waits, and nobody is left waiting for an answer.
#[test]
fn waiting_gives_events_to_who_waits() {
    let inbox = Inbox::new();
    let step = RefCell::new(0);
    let answers = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&answers);
    let kernel = move |trap: Trap| match trap.number {
        call::RECV => {
            *step.borrow_mut() += 1;
            match *step.borrow() {
                1 => (received(badge::notification(3), 0, 0), [0; 4]),
                2 => (received(badge::fault(4), 64, 0), [0; 4]),
                3 => (received(badge::protected(9), 1, 0), [0; 4]),
                _ => (received(0, sel4::desk::TIMEOUT_LABEL.unwrap_or(0), 2), [0x105, 77, 0, 0]),
            }
        }
        call::REPLY_RECV => {
            seen.borrow_mut().push(sel4::MessageInfo::from_word(trap.info).label());
            (received(badge::notification(5), 0, 0), [0; 4])
        }
        call::SEND => {
            assert_eq!((trap.capability, trap.info), (SLOT_REPLY, sel4::MessageInfo::new(0, 0, 0, 0).word()));
            silence()
        }
        other => panic!("system call {other}"),
    };
    with_kernel(kernel, || {
        assert_eq!(inbox.wait(), Awaited::Notified(ChannelSet::from_bits(1 << 3)));
        assert!(matches!(inbox.wait(), Awaited::Fault(child, _) if child == Child::new(4)));
        assert_eq!(inbox.wait(), Awaited::Notified(ChannelSet::from_bits(1 << 5)));
        if sel4::desk::TIMEOUT_LABEL.is_some() {
            assert_eq!(inbox.wait(), Awaited::Exhausted(5), "it is answered at once");
        }
    });
    assert_eq!(answers.take(), [LABEL_NOT_SERVED], "who calls is told that nobody serves");
}

/// What polling came upon is not lost to who waits.
#[test]
fn waiting_begins_with_what_polling_kept() {
    let inbox = Inbox::new();
    with_kernel(
        |trap: Trap| match trap.number {
            call::NB_RECV => (received(badge::fault(2), 64, 0), [0; 4]),
            other => panic!("system call {other}"),
        },
        || {
            assert_eq!(inbox.poll(), None, "it is no notification");
            assert!(matches!(inbox.wait(), Awaited::Fault(child, _) if child == Child::new(2)));
        },
    );
}
