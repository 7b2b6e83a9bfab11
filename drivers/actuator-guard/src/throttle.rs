// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How often the same thing is told.

use core::num::NonZeroU64;

/// The shortest time between two lines about the same client.
const QUIET_US: u64 = 1_000_000;

#[derive(Clone, Copy, Debug)]
struct Client {
    last_told_us: Option<u64>,
    untold: u64,
}

/// Decides which events of a kind are told: for each of `CLIENTS` clients one a second, with the number of
/// those before it that were not.
#[derive(Clone, Debug)]
pub struct Throttle<const CLIENTS: usize> {
    clients: [Client; CLIENTS],
}

impl<const CLIENTS: usize> Throttle<CLIENTS> {
    /// Nothing has happened yet.
    pub const fn new() -> Self {
        Self { clients: [Client { last_told_us: None, untold: 0 }; CLIENTS] }
    }

    /// It happened to `client` at `now_us`: how many times to tell, this one included, or none if it is not the
    /// time. Clients beyond `CLIENTS` share the last place.
    pub fn happened(&mut self, client: usize, now_us: u64) -> Option<NonZeroU64> {
        let client = self.clients.get_mut(client.min(CLIENTS.checked_sub(1)?))?;
        client.untold = client.untold.saturating_add(1);
        if client.last_told_us.is_some_and(|told_us| now_us < told_us.saturating_add(QUIET_US)) {
            return None;
        }
        client.last_told_us = Some(now_us);
        NonZeroU64::new(core::mem::take(&mut client.untold))
    }
}

impl<const CLIENTS: usize> Default for Throttle<CLIENTS> {
    fn default() -> Self {
        Self::new()
    }
}
