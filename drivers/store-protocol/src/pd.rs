// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Both sides inside a protection domain: [`StoreChannel`] for the client; [`receive`] and [`answer`] for the
//! driver.

use sel4_microkit::{Channel, MessageInfo, get_mr, set_mr};

use crate::{Answer, Call, WORDS_MAX};

/// The channel by which this protection domain calls store_driver.
#[derive(Clone, Copy, Debug)]
pub struct StoreChannel(pub Channel);

impl Call for StoreChannel {
    fn call(&mut self, label: u64, words: &[u64]) -> Answer {
        for (index, word) in words.iter().enumerate() {
            set_mr(index, *word);
        }
        let reply = self.0.pp_call(MessageInfo::new(label, words.len()));
        let mut words = [0; WORDS_MAX];
        let count = reply.count();
        for (index, word) in words.iter_mut().enumerate().take(count) {
            *word = get_mr(index);
        }
        Answer { label: reply.label(), words, count }
    }
}

/// The words of a message that the client sent. One more than any request has is kept, so that parsing sees
/// what is too long.
pub fn receive(message: MessageInfo, buffer: &mut [u64; WORDS_MAX + 1]) -> &[u64] {
    let count = message.count().min(buffer.len());
    for (index, word) in buffer.iter_mut().enumerate().take(count) {
        *word = get_mr(index);
    }
    buffer.get(..count).unwrap_or(&[])
}

/// Puts an answer where the kernel takes it from.
pub fn answer(answer: &Answer) -> MessageInfo {
    for (index, word) in answer.words.iter().enumerate().take(answer.count) {
        set_mr(index, *word);
    }
    MessageInfo::new(answer.label, answer.count)
}
