// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a test has at hand: a booted machine, the real `cofferdam` program, and the library for attacks.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use cofferdam_client::recipe::{RECIPE_FILE, Recipe};
use cofferdam_client::{Connection, Device, Patience, keys};
use cofferdam_package::SigningKey;
use cofferdam_qemu::{Board, Clock, Console, KernelKind, Line, Machine, MachineOptions, make_disk};
use serde_json::Value;

use crate::command::{self, Finished};
use crate::harness::{Suite, System};

/// From the start of QEMU to `device ready`, on a machine that is busy with other things.
const BOOT_LIMIT: Duration = Duration::from_secs(60);
/// For one run of the `cofferdam` program.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);
/// For something to show that should show at once.
pub const STEP_LIMIT: Duration = Duration::from_secs(20);
/// The status with which `cofferdam` says that the device refused.
const REFUSED: i32 = 3;

/// Where everything lies.
pub struct Settings {
    /// The product's image; those of test systems lie beside it.
    pub image: PathBuf,
    /// The kernel in the images.
    pub kernel: KernelKind,
    /// Whether that kernel prints (debug configuration).
    pub kernel_prints: bool,
    /// The `cofferdam` program.
    pub cofferdam: PathBuf,
    /// The key that the image trusts.
    pub key_path: PathBuf,
    /// The same, read.
    pub key: SigningKey,
    /// Modules, `NAME.wasm`.
    pub modules: PathBuf,
    /// Sources of apps, `NAME/cofferdam.toml`.
    pub recipes: PathBuf,
    /// Programs of protection domains, as they are in the image: `NAME.elf`.
    pub programs: PathBuf,
    /// For logs and packages.
    pub output: PathBuf,
    /// All that was built.
    pub build: PathBuf,
    /// A QEMU that has boards, if there is one.
    pub board_qemu: Option<OsString>,
}

impl Settings {
    /// Why this board cannot be tested here, if so.
    pub fn lacks(&self, board: Board) -> Option<String> {
        let Some(_) = &self.board_qemu else {
            return Some("no QEMU 10 here (toolchain/board-qemu.sh brings one)".to_owned());
        };
        match (board, self.kernel) {
            (Board::RaspberryPi4 | Board::RaspberryPi4MiniUart, KernelKind::Sdk) => {
                Some("tested with KERNEL=crates".to_owned())
            }
            (Board::Imx8mpEvk, KernelKind::Crates) => Some("this board needs KERNEL=sdk".to_owned()),
            _ => None,
        }
    }

    /// The machine for `system`.
    pub fn machine(&self, system: System, console_log: PathBuf) -> MachineOptions {
        let image = match system {
            System::Board(board) => self.build.join(board.image_path(self.kernel, "cofferdam")),
            // Beside the product, with the same ending.
            System::Special(name)
            | System::Budgets(name)
            | System::VariantByInstructions(name)
            | System::VariantWithDisk(name) => match self.image.extension() {
                Some(extension) => self.image.with_file_name(name).with_extension(extension),
                None => self.image.with_file_name(name),
            },
            System::Product
            | System::ProductByInstructions
            | System::ProductWithPlant
            | System::ProductWithPlantInRealTime
            | System::ProductWithDisk
            | System::ProductUnderAttack => self.image.clone(),
        };
        let mut options = match (system, &self.board_qemu) {
            (System::Board(board), Some(qemu)) => {
                MachineOptions::for_board(image, self.kernel, board, qemu.clone())
            }
            _ => MachineOptions::with_kernel(image, self.kernel),
        };
        if matches!(
            system,
            System::ProductByInstructions
                | System::ProductWithPlant
                | System::ProductUnderAttack
                | System::VariantByInstructions(_)
                | System::VariantWithDisk(_)
                | System::Budgets(_)
        ) {
            options.clock = Clock::InstructionsOnly;
        }
        // Budgets are of time: a busy host would use them up.
        if matches!(system, System::Board(_)) && self.kernel == KernelKind::Sdk {
            options.clock = Clock::Instructions;
        }
        options.plant = matches!(system, System::ProductWithPlant | System::ProductWithPlantInRealTime);
        options.console_log = Some(console_log);
        options
    }

    /// The recipe and the module of app `name`.
    pub fn app(&self, name: &str) -> Result<(Recipe, Vec<u8>)> {
        let recipe = Recipe::load(&self.recipes.join(name).join(RECIPE_FILE))?;
        let path = self.modules.join(format!("{name}.wasm"));
        let module = fs::read(&path)
            .with_context(|| format!("cannot read {} (make apps builds it)", path.display()))?;
        Ok((recipe, module))
    }

    /// A package of app `name`, changed by `change`, signed by `key`.
    pub fn package_by(
        &self,
        name: &str,
        key: &SigningKey,
        change: impl FnOnce(&mut Recipe),
    ) -> Result<Vec<u8>> {
        let (mut recipe, module) = self.app(name)?;
        change(&mut recipe);
        make(&recipe, &module, key)
    }
}

/// A package of `module` as `recipe` says, signed by `key`.
pub fn make(recipe: &Recipe, module: &[u8], key: &SigningKey) -> Result<Vec<u8>> {
    cofferdam_package::create(recipe.manifest(module)?, module, key).context("cannot make the package")
}

/// A booted machine and the test that uses it.
pub struct Context<'a> {
    /// Where everything lies.
    pub settings: &'a Settings,
    machine: Machine,
    system: System,
    console_log: PathBuf,
    folder: PathBuf,
    disk: Option<PathBuf>,
    /// Where the running test began in the console.
    begun_at: usize,
    /// Texts of alarming lines that the running test expects.
    announced: Vec<String>,
    managed: bool,
}

impl<'a> Context<'a> {
    /// Boots the machine of `suite`; a product is booted when it says `device ready`.
    pub fn boot(suite: &Suite, settings: &'a Settings) -> Result<Self> {
        let folder = settings.output.join(suite.name);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let with_disk = matches!(
            suite.system,
            System::ProductWithDisk | System::ProductUnderAttack | System::VariantWithDisk(_)
        );
        let disk = with_disk.then(|| free_name(&folder, "disk", "img"));
        let (machine, console_log) = start(settings, suite.system, &folder, disk.as_deref())?;
        let managed = is_managed(suite.system);
        let system = suite.system;
        Ok(Self {
            settings,
            machine,
            system,
            console_log,
            folder,
            disk,
            begun_at: 0,
            announced: Vec::new(),
            managed,
        })
    }

    /// Ends the machine as a loss of power does.
    pub fn cut_power(&mut self) {
        self.machine.cut_power();
    }

    /// Boots the machine again, with what is on its disk, or without a disk. The test begins anew for the
    /// console.
    pub fn boot_again(&mut self, with_disk: bool) -> Result<()> {
        self.machine.cut_power();
        let disk = self.disk.as_deref().filter(|_| with_disk);
        (self.machine, self.console_log) = start(self.settings, self.system, &self.folder, disk)?;
        self.begun_at = 0;
        Ok(())
    }

    /// The machine's disk.
    pub fn disk(&self) -> Result<&Path> {
        self.disk.as_deref().ok_or_else(|| anyhow!("this suite's machine has no disk"))
    }

    /// Where QEMU's debugger listens; a machine without one has no such file.
    pub fn debugger(&self) -> PathBuf {
        debugger(&self.folder)
    }

    /// The suite's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gets ready for a test: no apps, and only its own lines count. A test of a special system sees all lines
    /// since boot.
    pub fn begin(&mut self, test: &str) -> Result<()> {
        self.announced.clear();
        if self.managed {
            self.begun_at = self.machine.console().position();
            self.remove_all().with_context(|| format!("making the device ready for {test}"))?;
        }
        Ok(())
    }

    /// Ends a test that saw what it wanted: nothing alarming may have happened beside that.
    pub fn finish(&mut self) -> Result<()> {
        if self.managed {
            // A round trip: what the device had to say about the test has been said.
            self.remove_all().context("cleaning up after the test")?;
        }
        for line in self.machine.console().lines_from(self.begun_at) {
            let text = line.text.to_lowercase();
            let alarming = text.contains("panic") || text.contains("faulted");
            let announced = self.announced.iter().any(|known| line.text.contains(known.as_str()));
            ensure!(!alarming || announced, "unexpected on the console: {line}");
        }
        Ok(())
    }

    /// From now on a line with `text` is no reason to fail.
    pub fn announce(&mut self, text: &str) {
        self.announced.push(text.to_owned());
    }

    /// The console's last lines since the test began.
    pub fn tail(&self) -> Vec<Line> {
        let lines = self.machine.console().lines_from(self.begun_at);
        let from = lines.len().saturating_sub(30);
        lines.into_iter().skip(from).collect()
    }

    /// Where the console is kept.
    pub fn console_log(&self) -> &Path {
        &self.console_log
    }

    /// The machine itself.
    pub fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    /// Everything that the machine prints.
    pub fn console(&self) -> &Console {
        self.machine.console()
    }

    /// Where the next console line will be.
    pub fn position(&self) -> usize {
        self.machine.console().position()
    }

    /// Waits for a console line with `text` since the test began.
    pub fn expect(&self, text: &str) -> Result<Line> {
        self.expect_from(self.begun_at, text)
    }

    /// Waits for a console line with `text` at or behind `position`.
    pub fn expect_from(&self, position: usize, text: &str) -> Result<Line> {
        self.expect_within(position, text, STEP_LIMIT)
    }

    /// The same with a limit of one's own.
    pub fn expect_within(&self, position: usize, text: &str, limit: Duration) -> Result<Line> {
        self.find_within(position, text, limit).map(|(_, line)| line)
    }

    /// As [`Self::expect_from`], with the position behind that line: the device may have said more meanwhile, as its time runs ahead while
    /// all wait.
    pub fn follow_from(&self, position: usize, text: &str) -> Result<(usize, Line)> {
        self.find_within(position, text, STEP_LIMIT)
    }

    fn find_within(&self, position: usize, text: &str, limit: Duration) -> Result<(usize, Line)> {
        let found = self.machine.console().wait_for_text(position, Instant::now() + limit, text);
        found.with_context(|| format!("waiting for a line with '{text}'"))
    }

    /// Where the device is reached.
    pub fn address(&self) -> Result<String> {
        let address =
            self.machine.management_address().ok_or_else(|| anyhow!("this machine has no network"))?;
        Ok(address.to_string())
    }

    /// Runs `cofferdam` with `arguments` for this device and this image's key.
    pub fn cofferdam(&self, arguments: &[&str]) -> Result<Finished> {
        self.cofferdam_by(&self.settings.key_path, arguments)
    }

    /// The same with another key.
    pub fn cofferdam_by(&self, key: &Path, arguments: &[&str]) -> Result<Finished> {
        let address = OsString::from(self.address()?);
        let environment: [(&str, &OsStr); 2] =
            [("COFFERDAM_DEVICE", &address), ("COFFERDAM_KEY", key.as_os_str())];
        command::run(&self.settings.cofferdam, arguments, &environment, COMMAND_LIMIT)
    }

    /// The same, to be started by the test.
    pub fn cofferdam_command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(&self.settings.cofferdam);
        command.args(arguments);
        command.env("COFFERDAM_DEVICE", self.address()?).env("COFFERDAM_KEY", &self.settings.key_path);
        Ok(command)
    }

    /// Runs `cofferdam`, which must succeed; gives its output.
    pub fn done(&self, arguments: &[&str]) -> Result<String> {
        let finished = self.cofferdam(arguments)?;
        ensure!(finished.status.success(), "should have succeeded: {finished}");
        Ok(finished.stdout)
    }

    /// Runs `cofferdam --json`, which must succeed; gives what it printed.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.done(&[arguments, &["--json"]].concat())?;
        serde_json::from_str(&output).with_context(|| format!("not JSON: {output}"))
    }

    /// Runs `cofferdam`, which must say that the device refused, with `reason` in its words.
    pub fn refused(&self, arguments: &[&str], reason: &str) -> Result<()> {
        check_refused(&self.cofferdam(arguments)?, reason)
    }

    /// Writes a file into the suite's folder.
    pub fn file(&self, name: &str, bytes: &[u8]) -> Result<String> {
        let path = self.folder.join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        path.into_os_string().into_string().map_err(|path| anyhow!("{} is not UTF-8", path.display()))
    }

    /// A package of app `app`, changed by `change`, as a file.
    pub fn package(&self, app: &str, file: &str, change: impl FnOnce(&mut Recipe)) -> Result<String> {
        self.file(file, &self.settings.package_by(app, &self.settings.key, change)?)
    }

    /// Pushes app `app` under the name `name` and waits until it runs.
    pub fn push(&self, app: &str, name: &str) -> Result<String> {
        let file = self.package(app, &format!("{name}.cdam"), |recipe| recipe.name = name.to_owned())?;
        self.done(&["push", &file])
    }

    /// Writes a key into the suite's folder.
    pub fn key_file(&self, name: &str, key: &SigningKey) -> Result<PathBuf> {
        let path = self.folder.join(name);
        if path.exists() {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        keys::save(key, &path)?;
        Ok(path)
    }

    /// A bare connection, for attacks.
    pub fn connection(&self) -> Result<Connection> {
        Ok(Connection::open(&self.address()?, &patience(), &mut || {})?)
    }

    /// A device to command through the library.
    pub fn device(&self) -> Result<Device<'a>> {
        Ok(Device::over(self.connection()?, &self.settings.key))
    }

    /// The app's entry of `cofferdam ls --json`.
    pub fn entry(&self, name: &str) -> Result<Option<Value>> {
        let list = self.json(&["ls"])?;
        let apps = list["apps"].as_array().ok_or_else(|| anyhow!("no list of apps: {list}"))?;
        Ok(apps.iter().find(|app| app["name"] == name).cloned())
    }

    /// The app's state, which must be installed.
    pub fn state(&self, name: &str) -> Result<String> {
        let entry = self.entry(name)?.ok_or_else(|| anyhow!("{name} is not installed"))?;
        Ok(entry["state"].as_str().unwrap_or_default().to_owned())
    }

    /// A figure of `cofferdam stats NAME --json`.
    pub fn figure(&self, name: &str, figure: &str) -> Result<u64> {
        number(&self.json(&["stats", name])?, figure)
    }

    /// Looks again and again until `look` sees what it wants; each look asks the device, so this needs no pause.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        let deadline = Instant::now() + STEP_LIMIT;
        loop {
            if let Some(seen) = look()? {
                return Ok(seen);
            }
            if Instant::now() > deadline {
                bail!("not seen within {STEP_LIMIT:?}: {what}");
            }
        }
    }

    /// Waits until a command is answered again, after `what`.
    pub fn until_served(&self, what: &str) -> Result<()> {
        self.until(&format!("the device answers after {what}"), || {
            Ok(self.cofferdam(&["ls"])?.status.success().then_some(()))
        })
    }

    /// Waits until app `name` is in `state`.
    pub fn until_state(&self, name: &str, state: &str) -> Result<()> {
        self.until(&format!("{name} is {state}"), || Ok((self.state(name)? == state).then_some(())))
    }

    /// Waits until `name` was activated `count` more times from now.
    pub fn until_activated(&self, name: &str, count: u64) -> Result<u64> {
        let before = self.figure(name, "activations")?;
        self.until(&format!("{count} more activations of {name}"), || {
            let now = self.figure(name, "activations")?;
            Ok((now >= before + count).then_some(now))
        })
    }

    fn remove_all(&self) -> Result<()> {
        let mut device = self.device()?;
        for app in device.list()? {
            device.remove(&app.name)?;
        }
        Ok(())
    }
}

/// For the library in tests.
pub fn patience() -> Patience {
    Patience { connect: STEP_LIMIT, answer: STEP_LIMIT, busy: STEP_LIMIT }
}

/// A figure of what `cofferdam --json` printed.
pub fn number(value: &Value, name: &str) -> Result<u64> {
    value[name].as_u64().ok_or_else(|| anyhow!("no figure '{name}' in {value}"))
}

/// The program must have said that the device refused, with `reason` in its words.
pub fn check_refused(finished: &Finished, reason: &str) -> Result<()> {
    ensure!(finished.status.code() == Some(REFUSED), "should have been refused: {finished}");
    ensure!(finished.stderr.contains(reason), "should have been refused for '{reason}': {finished}");
    Ok(())
}

fn is_managed(system: System) -> bool {
    match system {
        System::Special(_) | System::Budgets(_) => false,
        System::Board(board) => board.has_network(),
        _ => true,
    }
}

/// Boots `system`; a product is booted when it says `device ready`. Gives the console's log too.
fn start(
    settings: &Settings,
    system: System,
    folder: &Path,
    disk: Option<&Path>,
) -> Result<(Machine, PathBuf)> {
    let console_log = free_name(folder, "console", "log");
    let mut options = settings.machine(system, console_log.clone());
    if let Some(disk) = disk {
        make_disk(disk).with_context(|| format!("cannot make {}", disk.display()))?;
        options.disk = Some(disk.to_owned());
    }
    if matches!(system, System::ProductUnderAttack | System::ProductWithPlant) {
        let listen = format!("socket,id=debugger,server=on,wait=off,path={}", debugger(folder).display());
        let arguments = ["-chardev", &listen, "-gdb", "chardev:debugger"];
        options.extra_arguments.extend(arguments.map(OsString::from));
    }
    let machine = Machine::start(&options)?;
    if is_managed(system) {
        machine
            .console()
            .wait_for_text(0, Instant::now() + BOOT_LIMIT, "device ready")
            .with_context(|| format!("waiting for `device ready` (log: {})", console_log.display()))?;
    }
    Ok((machine, console_log))
}

/// A socket's name must be short, so it is given from here on if that is possible.
fn debugger(folder: &Path) -> PathBuf {
    let path = folder.join("debugger");
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned)).unwrap_or(path)
}

/// A suite may boot more than once.
fn free_name(folder: &Path, stem: &str, ending: &str) -> PathBuf {
    let name = |number: u32| folder.join(format!("{stem}-{number}.{ending}"));
    // The folder is this run's own: see `main`.
    (1..).map(name).find(|path| !path.exists()).unwrap_or_else(|| folder.join(format!("{stem}.{ending}")))
}
