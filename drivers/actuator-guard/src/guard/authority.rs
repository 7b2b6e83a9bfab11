// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Who has authority while two versions of an app are side by side, and how it passes: leases and outputs change hands at
//! once, so that nothing else can move an output in between.

use cofferdam_device_protocol::actuator::done;
use cofferdam_device_protocol::swap::{HandOver, SwapOrder, SwapPhase, SwapReason, SwapReport};
use cofferdam_device_protocol::{ACTUATOR_COUNT, ACTUATORS, Message, Status};

use super::{Client, Guard, Held};
use crate::swap::{Act, Side, Swap};

/// Two versions, and the leases that the shadow would hold.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) swap: Swap,
    pub(super) shadow: [Option<Held>; ACTUATOR_COUNT],
    news: Option<News>,
}

/// Authority has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// From the old version's slot to the new one's, as ordered.
    HandedOver {
        /// Whose it was.
        from: usize,
        /// Whose it is.
        to: usize,
        /// Since when.
        at_us: u64,
    },
    /// Back.
    HandedBack {
        /// Whose it was.
        from: usize,
        /// Whose it is.
        to: usize,
        /// Why.
        reason: SwapReason,
        /// The actuator that this is about, if it is about one.
        actuator: Option<usize>,
    },
}

impl Guard {
    /// Obeys one message of `wasm_manager` about two versions side by side.
    ///
    /// # Errors
    /// As [`SwapOrder::decode`]; [`Status::BadSwap`] while two others are side by side or the new one holds a lease,
    /// [`Status::NotAgreed`].
    pub fn obey_swap(&mut self, label: u64, words: &[u64], now_us: u64) -> Result<Message, Status> {
        self.expire(now_us);
        match SwapOrder::decode(label, words)? {
            SwapOrder::Begin(terms) => {
                let mut leases = self.actuators.iter().filter_map(|actuator| actuator.lease);
                let is_busy = self.pair.as_ref().is_some_and(|pair| pair.swap.is_under_way());
                if is_busy || leases.any(|lease| usize::from(lease.by) == terms.new) {
                    return Err(Status::BadSwap);
                }
                let swap = Swap::begin(terms, now_us);
                self.pair = Some(Pair { swap, shadow: [None; ACTUATOR_COUNT], news: None });
                Ok(done())
            }
            SwapOrder::HandOver => {
                let covered = self.uncovered(now_us).is_none();
                let swap = &mut self.pair.as_mut().ok_or(Status::NotAgreed)?.swap;
                if !swap.agrees() || !covered {
                    return Err(Status::NotAgreed);
                }
                Ok(HandOver { at_us: swap.hand_over_next() }.encode())
            }
            SwapOrder::Report => self.swap_report().map(|report| report.encode()).ok_or(Status::NotAgreed),
        }
    }

    /// How two versions do, or did last.
    pub fn swap_report(&self) -> Option<SwapReport> {
        self.pair.as_ref().map(|pair| pair.swap.report())
    }

    /// Whether authority has passed since this was last asked.
    pub fn take_news(&mut self) -> Option<News> {
        self.pair.as_mut()?.news.take()
    }

    fn side(&self, client: Client) -> Option<Side> {
        self.pair.as_ref()?.swap.side(client.into())
    }

    /// Whether what `client` writes has no effect.
    pub(super) fn is_shadow(&self, client: Client) -> bool {
        self.side(client).zip(self.pair.as_ref()).is_some_and(|(side, pair)| side != pair.swap.authority())
    }

    /// Whether `holder`'s lease is in `client`'s way: its own is not, and its other version's is not for a shadow.
    pub(super) fn is_rival(&self, client: Client, holder: Client) -> bool {
        holder != client && !(self.is_shadow(client) && self.side(holder).is_some())
    }

    /// Notes what `client` wrote, if it is one of two.
    pub(super) fn note_write(&mut self, client: Client, id: usize, value: f64, now_us: u64) {
        if let Some((side, pair)) = self.side(client).zip(self.pair.as_mut()) {
            pair.swap.wrote(side, id, value, now_us);
        }
    }

    /// Notes that `client` has no lease on `id` any more, if it is one of two.
    pub(super) fn note_release(&mut self, client: Client, id: usize) {
        if let Some((side, pair)) = self.side(client).zip(self.pair.as_mut()) {
            pair.swap.released(side, id);
        }
    }

    /// The lease that the shadow `client` would hold on `id`.
    pub(super) fn shadow_lease(&mut self, id: usize) -> Option<&mut Option<Held>> {
        self.pair.as_mut()?.shadow.get_mut(id)
    }

    /// Ends leases of the shadow that have run out.
    pub(super) fn expire_shadow(&mut self, now_us: u64) {
        let Some(pair) = &mut self.pair else { return };
        let shadow = match pair.swap.authority() {
            Side::Old => Side::New,
            Side::New => Side::Old,
        };
        for (id, lease) in pair.shadow.iter_mut().enumerate() {
            if lease.take_if(|lease| lease.ends_us() <= now_us).is_some() {
                pair.swap.released(shadow, id);
            }
        }
    }

    /// An output that the old version holds, or would hold, and the new one does not at `now_us`.
    fn uncovered(&self, now_us: u64) -> Option<usize> {
        let pair = self.pair.as_ref()?;
        let is_live = |lease: Option<Held>| lease.is_some_and(|lease| lease.ends_us() > now_us);
        let of =
            |client: usize| move |lease: Option<Held>| lease.filter(|lease| usize::from(lease.by) == client);
        let (of_old, of_new) = (of(pair.swap.terms.old), of(pair.swap.terms.new));
        self.actuators.iter().zip(&pair.shadow).position(|(actuator, shadow)| {
            let held = [actuator.lease, *shadow];
            held.iter().any(|lease| is_live(of_old(*lease)))
                && !held.iter().any(|lease| is_live(of_new(*lease)))
        })
    }

    /// Judges ticks whose deadline is over, and passes authority where that is due.
    pub(super) fn advance(&mut self, now_us: u64) {
        loop {
            let Some(pair) = self.pair.as_ref().filter(|pair| pair.swap.is_under_way()) else { return };
            let judge_us = pair.swap.judge_us().filter(|judge_us| *judge_us <= now_us);
            let uncovered = judge_us.and_then(|judge_us| self.uncovered(judge_us));
            let held = self.held_by_authority();
            let Some(pair) = &mut self.pair else { return };
            if judge_us.is_some()
                && let Act::HandBack(reason, id) = pair.swap.judge(uncovered)
            {
                self.hand_back(reason, Some(id), now_us);
                continue;
            }
            if now_us < pair.swap.end_us() {
                return;
            }
            pair.swap.close(&held, now_us);
            if let Some(at_us) = pair.swap.hands_over(now_us) {
                self.hand_over(at_us);
            }
        }
    }

    /// When the guard has to look at the two by itself: only once the new one has authority.
    pub(super) fn next_judgement_us(&self) -> Option<u64> {
        let swap = &self.pair.as_ref()?.swap;
        (swap.phase == SwapPhase::Watching).then(|| swap.judge_us().unwrap_or_else(|| swap.end_us()))
    }

    fn held_by_authority(&self) -> [bool; ACTUATOR_COUNT] {
        self.actuators.map(|actuator| {
            actuator.lease.is_some_and(|lease| self.side(lease.by).is_some() && !self.is_shadow(lease.by))
        })
    }

    /// Swaps the leases of both.
    fn exchange(&mut self, at_us: u64) {
        let Some(pair) = &mut self.pair else { return };
        let (old, new) = (pair.swap.terms.old, pair.swap.terms.new);
        let mut uncovered = [false; ACTUATOR_COUNT];
        let both = self.actuators.iter_mut().zip(&mut pair.shadow);
        for ((actuator, shadow), uncovered) in both.zip(&mut uncovered) {
            let is_ours = |by: Client| [old, new].contains(&usize::from(by));
            // Another client's stays.
            let mine = actuator.lease.filter(|lease| is_ours(lease.by) && lease.ends_us() > at_us);
            let theirs = shadow.take().filter(|lease| lease.ends_us() > at_us);
            let is_free = actuator.lease.is_none_or(|lease| is_ours(lease.by));
            match (mine, theirs) {
                (_, Some(lease)) if is_free => actuator.lease = Some(lease),
                (Some(lease), None) => {
                    *uncovered = true;
                    *shadow = Some(lease);
                    continue;
                }
                _ => {}
            }
            *shadow = mine;
        }
        let uncovered = uncovered.iter().enumerate().filter(|(_, uncovered)| **uncovered);
        uncovered.for_each(|(id, _)| self.make_safe(id, at_us));
    }

    fn hand_over(&mut self, at_us: u64) {
        // What ended before that ended as ever.
        self.expire_leases(at_us);
        self.expire_shadow(at_us);
        let uncovered = self.uncovered(at_us);
        let Some(pair) = &mut self.pair else { return };
        if let Some(id) = uncovered {
            pair.swap.cancel(id);
            return;
        }
        let (from, to) = (pair.swap.terms.old, pair.swap.terms.new);
        self.exchange(at_us);
        if let Some(pair) = &mut self.pair {
            pair.swap.handed_over();
            pair.news = Some(News::HandedOver { from, to, at_us });
        }
    }

    /// The new version loses authority if it has it, and never gets it again. What the old one last wrote comes into effect
    /// at once.
    pub(super) fn hand_back(&mut self, reason: SwapReason, actuator: Option<usize>, now_us: u64) {
        let Some(pair) = &mut self.pair else { return };
        let had = pair.swap.phase == SwapPhase::Watching;
        let (old, from) = (pair.swap.terms.old, pair.swap.terms.new);
        if had {
            self.exchange(now_us);
        }
        let cuts = self.cuts();
        let Some(pair) = &mut self.pair else { return };
        pair.swap.handed_back(reason, actuator, now_us);
        pair.news = Some(News::HandedBack { from, to: old, reason, actuator });
        if !had {
            return;
        }
        for (id, (actuator, limits)) in self.actuators.iter_mut().zip(&ACTUATORS).enumerate() {
            let holds = actuator.lease.is_some_and(|lease| usize::from(lease.by) == old);
            let value = pair.swap.value(Side::Old, id).filter(|_| holds);
            if let Some(value) = value.filter(|value| !(cuts && limits.drives && *value != limits.safe)) {
                actuator.send(value, limits, now_us);
            }
        }
    }

    /// The lease of `by` on an output has ended; whether the other version takes its place instead of the safe state.
    pub(super) fn saves(&mut self, by: Client, id: usize, at_us: u64) -> bool {
        let Some(pair) = &self.pair else { return false };
        let watched = pair.swap.phase == SwapPhase::Watching && pair.swap.side(by.into()) == Some(Side::New);
        let is_live = |lease: &Held| lease.ends_us() > at_us;
        if !watched || !pair.shadow.get(id).is_some_and(|lease| lease.as_ref().is_some_and(is_live)) {
            return false;
        }
        self.hand_back(SwapReason::LeaseEnded, Some(id), at_us);
        true
    }

    /// `client` gives everything back, as a slot does whose app has ended.
    pub(super) fn gives_up(&mut self, client: Client, now_us: u64) {
        let Some((side, pair)) = self.side(client).zip(self.pair.as_ref()) else { return };
        match (side, pair.swap.phase) {
            (Side::New, SwapPhase::Watching) => self.hand_back(SwapReason::GaveUp, None, now_us),
            (Side::Old, SwapPhase::Shadow | SwapPhase::HandingOver) => {
                self.hand_back(SwapReason::OldEnded, None, now_us);
            }
            _ => {}
        }
    }

    /// `client` may touch nothing any more.
    pub(super) fn revoked(&mut self, client: usize, now_us: u64) {
        let Some(pair) = &self.pair else { return };
        match (pair.swap.side(client), pair.swap.phase) {
            (None, _) => return,
            (Some(Side::New), SwapPhase::Watching) => self.hand_back(SwapReason::Revoked, None, now_us),
            // The new one stays a shadow until it is revoked itself.
            (Some(Side::Old), SwapPhase::Shadow | SwapPhase::HandingOver) => {
                return self.hand_back(SwapReason::OldEnded, None, now_us);
            }
            (Some(Side::Old), SwapPhase::HandedBack) => return,
            _ => {}
        }
        if let Some(pair) = &mut self.pair {
            pair.swap.over();
            pair.shadow = [None; ACTUATOR_COUNT];
        }
    }
}
