// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One running QEMU, from its start to its certain end.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::console::{Console, Line};
use crate::monitor::{Monitor, MonitorError};
use crate::options::{MANAGEMENT_PORT, MachineOptions, NETWORK, PLANT_CHARDEV};

/// util-linux' tool that has the kernel kill QEMU when the thread that started it is gone.
const SETPRIV: &str = "/usr/bin/setpriv";

/// Why no machine runs.
#[derive(Debug)]
pub enum StartError {
    /// The image is not there.
    NoImage(PathBuf),
    /// QEMU could not be started.
    Program {
        /// What was to be started.
        program: OsString,
        /// What the system said.
        error: io::Error,
    },
    /// The console log, or what lies beside the image, could not be made.
    Log(io::Error),
    /// QEMU started, but ended or does not answer.
    Monitor {
        /// What its monitor said.
        error: MonitorError,
        /// What it printed: its own complaint, most often.
        output: Vec<Line>,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoImage(path) => {
                write!(formatter, "there is no image at {} (make image builds it)", path.display())
            }
            Self::Program { program, error } if error.kind() == io::ErrorKind::NotFound => {
                write!(formatter, "{} is not installed (make setup installs it)", program.display())
            }
            Self::Program { program, error } => {
                write!(formatter, "cannot start {}: {error}", program.display())
            }
            Self::Log(error) => write!(formatter, "cannot write a file for the machine: {error}"),
            Self::Monitor { error, output } => {
                write!(formatter, "{error}")?;
                output.iter().try_for_each(|line| write!(formatter, "\n  {}", line.text))
            }
        }
    }
}

impl std::error::Error for StartError {}

/// A running QEMU. It ends when this value goes, however that happens.
pub struct Machine {
    child: Child,
    monitor: Monitor<ChildStdin>,
    console: Console,
    management_address: Option<SocketAddr>,
    plant_address: Option<SocketAddr>,
    started: Instant,
    /// Held, never sent on: its end releases the thread that started QEMU.
    _keeper: mpsc::Sender<()>,
}

impl Machine {
    /// Starts QEMU and waits until it answers; the guest is booting by then.
    pub fn start(options: &MachineOptions) -> Result<Self, StartError> {
        if !options.image.is_file() {
            return Err(StartError::NoImage(options.image.clone()));
        }
        options.prepare().map_err(StartError::Log)?;
        let started = Instant::now();
        let (mut child, keeper) = spawn_kept(options)?;
        let outcome = attach(&mut child, options, started);
        match outcome {
            Ok(Attached { console, monitor, management_address, plant_address }) => Ok(Self {
                child,
                monitor,
                console,
                management_address,
                plant_address,
                started,
                _keeper: keeper,
            }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// What the machine prints.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Where the device's management port is reached; `None` without a network.
    pub fn management_address(&self) -> Option<SocketAddr> {
        self.management_address
    }

    /// Where a simulator of the vehicle is attached; `None` if the machine lets none in.
    pub fn plant_address(&self) -> Option<SocketAddr> {
        self.plant_address
    }

    /// Just before QEMU was started: the zero of the console's times.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// QEMU's process id.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Ends QEMU at once, as a loss of power ends a machine: nothing is told, nothing is written out.
    pub fn cut_power(&mut self) {
        end(&mut self.child);
    }

    /// Holds the guest, with its clock, until [`Self::go_on`].
    pub fn hold(&mut self) -> Result<(), MonitorError> {
        self.monitor.hold()
    }

    /// Lets a held guest go on where it was.
    pub fn go_on(&mut self) -> Result<(), MonitorError> {
        self.monitor.go_on()
    }

    /// Pulls the network's plug, or puts it back in.
    pub fn plug_network(&mut self, in_place: bool) -> Result<(), MonitorError> {
        self.monitor.plug(NETWORK, in_place)
    }

    /// Whether QEMU still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.monitor.quit();
        end(&mut self.child);
    }
}

/// Kills and reaps. Both fail only when the process has ended already.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

struct Attached {
    console: Console,
    monitor: Monitor<ChildStdin>,
    management_address: Option<SocketAddr>,
    plant_address: Option<SocketAddr>,
}

fn attach(child: &mut Child, options: &MachineOptions, started: Instant) -> Result<Attached, StartError> {
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(StartError::Monitor { error: MonitorError::Closed, output: Vec::new() });
    };
    let console = Console::read(stderr, started, options.console_log.as_deref()).map_err(StartError::Log)?;
    let explain = |error| {
        // QEMU's complaint may still be on its way; its end closes the console.
        let soon = Instant::now() + Duration::from_secs(1);
        let _ = console.wait_for_end(soon);
        StartError::Monitor { error, output: console.tail() }
    };
    let mut monitor = Monitor::open(stdin, stdout).map_err(explain)?;
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let (mut management_address, mut plant_address) = (None, None);
    if options.network {
        management_address = Some(local(monitor.forwarded_port(MANAGEMENT_PORT).map_err(explain)?));
    }
    if options.plant {
        plant_address = Some(local(monitor.listening_port(PLANT_CHARDEV).map_err(explain)?));
    }
    Ok(Attached { console, monitor, management_address, plant_address })
}

/// Starts QEMU from a thread that lives as long as the returned sender: Linux sends the parent-death signal
/// when the starting *thread* ends, and a machine may outlive the thread that asked for it.
fn spawn_kept(options: &MachineOptions) -> Result<(Child, mpsc::Sender<()>), StartError> {
    let program = options.program();
    let mut command = command(&program, options);
    let failed = |error| StartError::Program { program: program.clone(), error };
    let (keeper, released) = mpsc::channel::<()>();
    let (report, reported) = mpsc::channel();
    thread::Builder::new()
        .name("keeper".into())
        .spawn(move || {
            let _ = report.send(command.spawn());
            let _ = released.recv(); // returns when the sender is dropped
        })
        .map_err(failed)?;
    let child = reported.recv().map_err(|error| failed(io::Error::other(error)))?.map_err(failed)?;
    Ok((child, keeper))
}

fn command(program: &OsString, options: &MachineOptions) -> Command {
    let mut command = if Path::new(SETPRIV).exists() && is_on_path(program) {
        let mut command = Command::new(SETPRIV);
        command.args(["--pdeathsig", "KILL"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command
        .args(options.arguments())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A Ctrl-C on the terminal is ours alone to handle.
        .process_group(0);
    command
}

/// setpriv would hide that QEMU is missing behind an exit status.
fn is_on_path(program: &OsString) -> bool {
    let program = Path::new(program);
    if program.components().count() > 1 {
        return program.is_file();
    }
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
