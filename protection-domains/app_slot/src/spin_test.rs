// SPDX-License-Identifier: Apache-2.0 OR MIT
//! For tests alone (feature `spin-test`, image `timing`): a slot whose own code misbehaves in a host call, where no fuel
//! counts. An app asks for it by logging a line:
//! - `spin MICROSECONDS` keeps the processor for so long;
//! - `storm SERVER MICROSECONDS` calls `timer`, `sensors`, `actuators`, `topics` or `all` of them without a pause for so long, each
//!   with the request that costs its server most, and tells how many calls that were;
//! - `fault`.

use cofferdam_device_protocol::topic::{MESSAGE_BYTES_MAX, Payload};
use cofferdam_device_protocol::{LEASE_MAX_US, actuator_by_name, sensor_by_name};
use cofferdam_timer_protocol::pd::Timer;
use sel4_microkit::now_us;

use crate::devices::Devices;

/// How far away a timer is set that is not to fire meanwhile.
const FAR_US: u64 = 60_000_000;

/// Does what `line` asks for.
#[allow(clippy::panic)] // It is what this is for.
pub fn obey(line: &str, devices: &Devices, timer: &Timer) {
    let mut words = line.split(' ');
    let mut next = || words.next().unwrap_or_default();
    match next() {
        "fault" => panic!("asked to"),
        "spin" => {
            if let Ok(duration_us) = next().parse() {
                repeat(duration_us, core::hint::spin_loop);
            }
        }
        "storm" => {
            let (server, duration_us) = (next(), next());
            if let Ok(duration_us) = duration_us.parse() {
                storm(server, duration_us, devices, timer);
            }
        }
        _ => {}
    }
}

fn storm(server: &str, duration_us: u64, devices: &Devices, timer: &Timer) {
    // The sensor with the most values, an output, and the longest message; the app needs permissions for all.
    let sensor = sensor_by_name("imu").map_or(0, |sensor| sensor.id);
    let actuator = actuator_by_name("brake").map_or(0, |actuator| actuator.id);
    let message = Payload::new(&[1; MESSAGE_BYTES_MAX]).unwrap_or(Payload::EMPTY);
    let is_called = |name| server == name || server == "all";
    let (is_timer, is_sensors) = (is_called("timer"), is_called("sensors"));
    let (is_actuators, is_topics) = (is_called("actuators"), is_called("topics"));
    let (begun_us, mut rounds) = (now_us(), 0u64);
    repeat(duration_us, || {
        rounds += 1;
        if is_timer {
            let _ = timer.one_shot(begun_us + FAR_US);
        }
        if is_sensors {
            let _ = devices.sensors.read(sensor);
        }
        if is_actuators {
            // Each lease ends before the one before it would have: the guard has to set its own timer again.
            let lease_us = LEASE_MAX_US.saturating_sub(2 * (now_us() - begun_us));
            let _ = devices.actuators.lease_acquire(actuator, lease_us);
            let _ = devices.actuators.lease_release(actuator);
        }
        if is_topics {
            let _ = devices.topics.publish(0, message);
        }
    });
    log::info!("storm of {rounds} rounds in {} us", now_us() - begun_us);
}

fn repeat(duration_us: u64, mut act: impl FnMut()) {
    let begun_us = now_us();
    while now_us().saturating_sub(begun_us) < duration_us {
        act();
    }
}
