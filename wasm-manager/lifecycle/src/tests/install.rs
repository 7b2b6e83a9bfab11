// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Installing, and the life of apps after it.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use cofferdam_log_ring::{Line, Origin, Producer};
use cofferdam_management_protocol::*;
use cofferdam_package::create;
use cofferdam_package::manifest::{ActuatorPermission, Priority, Variable, vendor_id};
use cofferdam_slot_protocol::{Command as Order, HistogramsWriter};

use super::world::*;
use crate::ratchet::ENTRIES_MAX;

#[test]
fn an_app_is_installed_and_runs_as_its_manifest_says() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    let mut manifest = manifest("runner", 5);
    manifest.permissions.sensors.push("imu".into());
    manifest.permissions.actuators.push(ActuatorPermission {
        name: "brake".into(),
        min: 0.0,
        max: 0.5,
        rate_hz: None,
    });
    let package = create(manifest, &module(1), &key(1)).unwrap();
    let installed =
        Installed { name: "runner".into(), version: "1.5".into(), sequence: 5, slot: 0, replaced: None };
    assert_eq!(host.push(&mut manager, &package), DeviceMessage::Installed(installed));
    let orders = manager.platform.orders[0].clone().unwrap();
    assert_eq!((orders.command, orders.name.as_str(), orders.sensors), (Order::Run, "runner", 1));
    let brake = orders.actuator(4).unwrap();
    assert_eq!((brake.minimum, brake.maximum, orders.actuator(0)), (0.0, 0.5, None));
    assert_eq!(orders.limits.fuel_per_activation, 100_000);
    let apps = host.apps(&mut manager);
    assert_eq!((apps.len(), apps[0].state, apps[0].signer), (1, AppState::Running, key(1).key_id().0));
    let DeviceMessage::Stats(stats) = host.command(&mut manager, &Command::Stats { name: "runner" }) else {
        panic!()
    };
    assert_eq!(stats.activations, 7);
    assert!(stats.jitter_us.is_empty(), "the slot wrote no histograms");
}

#[test]
fn histograms_are_those_of_the_run() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    host.push(&mut manager, &package("runner", 1));
    let region = manager.platform.regions[0].status;
    let generation = manager.platform.orders[0].as_ref().unwrap().generation;
    let mut stats = |manager: &mut _| match host.command(manager, &Command::Stats { name: "runner" }) {
        DeviceMessage::Stats(stats) => (stats.jitter_us, stats.execution_us, stats.fuel),
        other => panic!("{other:?}"),
    };
    HistogramsWriter::new(region, generation).unwrap().count(1, 0, 4).unwrap();
    assert_eq!(stats(&mut manager), (vec![0, 1], vec![1], vec![0, 0, 0, 1]));
    // Another run's are not shown.
    HistogramsWriter::new(region, generation + 1).unwrap().count(1, 0, 4).unwrap();
    assert_eq!(stats(&mut manager), (vec![], vec![], vec![]));
}

#[test]
fn used_up_budgets_are_counted_from_start_to_start() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    host.push(&mut manager, &package("runner", 1));
    let mut used_up = |manager: &mut _| match host.command(manager, &Command::Stats { name: "runner" }) {
        DeviceMessage::Stats(stats) => stats.budgets_used_up,
        other => panic!("{other:?}"),
    };
    manager.slot_exhausted(0);
    manager.slot_exhausted(0);
    // Another slot's, and one that there is not, are not this app's.
    manager.slot_exhausted(1);
    manager.slot_exhausted(99);
    assert_eq!(used_up(&mut manager), 2);
    host.command(&mut manager, &Command::Stop { name: "runner" });
    host.command(&mut manager, &Command::Start { name: "runner" });
    let stats = host.command(&mut manager, &Command::Stats { name: "runner" });
    assert!(matches!(stats, DeviceMessage::Stats(AppStats { budgets_used_up: 0, .. })), "{stats:?}");
}

#[test]
fn stop_start_and_remove() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    host.push(&mut manager, &package("runner", 1));
    assert_eq!(host.command(&mut manager, &Command::Stop { name: "runner" }), DeviceMessage::Done);
    assert_eq!(manager.platform.orders[0].as_ref().unwrap().command, Order::Idle);
    assert_eq!(host.apps(&mut manager)[0].state, AppState::Stopped);
    let again = host.command(&mut manager, &Command::Stop { name: "runner" });
    assert_eq!(refused(&again).0, Refusal::NotRunning);
    // What it did before it was stopped is still known.
    let stats = host.command(&mut manager, &Command::Stats { name: "runner" });
    assert!(matches!(stats, DeviceMessage::Stats(AppStats { activations: 7, .. })), "{stats:?}");
    assert_eq!(host.command(&mut manager, &Command::Start { name: "runner" }), DeviceMessage::Done);
    assert_eq!(host.apps(&mut manager)[0].state, AppState::Running);
    let again = host.command(&mut manager, &Command::Start { name: "runner" });
    assert_eq!(refused(&again).0, Refusal::AlreadyRunning);
    assert_eq!(host.command(&mut manager, &Command::Remove { name: "runner" }), DeviceMessage::Done);
    assert!(host.apps(&mut manager).is_empty());
    for command in [
        Command::Start { name: "runner" },
        Command::Stop { name: "runner" },
        Command::Remove { name: "runner" },
        Command::Logs { name: "runner", since: 0 },
        Command::Stats { name: "\x1b[2J" },
    ] {
        assert_eq!(refused(&host.command(&mut manager, &command)).0, Refusal::NoSuchApp);
    }
}

#[test]
fn install_without_start() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    let package = package("runner", 1);
    host.announce(&mut manager, &package, false);
    let frame = encode_host(&HostMessage::Chunk { offset: 0, bytes: &package }).unwrap();
    assert!(matches!(host.send(&mut manager, &frame)[..], [DeviceMessage::Installed(_)]));
    assert_eq!(host.apps(&mut manager)[0].state, AppState::Stopped);
    assert_eq!(host.command(&mut manager, &Command::Start { name: "runner" }), DeviceMessage::Done);
    assert_eq!(host.apps(&mut manager)[0].state, AppState::Running);
}

#[test]
fn arguments_and_environment_reach_the_slot() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    let mut manifest = manifest("runner", 1);
    manifest.app.arguments = Some(vec!["-n".into(), "two words".into()]);
    manifest.app.environment = Some(vec![Variable { name: "MODE".into(), value: "a=b".into() }]);
    host.push(&mut manager, &create(manifest, &module(1), &key(1)).unwrap());
    let orders = manager.platform.orders[0].as_ref().unwrap();
    assert_eq!(orders.arguments.bytes(), b"-n\0two words\0");
    assert_eq!(orders.environment.bytes(), b"MODE=a=b\0");
    // The next app of the slot finds nothing of it.
    host.command(&mut manager, &Command::Remove { name: "runner" });
    host.push(&mut manager, &package("other", 1));
    let orders = manager.platform.orders[0].as_ref().unwrap();
    assert_eq!((orders.arguments.count(), orders.environment.count()), (0, 0));
}

#[test]
fn outcomes_are_reported_with_their_reason() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    host.push(&mut manager, &package("exiter", 1));
    host.push(&mut manager, &package("trapper", 1));
    host.push(&mut manager, &package("runner", 1));
    manager.slot_faulted(2, &"data abort at address 0x0");
    hear_slots(&mut manager);
    let apps = host.apps(&mut manager);
    assert_eq!(apps[0].state, AppState::Exited(3));
    assert_eq!(
        (apps[1].state, apps[1].reason.as_str()),
        (AppState::Failed, "unreachable executed: in [2Jtick")
    );
    assert_eq!(apps[2].reason, "protection domain fault: data abort at address 0x0");
    // Each slot is clean again and idle.
    for slot in 0..3 {
        assert_eq!(manager.platform.orders[slot].as_ref().unwrap().command, Order::Idle);
    }
}

#[test]
fn an_app_is_restarted_as_often_as_its_manifest_says() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    let mut manifest = manifest("trapper", 1);
    manifest.app.restarts = 2;
    host.push(&mut manager, &create(manifest, &module(1), &key(1)).unwrap());
    let app = host.apps(&mut manager).remove(0);
    assert_eq!((app.state, app.restarts), (AppState::Failed, 2));
    assert_eq!(manager.platform.restarts, 4, "three runs, then idle");
    // Somebody's start counts anew.
    host.command(&mut manager, &Command::Start { name: "trapper" });
    assert_eq!(manager.platform.restarts, 8);
}

#[test]
fn a_slot_that_faults_without_an_app_is_left_alone() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    for _ in 0..5 {
        manager.slot_faulted(0, &"undefined instruction");
    }
    assert_eq!(manager.platform.restarts, 2);
    assert!(manager.platform.stopped[0]);
    let DeviceMessage::Status(status) = host.command(&mut manager, &Command::Status) else { panic!() };
    assert_eq!((status.free_slots, status.slot_faults), (3, 5));
    let installed = host.push(&mut manager, &package("runner", 1));
    assert!(matches!(installed, DeviceMessage::Installed(Installed { slot: 1, .. })), "{installed:?}");
}

#[test]
fn replacing_keeps_the_slot_and_a_refused_update_changes_nothing() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    host.push(&mut manager, &package("runner", 1));
    let before = manager.platform.restarts;
    let mut bad = package("runner", 2);
    *bad.last_mut().unwrap() ^= 1;
    assert_eq!(refused(&host.push(&mut manager, &bad)).0, Refusal::DigestMismatch);
    assert_eq!(manager.platform.restarts, before, "the running app was not touched");
    assert_eq!(host.apps(&mut manager)[0].state, AppState::Running);
    let DeviceMessage::Installed(installed) = host.push(&mut manager, &package("runner", 2)) else {
        panic!()
    };
    assert_eq!((installed.slot, installed.replaced.as_deref()), (0, Some("1.1")));
    assert_eq!(host.apps(&mut manager).len(), 1);
}

#[test]
fn the_ratchet_holds_also_after_removal() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    host.push(&mut manager, &package("runner", 3));
    let older = refused(&host.push(&mut manager, &package("runner", 2)));
    assert_eq!(older, (Refusal::Ratchet, format!("{}: sequence 3 was seen", Refusal::Ratchet.text())));
    host.command(&mut manager, &Command::Remove { name: "runner" });
    assert_eq!(refused(&host.push(&mut manager, &package("runner", 2))).0, Refusal::Ratchet);
    let other = create(manifest("runner", 3), &module(99), &key(1)).unwrap();
    assert_eq!(refused(&host.push(&mut manager, &other)).0, Refusal::Ratchet);
    assert!(matches!(host.push(&mut manager, &package("runner", 3)), DeviceMessage::Installed(_)));
    // A component of another name is another component.
    assert!(matches!(host.push(&mut manager, &package("other", 1)), DeviceMessage::Installed(_)));
}

#[test]
fn the_ratchet_table_is_bounded() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    for i in 0..ENTRIES_MAX {
        let name = format!("a{i}");
        assert!(matches!(host.push(&mut manager, &package(&name, 1)), DeviceMessage::Installed(_)));
        host.command(&mut manager, &Command::Remove { name: &name });
    }
    assert_eq!(refused(&host.push(&mut manager, &package("more", 1))).0, Refusal::RatchetTableFull);
    assert!(matches!(host.push(&mut manager, &package("a0", 1)), DeviceMessage::Installed(_)));
}

#[test]
fn slots_are_chosen_by_priority_and_run_out() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    let mut background = manifest("log", 1);
    background.app.priority = Priority::Background;
    let slots: Vec<u8> =
        [package("a", 1), create(background, &module(1), &key(1)).unwrap(), package("b", 1), package("c", 1)]
            .iter()
            .map(|package| match host.push(&mut manager, package) {
                DeviceMessage::Installed(installed) => installed.slot,
                other => panic!("{other:?}"),
            })
            .collect();
    assert_eq!(slots, [0, 3, 1, 2]);
    assert_eq!(refused(&host.push(&mut manager, &package("d", 1))).0, Refusal::NoFreeSlot);
    assert_eq!(host.apps(&mut manager).len(), 4);
    // Refused: so its sequence number was not remembered either.
    host.command(&mut manager, &Command::Remove { name: "b" });
    assert!(matches!(
        host.push(&mut manager, &package("d", 1)),
        DeviceMessage::Installed(Installed { slot: 1, .. })
    ));
}

#[test]
fn all_apps_together_leave_time_for_the_rest() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    let mut heavy = |name: &str, fuel| {
        let mut manifest = manifest(name, 1);
        manifest.app.fuel_per_activation = fuel;
        host.push(&mut manager, &create(manifest, &module(1), &key(1)).unwrap())
    };
    assert_eq!(refused(&heavy("a", 500_001)).0, Refusal::Utilisation);
    assert!(matches!(heavy("a", 500_000), DeviceMessage::Installed(_)));
    assert_eq!(refused(&heavy("b", 400_001)).0, Refusal::Utilisation);
    assert!(matches!(heavy("b", 400_000), DeviceMessage::Installed(_)));
    assert!(matches!(heavy("a", 500_000), DeviceMessage::Installed(_)), "in its own place");
}

#[test]
fn packages_are_held_against_device_policy_and_module() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    let mut push = |change: fn(&mut cofferdam_package::Manifest), module: &[u8]| {
        let mut manifest = manifest("app", 1);
        change(&mut manifest);
        refused(&host.push(&mut manager, &create(manifest, module, &key(1)).unwrap())).0
    };
    let good = module(1);
    assert_eq!(push(|m| m.common.vendor_id = vendor_id("other"), &good), Refusal::OtherClass);
    assert_eq!(push(|m| m.permissions.sensors.push("radar".into()), &good), Refusal::UnknownResource);
    assert_eq!(
        push(
            |m| m.permissions.actuators.push(ActuatorPermission {
                name: "brake".into(),
                min: 0.0,
                max: 2.0,
                rate_hz: None
            }),
            &good
        ),
        Refusal::PermissionNotGranted
    );
    assert_eq!(push(|m| m.app.memory_pages = 1000, &good), Refusal::BeyondLimits);
    assert_eq!(push(|m| m.app.memory_pages = 0, &good), Refusal::ModuleMemory);
    assert_eq!(push(|_| {}, b"\0asm\x01\0\0\0"), Refusal::MissingExport);
    assert_eq!(push(|_| {}, b"\0asm\x02\0\0\0"), Refusal::InvalidModule);
    let import = wat::parse_str(r#"(module (import "env" "system" (func)))"#).unwrap();
    assert_eq!(push(|_| {}, &import), Refusal::ImportNotPermitted);
    assert!(manager.platform.restarts == 0, "nothing was disturbed");
}

#[test]
fn logs_come_in_stretches_and_only_of_the_app() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    host.push(&mut manager, &package("runner", 1));
    let ring = Producer::attach(manager.platform.regions[0].log).unwrap();
    let say = |origin, name: &[u8], text: &[u8]| {
        ring.push(Line { time_us: 5, level: log::Level::Info, origin, name, text });
    };
    say(Origin::ProtectionDomain, b"", b"loaded");
    say(Origin::App, b"before", b"old");
    for i in 0..20 {
        say(Origin::App, b"runner", format!("line {i} {}", "x".repeat(300)).as_bytes());
    }
    say(Origin::App, b"runner", &[0xff; 1000]);
    let (mut since, mut lines, mut rounds) = (0, vec![], 0);
    loop {
        let DeviceMessage::Logs(logs) = host.command(&mut manager, &Command::Logs { name: "runner", since })
        else {
            panic!()
        };
        if logs.lines.is_empty() {
            break;
        }
        assert_eq!(logs.lost_bytes, 0);
        (since, rounds) = (logs.next, rounds + 1);
        lines.extend(logs.lines);
    }
    assert!(rounds > 2);
    assert_eq!(lines.len(), 21);
    assert!(lines.iter().enumerate().take(20).all(|(i, line)| line.text.starts_with(&format!("line {i} "))));
}
