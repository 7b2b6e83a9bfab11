// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Control loops whose release times are measured, and a flood from the network to disturb them.
//!
//! A loop measures itself, inside the guest: its slot publishes how late after its release each activation began.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use anyhow::{Context as _, Result, ensure};
use cofferdam_client::recipe::{Recipe, RecipeShape};

use crate::context::{Context, STEP_LIMIT, make, number};

/// Which slot a loop must be in: what is above it is part of its bound.
#[derive(Clone, Copy, Debug)]
pub struct Loop {
    /// Name of the app.
    pub name: &'static str,
    /// Its period.
    pub period_us: u64,
    /// The slot that it must get.
    pub slot: u64,
}

/// 1 kHz, in the second slot.
pub const FAST: Loop = Loop { name: "fast-loop", period_us: 1_000, slot: 1 };
/// 100 Hz, in the third slot.
pub const SLOW: Loop = Loop { name: "slow-loop", period_us: 10_000, slot: 2 };

/// Keeps slot 0 free for what disturbs: loops get the highest free slots.
const PLACEHOLDER: &str = "placeholder";

/// What a loop's slot published.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    /// Activations.
    pub activations: u64,
    /// Latest begin after a release.
    pub jitter_max_us: u64,
    /// Releases without an activation.
    pub missed: u64,
    /// Activations that ended after their deadline, which is the next release.
    pub overruns: u64,
}

/// Starts both loops in their slots and lets them run for a while; slot 0 is free then.
pub fn start(context: &Context<'_>) -> Result<()> {
    push_loop(context, &Loop { name: PLACEHOLDER, period_us: 1_000_000, slot: 0 })?;
    for one in [FAST, SLOW] {
        push_loop(context, &one)?;
    }
    context.done(&["rm", PLACEHOLDER])?;
    context.until_activated(SLOW.name, 10)?;
    Ok(())
}

fn push_loop(context: &Context<'_>, one: &Loop) -> Result<()> {
    // Reads a sensor, as a control loop does, and stops the app if that fails.
    let module = r#"(module
          (import "cofferdam" "sensor_read" (func $read (param i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (func (export "cofferdam_init"))
          (func (export "cofferdam_tick") (param i64)
            (if (i32.lt_s (call $read (i32.const 0) (i32.const 64) (i32.const 128)) (i32.const 0))
              (then unreachable))))"#;
    push(context, one, module, |_| ())
}

/// Pushes a loop with this module, which may read the IMU, into the slot that it must get.
pub fn push(context: &Context<'_>, one: &Loop, module: &str, change: impl FnOnce(&mut Recipe)) -> Result<()> {
    let (mut recipe, _) = context.settings.app("downhill")?;
    recipe.name = one.name.to_owned();
    recipe.shape = RecipeShape::Reactor;
    recipe.period_us = one.period_us;
    recipe.deadline_us = Some(one.period_us);
    recipe.fuel_per_activation = 10_000;
    recipe.permissions.sensors = vec!["imu".into()];
    recipe.permissions.actuators.clear();
    change(&mut recipe);
    let package = make(&recipe, &wat::parse_str(module)?, &context.settings.key)?;
    let file = context.file(&format!("{}.cdam", one.name), &package).context("a loop's package")?;
    context.done(&["push", &file])?;
    let slot = context.figure(one.name, "slot")?;
    ensure!(slot == one.slot, "{} is in slot {slot}", one.name);
    Ok(())
}

/// Does `act` again and again, `times_max` times at most, until the loop was activated as often as `wanted`; gives how often it
/// was. How much of the machine's own time something takes that the host does depends on how fast the host is.
pub fn meanwhile(
    context: &Context<'_>,
    one: &Loop,
    wanted: u64,
    times_max: u32,
    mut act: impl FnMut() -> Result<()>,
) -> Result<u64> {
    let before = timing(context, one)?.activations;
    let mut seen = 0;
    for _ in 0..times_max {
        act()?;
        seen = timing(context, one)?.activations - before;
        if seen >= wanted {
            break;
        }
    }
    Ok(seen)
}

/// How a loop did since its start.
pub fn timing(context: &Context<'_>, one: &Loop) -> Result<Timing> {
    let stats = context.json(&["stats", one.name])?;
    Ok(Timing {
        activations: number(&stats, "activations")?,
        jitter_max_us: number(&stats, "jitter_max_us")?,
        missed: number(&stats, "missed_releases")?,
        overruns: number(&stats, "overruns")?,
    })
}

/// What a flood consisted of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flood {
    /// Connections that were opened.
    pub connections: usize,
    /// Bytes that the device's network took.
    pub bytes: usize,
}

/// Threads that flood, and connections of each: some seconds' worth.
const FLOODERS: usize = 4;
const CONNECTIONS: usize = 100;
/// Noise for each connection.
const NOISE_BYTES: usize = 16_384;

/// Opens connection after connection to the management port, several at a time, and sends noise. Most are told that
/// the device is busy; errors are what an attacker gets, too. Returns when everything was sent.
pub fn flood(context: &Context<'_>) -> Result<Flood> {
    let address = context.address()?;
    let flooder = || {
        let mut done = Flood::default();
        let noise = [0xa5; NOISE_BYTES];
        for _ in 0..CONNECTIONS {
            let Ok(mut stream) = TcpStream::connect(&address) else { continue };
            done.connections += 1;
            let limits =
                stream.set_write_timeout(Some(STEP_LIMIT)).and(stream.set_read_timeout(Some(STEP_LIMIT)));
            if limits.is_ok() && stream.write_all(&noise).is_ok() {
                done.bytes += NOISE_BYTES;
                // The device closes: its refusal or greeting, then the end.
                let _ = stream.read_to_end(&mut Vec::new());
            }
        }
        done
    };
    let floods = thread::scope(|scope| {
        let threads: Vec<_> = (0..FLOODERS).map(|_| scope.spawn(flooder)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    let total = floods.into_iter().fold(Flood::default(), |sum, one| Flood {
        connections: sum.connections + one.connections,
        bytes: sum.bytes + one.bytes,
    });
    ensure!(total.connections >= CONNECTIONS, "that was no flood: {total:?}");
    Ok(total)
}
