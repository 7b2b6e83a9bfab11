// SPDX-License-Identifier: Apache-2.0 OR MIT
//! An app from load to end.

use cofferdam_host_abi::{INIT_EXPORT, Limits, MEMORY_EXPORT, START_EXPORT, Shape, TICK_EXPORT};
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
    host_calls_total: u64,
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
        store.data_mut().fuel.begin(orders.limits.init_fuel);
        // The start function cannot be resumed: it has one portion of fuel.
        grant(&mut store)?;
        let instance = Instance::new(&mut store, &module, &imports);
        settle(&mut store)?;
        let instance = instance.map_err(|error| with_growth(Stop::from_instantiation(&error), &store))?;
        let memory = instance.get_memory(&store, MEMORY_EXPORT);
        store.data_mut().memory = memory;
        let entry = match orders.shape {
            Shape::Reactor => {
                let tick = export(&store, &instance, TICK_EXPORT)?;
                let init = export(&store, &instance, INIT_EXPORT)?;
                if instance.get_export(&store, WASI_INIT_EXPORT).is_some() {
                    let initialize = export(&store, &instance, WASI_INIT_EXPORT)?;
                    run(&mut store, &initialize, WASI_INIT_EXPORT)?;
                }
                run(&mut store, &init, INIT_EXPORT)?;
                Entry::Tick(tick)
            }
            Shape::Command => Entry::Start(export(&store, &instance, START_EXPORT)?),
        };
        store.data_mut().flush();
        let fuel_init = orders.limits.init_fuel.saturating_sub(store.data().fuel.reserve());
        let host_calls_total = store.data().host_calls.into();
        Ok(Self { store, entry, fuel_init, fuel_last: 0, fuel_total: 0, host_calls_total })
    }

    /// Runs one tick of a reactor or one slice of a command. `release_us` is when it was due.
    pub fn activate(&mut self, release_us: u64, deadline_us: u64) -> Result<Activation, Stop> {
        let state = self.store.data_mut();
        state.deadline_us = deadline_us;
        state.host_calls = 0;
        state.yielded = false;
        let fuel = state.orders.limits.fuel_per_activation;
        state.fuel.begin(fuel);
        let outcome = self.step(release_us);
        self.fuel_last = fuel.saturating_sub(self.store.data().fuel.reserve());
        self.fuel_total = self.fuel_total.saturating_add(self.fuel_last);
        let calls = u64::from(self.store.data().host_calls);
        self.host_calls_total = self.host_calls_total.saturating_add(calls);
        if !matches!(outcome, Ok(Activation::Continue)) {
            self.entry = Entry::Over;
            self.store.data_mut().flush();
        }
        outcome.map_err(|stop| with_growth(stop, &self.store))
    }

    fn step(&mut self, release_us: u64) -> Result<Activation, Stop> {
        let store = &mut self.store;
        let (entry, ended) = match core::mem::replace(&mut self.entry, Entry::Over) {
            Entry::Tick(tick) => {
                let now_us = i64::try_from(release_us).unwrap_or(i64::MAX);
                let ended = drive(store, TICK_EXPORT, |store| tick.call_resumable(store, now_us))?;
                return match ended {
                    Ended::Returned => {
                        self.entry = Entry::Tick(tick);
                        Ok(Activation::Continue)
                    }
                    ended => ended.exited(TICK_EXPORT).map(Activation::Exited),
                };
            }
            Entry::Start(start) => {
                let ended = drive(store, START_EXPORT, |store| start.call_resumable(store, ()))?;
                (Entry::Start(start), ended)
            }
            Entry::Sliced(call) => (Entry::Over, drive(store, START_EXPORT, |store| call.resume(store))?),
            Entry::Asleep(call, until_us) => {
                if store.data_mut().host.now_us() < until_us {
                    self.entry = Entry::Asleep(call, until_us);
                    return Ok(Activation::Continue);
                }
                (Entry::Over, drive(store, START_EXPORT, |store| call.resume(store, &SLEPT))?)
            }
            Entry::Over => return Err(Stop::new(StopReason::Internal, format_args!("the app is over"))),
        };
        self.entry = match ended {
            Ended::Returned => return Ok(Activation::Exited(0)),
            Ended::Exited(code) => return Ok(Activation::Exited(code)),
            Ended::NotBegun => entry,
            Ended::OutOfFuel(call) => {
                let (needed, limit) = (call.required_fuel(), store.data().orders.limits.fuel_per_activation);
                if needed > limit {
                    return Err(one_step(START_EXPORT, needed, limit));
                }
                Entry::Sliced(call)
            }
            Ended::Asleep(call, until_us) => Entry::Asleep(call, until_us),
        };
        Ok(Activation::Continue)
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
        counters.host_calls_total = self.host_calls_total;
        counters.memory_pages = state.growth.memory_pages();
        counters.grows_refused = state.growth.refused();
        counters.log_lines = state.gate.lines;
        counters.log_bytes_dropped = state.gate.bytes_dropped;
    }

    /// A copy of the app's memory.
    pub fn memory(&self) -> alloc::vec::Vec<u8> {
        self.store.data().memory.map(|memory| memory.data(&self.store).to_vec()).unwrap_or_default()
    }

    /// The host.
    pub fn host(&mut self) -> &mut H {
        &mut self.store.data_mut().host
    }
}

/// How a call ended, if the app was not stopped.
enum Ended {
    Returned,
    Exited(i32),
    /// All fuel went into an old debt.
    NotBegun,
    OutOfFuel(TypedResumableCallOutOfFuel<()>),
    Asleep(TypedResumableCallHostTrap<()>, u64),
}

impl Ended {
    /// For calls that must not be interrupted: the exit code, or why they are stopped.
    fn exited(self, name: &str) -> Result<i32, Stop> {
        match self {
            Self::Returned => Ok(0),
            Self::Exited(code) => Ok(code),
            Self::NotBegun | Self::OutOfFuel(_) => {
                Err(Stop::new(StopReason::FuelExhausted, format_args!("in {name}")))
            }
            Self::Asleep(..) => Err(Stop::new(StopReason::Internal, format_args!("in {name}: asleep"))),
        }
    }
}

/// Runs a call on the fuel of this activation, portion by portion.
fn drive<H: Host>(
    store: &mut Store<State<H>>,
    name: &str,
    begin: impl FnOnce(&mut Store<State<H>>) -> Result<TypedResumableCall<()>, Error>,
) -> Result<Ended, Stop> {
    if store.data().fuel.reserve() == 0 {
        return Ok(Ended::NotBegun);
    }
    grant(store)?;
    let mut call = begin(store);
    loop {
        settle(store)?;
        match call {
            Ok(TypedResumableCall::Finished(())) => return Ok(Ended::Returned),
            Ok(TypedResumableCall::OutOfFuel(pause)) => {
                let needed = pause.required_fuel();
                if needed > Limits::FUEL_PORTION {
                    return Err(one_step(name, needed, Limits::FUEL_PORTION));
                }
                if core::mem::take(&mut store.data_mut().yielded) || needed > store.data().fuel.reserve() {
                    return Ok(Ended::OutOfFuel(pause));
                }
                grant(store)?;
                call = pause.resume(&mut *store);
            }
            Ok(TypedResumableCall::HostTrap(pause)) => {
                if let Some(Interrupt::Sleep { until_us }) = pause.host_error().downcast_ref() {
                    let until_us = *until_us;
                    return Ok(Ended::Asleep(pause, until_us));
                }
                return over(pause.host_error(), name);
            }
            Err(error) => return over(&error, name),
        }
    }
}

/// An error that ends the app: it exited, or it is stopped.
fn over(error: &Error, name: &str) -> Result<Ended, Stop> {
    match error.i32_exit_status() {
        Some(code) => Ok(Ended::Exited(code)),
        None => Err(Stop::from_run(error, name)),
    }
}

/// Hands a portion of the activation's fuel to the interpreter.
fn grant<H>(store: &mut Store<State<H>>) -> Result<(), Stop> {
    let portion = store.data_mut().fuel.take_portion();
    store.set_fuel(portion).map_err(internal)
}

/// Takes back what is left of it.
fn settle<H>(store: &mut Store<State<H>>) -> Result<(), Stop> {
    let left = store.get_fuel().map_err(internal)?;
    store.set_fuel(0).map_err(internal)?;
    store.data_mut().fuel.give_back(left);
    Ok(())
}

/// It will never get so much at once.
fn one_step(name: &str, needed: u64, limit: u64) -> Stop {
    Stop::new(
        StopReason::FuelExhausted,
        format_args!("in {name}: one step needs {needed} fuel, can have {limit}"),
    )
}

/// Runs a function of the init phase to its end.
fn run<H: Host>(store: &mut Store<State<H>>, function: &TypedFunc<(), ()>, name: &str) -> Result<(), Stop> {
    let ended = match drive(store, name, |store| function.call_resumable(store, ())) {
        Ok(Ended::Returned) => return Ok(()),
        Ok(ended) => ended.exited(name),
        Err(stop) => Err(stop),
    };
    store.data_mut().flush();
    Err(match ended {
        Ok(code) => Stop::new(StopReason::OtherTrap, format_args!("in {name}: exited with {code}")),
        Err(stop) => with_growth(stop, store),
    })
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
