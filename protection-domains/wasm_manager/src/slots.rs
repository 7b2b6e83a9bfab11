// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The slots' protection domains, which are children of this one.

use cofferdam_device_protocol::CallError;
use cofferdam_device_protocol::pd::Permitting;
use cofferdam_device_protocol::permission::{CLIENTS, Permissions};
use cofferdam_device_protocol::swap::{SwapReport, SwapTerms};
use cofferdam_lifecycle::{FigurePage, Platform, PlatformError, SLOTS, Storage, Unanswered};
use sel4_microkit::{Child, channel, child, heap, now_us};

use crate::regions;
use crate::storage::Disk;
use crate::verifier::{Verifier, verifier};

// The servers' clients are the slots.
const _: () = assert!(CLIENTS == SLOTS);

/// The children by slot number; also everything else that the manager needs from the system.
pub struct Slots {
    children: [Child; SLOTS],
    permitting: Permitting,
    disk: Option<Disk>,
    figures: [FigurePage; 4],
    /// The other child.
    pub verifier: Verifier,
}

/// As `system.xml` numbers them.
pub fn slots(disk: Option<Disk>) -> Slots {
    let permitting = Permitting {
        sensors: channel!(sensor_channel),
        actuators: channel!(actuator_channel),
        topics: channel!(topic_channel),
    };
    Slots { children: children(), permitting, disk, figures: regions::figures(), verifier: verifier() }
}

fn children() -> [Child; SLOTS] {
    [child!(slot_0_child), child!(slot_1_child), child!(slot_2_child), child!(slot_3_child)]
}

/// The slot that is this child. The numbers of both agree: `system.xml` gives slot n the identifier n.
pub fn number(child: Child) -> Option<usize> {
    usize::try_from(child.id()).ok().filter(|slot| *slot < SLOTS)
}

/// Where slot 0 stands among the protection domains of `system.xml`; the other slots follow. A host test of
/// `kernel/image` (`wiring`) compares.
const SLOT_0_INDEX: u64 = 7;

/// The slot with this index among the protection domains.
pub fn number_by_index(index: u64) -> Option<usize> {
    usize::try_from(index.checked_sub(SLOT_0_INDEX)?).ok().filter(|slot| *slot < SLOTS)
}

/// Has the kernel tell when a slot uses up its budget.
pub fn report_exhaustion() -> Result<(), sel4_microkit::Error> {
    children().iter().try_for_each(|child| child.report_exhaustion())
}

fn failed(what: &str, slot: usize, error: CallError) -> PlatformError {
    log::error!("slot {slot}: {what}: {error}");
    PlatformError
}

fn untold(what: &str, error: CallError) -> PlatformError {
    log::error!("{what}: {error}");
    PlatformError
}

impl Slots {
    fn child(&self, slot: usize) -> Result<Child, PlatformError> {
        self.children.get(slot).copied().ok_or(PlatformError)
    }
}

impl Platform for Slots {
    fn now_us(&self) -> u64 {
        now_us()
    }

    fn revoke(&mut self, slot: usize) -> Result<(), PlatformError> {
        self.permitting.revoke(slot).map_err(|error| failed("permissions not revoked", slot, error))
    }

    fn permit(&mut self, slot: usize, permissions: &Permissions) -> Result<(), PlatformError> {
        self.permitting
            .permit(slot, permissions)
            .map_err(|error| failed("permissions not given", slot, error))
    }

    fn swap_begin(&mut self, terms: &SwapTerms) -> Result<(), PlatformError> {
        self.permitting.swap_begin(terms).map_err(|error| failed("not compared", terms.new, error))
    }

    fn swap_hand_over(&mut self) -> Result<Option<u64>, PlatformError> {
        self.permitting.swap_hand_over().map_err(|error| untold("authority does not pass", error))
    }

    fn swap_report(&mut self) -> Result<SwapReport, PlatformError> {
        self.permitting.swap_report().map_err(|error| untold("no report of a swap", error))
    }

    fn voice(&mut self, slot: usize, from_us: u64, until_us: u64) -> Result<(), PlatformError> {
        self.permitting
            .voice(slot, from_us, until_us)
            .map_err(|error| failed("no word about its topics", slot, error))
    }

    fn stop(&mut self, slot: usize) -> Result<(), PlatformError> {
        self.child(slot)?.stop().map_err(|_| PlatformError)
    }

    fn restart(&mut self, slot: usize) -> Result<(), PlatformError> {
        self.child(slot)?.restart().map_err(|_| PlatformError)
    }

    fn stop_verifier(&mut self) -> Result<(), PlatformError> {
        self.verifier.stop()
    }

    fn run_verifier(&mut self, is_answered: &dyn Fn() -> bool, patience_us: u64) -> Result<(), Unanswered> {
        self.verifier.run(is_answered, patience_us)
    }

    fn storage(&mut self) -> Option<&mut dyn Storage> {
        self.disk.as_mut().map(|disk| disk as &mut dyn Storage)
    }

    fn figures(&self) -> &[FigurePage] {
        &self.figures
    }

    fn has_budgets(&self) -> bool {
        sel4_microkit::MCS
    }

    fn heap_used_bytes(&self) -> u64 {
        heap::statistics().used_bytes as u64
    }
}
