// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a host call costs, in instructions.
//!
//! An app measures itself: with `-icount shift=0` a microsecond is a thousand instructions. It times batches of
//! calls and keeps the shortest: the one in which nobody of higher priority ran.

use anyhow::{Result, anyhow};

use super::product::boot_product;
use super::{Arguments, Measured, field};
use crate::context::{Settings, make};
use crate::harness::System;
use cofferdam_client::recipe::RecipeShape;

/// With `-icount shift=0`.
const INSTRUCTIONS_PER_US: f64 = 1000.0;
/// Calls in a batch: few, so that a batch is shorter than the time between two steps of sensor_hub, and fits into a
/// slot's budget where there are budgets.
const CALLS: u32 = 20;
/// Batches, one a tick.
const TICKS: u32 = 200;

/// One that crosses to sensor_hub.
pub fn crossing(settings: &Settings, _: &Arguments) -> Result<Measured> {
    measure(settings, "read_us", "sensor_read of `imu`")
}

/// One that does not leave the slot's protection domain.
pub fn staying(settings: &Settings, _: &Arguments) -> Result<Measured> {
    measure(settings, "now_us", "now_us")
}

fn measure(settings: &Settings, field_name: &str, what: &str) -> Result<Measured> {
    let context = boot_product(settings, System::ProductByInstructions)?;
    let (mut recipe, _) = settings.app("downhill")?;
    recipe.name = "callbench".to_owned();
    recipe.shape = RecipeShape::Reactor;
    recipe.permissions.sensors = vec!["imu".into()];
    recipe.permissions.actuators.clear();
    recipe.limits.host_calls_per_activation = Some(4 * CALLS);
    let package = make(&recipe, &wat::parse_str(program())?, &settings.key)?;
    context.done(&["push", &context.file("callbench.cdam", &package)?])?;
    let line = context.expect("/callbench: ")?;
    let us = field(&line.text, field_name).ok_or_else(|| anyhow!("no figure in: {line}"))?;
    Ok(Measured {
        value: us * INSTRUCTIONS_PER_US / f64::from(CALLS),
        how: format!(
            "{what} from an app, interpreter and loop included; the shortest of {TICKS} batches of {CALLS} calls, timed by \
             the app itself; -icount shift=0, one instruction = one nanosecond"
        ),
    })
}

/// The app: each tick one batch of both kinds; after the last, one line with both minima.
fn program() -> String {
    format!(
        r#"(module
          (import "cofferdam" "sensor_read" (func $read (param i32 i32 i32) (result i32)))
          (import "cofferdam" "now_us" (func $now (result i64)))
          (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "read_us=00000000 now_us=00000000")
          (global $least_read (mut i64) (i64.const 99999999))
          (global $least_now (mut i64) (i64.const 99999999))
          (global $ticks (mut i32) (i32.const 0))
          (func $least (param $a i64) (param $b i64) (result i64)
            (select (local.get $a) (local.get $b) (i64.lt_u (local.get $a) (local.get $b))))
          (func $write (param $at i32) (param $value i64) (local $digits i32)
            (local.set $digits (i32.const 8))
            (loop
              (local.set $digits (i32.sub (local.get $digits) (i32.const 1)))
              (i32.store8 (i32.add (local.get $at) (local.get $digits))
                (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $value) (i64.const 10)))))
              (local.set $value (i64.div_u (local.get $value) (i64.const 10)))
              (br_if 0 (local.get $digits))))
          (func (export "cofferdam_init"))
          (func (export "cofferdam_tick") (param i64) (local $n i32) (local $begun i64)
            (local.set $n (i32.const {CALLS}))
            (local.set $begun (call $now))
            (loop
              (if (i32.lt_s (call $read (i32.const 0) (i32.const 64) (i32.const 128)) (i32.const 0))
                (then unreachable))
              (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (global.set $least_read
              (call $least (global.get $least_read) (i64.sub (call $now) (local.get $begun))))
            (local.set $n (i32.const {CALLS}))
            (local.set $begun (call $now))
            (loop
              (drop (call $now))
              (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (global.set $least_now
              (call $least (global.get $least_now) (i64.sub (call $now) (local.get $begun))))
            (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
            (if (i32.eq (global.get $ticks) (i32.const {TICKS})) (then
              (call $write (i32.const 8) (global.get $least_read))
              (call $write (i32.const 24) (global.get $least_now))
              (drop (call $log (i32.const 3) (i32.const 0) (i32.const 32)))))))"#
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_app_is_a_module() {
        assert!(wat::parse_str(super::program()).is_ok());
    }
}
