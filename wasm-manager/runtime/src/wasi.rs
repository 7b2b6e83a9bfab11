// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The subset of WASI preview 1 that a program without files and sockets needs. What is not served links
//! and answers `ENOSYS`.

mod descriptors;
mod poll;
mod texts;

use cofferdam_host_abi::wasi::{CLOCK_MONOTONIC, CLOCK_REALTIME, EBADF, EFAULT, EINVAL, ENOSYS, SUCCESS};
use cofferdam_host_abi::{Limits, Shape};
use wasmi::{Caller, Error, Func, FuncType, Store, Val};

use crate::Host;
use crate::guest::{BadPointer, range};
use crate::state::{Call, State, host_call};

/// The clock counts in microseconds.
const CLOCK_RESOLUTION_NS: u64 = 1000;
const NANOSECONDS_PER_MICROSECOND: u64 = 1000;

/// A WASI `errno` that is not success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Errno(i32);

impl From<BadPointer> for Errno {
    fn from(_: BadPointer) -> Self {
        Self(EFAULT)
    }
}

type Answer = Result<(), Errno>;

/// The function of this name and type.
pub(crate) fn function<H: Host>(store: &mut Store<State<H>>, name: &str, ty: FuncType) -> Func {
    type C<'a, H> = Caller<'a, State<H>>;
    match name {
        "args_get" => Func::wrap(store, |mut c: C<H>, list: i32, buffer: i32| {
            errno(&mut c, |call| texts::arguments(call, list, buffer))
        }),
        "args_sizes_get" => Func::wrap(store, |mut c: C<H>, count: i32, bytes: i32| {
            errno(&mut c, |call| texts::arguments_sizes(call, count, bytes))
        }),
        "environ_get" => Func::wrap(store, |mut c: C<H>, list: i32, buffer: i32| {
            errno(&mut c, |call| texts::environment(call, list, buffer))
        }),
        "environ_sizes_get" => Func::wrap(store, |mut c: C<H>, count: i32, bytes: i32| {
            errno(&mut c, |call| texts::environment_sizes(call, count, bytes))
        }),
        "clock_res_get" => Func::wrap(store, |mut c: C<H>, clock: i32, result: i32| {
            errno(&mut c, |call| clock_resolution(call, clock, result))
        }),
        "clock_time_get" => Func::wrap(store, |mut c: C<H>, clock: i32, _precision: i64, result: i32| {
            errno(&mut c, |call| clock_time(call, clock, result))
        }),
        "fd_close" => {
            Func::wrap(store, |mut c: C<H>, fd: i32| errno(&mut c, |call| descriptors::close(call, fd)))
        }
        "fd_fdstat_get" => Func::wrap(store, |mut c: C<H>, fd: i32, result: i32| {
            errno(&mut c, |call| descriptors::status(call, fd, result))
        }),
        "fd_prestat_get" => {
            Func::wrap(store, |mut c: C<H>, _: i32, _: i32| errno(&mut c, |_| Err(Errno(EBADF))))
        }
        "fd_prestat_dir_name" => {
            Func::wrap(store, |mut c: C<H>, _: i32, _: i32, _: i32| errno(&mut c, |_| Err(Errno(EBADF))))
        }
        "fd_read" => Func::wrap(store, |mut c: C<H>, fd: i32, _list: i32, _count: i32, result: i32| {
            errno(&mut c, |call| descriptors::read(call, fd, result))
        }),
        "fd_seek" => Func::wrap(store, |mut c: C<H>, fd: i32, _offset: i64, _whence: i32, _result: i32| {
            errno(&mut c, |call| descriptors::seek(call, fd))
        }),
        "fd_write" => Func::wrap(store, |mut c: C<H>, fd: i32, list: i32, count: i32, result: i32| {
            errno(&mut c, |call| descriptors::write(call, fd, list, count, result))
        }),
        "poll_oneoff" => Func::wrap(store, |mut c: C<H>, list: i32, events: i32, count: i32, result: i32| {
            poll::poll(&mut c, list, events, count, result)
        }),
        "proc_exit" => Func::wrap(store, |mut c: C<H>, code: i32| -> Result<(), Error> {
            host_call(&mut c, |_| ())?;
            Err(Error::i32_exit(code))
        }),
        "random_get" => Func::wrap(store, |mut c: C<H>, buffer: i32, length: i32| {
            errno(&mut c, |call| random(call, buffer, length))
        }),
        "sched_yield" => Func::wrap(store, |mut c: C<H>| {
            errno(&mut c, |call| {
                // A tick has nothing to yield to.
                call.state.yielded = call.state.orders.shape == Shape::Command;
                Ok(())
            })
        }),
        _ => Func::new(store, ty, |mut c: C<H>, _, results: &mut [Val]| {
            let answer = host_call(&mut c, |_| ENOSYS)?;
            results.iter_mut().for_each(|result| *result = Val::I32(answer));
            Ok(())
        }),
    }
}

fn errno<H: Host>(
    caller: &mut Caller<'_, State<H>>,
    body: impl FnOnce(&mut Call<'_, H>) -> Answer,
) -> Result<i32, Error> {
    host_call(caller, |call| match body(call) {
        Ok(()) => SUCCESS,
        Err(Errno(errno)) => errno,
    })
}

fn clock_resolution<H>(call: &mut Call<'_, H>, clock: i32, result: i32) -> Answer {
    check_clock(clock)?;
    call.write(result, &CLOCK_RESOLUTION_NS.to_le_bytes())?;
    Ok(())
}

fn clock_time<H: Host>(call: &mut Call<'_, H>, clock: i32, result: i32) -> Answer {
    check_clock(clock)?;
    let now_us = call.state.host.now_us();
    call.write(result, &now_us.saturating_mul(NANOSECONDS_PER_MICROSECOND).to_le_bytes())?;
    Ok(())
}

fn check_clock(clock: i32) -> Answer {
    if matches!(clock, CLOCK_REALTIME | CLOCK_MONOTONIC) { Ok(()) } else { Err(Errno(EINVAL)) }
}

fn random<H>(call: &mut Call<'_, H>, buffer: i32, length: i32) -> Answer {
    if length as u32 > Limits::HOST_CALL_BYTES {
        return Err(Errno(EINVAL));
    }
    let range = range(buffer, length)?;
    call.charge(range.len());
    call.state.random.fill(call.memory.get_mut(range).ok_or(BadPointer)?);
    Ok(())
}
