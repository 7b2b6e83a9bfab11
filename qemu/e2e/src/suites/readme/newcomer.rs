// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a newcomer has: a clone in which everything was built, and a shell in it.
//!
//! The clone is a folder of links to the real one, so that nothing is built twice and nothing that a README
//! makes ends up among the sources. Keys are copies. `make` looks at where it runs, and runs in the real one.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::markdown::Shown;
use super::promise::check_all;
use crate::command::{Finished, run_command};
use crate::context::{Context, Settings};

/// The folder of keys in a clone.
const KEYS: &str = "keys";
/// The folder with everything that was built.
const BUILD: &str = "build";
/// Where commands go.
pub const DEVICE: &str = "COFFERDAM_DEVICE";
/// Where simulators go.
pub const PLANT: &str = "COFFERDAM_PLANT";
/// For one command; compiling an app for the first time takes some seconds.
const COMMAND_LIMIT: Duration = Duration::from_secs(120);
/// What a shell has to know after the completions were loaded.
const COMPLETES: &str = "complete -p cofferdam";

/// What a user's shell does not have, but this program may: it is started by make.
const NOT_INHERITED: &[&str] = &[
    "MAKEFLAGS",
    "MAKEOVERRIDES",
    "MFLAGS",
    "MAKELEVEL",
    // What the Makefile takes, and make exports when it is said in the command.
    "KERNEL",
    "BOARD",
    "CONFIG",
    "APPS",
    "SUITE",
    "PLANT",
    "DISK",
    "PREINSTALL",
    "FUZZ_SECONDS",
    "SEL4_KERNEL_DIR",
    "CARGO_TARGET_DIR",
    "COFFERDAM_BUILD",
    "COFFERDAM_KEYS",
    "COFFERDAM_KEY",
    "COFFERDAM_KERNEL",
    "COFFERDAM_CONFIG",
    "MICROKIT_SDK",
    DEVICE,
    PLANT,
];

/// A clone and a shell.
pub struct Newcomer {
    /// The folder of links.
    pub clone: PathBuf,
    /// The real one.
    pub root: PathBuf,
    /// The device that commands go to.
    pub device: Option<String>,
    /// Where a simulator is attached to it.
    pub plant: Option<String>,
}

impl Newcomer {
    /// With a new clone called `name`.
    pub fn new(name: &str, context: &Context<'_>) -> Result<Self> {
        let settings = context.settings;
        let root = root()?;
        let clone = std::path::absolute(settings.output.join("readme").join(name))?;
        link(&root, &clone, settings).with_context(|| format!("cannot make {}", clone.display()))?;
        Ok(Self { clone, root, device: None, plant: None })
    }

    /// Makes `command` one of this shell, in `folder`.
    pub fn prepare(&self, command: &mut Command, folder: &Path) {
        for name in NOT_INHERITED {
            command.env_remove(name);
        }
        command.current_dir(folder);
        if let Some(device) = &self.device {
            command.env(DEVICE, device);
        }
        if let Some(plant) = &self.plant {
            command.env(PLANT, plant);
        }
    }

    /// Runs what is shown, in `folder`, and compares status and output.
    pub fn run(&self, shown: &Shown, folder: &Path) -> Result<Finished> {
        let Shown { place, command, status, output } = shown;
        // The status of a substitution is lost; what it was for is not.
        let check = if command.starts_with("source ") {
            format!(" && {COMPLETES} >/dev/null")
        } else {
            String::new()
        };
        let finished = self.shell(&format!("{command}{check}"), folder).with_context(|| place.clone())?;
        ensure!(
            finished.status.code() == Some(*status),
            "{place}: `{command}` should have ended with status {status}: {finished}"
        );
        check_all(output, &finished.stdout).with_context(|| format!("{place}: `{command}`"))?;
        Ok(finished)
    }

    /// Runs a command line, with standard error among its output.
    pub fn shell(&self, line: &str, folder: &Path) -> Result<Finished> {
        let mut command = Command::new("bash");
        command.args(["--norc", "-c"]).arg(format!("exec 2>&1\n{line}"));
        self.prepare(&mut command, folder);
        run_command(command, COMMAND_LIMIT)
    }

    /// Sets the variable of `export NAME=VALUE`. The addresses in a README are examples.
    pub fn export(&mut self, assignment: &str, address: &str, plant: &str) -> Result<()> {
        match assignment.split_once('=') {
            Some((PLANT, _)) if !plant.is_empty() => self.plant = Some(plant.to_owned()),
            Some((DEVICE, _)) => self.device = Some(address.to_owned()),
            _ => bail!("no test knows what to set for '{assignment}'"),
        }
        Ok(())
    }
}

/// The real clone: where make started this program.
pub fn root() -> Result<PathBuf> {
    let root = std::env::current_dir()?;
    ensure!(root.join("README.md").is_file(), "{} is no clone: it has no README.md", root.display());
    Ok(root)
}

fn link(root: &Path, clone: &Path, settings: &Settings) -> Result<()> {
    fs::create_dir_all(clone.join(KEYS))?;
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name();
        let own = name == OsStr::new(KEYS)
            || name == OsStr::new(BUILD)
            || name.as_encoded_bytes().starts_with(b".");
        if !own {
            symlink(root.join(&name), clone.join(&name))?;
        }
    }
    let build = settings.cofferdam.parent().context("the host tool lies nowhere")?;
    symlink(build, clone.join(BUILD))?;
    for ending in ["key", "toml"] {
        let file = clone.join(KEYS).join("development").with_extension(ending);
        fs::copy(settings.key_path.with_extension(ending), file)?;
    }
    Ok(())
}
