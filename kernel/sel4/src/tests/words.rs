// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Message descriptions, badges, errors and faults.

use std::collections::BTreeSet;
use std::format;
use std::string::ToString;

use proptest::prelude::*;

use crate::badge::{self, Origin};
use crate::{Error, Fault, MCS, MESSAGE_WORDS_MAX, MessageInfo, constants, get_mr, set_mr, with_message};

/// seL4 5.0 keeps so many bits of an endpoint capability's badge.
const CLASSIC_ENDPOINT_BADGE_BITS: u32 = 28;

#[test]
fn a_message_is_described_as_the_kernels_own_encoder_does() {
    assert_eq!(MessageInfo::new(0x54321, 5, 2, 97).word(), constants::SAMPLE_MESSAGE_INFO);
}

proptest! {
    #[test]
    fn a_description_keeps_label_and_length(
        label in 0..1u64 << 20, unwrapped in 0..8u64, caps in 0..4u64, length in 0..=MESSAGE_WORDS_MAX,
    ) {
        let info = MessageInfo::new(label, unwrapped, caps, length);
        prop_assert_eq!((info.label(), info.length()), (label, length));
        prop_assert_eq!(MessageInfo::from_word(info.word()), info);
    }

    /// Too large a field never spills into another.
    #[test]
    fn fields_do_not_touch_each_other(
        label in 0..1u64 << 20, unwrapped: u64, caps: u64, length: usize,
    ) {
        let info = MessageInfo::new(label, unwrapped, caps, length);
        prop_assert_eq!(info.label(), label);
        prop_assert_eq!(info.word() & 0x7f, length as u64 & 0x7f);
        prop_assert_eq!(info.word() >> 7 & 3, caps & 3);
        prop_assert_eq!(info.word() >> 9 & 7, unwrapped & 7);
    }

    /// Whatever word a sender achieves, nobody reads beyond the buffer for it.
    #[test]
    fn no_word_claims_more_than_the_buffer_holds(word: u64) {
        prop_assert!(MessageInfo::from_word(word).length() <= MESSAGE_WORDS_MAX);
    }

    #[test]
    fn pending_notifications_are_told_together(channels in prop::collection::btree_set(0..62u8, 1..62)) {
        let badge = channels.iter().fold(0, |badge, channel| badge | badge::notification(*channel));
        let Origin::Notification(bits) = badge::decode(badge) else {
            return Err(TestCaseError::fail(format!("{badge:#x} is no notification")));
        };
        let told: BTreeSet<u8> = (0..64).filter(|channel| bits >> channel & 1 != 0).collect();
        prop_assert_eq!(told, channels);
    }

    #[test]
    fn calls_and_faults_tell_who(id in 0..62u8) {
        prop_assert_eq!(badge::decode(badge::protected(id)), Origin::Protected(id));
        prop_assert_eq!(badge::decode(badge::fault(id)), Origin::Fault(id));
        prop_assert_ne!(badge::notification(id), 0, "zero would be no badge");
    }

    /// The classic kernel cuts an endpoint's badge: what is left must still say who.
    #[test]
    fn a_cut_badge_says_the_same(id in 0..62u8) {
        if !MCS {
            for badge in [badge::protected(id), badge::fault(id)] {
                prop_assert_eq!(badge & ((1 << CLASSIC_ENDPOINT_BADGE_BITS) - 1), badge);
            }
        }
    }

    /// However senders combine: a notification is never taken for a call, nor a call for a notification.
    #[test]
    fn kinds_are_never_confused(bits: u64, cut in 0..1u64 << CLASSIC_ENDPOINT_BADGE_BITS) {
        if !MCS {
            prop_assert!(matches!(badge::decode(bits | 1 << 63), Origin::Notification(_)));
            prop_assert!(!matches!(badge::decode(cut), Origin::Notification(_)));
        }
        if let Origin::Notification(channels) = badge::decode(bits) {
            prop_assert_eq!(channels & !badge::CHANNEL_BITS, 0);
        }
    }

    #[test]
    fn message_words_are_kept(words in prop::collection::vec(any::<u64>(), MESSAGE_WORDS_MAX), beyond: usize) {
        for (index, word) in words.iter().enumerate() {
            set_mr(index, *word);
        }
        set_mr(beyond.saturating_add(MESSAGE_WORDS_MAX), 1);
        prop_assert_eq!(get_mr(beyond.saturating_add(MESSAGE_WORDS_MAX)), 0);
        with_message(|seen| {
            assert_eq!(seen, words);
            seen.reverse();
        });
        for (index, word) in words.iter().rev().enumerate() {
            prop_assert_eq!(get_mr(index), *word);
        }
    }

    #[test]
    fn a_memory_fault_says_what_the_kernel_wrote(words in prop::array::uniform4(any::<u64>())) {
        let [instruction, address, fetch, status] = words;
        set_mr(constants::VM_FAULT_IP as usize, instruction);
        set_mr(constants::VM_FAULT_ADDR as usize, address);
        set_mr(constants::VM_FAULT_PREFETCH as usize, fetch);
        set_mr(constants::VM_FAULT_FSR as usize, status);
        let fault = Fault::from_message(MessageInfo::new(constants::FAULT_VMFault, 0, 0, 4));
        prop_assert_eq!(fault, Fault::VirtualMemory { instruction, address, fetch: fetch != 0, status });
        prop_assert_eq!(fault.instruction(), Some(instruction));
        let place = format!("pc {instruction:#x}");
        prop_assert!(fault.to_string().contains(&place));
    }

    /// A label that no kernel of ours sends is told, whatever it is.
    #[test]
    fn an_unknown_fault_is_told(label in 64..1u64 << 20) {
        let fault = Fault::from_message(MessageInfo::new(label, 0, 0, 0));
        prop_assert_eq!(fault, Fault::Unknown { label });
        prop_assert_eq!(fault.instruction(), None);
    }
}

#[test]
fn each_kind_of_fault_is_told_apart() {
    let told = |label| Fault::from_message(MessageInfo::new(label, 0, 0, MESSAGE_WORDS_MAX));
    set_mr(constants::CAP_FAULT_IP as usize, 0x1000);
    set_mr(constants::CAP_FAULT_ADDR as usize, 77);
    set_mr(constants::CAP_FAULT_IN_RECV as usize, 1);
    assert_eq!(
        told(constants::FAULT_CapFault),
        Fault::Capability { instruction: 0x1000, capability: 77, receiving: true }
    );
    set_mr(constants::UNKNOWN_SYSCALL_IP as usize, 0x2000);
    set_mr(constants::UNKNOWN_SYSCALL_NUMBER as usize, (-40_i64) as u64);
    let unknown = told(constants::FAULT_UnknownSyscall);
    assert_eq!(unknown.to_string(), "unknown system call -40 at pc 0x2000");
    set_mr(constants::USER_EXCEPTION_IP as usize, 0x3000);
    set_mr(constants::USER_EXCEPTION_NUMBER as usize, 0x0200_0000);
    set_mr(constants::USER_EXCEPTION_CODE as usize, 0);
    let exception = told(constants::FAULT_UserException);
    assert_eq!(exception.to_string(), "undefined instruction at pc 0x3000 (esr 0x2000000, code 0x0)");
}

#[test]
fn a_data_abort_tells_reading_from_writing() {
    let fault = |status| Fault::VirtualMemory { instruction: 0x1000, address: 0x20, fetch: false, status };
    assert_eq!(
        fault(0x9200_0046).to_string(),
        "data abort (write) at address 0x20 pc 0x1000 (esr 0x92000046)"
    );
    assert_eq!(
        fault(0x9200_0006).to_string(),
        "data abort (read) at address 0x20 pc 0x1000 (esr 0x92000006)"
    );
}

#[test]
fn a_refusal_has_its_own_reason() {
    let numbers = [
        constants::ERROR_InvalidArgument,
        constants::ERROR_InvalidCapability,
        constants::ERROR_IllegalOperation,
        constants::ERROR_RangeError,
        constants::ERROR_AlignmentError,
        constants::ERROR_FailedLookup,
        constants::ERROR_TruncatedMessage,
        constants::ERROR_DeleteFirst,
        constants::ERROR_RevokeFirst,
        constants::ERROR_NotEnoughMemory,
    ];
    let reasons: BTreeSet<_> = numbers
        .into_iter()
        .map(|number| {
            let error = Error::check(MessageInfo::new(number, 0, 0, 0)).expect_err("refused");
            assert!(!matches!(error, Error::Unknown(_)), "{number} is unknown");
            error.to_string()
        })
        .collect();
    assert_eq!(reasons.len(), numbers.len());
    assert_eq!(Error::check(MessageInfo::new(0, 0, 0, 3)), Ok(()));
    assert_eq!(Error::check(MessageInfo::new(99, 0, 0, 0)), Err(Error::Unknown(99)));
}
