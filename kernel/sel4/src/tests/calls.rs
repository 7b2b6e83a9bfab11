// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What reaches the kernel: registers, and the words that do not fit into them.

use std::cell::RefCell;
use std::rc::Rc;
use std::vec::Vec;

use proptest::prelude::*;

use crate::abi::Words;
use crate::desk::{Trap, call, silence, with_kernel};
use crate::{Error, IrqHandler, MESSAGE_WORDS_MAX, MessageInfo, Received, Tcb, constants, get_mr, set_mr};

/// A message as the kernel sees it: four words from registers, the rest from the buffer.
fn message(trap: &Trap) -> Vec<u64> {
    let length = MessageInfo::from_word(trap.info).length();
    let rest = (trap.words.len()..length).map(get_mr);
    trap.words.into_iter().take(length).chain(rest).collect()
}

/// The traps of `program`, each answered by `answer`.
pub(super) fn traps<R>(
    answer: impl Fn(&Trap) -> (Received, Words) + 'static,
    program: impl FnOnce() -> R,
) -> (Vec<(Trap, Vec<u64>)>, R) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let list = Rc::clone(&seen);
    let result = with_kernel(
        move |trap| {
            list.borrow_mut().push((trap, message(&trap)));
            answer(&trap)
        },
        program,
    );
    (seen.take(), result)
}

fn set_message(words: &[u64]) {
    for (index, word) in words.iter().enumerate() {
        set_mr(index, *word);
    }
}

proptest! {
    /// All words arrive, wherever they travel, and so do all words of the answer.
    #[test]
    fn a_call_carries_its_words_there_and_back(
        there in prop::collection::vec(any::<u64>(), 0..=MESSAGE_WORDS_MAX),
        back in prop::collection::vec(any::<u64>(), 0..=MESSAGE_WORDS_MAX),
        label in 0..1u64 << 20,
    ) {
        set_message(&there);
        let info = MessageInfo::new(label, 0, 0, there.len());
        let answer = back.clone();
        let (seen, answered) = traps(
            move |_| {
                for (index, word) in answer.iter().enumerate().skip(4) {
                    set_mr(index, *word);
                }
                let registers = core::array::from_fn(|index| answer.get(index).copied().unwrap_or(0));
                (Received { info: MessageInfo::new(7, 0, 0, answer.len()), badge: 0 }, registers)
            },
            || crate::call(33, info),
        );
        let [(trap, words)] = seen.as_slice() else { return Err(TestCaseError::fail("not one call")) };
        prop_assert_eq!((trap.number, trap.capability, trap.info), (call::CALL, 33, info.word()));
        prop_assert_eq!(words, &there);
        prop_assert_eq!((answered.label(), answered.length()), (7, back.len()));
        for (index, word) in back.iter().enumerate() {
            prop_assert_eq!(get_mr(index), *word);
        }
    }

    #[test]
    fn an_answer_goes_out_with_the_next_receive(
        words in prop::collection::vec(any::<u64>(), 0..=MESSAGE_WORDS_MAX), badge: u64, first: u64,
    ) {
        set_message(&words);
        let (seen, received) = traps(
            move |_| (Received { info: MessageInfo::new(3, 0, 0, 1), badge }, [first, 0, 0, 0]),
            || crate::reply_recv(1, MessageInfo::new(5, 0, 0, words.len()), 4),
        );
        let [(trap, sent)] = seen.as_slice() else { return Err(TestCaseError::fail("not one call")) };
        prop_assert_eq!((trap.number, trap.capability), (call::REPLY_RECV, 1));
        prop_assert_eq!(trap.reply, if crate::MCS { 4 } else { 0 });
        prop_assert_eq!(sent, &words);
        prop_assert_eq!((received.badge, received.info.label(), get_mr(0)), (badge, 3, first));
    }
}

#[test]
fn a_signal_is_an_empty_send() {
    let (seen, ()) = traps(|_| silence(), || crate::signal(12));
    let [(trap, words)] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((trap.number, trap.capability, words.as_slice()), (call::SEND, 12, [].as_slice()));
}

#[test]
fn telling_and_waiting_is_one_step_with_mcs() {
    let (seen, _) = traps(|_| silence(), || crate::nb_send_recv(5, MessageInfo::new(0, 0, 0, 0), 1, 4));
    let steps: Vec<_> =
        seen.iter().map(|(trap, _)| (trap.number, trap.capability, trap.destination)).collect();
    #[cfg(kernel_mcs)]
    assert_eq!(steps, [(call::NB_SEND_RECV, 1, 5)]);
    #[cfg(not(kernel_mcs))]
    assert_eq!(steps, [(call::NB_SEND, 5, 0), (call::RECV, 1, 0)]);
}

#[test]
fn a_thread_is_started_at_its_entry() {
    let (seen, result) = traps(|_| silence(), || Tcb(202).write_entry(0x20_0000, 0x7fff_f000, true));
    assert_eq!(result, Ok(()));
    let [(trap, words)] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((trap.number, trap.capability), (call::CALL, 202));
    assert_eq!(MessageInfo::from_word(trap.info).label(), constants::LABEL_TCBWriteRegisters);
    // Resume, two registers, and these are pc and sp.
    assert_eq!(words, &[1, 2, 0x20_0000, 0x7fff_f000]);
}

#[test]
fn a_refused_invocation_gives_the_kernels_reason() {
    let refuse = |_: &Trap| {
        let info = MessageInfo::new(constants::ERROR_InvalidCapability, 0, 0, 0);
        (Received { info, badge: 0 }, [0; 4])
    };
    let (seen, result) = traps(refuse, || IrqHandler(140).acknowledge());
    assert_eq!((seen.len(), result), (1, Err(Error::InvalidCapability)));
}

#[test]
#[should_panic(expected = "there is no kernel on a desk")]
fn without_a_kernel_nothing_pretends_to_work() {
    crate::yield_now();
}
