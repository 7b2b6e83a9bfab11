// SPDX-License-Identifier: Apache-2.0 OR MIT
//! wasm_manager was restarted while slots run: what it finds there, and what it takes over.
//!
//! Nothing of its earlier life is believed but the pages with orders, which it alone can write, and what is on the disk.
//! A slot is taken over, untouched, if it has exactly the orders and the module that the app found on the disk would get;
//! every other slot begins anew with its kept app, or empty.

use alloc::vec;

use cofferdam_management_protocol::AppState;
use cofferdam_slot_protocol::{Command, Orders, read_orders};
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::slots::{Slot, Watch};

/// Time in which the app of a slot that was taken over must have been active, beside two of its periods. A fault that came
/// to wasm_manager's earlier life comes to nobody else.
const PROOF_OF_LIFE_US: u64 = 1_000_000;

impl Slot {
    /// What the slot was told to do by an earlier life of wasm_manager, if there was one: after a boot the page is blank.
    pub(crate) fn earlier_orders(&self) -> Option<Orders> {
        read_orders(self.regions().orders).ok()
    }

    /// Goes on counting behind earlier orders.
    pub(crate) fn continue_behind(&mut self, orders: &Orders) {
        self.generation = self.generation.max(orders.generation);
    }

    /// Whether what runs under `orders` is exactly `app`.
    pub(crate) fn runs(&self, orders: &Orders, app: &App) -> bool {
        orders.command == Command::Run
            && Orders { generation: 0, record: false, ..orders.clone() }
                == Orders { generation: 0, ..app.orders.clone() }
            && self.module_is(app)
    }

    /// Takes over the app that runs under `orders`.
    pub(crate) fn take_over(&mut self, orders: &Orders, mut app: App, now_us: u64) {
        self.generation = orders.generation;
        self.recorded = orders.record.then_some(orders.generation);
        let activations = self.status().map_or(0, |status| status.counters.activations);
        let patience_us = app.orders.period_us.saturating_mul(2).saturating_add(PROOF_OF_LIFE_US);
        self.watch = Some(Watch { activations, until_us: now_us.saturating_add(patience_us) });
        app.state = AppState::Starting; // until its status says more
        self.app = Some(app);
    }

    /// Whether the slot's module is the app's. Only wasm_manager can write it.
    fn module_is(&self, app: &App) -> bool {
        let (mut digest, mut piece) = (Sha256::new(), vec![0; 4096]);
        let length = app.manifest.common.size_bytes as usize;
        let mut at = 0usize;
        while at < length {
            let count = length.saturating_sub(at).min(piece.len());
            let Some(part) = piece.get_mut(..count) else { return false };
            if self.regions().module.copy_out(at, part).is_err() {
                return false;
            }
            digest.update(part);
            at = at.saturating_add(count);
        }
        <[u8; 32]>::from(digest.finalize()) == app.manifest.common.digest.bytes
    }
}
