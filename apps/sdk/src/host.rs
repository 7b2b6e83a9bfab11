// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The imports of module `cofferdam`, as safe functions.
#![allow(unsafe_code)]

use cofferdam_host_abi::{
    ErrorCode, MESSAGE_BYTES_MAX, MESSAGE_HEADER_BYTES, READING_HEADER_BYTES, READING_VALUES_MAX,
};

/// A reading as the host writes it.
pub const READING_BYTES: usize = READING_HEADER_BYTES + READING_VALUES_MAX * size_of::<f64>();

/// A message of a topic as the host writes it, at its longest.
pub const MESSAGE_BYTES: usize = MESSAGE_HEADER_BYTES + MESSAGE_BYTES_MAX;

#[cfg(target_arch = "wasm32")]
mod import {
    #[link(wasm_import_module = "cofferdam")]
    unsafe extern "C" {
        pub fn sensor_read(sensor: i32, buffer: *mut u8, capacity_bytes: usize) -> i32;
        pub fn log(level: i32, text: *const u8, length_bytes: usize) -> i32;
        pub fn publish(topic: *const u8, topic_bytes: usize, data: *const u8, data_bytes: usize) -> i32;
        pub fn receive(topic: *const u8, topic_bytes: usize, buffer: *mut u8, capacity_bytes: usize) -> i32;
        pub safe fn lease_acquire(actuator: i32, duration_us: i64) -> i64;
        pub safe fn actuator_write(actuator: i32, value: f64) -> i32;
        pub safe fn lease_release(actuator: i32) -> i32;
        pub safe fn now_us() -> i64;
        pub safe fn deadline_us() -> i64;
        pub safe fn fuel_left() -> i64;
    }
}

/// The same on a desk, where there is no device.
#[cfg(not(target_arch = "wasm32"))]
mod import {
    use cofferdam_host_abi::ErrorCode;

    const NONE: i32 = ErrorCode::NotSupported.code();

    pub unsafe fn sensor_read(_: i32, _: *mut u8, _: usize) -> i32 {
        NONE
    }
    pub unsafe fn log(_: i32, _: *const u8, _: usize) -> i32 {
        NONE
    }
    pub unsafe fn publish(_: *const u8, _: usize, _: *const u8, _: usize) -> i32 {
        NONE
    }
    pub unsafe fn receive(_: *const u8, _: usize, _: *mut u8, _: usize) -> i32 {
        NONE
    }
    pub fn lease_acquire(_: i32, _: i64) -> i64 {
        NONE.into()
    }
    pub fn actuator_write(_: i32, _: f64) -> i32 {
        NONE
    }
    pub fn lease_release(_: i32) -> i32 {
        NONE
    }
    pub fn now_us() -> i64 {
        0
    }
    pub fn deadline_us() -> i64 {
        0
    }
    pub fn fuel_left() -> i64 {
        0
    }
}

/// The number of values that were written behind the time.
pub fn sensor_read(sensor: i32, buffer: &mut [u8; READING_BYTES]) -> Result<usize, ErrorCode> {
    // SAFETY: the host writes at most `capacity` bytes, and the buffer has as many.
    let count = checked(unsafe { import::sensor_read(sensor, buffer.as_mut_ptr(), buffer.len()) })?;
    Ok(count as usize)
}

pub fn log(level: i32, text: &[u8]) {
    // SAFETY: the host only reads these bytes. That a line was dropped is counted by the host.
    let _ = unsafe { import::log(level, text.as_ptr(), text.len()) };
}

pub fn publish(topic: &[u8], message: &[u8]) -> Result<(), ErrorCode> {
    // SAFETY: the host only reads these bytes.
    let result = unsafe { import::publish(topic.as_ptr(), topic.len(), message.as_ptr(), message.len()) };
    checked(result).map(|_| ())
}

/// The number of bytes of the message, which lies behind its header.
pub fn receive(topic: &[u8], buffer: &mut [u8; MESSAGE_BYTES]) -> Result<usize, ErrorCode> {
    // SAFETY: the host reads the topic, writes at most `capacity` bytes, and the buffer has as many.
    let result = unsafe { import::receive(topic.as_ptr(), topic.len(), buffer.as_mut_ptr(), buffer.len()) };
    Ok(checked(result)? as usize)
}

pub fn lease_acquire(actuator: i32, duration_us: u64) -> Result<u64, ErrorCode> {
    let until_us = import::lease_acquire(actuator, i64::try_from(duration_us).unwrap_or(i64::MAX));
    u64::try_from(until_us).map_err(|_| error(until_us as i32))
}

pub fn actuator_write(actuator: i32, value: f64) -> Result<(), ErrorCode> {
    checked(import::actuator_write(actuator, value)).map(|_| ())
}

pub fn lease_release(actuator: i32) -> Result<(), ErrorCode> {
    checked(import::lease_release(actuator)).map(|_| ())
}

pub fn now_us() -> u64 {
    import::now_us() as u64
}

pub fn deadline_us() -> u64 {
    import::deadline_us() as u64
}

pub fn fuel_left() -> u64 {
    import::fuel_left() as u64
}

fn checked(result: i32) -> Result<i32, ErrorCode> {
    if result < 0 { Err(error(result)) } else { Ok(result) }
}

/// A code that this SDK does not know comes from a newer host.
fn error(code: i32) -> ErrorCode {
    ErrorCode::from_code(code).unwrap_or(ErrorCode::NotSupported)
}
