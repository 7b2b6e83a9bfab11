// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What `run` and `smoke` do.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use cofferdam_client::recipe::{RECIPE_FILE, Recipe};
use cofferdam_client::{Device, Patience, keys};
use cofferdam_management_protocol::AppState;
use cofferdam_package::SigningKey;
use cofferdam_qemu::{Board, Clock, Console, Line, Machine, MachineOptions, board_qemu, make_disk};

use crate::Options;

/// What `--apps` takes for nothing.
const NO_APPS: &str = "none";
/// The line after which the device takes commands.
const READY: &str = "device ready";
/// From the start of QEMU to [`READY`] on a busy host; it takes about a second on an idle one.
const BOOT_LIMIT: Duration = Duration::from_secs(60);
/// For an app to show that it runs.
const APP_LIMIT: Duration = Duration::from_secs(20);
/// Between two looks at whether Ctrl-C was pressed or QEMU has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// An app to push.
struct Package {
    /// The component's name.
    name: String,
    bytes: Vec<u8>,
}

/// Boots, pushes, and shows the console until Ctrl-C.
pub fn run(options: &Options) -> Result<()> {
    let key = keys::load(&options.key)?;
    let packages = packages(options, &key)?;
    let interrupted = on_interrupt()?;
    let machine = start(options)?;
    let console = machine.console().clone();
    let shown = show(console.clone())?;
    if options.board.has_network() {
        if !wait_for_ready(&console, &interrupted)? {
            return Ok(());
        }
        let address = management_address(&machine)?;
        note(&format!("the device is reached at {address}; pushing goes through its network"));
        if let Some(plant) = machine.plant_address() {
            note(&format!("a simulator of the vehicle can be attached at {plant} (docs/mavlink.md)"));
        }
        for package in &packages {
            push(&address, &key, package)?;
        }
        let manage = format!("COFFERDAM_DEVICE={address} COFFERDAM_KEY={}", options.key.display());
        note(&format!("in another terminal: {manage} build/cofferdam ls     (Ctrl-C ends this)"));
    } else {
        note("this board has no network here; what its image brings runs (Ctrl-C ends this)");
    }
    loop {
        match interrupted.recv_timeout(LOOK_AGAIN) {
            Ok(()) => break,
            Err(RecvTimeoutError::Timeout) if console.ended() => bail!("QEMU ended by itself"),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => bail!("the interrupt handler is gone"),
        }
    }
    drop(machine);
    let _ = shown.join(); // prints what QEMU still had to say
    note("ended");
    Ok(())
}

/// Boots, pushes, and ends when every app was seen running.
pub fn smoke(options: &Options) -> Result<()> {
    let key = keys::load(&options.key)?;
    let packages = packages(options, &key)?;
    if packages.is_empty() {
        bail!("smoke needs an app to see: --apps NAME");
    }
    let interrupted = on_interrupt()?;
    let machine = start(options)?;
    let console = machine.console().clone();
    let shown = show(console.clone())?;
    let outcome = (|| {
        if !options.board.has_network() {
            for package in &packages {
                let line = heard(&console, 0, &package.name)?;
                note(&format!("{}: heard on the console ('{}')", package.name, line.text.trim()));
            }
            return no_alarm(&console);
        }
        if !wait_for_ready(&console, &interrupted)? {
            bail!("interrupted");
        }
        let address = management_address(&machine)?;
        for package in &packages {
            let position = console.position();
            push(&address, &key, package)?;
            let line = heard(&console, position, &package.name)?;
            let state = seen(&address, &key, &package.name)?;
            note(&format!(
                "{}: heard on the console ('{}'), and {state} by the device",
                package.name,
                line.text.trim()
            ));
        }
        no_alarm(&console)
    })();
    drop(machine);
    let _ = shown.join();
    outcome?;
    note("smoke: passed");
    Ok(())
}

fn start(options: &Options) -> Result<Machine> {
    let mut machine = match options.board {
        Board::QemuVirt => MachineOptions::with_kernel(options.image(), options.kernel),
        board => {
            let qemu = board_qemu(&options.build).ok_or_else(|| {
                anyhow!(
                    "no QEMU here has the machine of {}; toolchain/board-qemu.sh brings one",
                    board.name()
                )
            })?;
            MachineOptions::for_board(options.image(), options.kernel, board, qemu)
        }
    };
    if options.icount {
        machine.clock = Clock::Instructions;
    }
    machine.plant = options.plant;
    if let Some(disk) = &options.disk {
        make_disk(disk).with_context(|| format!("cannot make the disk {}", disk.display()))?;
        machine.disk = Some(disk.clone());
    }
    // As the user would write it.
    let here = std::env::current_dir().unwrap_or_default();
    let image = machine.image.strip_prefix(&here).unwrap_or(&machine.image);
    note(&format!("booting {} in QEMU", image.display()));
    Ok(Machine::start(&machine)?)
}

/// Whether the device is ready; false if the user gave up on it.
fn wait_for_ready(console: &Console, interrupted: &Receiver<()>) -> Result<bool> {
    let deadline = Instant::now() + BOOT_LIMIT;
    let mut position = 0;
    loop {
        let step = (Instant::now() + LOOK_AGAIN).min(deadline);
        match console.wait_for_text(position, step, READY) {
            Ok((_, line)) => {
                note(&format!("ready {:.2} s after the start of QEMU", line.at.as_secs_f64()));
                return Ok(true);
            }
            Err(_) if interrupted.try_recv().is_ok() => return Ok(false),
            Err(error) if console.ended() || Instant::now() >= deadline => {
                return Err(error).with_context(|| format!("waiting for '{READY}'"));
            }
            Err(_) => position = console.position().saturating_sub(1),
        }
    }
}

fn push(address: &str, key: &SigningKey, package: &Package) -> Result<()> {
    let begun = Instant::now();
    let mut device = connect(address, key)?;
    let installed = device
        .install(&package.bytes, true, &mut |_| {})
        .with_context(|| format!("pushing {}", package.name))?;
    note(&format!(
        "pushed {} {}: {} bytes into slot {} in {} ms",
        installed.name,
        installed.version,
        package.bytes.len(),
        installed.slot,
        begun.elapsed().as_millis()
    ));
    Ok(())
}

fn connect<'k>(address: &str, key: &'k SigningKey) -> Result<Device<'k>> {
    let patience = Patience { connect: APP_LIMIT, answer: APP_LIMIT, busy: APP_LIMIT };
    Ok(Device::connect(address, key, &patience, &mut || note("the device is busy; waiting"))?)
}

/// The app's own words on the console.
fn heard(console: &Console, position: usize, name: &str) -> Result<Line> {
    let mark = format!("/{name}: ");
    let found = console.wait_for_text(position, Instant::now() + APP_LIMIT, &mark);
    Ok(found.with_context(|| format!("waiting for a word of {name}"))?.1)
}

/// The device's own answer: running, or ended well.
fn seen(address: &str, key: &SigningKey, name: &str) -> Result<String> {
    let mut device = connect(address, key)?;
    let deadline = Instant::now() + APP_LIMIT;
    loop {
        let app = device.list()?.into_iter().find(|app| app.name == name);
        let app = app.ok_or_else(|| anyhow!("{name} is not installed"))?;
        match app.state {
            AppState::Running => return Ok("running".to_owned()),
            AppState::Exited(0) => return Ok("ended with exit code 0".to_owned()),
            AppState::Starting if Instant::now() < deadline => {}
            state => bail!("{name} is {state:?}: {}", app.reason),
        }
    }
}

/// Nothing may have panicked beside what was looked for.
fn no_alarm(console: &Console) -> Result<()> {
    let alarming = |line: &Line| {
        let text = line.text.to_lowercase();
        text.contains("panic") || text.contains("faulted")
    };
    match console.lines_from(0).into_iter().find(alarming) {
        Some(line) => bail!("unexpected on the console: {}", line.text),
        None => Ok(()),
    }
}

fn management_address(machine: &Machine) -> Result<String> {
    let address = machine.management_address().ok_or_else(|| anyhow!("this machine has no network"))?;
    Ok(address.to_string())
}

/// Package files as they are; example apps packed and signed here.
fn packages(options: &Options, key: &SigningKey) -> Result<Vec<Package>> {
    options
        .apps
        .iter()
        .filter(|app| !app.is_empty() && *app != NO_APPS)
        .map(|app| package(options, app, key))
        .collect()
}

fn package(options: &Options, app: &str, key: &SigningKey) -> Result<Package> {
    let path = PathBuf::from(app);
    if path.extension().is_some_and(|extension| extension == "cdam") {
        let bytes = fs::read(&path).with_context(|| format!("cannot read {app}"))?;
        let name = cofferdam_package::open_unverified(&bytes)
            .with_context(|| format!("{app} is no package"))?
            .manifest
            .common
            .name;
        return Ok(Package { name, bytes });
    }
    let recipe = Recipe::load(&options.recipes.join(app).join(RECIPE_FILE))
        .with_context(|| format!("'{app}' is neither an example app nor a .cdam file"))?;
    let path = options.modules.join(format!("{app}.wasm"));
    let module =
        fs::read(&path).with_context(|| format!("cannot read {} (make apps builds it)", path.display()))?;
    let bytes = cofferdam_package::create(recipe.manifest(&module)?, &module, key)
        .with_context(|| format!("cannot pack {app}"))?;
    Ok(Package { name: recipe.name, bytes })
}

/// Prints the console until it ends.
fn show(console: Console) -> Result<thread::JoinHandle<()>> {
    let printer = move || {
        let mut position = 0;
        loop {
            // A deadline far away: the end of QEMU ends the wait.
            let deadline = Instant::now() + Duration::from_secs(3600);
            if console.wait_for(position, deadline, |_| Some(())).is_err() && console.ended() {
                return;
            }
            let lines = console.lines_from(position);
            position += lines.len();
            let mut output = io::stdout().lock();
            for line in lines {
                if writeln!(output, "{}", line.text).is_err() {
                    return; // nobody reads any more
                }
            }
            let _ = output.flush();
        }
    };
    thread::Builder::new().name("terminal".into()).spawn(printer).context("cannot start a thread")
}

/// Receives something when the user, or the system, wants this to end.
fn on_interrupt() -> Result<Receiver<()>> {
    let (sender, receiver) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = sender.send(());
    })
    .context("cannot handle Ctrl-C")?;
    Ok(receiver)
}

/// Our own words, told apart from the console's.
fn note(text: &str) {
    // Both may be one terminal: whoever holds the console's output has ended its line.
    let _console = io::stdout().lock();
    // As for eprintln!, there is nobody to tell that standard error is gone.
    let _ = io::stderr().write_all(format!("-- {text}\n").as_bytes());
}
