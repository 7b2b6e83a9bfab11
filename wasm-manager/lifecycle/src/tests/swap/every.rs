// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Swaps, whole: every sequence of what can happen up to a length, from the beginning of a swap.

extern crate std;

use alloc::vec::Vec;
use std::println;

use cofferdam_management_protocol::{Command, DeviceMessage};

use super::{ANY_SWAP_US, Law, PERIOD_US, SAME, disk, fly, holder, version};
use crate::tests::world::*;
use crate::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happens {
    /// A few ticks in which both do the same.
    Same,
    /// The same in which they do not.
    Differ,
    FailOld,
    FailNew,
    FaultNew,
    SwapIn,
    StopIt,
    StartIt,
    ManagerDies,
    PowerFails,
}
use Happens::*;

const ALL: [Happens; 10] =
    [Same, Differ, FailOld, FailNew, FaultNew, SwapIn, StopIt, StartIt, ManagerDies, PowerFails];

fn slot_of(manager: &Manager<System>, sequence: u64) -> Option<usize> {
    let active = |app: &crate::app::App| app.manifest.sequence == sequence && app.is_active();
    manager.slots.iter().position(|slot| slot.app.as_ref().is_some_and(active))
}

fn happens(mut manager: Manager<System>, what: Happens, second: &[u8]) -> Manager<System> {
    let differ: Law = |sequence, _| Some(if sequence == 1 { 0.5 } else { 0.9 });
    match what {
        Same => fly(&mut manager, 12 * PERIOD_US, SAME),
        Differ => fly(&mut manager, 2 * PERIOD_US, differ),
        FailOld | FailNew => {
            if let Some(slot) = slot_of(&manager, if what == FailOld { 1 } else { 2 }) {
                fail(&mut manager, slot);
            }
        }
        FaultNew => {
            if let Some(slot) = slot_of(&manager, 2) {
                manager.slot_faulted(slot, &"vm fault");
                hear_slots(&mut manager);
            }
        }
        SwapIn => drop(swap_now(&mut manager, second)),
        StopIt => drop(command_now(&mut manager, &Command::Stop { name: "app" })),
        StartIt => {
            command_now(&mut manager, &Command::Start { name: "app" });
            hear_slots(&mut manager);
        }
        ManagerDies => manager = restart_manager(manager),
        PowerFails => manager = boot(manager.platform.disk.as_ref().unwrap()),
    }
    manager
}

/// As [`command`], whatever the boot nonce is by now.
fn command_now(manager: &mut Manager<System>, command: &Command<'_>) -> DeviceMessage {
    connect_now(manager).command(manager, command)
}

fn swap_now(manager: &mut Manager<System>, package: &[u8]) -> DeviceMessage {
    connect_now(manager).swap(manager, package)
}

fn connect_now(manager: &mut Manager<System>) -> Host {
    let nonce = manager.identity.boot_nonce.unwrap();
    Host { nonce, ..Host::connect(manager, 10, 1) }
}

/// Whatever has happened: at most one holds the output, the one whose writes count and that runs; no shadow is left behind
/// without a swap; and no tick was missed unless something ended that had authority.
fn sound(manager: &mut Manager<System>, trail: &[Happens]) {
    let all: Vec<_> = manager
        .slots
        .iter()
        .enumerate()
        .filter_map(|(slot, place)| place.app.as_ref().map(|app| (slot, app.swap, app.is_active())))
        .collect();
    assert!(all.len() <= 2, "{trail:?}: {all:?}");
    if manager.swapping.is_none() {
        assert!(all.len() == 1 && all[0].1.is_none(), "{trail:?}: {all:?}");
        let now_us = manager.platform.now_us;
        let speaks = |(from_us, until_us): &(u64, u64)| *from_us <= now_us && *until_us == u64::MAX;
        assert!(manager.platform.voices.iter().all(speaks), "{trail:?}");
    }
    if let Some(holder) = holder(manager) {
        let place = all.iter().find(|(slot, ..)| *slot == usize::from(holder));
        assert!(place.is_some_and(|(_, _, active)| *active), "{trail:?}: {holder} holds it: {all:?}");
    }
    let kept = manager.kept.slots.iter().flatten().count();
    assert_eq!(kept, 1, "{trail:?}: one version is on the disk");
}

#[test]
fn every_sequence_of_events_leaves_one_version() {
    const LENGTH: u32 = 3;
    reuse_memory();
    let (first, second) = (version(1), version(2));
    let choices = ALL.len();
    let mut ended = [0u32; 3];
    for number in 0..choices.pow(LENGTH) {
        let disk = disk();
        let mut manager = boot(&disk);
        Host::connect(&mut manager, 1, 1).push(&mut manager, &first);
        fly(&mut manager, 2 * PERIOD_US, SAME);
        swap_now(&mut manager, &second);
        let mut trail = Vec::new();
        for event in (0..LENGTH).map(|place| ALL[number / choices.pow(place) % choices]) {
            trail.push(event);
            manager = happens(manager, event, &second);
            sound(&mut manager, &trail);
        }
        // Left alone it comes to an end.
        fly(&mut manager, ANY_SWAP_US, SAME);
        sound(&mut manager, &trail);
        assert!(manager.swapping.is_none(), "{trail:?}");
        let running = manager.slots.iter().filter_map(|slot| slot.app.as_ref()).next().unwrap();
        let sequence = running.manifest.sequence;
        ended[sequence as usize] += 1;
        // And a boot brings back the same.
        let kept = boot(&disk);
        assert_eq!(slot_of_any(&kept), sequence, "{trail:?}");
    }
    println!("ended with the first, the second version: {:?}", &ended[1..]);
    assert!(ended[1] > 100 && ended[2] > 100, "{ended:?}");
}

fn slot_of_any(manager: &Manager<System>) -> u64 {
    manager.slots.iter().find_map(|slot| slot.app.as_ref()).unwrap().manifest.sequence
}
