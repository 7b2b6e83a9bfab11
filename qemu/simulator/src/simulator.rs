// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A world behind a socket.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cofferdam_plant_protocol::Mode;

use crate::link::{DeviceLink, Heard, LinkError};
use crate::world::{Flight, Setup, World};

/// Why a simulator is no longer attached, or never was.
#[derive(Debug)]
pub enum SimulatorError {
    /// The link says so.
    Link(LinkError),
    /// It did not come about in time.
    Deadline(Progress),
}

impl fmt::Display for SimulatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(error) => write!(f, "simulator: {error}"),
            Self::Deadline(progress) => write!(f, "simulator: the deadline passed, at {progress:?}"),
        }
    }
}

impl std::error::Error for SimulatorError {}

impl From<LinkError> for SimulatorError {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The device has answered.
    pub attached: bool,
    /// The scenario's time has begun.
    pub begun: bool,
    /// Nothing will happen any more.
    pub over: bool,
    /// How many ticks the device has told.
    pub ticks: usize,
    /// Since the scenario's beginning, µs.
    pub time_us: u64,
    /// How high a quadrotor is, m; how fast a car is, m/s.
    pub moves: f64,
    /// The thread has ended.
    pub ended: bool,
}

#[derive(Default)]
struct Shared {
    progress: Mutex<Progress>,
    changed: Condvar,
    /// Go, and say so.
    leave: AtomicBool,
    /// Go without a word.
    vanish: AtomicBool,
}

impl Shared {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        // It is whole between any two statements, so a watcher's panic does not spoil it.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A world that is attached to a device. It is gone when this value goes.
pub struct Simulator {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<Flight, SimulatorError>>>,
}

impl Simulator {
    /// Attaches a world to the device behind `address`.
    ///
    /// # Errors
    /// [`SimulatorError::Link`].
    pub fn attach(address: SocketAddr, mode: Mode, setup: Setup) -> Result<Self, SimulatorError> {
        let link = DeviceLink::open(address, mode)?;
        let shared = Arc::new(Shared::default());
        let threads = Arc::clone(&shared);
        let thread = thread::Builder::new().name("simulator".into()).spawn(move || {
            let outcome = serve(link, World::new(setup), &threads);
            threads.progress().ended = true;
            threads.changed.notify_all();
            outcome
        });
        let thread = thread.map_err(LinkError::Socket)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// How far it is now.
    pub fn progress(&self) -> Progress {
        self.shared.progress().clone()
    }

    /// Waits until it is as far as `wanted` says.
    ///
    /// # Errors
    /// [`SimulatorError::Deadline`]; what ended the thread, if that was it.
    pub fn wait(
        &mut self,
        limit: Duration,
        mut wanted: impl FnMut(&Progress) -> bool,
    ) -> Result<Progress, SimulatorError> {
        let deadline = Instant::now() + limit;
        let mut progress = self.shared.progress();
        loop {
            if wanted(&progress) {
                return Ok(progress.clone());
            }
            let now = Instant::now();
            if progress.ended || now >= deadline {
                let seen = progress.clone();
                drop(progress);
                return Err(match self.thread.take_if(|_| seen.ended).map(JoinHandle::join) {
                    Some(Ok(Err(error))) => error,
                    _ => SimulatorError::Deadline(seen),
                });
            }
            let changed = &self.shared.changed;
            progress =
                changed.wait_timeout(progress, deadline - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Says goodbye; gives what was seen.
    ///
    /// # Errors
    /// What ended the thread before.
    pub fn leave(mut self) -> Result<Flight, SimulatorError> {
        self.shared.leave.store(true, Ordering::Relaxed);
        self.end()
    }

    /// Is gone without a word; gives what was seen.
    ///
    /// # Errors
    /// What ended the thread before.
    pub fn vanish(mut self) -> Result<Flight, SimulatorError> {
        self.shared.vanish.store(true, Ordering::Relaxed);
        self.end()
    }

    fn end(&mut self) -> Result<Flight, SimulatorError> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(outcome)) => outcome,
            _ => Err(LinkError::Closed.into()),
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shared.vanish.store(true, Ordering::Relaxed);
        let _ = self.end();
    }
}

/// Answers ticks until it is to go.
fn serve(mut link: DeviceLink, mut world: World, shared: &Shared) -> Result<Flight, SimulatorError> {
    loop {
        if shared.leave.load(Ordering::Relaxed) {
            link.leave()?;
            return Ok(world.into_flight());
        }
        if shared.vanish.load(Ordering::Relaxed) {
            return Ok(world.into_flight());
        }
        match link.hear()? {
            Some(Heard::Attached) => shared.progress().attached = true,
            Some(Heard::Tick(told)) => {
                link.answer(told.tick, world.tick(&told))?;
                let mut progress = shared.progress();
                progress.begun = world.has_begun();
                progress.over = world.is_over();
                progress.ticks = world.tick_count();
                progress.time_us = world.time_us();
                progress.moves = world.value("z m").or_else(|| world.value("speed m/s")).unwrap_or_default();
            }
            None => continue,
        }
        shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use cofferdam_device_protocol::actuator::Output;
    use cofferdam_plant_link::{Event, Why};
    use cofferdam_plants::Scenario;

    use super::*;
    use crate::{Begin, testing};

    const LIMIT: Duration = Duration::from_secs(10);

    fn setup() -> Setup {
        Setup { scenario: Scenario::find("quad", None).unwrap(), seed: 1, begin: Begin::AtOnce }
    }

    #[test]
    fn the_device_and_the_simulator_understand_each_other() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut simulator =
            Simulator::attach(listener.local_addr().unwrap(), Mode::Lockstep, setup()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        let output = Output { value: 0.5, holder: Some(0) };
        let device = thread::spawn(move || testing::device(socket, output, 502_000));
        let progress = simulator.wait(LIMIT, |progress| progress.ticks == 500).unwrap();
        assert!(progress.attached && progress.begun && !progress.over);
        let flight = simulator.leave().unwrap();
        let (events, link) = device.join().unwrap();
        assert_eq!((flight.ticks.len(), flight.late, flight.begun), (500, vec![], Some(2)));
        assert_eq!(events.len(), 502, "hello, samples, goodbye");
        assert!(events[1..501].iter().all(|event| matches!(event, Event::Sample(_))));
        assert_eq!(events[501], Event::Detached(Why::Bye));
        assert!(!link.is_attached());
    }

    #[test]
    fn an_end_and_nonsense_of_the_device_are_errors() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut simulator = Simulator::attach(address, Mode::Free, setup()).unwrap();
        drop(listener.accept().unwrap());
        let error = simulator.wait(LIMIT, |_| false).unwrap_err();
        assert!(matches!(error, SimulatorError::Link(LinkError::Closed | LinkError::Socket(_))), "{error}");
        let mut simulator = Simulator::attach(address, Mode::Free, setup()).unwrap();
        listener.accept().unwrap().0.write_all(b"nonsense").unwrap();
        let error = simulator.wait(LIMIT, |_| false).unwrap_err();
        assert!(matches!(error, SimulatorError::Link(LinkError::Frame(_) | LinkError::Socket(_))), "{error}");
    }
}
