// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Swaps through the manager, with the real guard and slots whose apps write what their version says, tick by tick.

mod every;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use cofferdam_audit::What::{self, *};
use cofferdam_device_protocol::actuator_by_name;
use cofferdam_management_protocol::*;
use cofferdam_package::create;
use cofferdam_package::manifest::{ActuatorPermission, App, Shape, Swap};
use cofferdam_slot_protocol::Command as Order;

use super::keys::{log_of, whats};
use super::world::*;
use crate::*;

const PERIOD_US: u64 = 10_000;
const TERMS: Swap =
    Swap { agree_us: 50_000, watch_us: 100_000, divergence_permille: 50, divergent_ticks_max: 0 };
/// Long enough for a swap to end one way or another.
const ANY_SWAP_US: u64 = 3_000_000;

/// What a version writes in a tick; nothing: it writes nothing.
type Law = fn(sequence: u64, tick: u64) -> Option<f64>;
const SAME: Law = |_, _| Some(0.5);

fn brake() -> usize {
    actuator_by_name("brake").unwrap().id
}

fn version_with(sequence: u64, change: impl FnOnce(&mut App)) -> Vec<u8> {
    let mut manifest = manifest("app", sequence);
    manifest.app.swap = Some(TERMS);
    manifest.permissions.actuators =
        [ActuatorPermission { name: "brake".into(), min: 0.0, max: 1.0, rate_hz: None }].into();
    change(&mut manifest.app);
    create(manifest, &module(sequence as u32), &key(1)).unwrap()
}

fn version(sequence: u64) -> Vec<u8> {
    version_with(sequence, |_| ())
}

fn disk() -> FakeDisk {
    FakeDisk::new(Medium::default(), Stops::Never)
}

/// Time passes for slots and manager.
fn fly(manager: &mut Manager<System>, time_us: u64, law: Law) {
    let end_us = manager.platform.now_us + time_us;
    loop {
        let tick = manager.platform.now_us / PERIOD_US + 1;
        if tick * PERIOD_US > end_us {
            break;
        }
        for slot in 0..SLOTS {
            // One after the other, as priorities have it.
            manager.platform.now_us = tick * PERIOD_US + 10 + slot as u64;
            let now_us = manager.platform.now_us;
            let runs = manager.platform.orders[slot].as_ref().is_some_and(|o| o.command == Order::Run);
            let sequence = manager.slots[slot].app.as_ref().map(|app| app.manifest.sequence);
            if let (true, false, Some(sequence)) = (runs, manager.platform.stopped[slot], sequence)
                && let Some(value) = law(sequence, tick)
            {
                let client = slot as u8;
                let guard = &mut manager.platform.guard;
                // A version without a permission is refused, as it would be.
                if guard.acquire(client, brake(), 100_000, now_us).is_ok() {
                    guard.write(client, brake(), value, now_us).unwrap();
                }
            }
        }
        if manager.deadline_us().is_some_and(|deadline_us| deadline_us <= manager.platform.now_us) {
            manager.tick();
            hear_slots(manager);
        }
    }
}

/// The first version runs in slot 0.
fn running_first(disk: &FakeDisk) -> Manager<System> {
    let mut manager = boot(disk);
    let reply = Host::connect(&mut manager, 1, 1).push(&mut manager, &version(1));
    assert!(matches!(reply, DeviceMessage::Installed(_)), "{reply:?}");
    fly(&mut manager, 5 * PERIOD_US, SAME);
    manager
}

fn swap(manager: &mut Manager<System>, package: &[u8]) -> DeviceMessage {
    Host::connect(manager, 2, 1).swap(manager, package)
}

/// The second version is its shadow.
fn begun(disk: &FakeDisk) -> Manager<System> {
    let mut manager = running_first(disk);
    let reply = swap(&mut manager, &version(2));
    assert!(matches!(&reply, DeviceMessage::Swap(status) if status.state == SwapState::Shadow), "{reply:?}");
    manager
}

/// The second version has authority.
fn watching(disk: &FakeDisk) -> Manager<System> {
    let mut manager = begun(disk);
    while status(&mut manager).state != SwapState::Watching {
        fly(&mut manager, PERIOD_US, SAME);
        assert!(manager.platform.now_us < ANY_SWAP_US);
    }
    manager
}

fn status(manager: &mut Manager<System>) -> SwapStatus {
    match Host::connect(manager, 3, 1).command(manager, &Command::SwapStatus { name: "app" }) {
        DeviceMessage::Swap(status) => status,
        other => panic!("{other:?}"),
    }
}

fn command(manager: &mut Manager<System>, command: &Command<'_>) -> DeviceMessage {
    Host::connect(manager, 4, 1).command(manager, command)
}

fn apps(manager: &mut Manager<System>) -> Vec<AppEntry> {
    Host::connect(manager, 5, 1).apps(manager)
}

/// The only app: its sequence number and slot.
fn only(manager: &mut Manager<System>) -> (u64, u8) {
    match &apps(manager)[..] {
        [app] => (app.sequence, app.slot),
        other => panic!("{other:?}"),
    }
}

fn holder(manager: &mut Manager<System>) -> Option<u8> {
    let now_us = manager.platform.now_us;
    manager.platform.guard.output(brake(), now_us).unwrap().holder
}

fn events(manager: &mut Manager<System>) -> Vec<What> {
    whats(&log_of(manager)).split_off(2)
}

/// The swap failed for this reason, and the first version is what it was.
fn first_goes_on(manager: &mut Manager<System>, reason: &str) {
    let status = status(manager);
    assert_eq!((status.state, status.missed_ticks), (SwapState::Failed, 0), "{status:?}");
    assert!(status.reason.contains(reason), "{status:?}");
    assert_eq!(only(manager), (1, 0));
    fly(manager, 5 * PERIOD_US, SAME);
    assert_eq!(holder(manager), Some(0));
    assert_eq!(manager.platform.voices, [(0, u64::MAX); SLOTS]);
    let orders = manager.platform.orders[1].as_ref().unwrap();
    assert_eq!(orders.command, Order::Idle, "the new one was stopped");
    // Neither ratchet nor disk know of it.
    let mut manager = boot(manager.platform.disk.as_ref().unwrap());
    assert_eq!(only(&mut manager), (1, 0));
}

#[test]
fn a_version_takes_over_in_flight() {
    let disk = disk();
    let mut manager = watching(&disk);
    let first_orders = manager.platform.orders[0].clone();
    assert_eq!(holder(&mut manager), Some(1));
    let roles: Vec<_> = apps(&mut manager).iter().map(|app| (app.sequence, app.swap)).collect();
    assert_eq!(roles, [(1, Some(SwapRole::Shadow)), (2, Some(SwapRole::Counts))]);
    let at_us = status(&mut manager).taken_over_us;
    assert!(at_us > 0 && at_us.is_multiple_of(PERIOD_US));
    assert_eq!(manager.platform.voices[..2], [(0, at_us), (at_us, u64::MAX)], "topics pass with it");
    assert_eq!(manager.platform.orders[0], first_orders, "the one before runs on untouched");
    fly(&mut manager, ANY_SWAP_US, SAME);
    let status = status(&mut manager);
    assert_eq!((status.state, status.missed_ticks), (SwapState::Done, 0), "{status:?}");
    assert!(status.longest_us <= PERIOD_US + SLOTS as u64, "{status:?}");
    assert_eq!((only(&mut manager), holder(&mut manager)), ((2, 1), Some(1)));
    assert_eq!(events(&mut manager), [Swap, HandOver, Replace]);
    // It is on the disk, with the ratchet and the way back.
    let mut manager = boot(&disk);
    assert_eq!(only(&mut manager), (2, 1));
    assert_eq!(apps(&mut manager)[0].previous.as_deref(), Some("1.1"));
    let older = Host::connect(&mut manager, 7, 1).push(&mut manager, &version(1));
    assert_eq!(refused(&older).0, Refusal::Ratchet);
    let back = command(&mut manager, &Command::RollBack { name: "app" });
    assert!(matches!(back, DeviceMessage::Installed(Installed { sequence: 1, .. })), "{back:?}");
    assert_eq!(only(&mut boot(&disk)), (1, 1));
}

#[test]
fn again_and_again() {
    let disk = disk();
    let mut manager = running_first(&disk);
    for sequence in 2..12 {
        let reply = swap(&mut manager, &version(sequence));
        assert!(matches!(reply, DeviceMessage::Swap(_)), "{reply:?}");
        fly(&mut manager, 500_000, SAME);
        let status = status(&mut manager);
        assert_eq!((status.state, status.missed_ticks), (SwapState::Done, 0));
        assert_eq!(only(&mut manager), (sequence, (sequence as u8 + 1) % 2), "there and back");
    }
    assert_eq!(disk.medium().packages.len(), 2, "this one and the one before");
}

#[test]
fn one_that_differs_never_takes_over() {
    let mut manager = begun(&disk());
    let law: Law = |sequence, _| Some(if sequence == 1 { 0.5 } else { 0.6 });
    fly(&mut manager, ANY_SWAP_US, law);
    first_goes_on(&mut manager, "did not agree for long enough: value too far off (brake)");
    assert_eq!(events(&mut manager), [Swap, HandBack]);
    assert_eq!(status(&mut manager).taken_over_us, 0);
}

#[test]
fn one_that_is_silent_never_takes_over() {
    let mut manager = begun(&disk());
    fly(&mut manager, ANY_SWAP_US, |sequence, _| (sequence == 1).then_some(0.5));
    first_goes_on(&mut manager, "it wrote nothing that could be compared");
}

#[test]
fn a_transient_is_waited_for() {
    let mut manager = begun(&disk());
    // It begins far off and comes near: half a second later it agrees.
    fly(&mut manager, ANY_SWAP_US, |sequence, tick| {
        Some(if sequence == 1 || tick > 50 { 0.5 } else { 0.5 + tick as f64 / 200.0 })
    });
    assert_eq!(only(&mut manager), (2, 1));
}

#[test]
fn a_difference_hands_back() {
    let mut manager = watching(&disk());
    let position = manager.platform.now_us;
    fly(&mut manager, PERIOD_US, |sequence, _| Some(if sequence == 1 { 0.5 } else { 0.6 }));
    manager.platform.now_us += PERIOD_US;
    let now_us = manager.platform.now_us;
    manager.platform.guard.expire(now_us);
    assert_eq!(holder(&mut manager), Some(0), "the guard alone, at the tick's deadline");
    assert!(manager.platform.now_us - position < 3 * PERIOD_US);
    fly(&mut manager, 10 * PERIOD_US, SAME);
    first_goes_on(&mut manager, "value too far off (brake)");
    assert_eq!(events(&mut manager), [Swap, HandOver, HandBack]);
}

#[test]
fn a_trap_hands_back() {
    for begin in [begun as fn(&FakeDisk) -> _, watching] {
        let mut manager = begin(&disk());
        fail(&mut manager, 1);
        assert_eq!(holder(&mut manager), Some(0));
        first_goes_on(&mut manager, "fuel exhausted");
    }
}

#[test]
fn a_fault_hands_back() {
    for begin in [begun as fn(&FakeDisk) -> _, watching] {
        let mut manager = begin(&disk());
        manager.slot_faulted(1, &"vm fault");
        hear_slots(&mut manager);
        assert_eq!(holder(&mut manager), Some(0));
        first_goes_on(&mut manager, "protection domain fault: vm fault");
    }
}

#[test]
fn missed_deadlines_on_probation_end_a_swap_too() {
    let mut manager = running_first(&disk());
    let probation = cofferdam_package::manifest::Probation { time_us: 60_000_000, missed_deadlines_max: 0 };
    swap(&mut manager, &version_with(2, |app| app.probation = Some(probation)));
    let mut late = running(&manager, 1);
    late.counters.overruns = 1;
    manager.platform.report(1, &late);
    hear_slots(&mut manager);
    fly(&mut manager, 200_000, SAME);
    first_goes_on(&mut manager, "1 deadlines missed on probation");
}

#[test]
fn the_old_one_ends_first() {
    // Before the new one has taken over: as without a swap.
    let mut manager = begun(&disk());
    fail(&mut manager, 0);
    let entry = &apps(&mut manager)[0];
    assert_eq!((entry.sequence, entry.state), (1, AppState::Failed));
    assert!(status(&mut manager).reason.contains("ended first"));
    assert_eq!(holder(&mut manager), None);
    // After: there is nobody to hand back to, and the new one does its work.
    let disk = disk();
    let mut manager = watching(&disk);
    fail(&mut manager, 0);
    assert_eq!((only(&mut manager), holder(&mut manager)), ((2, 1), Some(1)));
    assert_eq!(only(&mut boot(&disk)), (2, 1), "and it is kept");
}

#[test]
fn wasm_manager_dies_in_the_middle() {
    for begin in [begun as fn(&FakeDisk) -> _, watching] {
        let disk = disk();
        let manager = begin(&disk);
        let first_orders = manager.platform.orders[0].clone();
        let mut manager = restart_manager(manager);
        assert_eq!(manager.platform.orders[0], first_orders, "untouched");
        let host = Host { nonce: [0xb0; 16], ..Host::connect(&mut manager, 8, 1) };
        drop(host);
        assert_eq!(
            manager.apps().map(|(slot, app)| (slot, app.manifest.sequence)).collect::<Vec<_>>(),
            [(0, 1)]
        );
        assert_eq!(holder(&mut manager), Some(0), "handed back at once");
        assert_eq!(manager.platform.voices, [(0, u64::MAX); SLOTS]);
        fly(&mut manager, 10 * PERIOD_US, SAME);
        assert_eq!(holder(&mut manager), Some(0));
        assert_eq!(manager.platform.guard.swap_report().unwrap().missed_ticks, 0);
    }
}

#[test]
fn power_fails_in_the_middle() {
    for begin in [begun as fn(&FakeDisk) -> _, watching] {
        let disk = disk();
        drop(begin(&disk));
        assert_eq!(only(&mut boot(&disk)), (1, 0), "until it has proven itself it is the one before");
    }
}

#[test]
fn a_disk_that_fails_leaves_the_one_before() {
    for stops in [Stops::Before as fn(usize) -> _, Stops::Behind] {
        let disk = disk();
        let mut manager = watching(&disk);
        disk.0.borrow_mut().1 = stops(0);
        fly(&mut manager, 200_000, SAME);
        let failed = status(&mut manager);
        assert!(failed.state == SwapState::Failed && failed.reason.contains("cannot be kept"), "{failed:?}");
        assert_eq!((only(&mut manager), holder(&mut manager)), ((1, 0), Some(0)));
    }
}

#[test]
fn a_command_ends_it() {
    for begin in [begun as fn(&FakeDisk) -> _, watching] {
        let mut manager = begin(&disk());
        assert_eq!(command(&mut manager, &Command::Stop { name: "app" }), DeviceMessage::Done);
        assert_eq!((only(&mut manager), holder(&mut manager)), ((1, 0), None));
        assert_eq!(apps(&mut manager)[0].state, AppState::Stopped);
        let mut manager = begin(&disk());
        assert_eq!(command(&mut manager, &Command::Remove { name: "app" }), DeviceMessage::Done);
        assert!(apps(&mut manager).is_empty());
        assert_eq!(holder(&mut manager), None);
    }
}

#[test]
fn what_cannot_be_swapped_is_refused_and_changes_nothing() {
    let mut manager = running_first(&disk());
    let before = manager.platform.orders.clone();
    for (package, refusal, words) in [
        (
            version_with(2, |app| app.period_us = 20_000),
            Refusal::NotSwappable,
            "a period of 20000 us, not of 10000 us",
        ),
        (version_with(2, |app| app.shape = Shape::Command), Refusal::NotSwappable, "only control loops"),
        (package("other", 1), Refusal::NoSuchApp, "other"),
        (version_with(2, |app| app.fuel_per_activation = u64::MAX), Refusal::BeyondLimits, ""),
    ] {
        let reply = swap(&mut manager, &package);
        let (code, text) = refused(&reply);
        assert_eq!(code, refusal, "{text}");
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(manager.platform.orders, before);
    assert_eq!(refused(&command(&mut manager, &Command::SwapStatus { name: "app" })).0, Refusal::NoSwap);
    // Both run at the same time: there must be a slot and a share of the processor for that.
    for other in ["b", "c", "d"] {
        Host::connect(&mut manager, 9, 1).push(&mut manager, &package(other, 1));
    }
    assert_eq!(refused(&swap(&mut manager, &version(2))).0, Refusal::NoFreeSlot);
    command(&mut manager, &Command::Stop { name: "app" });
    command(&mut manager, &Command::Remove { name: "b" });
    let reply = swap(&mut manager, &version(2));
    assert_eq!(
        refused(&reply),
        (Refusal::NotSwappable, "cannot be swapped in flight: the version before does not run".to_string())
    );
}

#[test]
fn in_the_middle_nothing_else_is_done_to_it() {
    let mut manager = watching(&disk());
    for bad in
        [Command::Start { name: "app" }, Command::Record { name: "app" }, Command::RollBack { name: "app" }]
    {
        assert_eq!(refused(&command(&mut manager, &bad)).0, Refusal::SwapUnderWay, "{bad:?}");
    }
    let pushed = Host::connect(&mut manager, 9, 1).push(&mut manager, &version(3));
    assert_eq!(refused(&pushed).0, Refusal::SwapUnderWay);
    assert_eq!(refused(&swap(&mut manager, &version(3))).0, Refusal::SwapUnderWay);
    // One of the two to look at, never to act on.
    for (slot, sequence) in [(0, 1), (1, 2)] {
        let name: String = alloc::format!("app@{slot}");
        let stats = command(&mut manager, &Command::Stats { name: &name });
        assert!(matches!(&stats, DeviceMessage::Stats(stats) if stats.slot == slot), "{stats:?}");
        match command(&mut manager, &Command::Manifest { name: &name }) {
            DeviceMessage::Manifest { manifest, .. } => {
                let manifest = cofferdam_package::Manifest::decode(&manifest).unwrap();
                assert_eq!(manifest.sequence, sequence);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(refused(&command(&mut manager, &Command::Stop { name: &name })).0, Refusal::NoSuchApp);
    }
    // Others are pushed as ever, into other slots.
    let other = Host::connect(&mut manager, 9, 1).push(&mut manager, &package("other", 1));
    assert!(matches!(other, DeviceMessage::Installed(Installed { slot: 2, .. })), "{other:?}");
    fly(&mut manager, ANY_SWAP_US, SAME);
    assert_eq!(apps(&mut manager).len(), 2);
}
