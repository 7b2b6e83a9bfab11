// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Restarts with back-off, probation, and going back to the version before.

use alloc::string::ToString;
use alloc::vec::Vec;

use cofferdam_management_protocol::*;
use cofferdam_package::manifest::{AfterRestarts, Restart};
use cofferdam_slot_protocol::Status;

use super::world::*;
use crate::*;

fn disk() -> FakeDisk {
    FakeDisk::new(Medium::default(), Stops::Never)
}

fn app(manager: &mut Manager<System>, name: &str) -> AppEntry {
    let apps = Host::connect(manager, 77, 1).apps(manager);
    apps.into_iter().find(|app| app.name == name).unwrap()
}

fn push(manager: &mut Manager<System>, package: &[u8]) {
    let message = Host::connect(manager, 78, 1).push(manager, package);
    assert!(matches!(message, DeviceMessage::Installed(_)), "{message:?}");
}

fn command(manager: &mut Manager<System>, command: &Command<'_>) -> DeviceMessage {
    Host::connect(manager, 79, 1).command(manager, command)
}

/// Three restarts a minute, 100 ms and then doubled up to 300 ms.
fn backs_off(sequence: u64, then: AfterRestarts) -> Vec<u8> {
    let restart = Restart { delay_us: 100_000, delay_max_us: 300_000, window_us: 60_000_000, then };
    package_with("app", sequence, |app| {
        app.restarts = 3;
        app.restart = Some(restart);
    })
}

#[test]
fn restarts_back_off_and_then_the_version_before_comes_back() {
    let mut manager = boot(&disk());
    push(&mut manager, &package("app", 1));
    push(&mut manager, &backs_off(2, AfterRestarts::RollBack));
    assert_eq!(app(&mut manager, "app").previous.as_deref(), Some("1.1"));
    for (number, delay_us) in [(1, 100_000), (2, 200_000), (3, 300_000)] {
        fail(&mut manager, 0);
        let entry = app(&mut manager, "app");
        assert_eq!((entry.state, entry.restarts), (AppState::Waiting, number));
        assert_eq!(entry.restart_in_us, Some(delay_us));
        pass(&mut manager, delay_us - 1);
        assert_eq!(app(&mut manager, "app").state, AppState::Waiting);
        pass(&mut manager, 1);
        assert_eq!(app(&mut manager, "app").state, AppState::Running);
    }
    fail(&mut manager, 0);
    let entry = app(&mut manager, "app");
    assert_eq!((entry.state, entry.version.as_str(), entry.restarts), (AppState::Running, "1.1", 0));
    assert_eq!((entry.rolled_back.as_str(), entry.previous), ("1.2: fuel exhausted", None));
    // What it went back from may come again, what is older than that not.
    push(&mut manager, &backs_off(2, AfterRestarts::RollBack));
    assert_eq!(app(&mut manager, "app").rolled_back, "");
    let older = Host::connect(&mut manager, 5, 1).push(&mut manager, &package("app", 1));
    assert_eq!(refused(&older).0, Refusal::Ratchet);
}

#[test]
fn a_window_that_has_passed_gives_restarts_back() {
    let mut manager = boot(&disk());
    push(&mut manager, &backs_off(1, AfterRestarts::Stop));
    for _ in 0..10 {
        fail(&mut manager, 0);
        pass(&mut manager, 30_000_000);
        assert_eq!(app(&mut manager, "app").state, AppState::Running);
    }
    for _ in 0..2 {
        fail(&mut manager, 0);
        pass(&mut manager, 300_000);
    }
    fail(&mut manager, 0);
    let entry = app(&mut manager, "app");
    assert_eq!((entry.state, entry.reason.as_str()), (AppState::Failed, "fuel exhausted"));
    assert_eq!(manager.deadline_us().map(|_| ()), Some(()), "the connection's");
}

#[test]
fn who_stops_an_app_stops_its_restart() {
    let mut manager = boot(&disk());
    push(&mut manager, &backs_off(1, AfterRestarts::Stop));
    fail(&mut manager, 0);
    assert_eq!(command(&mut manager, &Command::Stop { name: "app" }), DeviceMessage::Done);
    pass(&mut manager, 10_000_000);
    assert_eq!(app(&mut manager, "app").state, AppState::Stopped);
    assert_eq!(command(&mut manager, &Command::Start { name: "app" }), DeviceMessage::Done);
    fail(&mut manager, 0);
    assert_eq!(command(&mut manager, &Command::Start { name: "app" }), DeviceMessage::Done, "at once");
    let restarts = manager.platform.restarts;
    pass(&mut manager, 10_000_000);
    assert_eq!(manager.platform.restarts, restarts, "once");
}

#[test]
fn a_loss_of_power_resets_no_limit() {
    let disk = disk();
    let mut manager = boot(&disk);
    push(&mut manager, &backs_off(1, AfterRestarts::Stop));
    for boots in 0..3 {
        fail(&mut manager, 0);
        assert_eq!(app(&mut manager, "app").state, AppState::Waiting, "{boots}");
        manager = boot(&disk);
        assert_eq!(app(&mut manager, "app").state, AppState::Running, "starts at boot");
    }
    fail(&mut manager, 0);
    assert_eq!(app(&mut manager, "app").state, AppState::Failed);
    assert_eq!(app(&mut boot(&disk), "app").state, AppState::Failed);
}

/// A manager with version 1 running and version 2 on probation.
fn trial(disk: &FakeDisk) -> Manager<System> {
    let mut manager = boot(disk);
    push(&mut manager, &package("app", 1));
    push(&mut manager, &on_probation("app", 2));
    let entry = app(&mut manager, "app");
    assert_eq!((entry.probation_left_us, entry.previous.as_deref()), (Some(1_000_000), Some("1.1")));
    manager
}

fn late(manager: &mut Manager<System>, overruns: u64) {
    let mut status: Status = running(manager, 0);
    status.counters.overruns = overruns;
    manager.platform.report(0, &status);
    hear_slots(manager);
}

#[test]
fn an_update_on_probation_goes_back_for_each_cause() {
    type Cause = fn(&mut Manager<System>);
    let causes: [(Cause, &str); 3] = [
        (|manager| fail(manager, 0), "1.2: fuel exhausted"),
        (|manager| manager.slot_faulted(0, &"a fault"), "1.2: protection domain fault: a fault"),
        (
            |manager| {
                late(manager, 3);
                pass(manager, 100_000);
            },
            "1.2: 3 deadlines missed on probation",
        ),
    ];
    for (cause, reason) in causes {
        let disk = disk();
        let mut manager = trial(&disk);
        pass(&mut manager, 500_000);
        cause(&mut manager);
        hear_slots(&mut manager);
        let before = app(&mut manager, "app");
        assert_eq!((before.state, before.version.as_str()), (AppState::Running, "1.1"));
        assert_eq!((before.rolled_back.as_str(), before.probation_left_us), (reason, None));
        // For good, though the ratchet is ahead of it.
        let mut manager = boot(&disk);
        assert_eq!(app(&mut manager, "app"), before);
        let older = Host::connect(&mut manager, 5, 1).push(&mut manager, &package("app", 1));
        assert_eq!(refused(&older).0, Refusal::Ratchet, "for new installs it is");
        assert_eq!(disk.medium().packages.len(), 1);
    }
}

#[test]
fn a_probation_is_passed_by_running() {
    let disk = disk();
    let mut manager = trial(&disk);
    late(&mut manager, 2);
    pass(&mut manager, 600_000);
    assert_eq!(command(&mut manager, &Command::Stop { name: "app" }), DeviceMessage::Done);
    pass(&mut manager, 10_000_000);
    assert_eq!(app(&mut manager, "app").probation_left_us, Some(400_000), "it stands still");
    assert_eq!(command(&mut manager, &Command::Start { name: "app" }), DeviceMessage::Done);
    hear_slots(&mut manager);
    pass(&mut manager, 399_999);
    assert!(app(&mut manager, "app").probation_left_us.is_some());
    pass(&mut manager, 1);
    let entry = app(&mut manager, "app");
    assert_eq!((entry.probation_left_us, entry.previous.as_deref()), (None, Some("1.1")), "still kept");
    // From here on it fails like any other, also after a boot.
    let mut manager = boot(&disk);
    fail(&mut manager, 0);
    assert_eq!(app(&mut manager, "app").state, AppState::Failed);
}

#[test]
fn a_loss_of_power_ends_no_probation() {
    let disk = disk();
    let mut manager = trial(&disk);
    pass(&mut manager, 900_000);
    let mut manager = boot(&disk);
    assert_eq!(app(&mut manager, "app").probation_left_us, Some(1_000_000), "as when it was last kept");
    fail(&mut manager, 0);
    assert_eq!(app(&mut manager, "app").version, "1.1");
}

#[test]
fn only_an_update_is_on_probation() {
    let mut manager = boot(&disk());
    push(&mut manager, &on_probation("app", 1));
    assert_eq!(app(&mut manager, "app").probation_left_us, None);
    push(&mut manager, &on_probation("app", 1));
    assert_eq!(app(&mut manager, "app").probation_left_us, None, "the same again is no update");
    push(&mut manager, &on_probation("app", 2));
    push(&mut manager, &on_probation("app", 2));
    assert!(app(&mut manager, "app").probation_left_us.is_some(), "and does not end one");
}

#[test]
fn the_version_before_is_one_that_was_good() {
    let mut manager = trial(&disk());
    push(&mut manager, &on_probation("app", 3));
    assert_eq!(app(&mut manager, "app").previous.as_deref(), Some("1.1"), "2 never passed");
    pass(&mut manager, 2_000_000);
    push(&mut manager, &on_probation("app", 4));
    assert_eq!(app(&mut manager, "app").previous.as_deref(), Some("1.3"));
    fail(&mut manager, 0);
    assert_eq!(app(&mut manager, "app").version, "1.3");
    fail(&mut manager, 0);
    assert_eq!(
        app(&mut manager, "app").state,
        AppState::Failed,
        "it has been gone back to and is on no probation"
    );
}

#[test]
fn a_command_goes_back_once() {
    let disk = disk();
    let mut manager = boot(&disk);
    push(&mut manager, &package("app", 1));
    let nothing = command(&mut manager, &Command::RollBack { name: "app" });
    assert_eq!(
        refused(&nothing),
        (Refusal::NoPrevious, "no version to roll back to: none was kept".to_string())
    );
    push(&mut manager, &package("app", 2));
    match command(&mut manager, &Command::RollBack { name: "app" }) {
        DeviceMessage::Installed(Installed { version, sequence: 1, slot: 0, replaced, .. }) => {
            assert_eq!((version.as_str(), replaced.as_deref()), ("1.1", Some("1.2")));
        }
        other => panic!("{other:?}"),
    }
    let again = command(&mut manager, &Command::RollBack { name: "app" });
    assert_eq!(refused(&again).0, Refusal::NoPrevious);
    let entry = app(&mut boot(&disk), "app");
    assert_eq!((entry.version.as_str(), entry.rolled_back.as_str()), ("1.1", "1.2: by command"));
    // Only who may install may go back.
    let mut manager = manager_on(Some(disk), [anchor(2, read_only())].into(), Some(NONCE));
    let reply = Host::connect(&mut manager, 9, 2).command(&mut manager, &Command::RollBack { name: "app" });
    assert_eq!(refused(&reply).0, Refusal::NotAuthorised);
}

#[test]
fn without_a_disk_an_update_that_fails_stops_and_says_why() {
    let mut manager = manager();
    push(&mut manager, &package("app", 1));
    push(&mut manager, &on_probation("app", 2));
    fail(&mut manager, 0);
    let entry = app(&mut manager, "app");
    assert_eq!((entry.state, entry.version.as_str()), (AppState::Failed, "1.2"));
    let reason = "fuel exhausted; not rolled back: no version to roll back to: there is no disk to keep one";
    assert_eq!(entry.reason, reason);
}

#[test]
fn what_the_disk_gives_back_is_believed_as_little_as_ever() {
    for change in [
        |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1,
        |bytes: &mut Vec<u8>| *bytes = package("app", 3), // newer, but not the one that was kept
        |bytes: &mut Vec<u8>| *bytes = package("other", 1), // another app
    ] {
        let disk = disk();
        let mut manager = trial(&disk);
        for (_, bytes) in
            disk.0.borrow_mut().0.packages.iter_mut().filter(|(_, bytes)| **bytes == package("app", 1))
        {
            change(bytes);
        }
        fail(&mut manager, 0);
        let entry = app(&mut manager, "app");
        assert_eq!((entry.state, entry.version.as_str()), (AppState::Failed, "1.2"), "{}", entry.reason);
    }
}

#[test]
fn a_rollback_in_the_middle_of_an_upload_harms_neither() {
    let mut manager = trial(&disk());
    let mut host = Host::connect(&mut manager, 6, 1);
    let other = package("other", 1);
    assert!(matches!(host.announce(&mut manager, &other, true), DeviceMessage::Ready { .. }));
    fail(&mut manager, 0);
    let frame = encode_host(&HostMessage::Chunk { offset: 0, bytes: &other }).unwrap();
    assert!(matches!(host.send(&mut manager, &frame)[..], [DeviceMessage::Installed(_)]));
    assert_eq!(app(&mut manager, "app").version, "1.1");
}

#[test]
fn hostile_counters_move_only_their_own_app() {
    let mut manager = trial(&disk());
    push(&mut manager, &package("neighbour", 1));
    let before = manager.platform.orders[1].clone();
    late(&mut manager, u64::MAX);
    pass(&mut manager, 100_000);
    assert_eq!(app(&mut manager, "app").version, "1.1");
    assert_eq!(manager.platform.orders[1], before);
    assert_eq!(app(&mut manager, "neighbour").state, AppState::Running);
}
