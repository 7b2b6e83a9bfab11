// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The functions of module `cofferdam`. Signatures: `cofferdam_host_abi::COFFERDAM`.

use cofferdam_host_abi::{
    ErrorCode, Limits, MESSAGE_BYTES_MAX, MESSAGE_HEADER_BYTES, READING_HEADER_BYTES, READING_VALUES_MAX,
    SENSOR_INFO_BYTES,
};
use cofferdam_slot_protocol::TopicGrant;
use wasmi::{Caller, Error, Func, Store};

use crate::state::{Call, State, host_call};
use crate::{Host, Level};

const READING_BYTES: usize = READING_HEADER_BYTES + READING_VALUES_MAX * size_of::<f64>();

/// The function of this name.
pub(crate) fn function<H: Host>(store: &mut Store<State<H>>, name: &str) -> Option<Func> {
    type C<'a, H> = Caller<'a, State<H>>;
    Some(match name {
        "sensor_read" => Func::wrap(store, |mut c: C<H>, sensor: i32, buffer: i32, capacity: i32| {
            number(&mut c, |call| sensor_read(call, sensor, buffer, capacity))
        }),
        "sensor_info" => Func::wrap(store, |mut c: C<H>, sensor: i32, buffer: i32, capacity: i32| {
            number(&mut c, |call| sensor_info(call, sensor, buffer, capacity))
        }),
        "lease_acquire" => Func::wrap(store, |mut c: C<H>, actuator: i32, duration_us: i64| {
            host_call(&mut c, |call| match lease_acquire(call, actuator, duration_us) {
                Ok(until_us) => until_us,
                Err(error) => error.code().into(),
            })
        }),
        "actuator_write" => Func::wrap(store, |mut c: C<H>, actuator: i32, value: f64| {
            number(&mut c, |call| actuator_write(call, actuator, value))
        }),
        "lease_release" => Func::wrap(store, |mut c: C<H>, actuator: i32| {
            number(&mut c, |call| lease_release(call, actuator))
        }),
        "now_us" => {
            Func::wrap(store, |mut c: C<H>| host_call(&mut c, |call| signed(call.state.host.now_us())))
        }
        "deadline_us" => {
            Func::wrap(store, |mut c: C<H>| host_call(&mut c, |call| signed(call.state.deadline_us)))
        }
        "fuel_left" => Func::wrap(store, |mut c: C<H>| host_call(&mut c, |call| signed(call.fuel))),
        "log" => Func::wrap(store, |mut c: C<H>, level: i32, text: i32, length: i32| {
            number(&mut c, |call| log(call, level, text, length))
        }),
        "publish" => Func::wrap(store, |mut c: C<H>, topic: i32, name: i32, data: i32, length: i32| {
            number(&mut c, |call| publish(call, (topic, name), (data, length)))
        }),
        "receive" => Func::wrap(store, |mut c: C<H>, topic: i32, name: i32, buffer: i32, capacity: i32| {
            number(&mut c, |call| receive(call, (topic, name), (buffer, capacity)))
        }),
        _ => return None,
    })
}

/// A host call that answers a number of zero or more, or an error code.
fn number<H: Host>(
    caller: &mut Caller<'_, State<H>>,
    body: impl FnOnce(&mut Call<'_, H>) -> Result<i32, ErrorCode>,
) -> Result<i32, Error> {
    host_call(caller, |call| body(call).unwrap_or_else(ErrorCode::code))
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn permitted_sensor<H>(call: &Call<'_, H>, sensor: i32) -> Result<u32, ErrorCode> {
    let sensor = u32::try_from(sensor).map_err(|_| ErrorCode::UndefinedDevice)?;
    if call.state.orders.permits_sensor(sensor) { Ok(sensor) } else { Err(ErrorCode::NotPermitted) }
}

fn sensor_read<H: Host>(
    call: &mut Call<'_, H>,
    sensor: i32,
    buffer: i32,
    capacity: i32,
) -> Result<i32, ErrorCode> {
    let sensor = permitted_sensor(call, sensor)?;
    call.check(buffer, capacity)?;
    let reading = call.state.host.sensor_read(sensor)?;
    let mut bytes = [0; READING_BYTES];
    let (header, body) = bytes.split_at_mut(READING_HEADER_BYTES);
    header.copy_from_slice(&reading.time_us.to_le_bytes());
    for (to, value) in body.chunks_exact_mut(size_of::<f64>()).zip(reading.values()) {
        to.copy_from_slice(&value.to_bits().to_le_bytes());
    }
    let length = READING_HEADER_BYTES + size_of_val(reading.values());
    if length > capacity as u32 as usize {
        return Err(ErrorCode::BadLength);
    }
    call.write(buffer, bytes.get(..length).ok_or(ErrorCode::BadLength)?)?;
    i32::try_from(reading.values().len()).map_err(|_| ErrorCode::DeviceFailure)
}

fn sensor_info<H: Host>(
    call: &mut Call<'_, H>,
    sensor: i32,
    buffer: i32,
    capacity: i32,
) -> Result<i32, ErrorCode> {
    let sensor = permitted_sensor(call, sensor)?;
    call.check(buffer, capacity)?;
    if SENSOR_INFO_BYTES > capacity as u32 as usize {
        return Err(ErrorCode::BadLength);
    }
    let info = call.state.host.sensor_info(sensor)?;
    let mut bytes = [0; SENSOR_INFO_BYTES];
    let (values, period) = bytes.split_at_mut(size_of::<u32>());
    values.copy_from_slice(&info.values.to_le_bytes());
    period.copy_from_slice(&info.period_us.to_le_bytes());
    call.write(buffer, &bytes)?;
    Ok(SENSOR_INFO_BYTES as i32)
}

fn permitted_actuator<H>(
    call: &Call<'_, H>,
    actuator: i32,
) -> Result<(u32, cofferdam_slot_protocol::ActuatorGrant), ErrorCode> {
    let actuator = u32::try_from(actuator).map_err(|_| ErrorCode::UndefinedDevice)?;
    let grant = call.state.orders.actuator(actuator).ok_or(ErrorCode::NotPermitted)?;
    Ok((actuator, grant))
}

fn lease_acquire<H: Host>(call: &mut Call<'_, H>, actuator: i32, duration_us: i64) -> Result<i64, ErrorCode> {
    let (actuator, _) = permitted_actuator(call, actuator)?;
    let duration_us = u64::try_from(duration_us).map_err(|_| ErrorCode::OutOfRange)?;
    call.state.host.lease_acquire(actuator, duration_us).map(signed)
}

fn actuator_write<H: Host>(call: &mut Call<'_, H>, actuator: i32, value: f64) -> Result<i32, ErrorCode> {
    let (actuator, grant) = permitted_actuator(call, actuator)?;
    // NaN is in no range.
    if !(grant.minimum..=grant.maximum).contains(&value) {
        return Err(ErrorCode::OutOfRange);
    }
    call.state.host.actuator_write(actuator, value).map(|()| 0)
}

fn lease_release<H: Host>(call: &mut Call<'_, H>, actuator: i32) -> Result<i32, ErrorCode> {
    let (actuator, _) = permitted_actuator(call, actuator)?;
    call.state.host.lease_release(actuator).map(|()| 0)
}

/// The place of the topic of this name, and what the app may do with it.
fn permitted_topic<H>(
    call: &Call<'_, H>,
    (name, length): (i32, i32),
) -> Result<(usize, TopicGrant), ErrorCode> {
    call.state.orders.topic(call.read(name, length)?).ok_or(ErrorCode::NotPermitted)
}

fn publish<H: Host>(
    call: &mut Call<'_, H>,
    topic: (i32, i32),
    (data, length): (i32, i32),
) -> Result<i32, ErrorCode> {
    let (place, grant) = permitted_topic(call, topic)?;
    if !grant.publish {
        return Err(ErrorCode::NotPermitted);
    }
    let mut message = [0; MESSAGE_BYTES_MAX];
    let message = message.get_mut(..length as u32 as usize).ok_or(ErrorCode::BadLength)?;
    message.copy_from_slice(call.read(data, length)?);
    call.charge(message.len());
    call.state.host.publish(place, message).map(|()| 0)
}

fn receive<H: Host>(
    call: &mut Call<'_, H>,
    topic: (i32, i32),
    (buffer, capacity): (i32, i32),
) -> Result<i32, ErrorCode> {
    let (place, grant) = permitted_topic(call, topic)?;
    if !grant.receive {
        return Err(ErrorCode::NotPermitted);
    }
    call.check(buffer, capacity)?;
    let message = call.state.host.receive(place)?;
    let mut bytes = [0; MESSAGE_HEADER_BYTES + MESSAGE_BYTES_MAX];
    let (header, body) = bytes.split_at_mut(MESSAGE_HEADER_BYTES);
    let (time, sequence) = header.split_at_mut(size_of::<u64>());
    time.copy_from_slice(&message.time_us.to_le_bytes());
    sequence.copy_from_slice(&message.sequence.to_le_bytes());
    for (to, from) in body.iter_mut().zip(message.bytes()) {
        *to = *from;
    }
    let length = MESSAGE_HEADER_BYTES + message.bytes().len();
    if length > capacity as u32 as usize {
        return Err(ErrorCode::BadLength);
    }
    call.write(buffer, bytes.get(..length).ok_or(ErrorCode::BadLength)?)?;
    i32::try_from(message.bytes().len()).map_err(|_| ErrorCode::DeviceFailure)
}

fn log<H: Host>(call: &mut Call<'_, H>, level: i32, text: i32, length: i32) -> Result<i32, ErrorCode> {
    let level = Level::from_number(level).ok_or(ErrorCode::BadArgument)?;
    if length as u32 > Limits::HOST_CALL_BYTES {
        return Err(ErrorCode::BadLength);
    }
    call.charge(length as u32 as usize);
    let State { gate, host, .. } = &mut *call.state;
    let bytes = call.memory.get(crate::guest::range(text, length)?).ok_or(ErrorCode::BadPointer)?;
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut all_written = true;
    for line in bytes.split(|byte| *byte == b'\n') {
        all_written &= gate.write(host, level, line);
    }
    if all_written { Ok(0) } else { Err(ErrorCode::RateLimited) }
}
