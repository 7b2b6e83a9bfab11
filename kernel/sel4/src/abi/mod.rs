// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The two system call interfaces behind one set of functions.
//!
//! Both take the first four message words in x2 to x5 and the rest in the IPC buffer. Here all words live
//! in the IPC buffer from the caller's point of view; these functions move the first four.

use crate::{CPtr, MessageInfo, get_mr, set_mr};

#[cfg(not(kernel_mcs))]
mod classic;
#[cfg(kernel_mcs)]
mod mcs;

#[cfg(not(kernel_mcs))]
use classic as kernel;
#[cfg(kernel_mcs)]
use mcs as kernel;

/// Message words that travel in registers.
pub(crate) const REGISTER_WORDS: usize = 4;

pub(crate) type Words = [u64; REGISTER_WORDS];

/// What a receive brought.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// The message (meaningless for a notification).
    pub info: MessageInfo,
    /// The badge of the capability that the sender used, as the kernel gave it (see [`crate::badge`]);
    /// zero after a receive that found nothing.
    pub badge: u64,
}

#[inline(always)]
fn load() -> Words {
    [get_mr(0), get_mr(1), get_mr(2), get_mr(3)]
}

#[inline(always)]
fn store(words: Words) {
    for (index, word) in words.into_iter().enumerate() {
        set_mr(index, word);
    }
}

/// Sends and waits for the answer, whose words are then in the IPC buffer.
#[inline(always)]
pub fn call(destination: CPtr, info: MessageInfo) -> MessageInfo {
    let (info, words) = kernel::call(destination, info, load());
    store(words);
    info
}

/// Sends; waits until somebody receives, except to a notification.
#[inline(always)]
pub fn send(destination: CPtr, info: MessageInfo) {
    kernel::send(destination, info, load());
}

/// Sends if somebody waits; otherwise nothing happens.
#[inline(always)]
pub fn nb_send(destination: CPtr, info: MessageInfo) {
    kernel::nb_send(destination, info, load());
}

/// Waits for a message or a notification. `reply` is the reply object (MCS alone uses it).
#[inline(always)]
pub fn recv(source: CPtr, reply: CPtr) -> Received {
    let (received, words) = kernel::recv(source, reply);
    store(words);
    received
}

/// Takes what is pending, without waiting; badge zero if there is nothing.
#[inline(always)]
pub fn nb_recv(source: CPtr, reply: CPtr) -> Received {
    let (received, words) = kernel::nb_recv(source, reply);
    store(words);
    received
}

/// Answers the last caller, then waits for the next.
#[inline(always)]
pub fn reply_recv(source: CPtr, info: MessageInfo, reply: CPtr) -> Received {
    let (received, words) = kernel::reply_recv(source, info, load(), reply);
    store(words);
    received
}

/// Sends if somebody waits, then waits for a message or a notification: one step with MCS, so that whoever gets
/// the message finds this thread waiting; two steps otherwise.
#[inline(always)]
pub fn nb_send_recv(destination: CPtr, info: MessageInfo, source: CPtr, reply: CPtr) -> Received {
    let (received, words) = kernel::nb_send_recv(destination, info, load(), source, reply);
    store(words);
    received
}

/// Waits for a notification and gives its badge.
#[inline(always)]
pub fn wait(notification: CPtr) -> u64 {
    kernel::wait(notification)
}

/// Gives the rest of the time slice to threads of the same priority.
#[inline(always)]
pub fn yield_now() {
    kernel::yield_now();
}
