// SPDX-License-Identifier: Apache-2.0 OR MIT
//! An app from load to end.

use cofferdam_host_abi::{INIT_EXPORT, MEMORY_EXPORT, START_EXPORT, Shape, TICK_EXPORT};
use cofferdam_slot_protocol::{Counters, Orders, StopReason};
use wasmi::{
    Error, Instance, Module, Store, TypedFunc, TypedResumableCall, TypedResumableCallHostTrap,
    TypedResumableCallOutOfFuel, Val, WasmParams, WasmResults,
};

use crate::state::State;
use crate::stop::Interrupt;
use crate::{Host, Stop, bounds, engine, link};

/// What libraries compiled as WASI reactors want called first.
const WASI_INIT_EXPORT: &str = "_initialize";
/// What `poll_oneoff` answers when the time has come.
const SLEPT: [Val; 1] = [Val::I32(cofferdam_host_abi::wasi::SUCCESS)];

/// How an activation ended, if the app was not stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Activate it again at its next release.
    Continue,
    /// The program is done, with this exit code.
    Exited(i32),
}

/// An app that was loaded.
pub struct App<H: Host> {
    store: Store<State<H>>,
    entry: Entry,
    fuel_init: u64,
    fuel_last: u64,
    fuel_total: u64,
}

enum Entry {
    /// A reactor.
    Tick(TypedFunc<i64, ()>),
    /// A command that has not begun.
    Start(TypedFunc<(), ()>),
    /// A command whose slice was used up.
    Sliced(TypedResumableCallOutOfFuel<()>),
    /// A command that sleeps.
    Asleep(TypedResumableCallHostTrap<()>, u64),
    /// It ended or was stopped.
    Over,
}

impl<H: Host> App<H> {
    /// Translates and instantiates the module and, for a reactor, runs `cofferdam_init`: all of that on
    /// the fuel for init.
    pub fn load(orders: &Orders, module: &[u8], host: H) -> Result<Self, Stop> {
        bounds::check(module, &orders.limits)?;
        let engine = engine::engine(&orders.limits);
        let module = Module::new(&engine, module)
            .map_err(|error| Stop::new(StopReason::ModuleRejected, format_args!("{error}")))?;
        let mut store = Store::new(&engine, State::new(orders.clone(), host));
        store.limiter(|state| &mut state.growth);
        let imports = link::imports(&mut store, &module)?;
        let fuel = orders.limits.init_fuel;
        store.set_fuel(fuel).map_err(internal)?;
        let instance = Instance::new(&mut store, &module, &imports)
            .map_err(|error| with_growth(Stop::from_instantiation(&error), &store))?;
        let memory = instance.get_memory(&store, MEMORY_EXPORT);
        store.data_mut().memory = memory;
        let entry = match orders.shape {
            Shape::Reactor => {
                let tick = export(&store, &instance, TICK_EXPORT)?;
                let init = export(&store, &instance, INIT_EXPORT)?;
                if instance.get_export(&store, WASI_INIT_EXPORT).is_some() {
                    let initialize = export(&store, &instance, WASI_INIT_EXPORT)?;
                    run(&mut store, &initialize, (), WASI_INIT_EXPORT)?;
                }
                run(&mut store, &init, (), INIT_EXPORT)?;
                Entry::Tick(tick)
            }
            Shape::Command => Entry::Start(export(&store, &instance, START_EXPORT)?),
        };
        store.data_mut().flush();
        let fuel_init = fuel_used(&store, fuel);
        Ok(Self { store, entry, fuel_init, fuel_last: 0, fuel_total: 0 })
    }

    /// Runs one tick of a reactor or one slice of a command. `release_us` is when it was due.
    pub fn activate(&mut self, release_us: u64, deadline_us: u64) -> Result<Activation, Stop> {
        let state = self.store.data_mut();
        state.deadline_us = deadline_us;
        state.host_calls = 0;
        let limit = state.orders.limits.fuel_per_activation;
        let paid = state.fuel_debt.min(limit);
        state.fuel_debt -= paid;
        let fuel = limit - paid;
        self.store.set_fuel(fuel).map_err(internal)?;
        let outcome = self.step(release_us, fuel);
        self.fuel_last = paid.saturating_add(fuel_used(&self.store, fuel));
        self.fuel_total = self.fuel_total.saturating_add(self.fuel_last);
        if !matches!(outcome, Ok(Activation::Continue)) {
            self.entry = Entry::Over;
            self.store.data_mut().flush();
        }
        outcome.map_err(|stop| with_growth(stop, &self.store))
    }

    fn step(&mut self, release_us: u64, fuel: u64) -> Result<Activation, Stop> {
        let (call, name) = match core::mem::replace(&mut self.entry, Entry::Over) {
            Entry::Tick(tick) => {
                let now_us = i64::try_from(release_us).unwrap_or(i64::MAX);
                self.entry = Entry::Tick(tick);
                let call = tick.call(&mut self.store, now_us).map(TypedResumableCall::Finished);
                return match ended(call, TICK_EXPORT)? {
                    Some(code) => Ok(Activation::Exited(code)),
                    None => Ok(Activation::Continue),
                };
            }
            Entry::Start(start) => (start.call_resumable(&mut self.store, ()), START_EXPORT),
            Entry::Sliced(call) => (call.resume(&mut self.store), START_EXPORT),
            Entry::Asleep(call, until_us) => {
                if self.store.data_mut().host.now_us() < until_us {
                    self.entry = Entry::Asleep(call, until_us);
                    return Ok(Activation::Continue);
                }
                (call.resume(&mut self.store, &SLEPT), START_EXPORT)
            }
            Entry::Over => return Err(Stop::new(StopReason::Internal, format_args!("the app is over"))),
        };
        match call {
            Ok(TypedResumableCall::OutOfFuel(call)) => {
                let (needed, limit) =
                    (call.required_fuel(), self.store.data().orders.limits.fuel_per_activation);
                // It will never get so much at once. (`fuel` may be less because of a debt.)
                if needed > limit.max(fuel) {
                    return Err(Stop::new(
                        StopReason::FuelExhausted,
                        format_args!("in {name}: one step needs {needed} fuel, a slice has {limit}"),
                    ));
                }
                self.entry = Entry::Sliced(call);
                Ok(Activation::Continue)
            }
            Ok(TypedResumableCall::HostTrap(call)) => match call.host_error().downcast_ref() {
                Some(Interrupt::Sleep { until_us }) => {
                    let until_us = *until_us;
                    self.entry = Entry::Asleep(call, until_us);
                    Ok(Activation::Continue)
                }
                _ => match call.host_error().i32_exit_status() {
                    Some(code) => Ok(Activation::Exited(code)),
                    None => Err(Stop::from_run(call.host_error(), name)),
                },
            },
            call => Ok(Activation::Exited(ended(call, name)?.unwrap_or(0))),
        }
    }

    /// Copies what this crate counts; time is counted by the caller.
    pub fn count(&self, counters: &mut Counters) {
        let state = self.store.data();
        counters.fuel_init = self.fuel_init;
        counters.fuel_last = self.fuel_last;
        counters.fuel_max = counters.fuel_max.max(self.fuel_last);
        counters.fuel_total = self.fuel_total;
        counters.host_calls_max = counters.host_calls_max.max(state.host_calls.into());
        counters.host_calls_last = state.host_calls.into();
        counters.memory_pages = state.growth.memory_pages();
        counters.grows_refused = state.growth.refused();
        counters.log_lines = state.gate.lines;
        counters.log_bytes_dropped = state.gate.bytes_dropped;
    }

    /// The host.
    pub fn host(&mut self) -> &mut H {
        &mut self.store.data_mut().host
    }
}

/// Runs a function of the init phase to its end.
fn run<H: Host>(
    store: &mut Store<State<H>>,
    function: &TypedFunc<(), ()>,
    params: (),
    name: &str,
) -> Result<(), Stop> {
    let call = function.call(&mut *store, params).map(TypedResumableCall::Finished);
    match ended(call, name) {
        Ok(None) => Ok(()),
        Ok(Some(code)) => {
            Err(Stop::new(StopReason::OtherTrap, format_args!("in {name}: exited with {code}")))
        }
        Err(stop) => {
            store.data_mut().flush();
            Err(with_growth(stop, store))
        }
    }
}

/// A call that cannot be resumed: its exit code if it exited, why it was stopped if it was.
fn ended(call: Result<TypedResumableCall<()>, Error>, name: &str) -> Result<Option<i32>, Stop> {
    match call {
        Ok(_) => Ok(None),
        Err(error) => match error.i32_exit_status() {
            Some(code) => Ok(Some(code)),
            None => Err(Stop::from_run(&error, name)),
        },
    }
}

fn export<H, P: WasmParams, R: WasmResults>(
    store: &Store<State<H>>,
    instance: &Instance,
    name: &str,
) -> Result<TypedFunc<P, R>, Stop> {
    let missing = || Stop::new(StopReason::ExportMissing, format_args!("{name}"));
    let wrong = || Stop::new(StopReason::ExportSignature, format_args!("{name}"));
    let export = instance.get_export(store, name).ok_or_else(missing)?;
    export.into_func().ok_or_else(wrong)?.typed(store).map_err(|_| wrong())
}

fn fuel_used<H>(store: &Store<State<H>>, given: u64) -> u64 {
    given.saturating_sub(store.get_fuel().unwrap_or(0))
}

fn internal(error: Error) -> Stop {
    Stop::new(StopReason::Internal, format_args!("{error}"))
}

/// A program whose memory could not grow often ends by something else; say so.
fn with_growth<H>(stop: Stop, store: &Store<State<H>>) -> Stop {
    let growth = &store.data().growth;
    if growth.refused() == 0 {
        return stop;
    }
    Stop::new(
        stop.reason,
        format_args!(
            "{}; memory.grow refused {} times at {} pages",
            stop.detail,
            growth.refused(),
            growth.memory_pages()
        ),
    )
}
