// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The commands.

mod apps;
mod audit;
mod inspect;
mod keygen;
mod keys;
mod logs;
mod new;
mod pack;
mod push;
mod record;
mod replay;
mod sim;
mod stats;
mod top;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::CommandFactory;
use cofferdam_client::{ClientError, Device, Patience};
use cofferdam_package::SigningKey;

use crate::arguments::{Arguments, Command, Global};
use crate::failure::Usage;

/// What signs commands when no key is named: the key that `make run` makes.
const DEVELOPMENT_KEY: &str = "keys/development.key";

/// Does what the command line says.
pub fn run(arguments: Arguments) -> Result<()> {
    let Arguments { global, command } = arguments;
    match command {
        Command::New { name, shape, path, cofferdam } => {
            new::run(&name, shape, path, cofferdam.as_deref(), &global)
        }
        Command::Keygen { path } => keygen::run(&path, &global),
        Command::Pack { recipe, module, output, anchor } => {
            pack::pack(&recipe, module, output, anchor.as_deref(), &global)
        }
        Command::Sign { package, output } => pack::sign(&package, output, &global),
        Command::Inspect { package, installed: true, .. } => {
            inspect::installed(&package.to_string_lossy(), &global)
        }
        Command::Inspect { package, anchor, .. } => inspect::run(&package, &anchor, &global),
        Command::Push { package, swap: true, .. } => push::swap::run(&package, &global),
        Command::Push { package, no_start, .. } => push::run(&package, !no_start, &global),
        Command::Ls => apps::list(&global),
        Command::Start { name } => apps::start(&name, &global),
        Command::Stop { name } => apps::stop(&name, &global),
        Command::Rollback { name } => apps::roll_back(&name, &global),
        Command::Rm { name } => apps::remove(&name, &global),
        Command::Logs { name, follow } => logs::run(&name, follow, &global),
        Command::Stats { name } => stats::run(name.as_deref(), &global),
        Command::Record { name, seconds, fetch, output } => {
            record::run(&name, Duration::from_secs_f32(seconds), fetch, output, &global)
        }
        Command::Replay { recording, package, stop_at, memory } => {
            replay::run(&recording, &package, stop_at, memory, &global)
        }
        Command::Sim { apps, plant, scenario, seed, recipe, stop_at, memory, csv } => {
            let wanted = sim::Wanted { apps, plant, scenario, seed, recipe, stop_at, memory, csv };
            sim::run(&wanted, &global)
        }
        Command::Top { interval, count } => top::run(Duration::from_secs_f32(interval), count, &global),
        Command::Keys { command } => keys::run(command, &global),
        Command::Audit { verify, out, continues } => {
            audit::run(verify.as_deref(), out.as_deref(), continues.as_deref(), &global)
        }
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "cofferdam", &mut std::io::stdout());
            Ok(())
        }
    }
}

/// The key for commands to a device.
fn command_key(global: &Global) -> Result<SigningKey> {
    let path = match &global.key {
        Some(path) => path.clone(),
        None => {
            let path = PathBuf::from(DEVELOPMENT_KEY);
            if !path.is_file() {
                let text = format!(
                    "commands are signed: name a key with --key FILE or COFFERDAM_KEY ({DEVELOPMENT_KEY} is not here; \
                     cofferdam keygen makes a key)"
                );
                return Err(Usage(text).into());
            }
            path
        }
    };
    cofferdam_client::keys::load(&path).context("the signing key")
}

/// Connects to the device that `global` names, saying so if that takes waiting.
fn connect<'k>(global: &Global, key: &'k SigningKey) -> Result<Device<'k>, ClientError> {
    let mut on_busy = || {
        if !global.json {
            eprintln!("the device is busy with another connection; waiting …");
        }
    };
    let patience = Patience { busy: Duration::from_secs(global.wait.into()), ..Patience::default() };
    Device::connect(&global.device, key, &patience, &mut on_busy)
}
