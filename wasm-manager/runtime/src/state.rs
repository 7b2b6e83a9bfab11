// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What belongs to one app beside its instance: the host, its rights, its budgets.

use cofferdam_host_abi::wasi::{STDERR, STDOUT};
use cofferdam_host_abi::{Limits, Shape};
use cofferdam_slot_protocol::Orders;
use wasmi::{Caller, Error, Extern, Memory};

use crate::Host;
use crate::Level;
use crate::fuel::FuelTank;
use crate::limiter::Growth;
use crate::lines::{LineBuffer, LogGate};
use crate::random::Random;
use crate::stop::Interrupt;

/// Data of the app's store.
pub(crate) struct State<H> {
    pub(crate) host: H,
    pub(crate) orders: Orders,
    pub(crate) growth: Growth,
    pub(crate) random: Random,
    pub(crate) gate: LogGate,
    pub(crate) stdout: LineBuffer,
    pub(crate) stderr: LineBuffer,
    /// Which of the standard descriptors the program has closed.
    pub(crate) closed: [bool; 3],
    pub(crate) memory: Option<Memory>,
    /// When the activation under way should be over.
    pub(crate) deadline_us: u64,
    /// In the activation under way.
    pub(crate) host_calls: u32,
    /// Of the activation under way, beside what the interpreter was handed.
    pub(crate) fuel: FuelTank,
    /// The program gave the rest of its slice away.
    pub(crate) yielded: bool,
}

impl<H: Host> State<H> {
    pub(crate) fn new(orders: Orders, host: H) -> Self {
        let limits = &orders.limits;
        Self {
            growth: Growth::new(limits),
            random: Random::new(orders.random_seed),
            gate: LogGate::new(limits.log_bytes_per_second, limits.log_line_bytes),
            stdout: LineBuffer::default(),
            stderr: LineBuffer::default(),
            closed: [false; 3],
            memory: None,
            deadline_us: 0,
            host_calls: 0,
            fuel: FuelTank::default(),
            yielded: false,
            host,
            orders,
        }
    }

    /// Writes what was begun on the standard descriptors.
    pub(crate) fn flush(&mut self) {
        self.flush_one(STDOUT);
        self.flush_one(STDERR);
    }

    /// The same for one descriptor.
    pub(crate) fn flush_one(&mut self, descriptor: i32) {
        let (buffer, level) = match descriptor {
            STDOUT => (&mut self.stdout, Level::Info),
            STDERR => (&mut self.stderr, Level::Warn),
            _ => return,
        };
        if !buffer.is_empty() {
            buffer.flush(&mut self.gate, &mut self.host, level);
        }
    }
}

/// A host call under way: the app's memory and state, side by side.
pub(crate) struct Call<'a, H> {
    pub(crate) memory: &'a mut [u8],
    pub(crate) state: &'a mut State<H>,
    /// Fuel left in this activation when the call began.
    pub(crate) fuel: u64,
    /// Bytes that the call moved, to be paid for.
    pub(crate) bytes: u64,
}

/// Runs a host call: counts it, gives it the app's memory, charges its fuel.
pub(crate) fn host_call<H: Host, R>(
    caller: &mut Caller<'_, State<H>>,
    body: impl FnOnce(&mut Call<'_, H>) -> R,
) -> Result<R, Error> {
    let yields = count(caller.data_mut())?;
    let fuel = caller.get_fuel()?;
    // The start function runs before the instance is known; it finds its memory by name.
    let memory = match caller.data().memory {
        Some(memory) => Some(memory),
        None => caller.get_export(cofferdam_host_abi::MEMORY_EXPORT).and_then(Extern::into_memory),
    };
    let (result, bytes) = {
        let (memory, state) = match memory {
            Some(memory) => memory.data_and_store_mut(&mut *caller),
            None => (Default::default(), caller.data_mut()),
        };
        let fuel = fuel.saturating_add(state.fuel.reserve());
        let mut call = Call { memory, state, fuel, bytes: 0 };
        (body(&mut call), call.bytes)
    };
    let cost = Limits::FUEL_PER_HOST_CALL.saturating_add(bytes / Limits::HOST_BYTES_PER_FUEL);
    let state = caller.data_mut();
    state.fuel.owe(cost.saturating_sub(fuel));
    // Without fuel it comes back at the end of its block of code.
    state.yielded |= yields;
    let left = if state.yielded { 0 } else { fuel.saturating_sub(cost) };
    caller.set_fuel(left)?;
    Ok(result)
}

/// Counts a call. A reactor is stopped above its limit; a command gives up its slice there, and is stopped
/// only if it does not come to the end of a block of code, where fuel is looked at, in as many calls again.
fn count<H>(state: &mut State<H>) -> Result<bool, Error> {
    state.host_calls = state.host_calls.saturating_add(1);
    let limit = state.orders.limits.host_calls_per_activation;
    let hard_limit = match state.orders.shape {
        Shape::Reactor => limit,
        Shape::Command => limit.saturating_mul(2),
    };
    if state.host_calls > hard_limit {
        return Err(Error::host(Interrupt::HostCalls { limit }));
    }
    Ok(state.host_calls >= limit && state.orders.shape == Shape::Command)
}
