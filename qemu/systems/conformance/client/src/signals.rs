// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Notifications to a protection domain that runs only when this one waits: they coalesce.

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::Channel;

use crate::Report;

/// The listener's own numbers of the two channels, as `system.xml` has them.
const ITS_CHANNELS: u64 = 1 << 3 | 1 << 60;

pub(crate) struct Signals {
    listener: [Channel; 2],
    record: SharedRegion,
    answers: u32,
}

impl Signals {
    pub(crate) fn new(listener: [Channel; 2], record: SharedRegion) -> Self {
        Self { listener, record, answers: 0 }
    }

    pub(crate) fn is(&self, channel: Channel) -> bool {
        channel == self.listener[0]
    }

    fn words(&self) -> [u64; 3] {
        // The region is a page: the offsets are inside.
        core::array::from_fn(|index| self.record.load_u64_acquire(index * 8).unwrap_or(u64::MAX))
    }

    /// Notifies many times by two channels.
    pub(crate) fn send(&self, report: &mut Report) {
        report.check("nothing has notified the listener", self.words() == [0; 3]);
        for _ in 0..100 {
            self.listener.iter().for_each(|channel| channel.notify());
        }
        report.check("who is outranked waits for its turn", self.words() == [0; 3]);
    }

    /// The listener has answered.
    pub(crate) fn answered(&mut self, report: &mut Report) {
        self.answers += 1;
        let [events, channels, recorded] = self.words();
        report.check("a deferred signal comes after the entry point's end", recorded == 1);
        report.check("notifications coalesce", events == 1);
        report.check("two channels at once are one event", channels == ITS_CHANNELS);
    }

    /// After much else has happened.
    pub(crate) fn end(&self, report: &mut Report) {
        let right = self.words() == [1, ITS_CHANNELS, 1] && self.answers == 1;
        report.check("notifications that coalesced do not come again", right);
    }
}
