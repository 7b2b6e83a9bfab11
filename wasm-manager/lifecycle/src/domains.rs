// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How the protection domains do: faults, restarts, budgets, lost log lines, troubles at queues.
//!
//! wasm_manager knows of its slots what the kernel tells it, and of itself. The rest stands on pages that others write and
//! is their word: so each may speak about what it is there to know and nothing else.

use alloc::string::ToString;
use alloc::vec::Vec;

use cofferdam_domain_figures::{Kind, read};
use cofferdam_management_protocol::DomainFigures;
use cofferdam_shared_memory::SharedRegion;

use crate::SLOTS;
use crate::manager::Manager;
use crate::platform::Platform;
use crate::slots::Slot;

/// Most protection domains in an answer, so that it fits a frame: more than `system.xml` has.
const DOMAINS_MAX: usize = 32;
/// Names as in `system.xml`.
const SLOT_NAMES: [&str; SLOTS] = ["app_slot_0", "app_slot_1", "app_slot_2", "app_slot_3"];
const MANAGER: &str = "wasm_manager";
const GATEWAY: &str = "gateway";

/// Who writes a page of figures, and so what it may speak about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// The parent of wasm_manager and gateway: their faults, restarts and budgets.
    Supervisor,
    /// Who reads every log ring: what was lost of each.
    Console,
    /// The protection domain of this name: what happens at its queues.
    Itself(&'static str),
}

impl Author {
    fn may_tell(self, domain: &str, kind: Kind) -> bool {
        match self {
            Self::Supervisor => {
                [MANAGER, GATEWAY].contains(&domain)
                    && matches!(kind, Kind::Faults | Kind::Restarts | Kind::BudgetsUsedUp)
            }
            Self::Console => kind == Kind::LogLostBytes,
            Self::Itself(name) => {
                domain == name && matches!(kind, Kind::Dropped | Kind::HeldUp | Kind::Misbehaviour)
            }
        }
    }
}

/// A page on which a protection domain tells figures.
#[derive(Clone, Copy, Debug)]
pub struct FigurePage {
    /// Who alone writes it; hostile.
    pub author: Author,
    /// The page.
    pub page: SharedRegion,
}

impl<P: Platform> Manager<P> {
    /// All that is known of the protection domains, in the order in which console reads their logs.
    pub(crate) fn domains(&self) -> Vec<DomainFigures> {
        let mut domains = Vec::new();
        let console = |page: &&FigurePage| page.author == Author::Console;
        let pages = self.platform.figures();
        for FigurePage { author, page } in
            pages.iter().filter(console).chain(pages.iter().filter(|page| !console(page)))
        {
            read(*page, |domain, kind, value| {
                if author.may_tell(domain, kind) {
                    set(&mut domains, domain, kind, value);
                }
            });
        }
        for (name, slot) in SLOT_NAMES.iter().zip(&self.slots) {
            let Slot { faults, restarts, budgets_used_up_ever, .. } = slot;
            let known = [
                (Kind::Faults, faults),
                (Kind::Restarts, restarts),
                (Kind::BudgetsUsedUp, budgets_used_up_ever),
            ];
            known.into_iter().for_each(|(kind, value)| set(&mut domains, name, kind, *value));
        }
        let troubles = self.counters.gateway;
        set(&mut domains, MANAGER, Kind::HeldUp, troubles.held_up);
        set(&mut domains, MANAGER, Kind::Misbehaviour, troubles.misbehaviour);
        set(&mut domains, MANAGER, Kind::Dropped, troubles.dropped);
        domains
    }
}

fn set(domains: &mut Vec<DomainFigures>, name: &str, kind: Kind, value: u64) {
    let at = match domains.iter().position(|domain| domain.name == name) {
        Some(at) => at,
        None if domains.len() >= DOMAINS_MAX => return,
        None => {
            domains.push(DomainFigures { name: name.to_string(), ..DomainFigures::default() });
            domains.len().saturating_sub(1)
        }
    };
    let Some(domain) = domains.get_mut(at) else { return };
    let place = match kind {
        Kind::Faults => &mut domain.faults,
        Kind::Restarts => &mut domain.restarts,
        Kind::BudgetsUsedUp => &mut domain.budgets_used_up,
        Kind::LogLostBytes => &mut domain.log_lost_bytes,
        Kind::Dropped => &mut domain.dropped,
        Kind::HeldUp => &mut domain.held_up,
        Kind::Misbehaviour => &mut domain.misbehaviour,
    };
    *place = Some(value);
}
