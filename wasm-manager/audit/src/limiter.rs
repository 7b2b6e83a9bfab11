// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Which of many like events get an entry.

use alloc::vec::Vec;

use crate::entry::Event;

/// Most kinds of events that are told apart.
const KINDS_MAX: usize = 32;
/// So many of a kind get an entry each; after that, every one whose count is a power of two.
const EACH: u32 = 4;

/// Counts like events since boot: those of the same kind by the same key about the same app. All that comes
/// without a trusted key is one kind. So whoever causes events without end gets 33 entries of each kind at most,
/// and what there is beyond `KINDS_MAX` kinds is one more.
#[derive(Debug, Default)]
pub struct Limiter {
    kinds: Vec<(Event, u32)>,
    others: u32,
}

impl Limiter {
    /// The event with its count if it is to have an entry.
    pub fn note(&mut self, event: Event) -> Option<Event> {
        let like = |(other, _): &(Event, u32)| {
            other.what == event.what && other.by == event.by && other.component == event.component
        };
        let known = self.kinds.iter().position(like);
        if known.is_none() && self.kinds.len() < KINDS_MAX {
            self.kinds.push((Event { text: None, ..event.clone() }, 0));
        }
        let at = known.unwrap_or(self.kinds.len().saturating_sub(1));
        let count = match self.kinds.get_mut(at) {
            Some((other, count)) if like(&(other.clone(), 0)) => count,
            _ => &mut self.others,
        };
        *count = count.saturating_add(1);
        let count = *count;
        (count <= EACH || count.is_power_of_two()).then_some(Event { count: Some(count), ..event })
    }
}
