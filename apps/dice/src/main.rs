// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Throws dice and tells how often each side came: `dice THROWS`.
//!
//! A program like any other, with the standard library and nothing of Cofferdam: it reads arguments and
//! environment, uses a `HashMap` (whose seeds, and the dice, come from the system's random numbers), sleeps, and
//! exits with a code: 0, or 2 for wrong usage. `DICE_SIDES` and `DICE_PAUSE_MS` are its environment.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::env;
use std::hash::BuildHasher;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

const USAGE: u8 = 2;

fn main() -> ExitCode {
    let begun = Instant::now();
    let wishes = match wishes() {
        Ok(wishes) => wishes,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(USAGE);
        }
    };
    let random = RandomState::new();
    let mut counts: HashMap<u64, u32> = HashMap::new();
    for throw in 0..wishes.throws {
        // A die without sides is a division by zero, which panics.
        *counts.entry(random.hash_one(throw) % wishes.sides + 1).or_default() += 1;
    }
    thread::sleep(wishes.pause);
    let mut sides: Vec<_> = counts.into_iter().collect();
    sides.sort_unstable();
    for (side, count) in sides {
        println!("{side} came {count} times");
    }
    eprintln!("done after {} ms", begun.elapsed().as_millis());
    ExitCode::SUCCESS
}

struct Wishes {
    throws: u32,
    sides: u64,
    pause: Duration,
}

fn wishes() -> Result<Wishes, String> {
    let mut arguments = env::args();
    let name = arguments.next().unwrap_or_default();
    let (Some(throws), None) = (arguments.next(), arguments.next()) else {
        return Err(format!("usage: {name} THROWS"));
    };
    let throws = throws.parse().map_err(|error| format!("THROWS is '{throws}': {error}"))?;
    let sides = variable("DICE_SIDES")?.unwrap_or(6);
    let pause = Duration::from_millis(variable("DICE_PAUSE_MS")?.unwrap_or(0));
    Ok(Wishes { throws, sides, pause })
}

fn variable(name: &str) -> Result<Option<u64>, String> {
    let Ok(text) = env::var(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|error| format!("{name} is '{text}': {error}"))
}
