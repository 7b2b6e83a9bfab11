// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The classic interface: x0 capability in and badge out, x1 message info, x2-x5 message words, x7 number.
//! The kernel keeps the last caller itself; there are no reply objects.

use super::{REGISTER_WORDS, Received, Words};
use crate::{CPtr, MessageInfo, constants};

/// A system call that sends words and gets words.
#[cfg(target_os = "none")]
#[inline(always)]
fn exchange(number: i64, capability: CPtr, info: u64, words: Words) -> (Received, Words) {
    let [mut w0, mut w1, mut w2, mut w3] = words;
    let badge: u64;
    let info_out: u64;
    // SAFETY: a system call changes the registers named here and the IPC buffer (hence no `nomem`); the
    // kernel saves and restores all others. Whatever it does to other memory of this program is by
    // capabilities that the caller holds and answers for.
    unsafe {
        core::arch::asm!(
            "svc #0",
            inlateout("x0") capability => badge,
            inlateout("x1") info => info_out,
            inlateout("x2") w0,
            inlateout("x3") w1,
            inlateout("x4") w2,
            inlateout("x5") w3,
            in("x7") number,
            options(nostack),
        );
    }
    (Received { info: MessageInfo::from_word(info_out), badge }, [w0, w1, w2, w3])
}

#[cfg(not(target_os = "none"))]
fn exchange(number: i64, capability: CPtr, info: u64, words: Words) -> (Received, Words) {
    crate::desk::enter(crate::desk::Trap { number, capability, info, words, reply: 0, destination: 0 })
}

#[inline(always)]
pub(super) fn call(destination: CPtr, info: MessageInfo, words: Words) -> (MessageInfo, Words) {
    let (received, words) = exchange(constants::SYSCALL_Call, destination, info.word(), words);
    (received.info, words)
}

#[inline(always)]
pub(super) fn send(destination: CPtr, info: MessageInfo, words: Words) {
    exchange(constants::SYSCALL_Send, destination, info.word(), words);
}

#[inline(always)]
pub(super) fn nb_send(destination: CPtr, info: MessageInfo, words: Words) {
    exchange(constants::SYSCALL_NBSend, destination, info.word(), words);
}

#[inline(always)]
pub(super) fn recv(source: CPtr, _reply: CPtr) -> (Received, Words) {
    exchange(constants::SYSCALL_Recv, source, 0, [0; REGISTER_WORDS])
}

#[inline(always)]
pub(super) fn nb_recv(source: CPtr, _reply: CPtr) -> (Received, Words) {
    exchange(constants::SYSCALL_NBRecv, source, 0, [0; REGISTER_WORDS])
}

#[inline(always)]
pub(super) fn reply_recv(source: CPtr, info: MessageInfo, words: Words, _reply: CPtr) -> (Received, Words) {
    exchange(constants::SYSCALL_ReplyRecv, source, info.word(), words)
}

#[inline(always)]
pub(super) fn nb_send_recv(
    destination: CPtr,
    info: MessageInfo,
    words: Words,
    source: CPtr,
    reply: CPtr,
) -> (Received, Words) {
    nb_send(destination, info, words);
    recv(source, reply)
}

#[inline(always)]
pub(super) fn wait(notification: CPtr) -> u64 {
    recv(notification, 0).0.badge
}

#[inline(always)]
pub(super) fn yield_now() {
    exchange(constants::SYSCALL_Yield, 0, 0, [0; REGISTER_WORDS]);
}
