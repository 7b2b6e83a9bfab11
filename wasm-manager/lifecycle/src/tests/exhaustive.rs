// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Ratchet and registry, whole: every sequence of what can happen up to a length.

extern crate std;

use alloc::string::String;
use alloc::vec::Vec;
use std::println;

use cofferdam_management_protocol::*;
use cofferdam_package::manifest::Common;

use super::world::*;
use crate::ratchet::{Ratchet, RatchetError};
use crate::saved::{decode_ratchets, encode_ratchets};
use crate::*;

const COMPONENTS: [&str; 2] = ["a", "b"];
const SEQUENCES: [u64; 3] = [1, 2, 3];
const MODULES: [u8; 2] = [7, 8];

fn release(name: &str, module: u8) -> Common {
    let mut common = manifest(name, 1).common;
    common.digest.bytes = [module; 32];
    common
}

/// The newest release of each component that was let in.
type Newest = [Option<(u64, u8)>; 2];

fn explore_ratchet(ratchet: &Ratchet, newest: Newest, left: usize) -> u64 {
    // A loss of power at any time brings back the same.
    let kept = decode_ratchets(&encode_ratchets(ratchet)).unwrap();
    assert_eq!(kept.entries(), ratchet.entries());
    if left == 0 {
        return 0;
    }
    let mut tried = 0;
    for (at, name) in COMPONENTS.iter().enumerate() {
        for (sequence, module) in SEQUENCES.iter().flat_map(|s| MODULES.map(|module| (*s, module))) {
            let common = release(name, module);
            let expected = match newest[at] {
                Some((seen, _)) if sequence < seen => Err(RatchetError::Older { seen }),
                Some((seen, other)) if sequence == seen && module != other => Err(RatchetError::OtherModule),
                _ => Ok(()),
            };
            let outcome = kept.check(&common, sequence);
            assert_eq!(outcome, expected, "{name} {sequence} {module} behind {newest:?}");
            let (mut after, mut newest) = (kept.clone(), newest);
            // Also what was refused: a commit never goes back by itself.
            after.commit(&common, sequence);
            if outcome.is_ok() {
                newest[at] = Some((sequence, module));
            } else if outcome == Err(RatchetError::OtherModule) {
                after = kept.clone();
            }
            tried += 1 + explore_ratchet(&after, newest, left - 1);
        }
    }
    tried
}

#[test]
fn every_sequence_of_releases_moves_the_ratchet_forward_only() {
    const LENGTH: u32 = 4;
    let tried = explore_ratchet(&Ratchet::default(), [None; 2], LENGTH as usize);
    let choices = (COMPONENTS.len() * SEQUENCES.len() * MODULES.len()) as u64;
    assert_eq!(tried, (1..=LENGTH).map(|length| choices.pow(length)).sum::<u64>(), "all of them");
    println!("{tried} releases tried");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// A good version.
    PushFirst,
    /// One that is on probation.
    PushSecond,
    Fail,
    Pass,
    RollBack,
    Remove,
    Boot,
}
use Event::*;

const EVENTS: [Event; 7] = [PushFirst, PushSecond, Fail, Pass, RollBack, Remove, Boot];

/// What a host sees of the app.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    sequence: u64,
    is_running: bool,
    on_probation: bool,
    previous: Option<String>,
    rolled_back: bool,
}

fn seen(manager: &mut Manager<System>) -> Option<Seen> {
    let apps = Host::connect(manager, 41, 1).apps(manager);
    assert!(apps.len() <= 1);
    let app = apps.into_iter().next()?;
    Some(Seen {
        sequence: app.sequence,
        is_running: app.state == AppState::Running,
        on_probation: app.probation_left_us.is_some(),
        previous: app.previous,
        rolled_back: !app.rolled_back.is_empty(),
    })
}

/// Does it; gives whether it was let through, if somebody asked for it.
fn happens(
    manager: Manager<System>,
    event: Event,
    packages: &[Vec<u8>; 2],
) -> (Manager<System>, Option<bool>) {
    let mut manager = manager;
    let said = match event {
        PushFirst => Some(Host::connect(&mut manager, 42, 1).push(&mut manager, &packages[0])),
        PushSecond => Some(Host::connect(&mut manager, 42, 1).push(&mut manager, &packages[1])),
        RollBack => {
            Some(Host::connect(&mut manager, 42, 1).command(&mut manager, &Command::RollBack { name: "app" }))
        }
        Remove => {
            Some(Host::connect(&mut manager, 42, 1).command(&mut manager, &Command::Remove { name: "app" }))
        }
        Fail => {
            if seen(&mut manager).is_some_and(|app| app.is_running) {
                fail(&mut manager, 0);
            }
            None
        }
        Pass => {
            pass(&mut manager, 1_000_000);
            None
        }
        Boot => {
            manager = boot(manager.platform.disk.as_ref().unwrap());
            None
        }
    };
    let through = said.map(|said| !matches!(said, DeviceMessage::Refused { .. }));
    (manager, through)
}

/// What must follow from one event, whatever came before.
fn check(event: Event, through: Option<bool>, before: Option<&Seen>, after: Option<&Seen>, newest: &mut u64) {
    match (event, before, after) {
        (PushFirst | PushSecond, _, after) => {
            let sequence = if event == PushFirst { 1 } else { 2 };
            assert_eq!(through, Some(sequence >= *newest), "the ratchet decides");
            if through == Some(true) {
                *newest = sequence;
                let after = after.unwrap();
                assert!(after.sequence == sequence && after.is_running && !after.rolled_back);
                let is_update = before.is_some_and(|before| before.sequence < sequence);
                assert!(!is_update || after.on_probation, "an update proves itself");
            } else {
                assert_eq!(before, after, "refused: nothing changes");
            }
        }
        (RollBack, Some(before), Some(after)) if before.previous.is_some() => {
            assert_eq!(through, Some(true));
            assert!(after.sequence < before.sequence && after.is_running && after.rolled_back);
            assert!(!after.on_probation && after.previous.is_none(), "once");
        }
        (Fail, Some(before), Some(after)) if before.is_running && before.on_probation => {
            assert!(before.previous.is_some(), "on probation there is a way back");
            assert!(after.sequence < before.sequence && after.is_running && after.rolled_back);
        }
        (Fail, Some(before), Some(after)) => {
            assert_eq!((after.sequence, after.is_running), (before.sequence, false));
        }
        (Pass, Some(before), Some(after)) => {
            let passed = before.on_probation && before.is_running;
            let expected = Seen { on_probation: before.on_probation && !passed, ..before.clone() };
            assert_eq!(after, &expected);
        }
        (RollBack, ..) => {
            assert_eq!(through, Some(false));
            assert_eq!(before, after);
        }
        (Remove, before, after) => assert_eq!((through, after), (Some(before.is_some()), None)),
        (Boot, before, after) => assert_eq!(before, after, "as it was"),
        (_, None, None) => {}
        (_, before, after) => panic!("{before:?} became {after:?}"),
    }
}

#[test]
fn every_sequence_of_pushes_failures_and_boots_keeps_the_registry_whole() {
    /// Behind the first, which is a push: nothing else has an effect on an empty device, which sequences with a removal
    /// go through as well.
    const LENGTH: u32 = 3;
    let packages = [package("app", 1), on_probation("app", 2)];
    let choices = EVENTS.len();
    let all = (0..choices.pow(LENGTH)).flat_map(|number| [(PushFirst, number), (PushSecond, number)]);
    for (first, number) in all {
        let mut manager = boot(&FakeDisk::new(Medium::default(), Stops::Never));
        let (mut newest, mut trail) = (0, Vec::new());
        let behind = (0..LENGTH).map(|place| EVENTS[number / choices.pow(place) % choices]);
        for event in core::iter::once(first).chain(behind) {
            trail.push(event);
            let before = seen(&mut manager);
            let (changed, through) = happens(manager, event, &packages);
            manager = changed;
            let after = seen(&mut manager);
            println!("{trail:?}: {before:?} -> {after:?}");
            check(event, through, before.as_ref(), after.as_ref(), &mut newest);
        }
    }
}
