// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Every target on its seeds and on mutations of them: what `make fuzz` does for longer and with more sense.

use crate::TARGETS;
use crate::mutate::{Chance, mutate};

const MUTATIONS: usize = 2000;

fn hammer(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seeds = (target.seeds)();
    let mut accepted = seeds.iter().filter(|seed| (target.run)(seed)).count();
    assert!(name == "system_spec" || accepted > 0, "no seed of {name} reaches anything");
    (target.run)(&[]);
    let mut chance = Chance(0xc0ff_e4da);
    for round in 0..MUTATIONS {
        let mut input = seeds[round % seeds.len()].clone();
        for _ in 0..=chance.below(3) {
            mutate(&mut input, &mut chance);
        }
        accepted += usize::from((target.run)(&input));
    }
    println!("{name}: {MUTATIONS} bad inputs tried, {accepted} of them or of the seeds accepted in part");
}

macro_rules! hammered {
    ($($name:ident)*) => {
        $(#[test] fn $name() { hammer(stringify!($name)); })*

        #[test]
        fn every_target_is_here() {
            let here = [$(stringify!($name)),*];
            assert_eq!(here.as_slice(), TARGETS.iter().map(|target| target.name).collect::<Vec<_>>());
        }
    };
}

hammered!(frames package command verdict manifest module queue records log_ring slot store store_protocol devices virtio figures recording plant gateway system_spec);

#[test]
fn every_target_has_its_program() {
    let fuzz = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let cargo = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for target in TARGETS {
        let file = fuzz.join("fuzz_targets").join(format!("{}.rs", target.name));
        let program = std::fs::read_to_string(&file).unwrap();
        assert!(program.contains(&format!("try_input(\"{}\"", target.name)), "{}", file.display());
        assert!(
            cargo.contains(&format!("name = \"{}\"", target.name)),
            "{} is not in fuzz/Cargo.toml",
            target.name
        );
    }
    assert_eq!(std::fs::read_dir(fuzz.join("fuzz_targets")).unwrap().count(), TARGETS.len());
}

/// The property that counts most, on every byte of a package and of a command: no change is accepted.
#[test]
fn no_changed_byte_is_accepted() {
    let mut tried = 0;
    for (run, seed) in [
        (crate::package::run as fn(&[u8]) -> bool, &crate::package::seeds()[1]),
        (crate::command::run, &crate::command::seeds()[0]),
    ] {
        for at in 0..seed.len() {
            for mask in [1, 0x80, 0xff] {
                let mut changed = seed.clone();
                changed[at] ^= mask;
                assert!(!run(&changed), "byte {at} changed");
                tried += 1;
            }
            assert!(!run(&seed[..at]));
            tried += 1;
        }
    }
    println!("wrong acceptances: 0 of {tried} changed packages and commands");
}
