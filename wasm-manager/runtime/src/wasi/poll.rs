// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `poll_oneoff`: how a program sleeps.
//!
//! The event is written at once; the answer comes when the time has come, and until then the program is
//! not activated. A reactor must not sleep within a tick: it gets `ENOSYS`.

use cofferdam_host_abi::wasi::{EBADF, EINVAL, ENOSYS, SUCCESS};
use cofferdam_host_abi::{Limits, Shape};
use wasmi::{Caller, Error};

use super::{Errno, NANOSECONDS_PER_MICROSECOND, check_clock, descriptors};
use crate::Host;
use crate::guest::offset;
use crate::state::{Call, State, host_call};
use crate::stop::Interrupt;

const SUBSCRIPTION_BYTES: u32 = 48;
const EVENT_BYTES: usize = 32;
const TAG_CLOCK: u8 = 0;
const TAG_DESCRIPTORS: core::ops::RangeInclusive<u8> = 1..=2;
const CLOCK_FLAG_ABSOLUTE: u8 = 1;

/// The subscription that is due first.
#[derive(Clone, Copy)]
struct First {
    due_us: u64,
    user_data: [u8; 8],
    tag: u8,
    errno: i32,
}

pub(super) fn poll<H: Host>(
    caller: &mut Caller<'_, State<H>>,
    list: i32,
    events: i32,
    count: i32,
    result: i32,
) -> Result<i32, Error> {
    let outcome = host_call(caller, |call| subscribe(call, list, events, count, result))?;
    match outcome {
        Ok(None) => Ok(SUCCESS),
        Ok(Some(until_us)) => Err(Error::host(Interrupt::Sleep { until_us })),
        Err(Errno(errno)) => Ok(errno),
    }
}

/// Writes the event that comes first; gives its time if that is still to come.
fn subscribe<H: Host>(
    call: &mut Call<'_, H>,
    list: i32,
    events: i32,
    count: i32,
    result: i32,
) -> Result<Option<u64>, Errno> {
    if call.state.orders.shape != Shape::Command {
        return Err(Errno(ENOSYS));
    }
    if !(1..=Limits::HOST_CALL_ENTRIES).contains(&(count as u32)) {
        return Err(Errno(EINVAL));
    }
    let now_us = call.state.host.now_us();
    let mut first: Option<First> = None;
    for entry in 0..count as u32 {
        let at = offset(list, entry.saturating_mul(SUBSCRIPTION_BYTES))?;
        let next = subscription(call, call.read_array(at)?, now_us)?;
        if first.is_none_or(|first| next.due_us < first.due_us) {
            first = Some(next);
        }
    }
    call.charge((count as u32).saturating_mul(SUBSCRIPTION_BYTES) as usize);
    let first = first.ok_or(Errno(EINVAL))?;
    let mut event = [0u8; EVENT_BYTES];
    event[..8].copy_from_slice(&first.user_data);
    event[8..10].copy_from_slice(&(first.errno as u16).to_le_bytes());
    event[10] = first.tag;
    call.check(result, size_of::<u32>() as i32)?;
    call.write(events, &event)?;
    call.write(result, &1u32.to_le_bytes())?;
    Ok((first.due_us > now_us).then_some(first.due_us))
}

/// user data u64, tag u8 at 8; clock: id u32 at 16, timeout u64 at 24, precision u64 at 32, flags u16 at 40;
/// descriptor: u32 at 16.
fn subscription<H>(
    call: &Call<'_, H>,
    bytes: [u8; SUBSCRIPTION_BYTES as usize],
    now_us: u64,
) -> Result<First, Errno> {
    let word = |at: usize| {
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(bytes.iter().skip(at)) {
            *to = *from;
        }
        word
    };
    let tag = bytes[8];
    let first = |due_us, errno| First { due_us, user_data: word(0), tag, errno };
    match tag {
        TAG_CLOCK => {
            check_clock(u64::from_le_bytes(word(16)) as u32 as i32)?;
            let timeout_us = u64::from_le_bytes(word(24)).div_ceil(NANOSECONDS_PER_MICROSECOND);
            let absolute = bytes[40] & CLOCK_FLAG_ABSOLUTE != 0;
            Ok(first(if absolute { timeout_us } else { now_us.saturating_add(timeout_us) }, SUCCESS))
        }
        // The log always takes more, and standard input's end is there already.
        tag if TAG_DESCRIPTORS.contains(&tag) => {
            let open = descriptors::check(call, u64::from_le_bytes(word(16)) as u32 as i32).is_ok();
            Ok(first(now_us, if open { SUCCESS } else { EBADF }))
        }
        _ => Err(Errno(EINVAL)),
    }
}
