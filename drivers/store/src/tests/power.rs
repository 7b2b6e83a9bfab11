// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Power goes at every step of every operation that a manager of apps does, and of the repair after it.

use std::collections::BTreeMap;
use std::println;
use std::vec::Vec;

use super::disk::{Chance, Disk, Medium};
use super::store::{Error, bytes, contents, put_blob};
use crate::*;

type Contents = (BTreeMap<u32, Vec<u8>>, BTreeMap<u32, Vec<u8>>);
type Operation = fn(&mut Store<Disk>) -> Result<(), Error>;

const REGISTRY: u32 = 1;
const RATCHETS: u32 = 2;
const KEYS: u32 = 3;
const RESTARTS: u32 = 4;
const FIRST: u32 = 11;
const SECOND: u32 = 12;
const BLOBS: usize = 4;

/// An app is installed: its package, the registry, and its ratchet belong together.
fn install(store: &mut Store<Disk>) -> Result<(), Error> {
    put_blob(store, FIRST, &bytes(1, 2000))?;
    store.put(REGISTRY, b"app 1 in blob 11")?;
    store.put(RATCHETS, b"app: 1")?;
    store.put(RESTARTS, b"0")?;
    store.commit().map(drop)
}

/// A new version; the old one stays for a rollback.
fn update(store: &mut Store<Disk>) -> Result<(), Error> {
    put_blob(store, SECOND, &bytes(2, 5000))?;
    store.put(REGISTRY, b"app 2 in blob 12, before that 11")?;
    store.put(RATCHETS, b"app: 2")?;
    store.commit().map(drop)
}

/// A third version in place of the first, which goes before the new one comes.
fn replace(store: &mut Store<Disk>) -> Result<(), Error> {
    store.remove_blob(FIRST)?;
    put_blob(store, FIRST, &bytes(3, 3000))?;
    store.put(REGISTRY, b"app 3 in blob 11, before that 12")?;
    store.put(RATCHETS, b"app: 3")?;
    store.commit().map(drop)
}

/// Back to the version before; the ratchet stays.
fn roll_back(store: &mut Store<Disk>) -> Result<(), Error> {
    store.put(REGISTRY, b"app 2 in blob 12")?;
    store.remove_blob(FIRST)?;
    store.put(RESTARTS, b"3")?;
    store.commit().map(drop)
}

/// New keys, in a record of several sectors.
fn rotate(store: &mut Store<Disk>) -> Result<(), Error> {
    store.put(KEYS, &bytes(9, 4000))?;
    store.commit().map(drop)
}

const STORY: [(&str, Operation); 5] = [
    ("install", install),
    ("update", update),
    ("second update", replace),
    ("rollback", roll_back),
    ("rotation", rotate),
];

fn opened(medium: Medium) -> (Store<Disk>, Contents) {
    let (mut store, _) = Store::open(Disk::new(medium, BLOBS)).expect("a store that lost its power opens");
    let contents = contents(&mut store);
    (store, contents)
}

/// Whether a ratchet of `now` is at least that of `before`.
fn ratchet(contents: &Contents) -> u8 {
    contents.0.get(&RATCHETS).and_then(|text| text.last().copied()).unwrap_or(0)
}

#[derive(Default)]
struct Count {
    cuts: usize,
    outcomes: usize,
    repairs_cut: usize,
}

/// Cuts the power at every step of `operation` on `medium`; gives the medium after it.
fn cut_everywhere(medium: &Medium, operation: Operation, count: &mut Count, chance: &mut Chance) -> Medium {
    let (mut store, old) = opened(medium.clone());
    operation(&mut store).unwrap();
    let after = store.device().flushed();
    let (_, new) = opened(after.clone());
    assert_ne!(old, new);
    let mut seen = (0, 0);
    for steps in 0.. {
        let disk = Disk::new(medium.clone(), BLOBS);
        let (mut store, _) = Store::open(disk.clone()).unwrap();
        disk.0.borrow_mut().steps_left = Some(steps);
        let done = operation(&mut store).is_ok();
        assert!(done || !disk.has_power(), "an operation fails only without power");
        count.cuts += 1;
        for left in disk.outcomes(chance) {
            count.outcomes += 1;
            let (mut store, found) = opened(left.clone());
            assert!(found == old || found == new, "a third state after {steps} steps");
            assert!(!done || found == new, "lost after it was done");
            assert!(ratchet(&found) >= ratchet(&old), "a lost ratchet");
            *(if found == old { &mut seen.0 } else { &mut seen.1 }) += 1;
            // The store goes on: what could not be done can be done now.
            if found == old {
                operation(&mut store).unwrap();
            }
            let again = store.device().flushed();
            assert_eq!(opened(again).1, new);
            cut_repair(&left, &found, count, chance);
        }
        if done {
            assert!(seen.0 > 0 && seen.1 > 0, "both states are met");
            return after;
        }
    }
    unreachable!()
}

/// Cuts the power at every step of opening `medium`, which must end with `state` whatever happens.
fn cut_repair(medium: &Medium, state: &Contents, count: &mut Count, chance: &mut Chance) {
    for steps in 0.. {
        let disk = Disk::cut_after(medium.clone(), BLOBS, steps);
        let done = Store::open(disk.clone()).is_ok();
        count.repairs_cut += 1;
        for left in disk.outcomes(chance) {
            assert_eq!(opened(left).1, *state, "repairing changed the state");
        }
        if done {
            return;
        }
    }
}

#[test]
fn after_a_loss_of_power_there_is_the_old_or_the_new_state() {
    let mut count = Count::default();
    let mut chance = Chance(4);
    let (mut store, _) = Store::open(Disk::new(Medium::default(), BLOBS)).unwrap();
    let mut medium = store.device().flushed();
    for (name, operation) in STORY {
        let cuts = count.cuts;
        medium = cut_everywhere(&medium, operation, &mut count, &mut chance);
        println!("{name}: power cut at {} steps", count.cuts - cuts);
    }
    let (_, (records, blobs)) = opened(medium);
    assert_eq!((records[&RATCHETS].as_slice(), blobs.len()), (&b"app: 3"[..], 1));
    println!(
        "{} cuts with {} outcomes, {} cuts of the repair: no third state, no lost ratchet",
        count.cuts, count.outcomes, count.repairs_cut
    );
    assert!(count.cuts > 60 && count.outcomes > 800 && count.repairs_cut > 1000);
}

#[test]
fn formatting_can_be_cut_anywhere() {
    let mut chance = Chance(5);
    for steps in 0.. {
        let disk = Disk::cut_after(Medium::default(), BLOBS, steps);
        let done = Store::open(disk.clone()).is_ok();
        for left in disk.outcomes(&mut chance) {
            let (mut store, found) = opened(left);
            assert_eq!(found, Contents::default());
            install(&mut store).unwrap();
            let medium = store.device().flushed();
            assert_eq!(opened(medium).1.0.len(), 3);
        }
        if done {
            assert!(steps > 6);
            return;
        }
    }
}

/// What a manager does on top: the same transaction again and again over many commits, with cuts now and then.
#[test]
fn a_long_life_with_many_cuts_never_loses_a_count() {
    let mut chance = Chance(6);
    let mut medium = Medium::default();
    let mut committed = 0u32;
    for _ in 0..300 {
        let disk = Disk::new(medium, BLOBS);
        let (mut store, _) = Store::open(disk.clone()).unwrap();
        let found = store.record(RATCHETS).map_or(0, |bytes| u32::from_le_bytes(bytes.try_into().unwrap()));
        assert!(found == committed || found == committed + 1, "{found} after {committed}");
        if found > 0 {
            let expected = bytes(found, 600 + found as usize);
            assert_eq!(super::store::blob_bytes(&mut store, 1 + found % 2).unwrap(), expected);
        }
        committed = found;
        disk.0.borrow_mut().steps_left = Some(chance.next() as usize % 40);
        loop {
            let next = committed + 1;
            let done = put_blob(&mut store, 1 + next % 2, &bytes(next, 600 + next as usize))
                .and_then(|()| store.put(RATCHETS, &next.to_le_bytes()))
                .and_then(|()| store.commit());
            if done.is_err() {
                break;
            }
            committed = next;
        }
        let mut outcomes = disk.outcomes(&mut chance);
        medium = outcomes.swap_remove(chance.next() as usize % outcomes.len());
    }
    assert!(committed > 100);
}
