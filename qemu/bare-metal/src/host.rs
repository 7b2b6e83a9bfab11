// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the app finds around it: a clock and a log, no devices.

use aarch64_cpu::registers::{CNTFRQ_EL0, CNTPCT_EL0, Readable as _};
use alloc::{string::String, vec::Vec};
use cofferdam_host_abi::ErrorCode;
use cofferdam_runtime::{Host, Level, Reading, SensorInfo};

/// Microseconds of the same counter that `sel4_microkit::now_us` reads.
pub fn now_us() -> u64 {
    let per_second = CNTFRQ_EL0.get().max(1);
    (u128::from(CNTPCT_EL0.get()) * 1_000_000 / u128::from(per_second)) as u64
}

/// The counter's ticks in so many microseconds.
pub fn ticks(time_us: u64) -> u64 {
    (u128::from(time_us) * u128::from(CNTFRQ_EL0.get()) / 1_000_000) as u64 + 1
}

/// A host without devices. Lines are kept, so that printing them is not measured.
#[derive(Default)]
pub struct NoDevices {
    /// What the app logged, to be taken out.
    pub lines: Vec<String>,
}

impl Host for NoDevices {
    fn now_us(&mut self) -> u64 {
        now_us()
    }

    fn sensor_read(&mut self, _sensor: u32) -> Result<Reading, ErrorCode> {
        Err(ErrorCode::UndefinedDevice)
    }

    fn sensor_info(&mut self, _sensor: u32) -> Result<SensorInfo, ErrorCode> {
        Err(ErrorCode::UndefinedDevice)
    }

    fn lease_acquire(&mut self, _actuator: u32, _duration_us: u64) -> Result<u64, ErrorCode> {
        Err(ErrorCode::UndefinedDevice)
    }

    fn actuator_write(&mut self, _actuator: u32, _value: f64) -> Result<(), ErrorCode> {
        Err(ErrorCode::UndefinedDevice)
    }

    fn lease_release(&mut self, _actuator: u32) -> Result<(), ErrorCode> {
        Err(ErrorCode::UndefinedDevice)
    }

    fn log(&mut self, _level: Level, line: &str) {
        self.lines.push(String::from(line));
    }
}
