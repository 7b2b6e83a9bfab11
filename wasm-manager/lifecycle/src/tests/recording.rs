// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Who may have an app recorded, when it is, and what of a recording is handed out.

use alloc::vec::Vec;

use cofferdam_audit::What;
use cofferdam_management_protocol::*;
use cofferdam_policy::Grant;
use cofferdam_shared_memory::SharedRegion;
use cofferdam_slot_protocol::{ORDERS_BYTES, Orders};

use super::keys::{log_of, whats};
use super::world::*;
use crate::*;

fn push(manager: &mut Manager<System>, package: &[u8]) {
    let message = Host::connect(manager, 81, 1).push(manager, package);
    assert!(matches!(message, DeviceMessage::Installed(_)), "{message:?}");
}

fn command(manager: &mut Manager<System>, by: u8, command: &Command<'_>) -> DeviceMessage {
    Host::connect(manager, 82, by).command(manager, command)
}

const RECORD: Command<'static> = Command::Record { name: "app" };

fn part(manager: &mut Manager<System>, offset: u32) -> Result<RecordingPart, Refusal> {
    match command(manager, 1, &Command::Recording { name: "app", offset }) {
        DeviceMessage::Recording(part) => Ok(part),
        other => Err(refused(&other).0),
    }
}

fn is_recorded(manager: &Manager<System>, slot: usize) -> bool {
    manager.platform.orders[slot].as_ref().is_some_and(|orders| orders.record)
}

#[test]
fn an_app_is_recorded_by_command_and_from_its_start() {
    let mut manager = boot(&FakeDisk::new(Medium::default(), Stops::Never));
    assert_eq!(refused(&command(&mut manager, 1, &RECORD)).0, Refusal::NoSuchApp);
    push(&mut manager, &package_with("app", 1, |app| app.restarts = 5));
    assert_eq!(part(&mut manager, 0), Err(Refusal::NoRecording));
    assert!(!is_recorded(&manager, 0));
    assert_eq!(command(&mut manager, 1, &RECORD), DeviceMessage::Done);
    assert!(is_recorded(&manager, 0));
    assert_eq!(whats(&log_of(&mut manager)).last(), Some(&What::Start));
    let first = part(&mut manager, 0).unwrap();
    assert_eq!((first.full, first.activations, first.generation), (false, 1, manager.slots[0].generation));
    assert!(first.length_bytes as usize > ORDERS_BYTES && first.bytes.len() == first.length_bytes as usize);
    let orders = Orders::from_bytes(&first.bytes[..ORDERS_BYTES]).unwrap();
    assert_eq!((orders.name.as_str(), orders.record), ("app", true));
    assert_eq!(part(&mut manager, 100).unwrap().bytes, first.bytes[100..]);
    assert_eq!(part(&mut manager, u32::MAX).unwrap().bytes, Vec::<u8>::new());
    // A failure starts it again without: what led to it is still there. So it is when it is stopped.
    fail(&mut manager, 0);
    assert!(!is_recorded(&manager, 0));
    assert_eq!(part(&mut manager, 0).as_ref(), Ok(&first));
    command(&mut manager, 1, &Command::Stop { name: "app" });
    assert_eq!(part(&mut manager, 0), Ok(first));
    // Another version has nothing to do with it.
    push(&mut manager, &package("app", 2));
    assert_eq!(part(&mut manager, 0), Err(Refusal::NoRecording));
}

#[test]
fn it_takes_the_role_that_starting_takes() {
    let anchors = [anchor(1, Grant::everything()), anchor(2, read_only())].into();
    let mut manager = manager_with(anchors, Some(NONCE));
    push(&mut manager, &package("app", 1));
    assert_eq!(refused(&command(&mut manager, 2, &RECORD)).0, Refusal::NotAuthorised);
    assert_eq!(command(&mut manager, 1, &RECORD), DeviceMessage::Done);
    let reply = command(&mut manager, 2, &Command::Recording { name: "app", offset: 0 });
    assert!(matches!(reply, DeviceMessage::Recording(_)), "{reply:?}");
}

#[test]
fn a_slot_that_is_being_recorded_is_taken_over() {
    let mut manager = boot(&FakeDisk::new(Medium::default(), Stops::Never));
    push(&mut manager, &package("app", 1));
    command(&mut manager, 1, &RECORD);
    let (restarts, before) = (manager.platform.restarts, part(&mut manager, 0).unwrap());
    let mut manager = restart_manager(manager);
    assert_eq!(manager.platform.restarts, restarts, "untouched");
    assert_eq!(part(&mut manager, 0), Ok(before));
}

#[test]
fn what_a_slot_writes_there_is_bounded_and_its_own() {
    let mut manager = manager();
    push(&mut manager, &package("app", 1));
    command(&mut manager, 1, &RECORD);
    let region: SharedRegion = manager.platform.regions[0].recording;
    region.store_u64_relaxed(16, u64::MAX).unwrap();
    let first = part(&mut manager, 0).unwrap();
    assert_eq!((first.length_bytes as usize, first.bytes.len()), (region.size_bytes() - 64, 3072));
    let last = part(&mut manager, first.length_bytes - 10).unwrap();
    assert_eq!(last.bytes.len(), 10);
    // It cannot pass an old one off as the new one, nor nonsense as one.
    region.store_u64_relaxed(8, 1).unwrap();
    assert_eq!(part(&mut manager, 0), Err(Refusal::NoRecording));
    region.store_u64_relaxed(0, 1).unwrap();
    assert_eq!(part(&mut manager, 0), Err(Refusal::NoRecording));
}
