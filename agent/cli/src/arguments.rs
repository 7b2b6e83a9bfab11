// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Where a device is looked for unless told otherwise: what a local QEMU would forward.
const DEFAULT_DEVICE: &str = "127.0.0.1:7700";

/// Manages the apps of a Cofferdam device.
///
/// Exit status: 0 done; 1 failed; 2 wrong usage; 3 refused by the device; 4 device not reached or connection
/// lost; 5 device busy with another connection.
#[derive(Debug, Parser)]
#[command(name = "cofferdam", version, max_term_width = 100)]
pub struct Arguments {
    /// Options of all commands.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of all commands.
#[derive(Debug, Args)]
pub struct Global {
    /// Which device
    #[arg(long, global = true, env = "COFFERDAM_DEVICE", value_name = "HOST:PORT", default_value = DEFAULT_DEVICE)]
    pub device: String,
    /// Secret key file that signs [default for commands to a device: keys/development.key]
    #[arg(long, global = true, env = "COFFERDAM_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// How long to wait for a device that serves another connection
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 10)]
    pub wait: u16,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the folder of a new app in Rust: what it takes to build, test and pack it
    New {
        /// The app's name
        name: String,
        /// What it is to be
        #[arg(long, value_enum, default_value_t = NewShape::Reactor)]
        shape: NewShape,
        /// The folder, which must not be there yet [default: NAME in the current folder]
        #[arg(long, value_name = "FOLDER")]
        path: Option<PathBuf>,
        /// The clone of Cofferdam whose SDK it builds on [default: the one around it, else this program's]
        #[arg(long, value_name = "FOLDER")]
        cofferdam: Option<PathBuf>,
    },
    /// Make a key: PATH.key (secret) and PATH.toml (trust anchor, to be built into images)
    Keygen {
        /// Where, without an ending
        path: PathBuf,
    },
    /// Make a package from cofferdam.toml and a Wasm module; signed if --key is given
    Pack {
        /// The description, or its folder
        #[arg(default_value = ".")]
        recipe: PathBuf,
        /// The module [default: `module` in cofferdam.toml, else NAME.wasm beside it]
        #[arg(long, value_name = "FILE")]
        module: Option<PathBuf>,
        /// The package [default: NAME.cdam in the current folder]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The signer's trust anchor (keys/NAME.toml): what it may not grant is an error
        #[arg(long, value_name = "FILE")]
        anchor: Option<PathBuf>,
    },
    /// Sign a package with --key; a signature that it has is replaced
    Sign {
        /// The package
        package: PathBuf,
        /// The signed package [default: the same file]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Show what a package is and what it may touch
    Inspect {
        /// The package; with --installed, the name of an app on the device
        package: PathBuf,
        /// Ask the device about an installed app
        #[arg(long, conflicts_with = "anchor")]
        installed: bool,
        /// Trust anchors (keys/NAME.toml); with any, the signature must be by one of them
        #[arg(long, value_name = "FILE")]
        anchor: Vec<PathBuf>,
    },
    /// Install a package, or replace the app of its name, and wait until it runs
    Push {
        /// The signed package
        package: PathBuf,
        /// Install only
        #[arg(long)]
        no_start: bool,
        /// Let it take over from the running version in flight: first as a shadow that is compared, then at a tick's
        /// boundary, and back if it fails
        #[arg(long, conflicts_with = "no_start")]
        swap: bool,
    },
    /// List the installed apps
    Ls,
    /// Start an app that does not run
    Start {
        /// Its name
        name: String,
    },
    /// Stop an app; it stays installed
    Stop {
        /// Its name
        name: String,
    },
    /// Put the version that an update has replaced back, and start it
    Rollback {
        /// Its name
        name: String,
    },
    /// Stop an app and remove it
    Rm {
        /// Its name
        name: String,
    },
    /// Show what an app logged
    Logs {
        /// Its name
        name: String,
        /// Go on until Ctrl-C
        #[arg(long, short)]
        follow: bool,
    },
    /// Show how an app runs; without a name, the device and all apps
    Stats {
        /// Its name
        name: Option<String>,
    },
    /// Start an app anew, record what it asks and is answered, and fetch that
    Record {
        /// Its name
        name: String,
        /// For how long, if there is room for so much
        #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
        seconds: f32,
        /// Fetch what was recorded last, for one of an app that failed, and start nothing
        #[arg(long, conflicts_with = "seconds")]
        fetch: bool,
        /// The file, which is overwritten [default: NAME.rec in the current folder]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Run a module from a recording and check that every output and all fuel is the same
    Replay {
        /// The recording
        recording: PathBuf,
        /// The package that was recorded, or its module
        package: PathBuf,
        /// Stop behind this activation and show its calls and the state; 0 is loading
        #[arg(long = "break", value_name = "NUMBER")]
        stop_at: Option<u64>,
        /// Show this part of the app's memory with the state
        #[arg(long, value_name = "FROM..TO", requires = "stop_at", value_parser = range)]
        memory: Option<(usize, usize)>,
    },
    /// Run apps against a simulated vehicle, without a device: the same runtime, guard and topics, tick by tick
    Sim {
        /// Packages, or modules beside whose cofferdam.toml they lie; the first one gets the first slot
        #[arg(required = true)]
        apps: Vec<PathBuf>,
        /// What they fly or drive
        #[arg(long, value_enum)]
        plant: PlantKind,
        /// What happens to it; a wrong name shows all [default: the plant's first]
        #[arg(long, value_name = "NAME")]
        scenario: Option<String>,
        /// Where all chance comes from
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        seed: u64,
        /// The folder of a module's cofferdam.toml [default: the module's own]
        #[arg(long, value_name = "FOLDER")]
        recipe: Option<PathBuf>,
        /// Stop behind this activation of the first app and show its calls and the state
        #[arg(long = "break", value_name = "NUMBER")]
        stop_at: Option<u64>,
        /// Show this part of the first app's memory with the state
        #[arg(long, value_name = "FROM..TO", requires = "stop_at", value_parser = range)]
        memory: Option<(usize, usize)>,
        /// Write what the vehicle did, a row a tick
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
    },
    /// Show again and again what the apps do, until Ctrl-C
    Top {
        /// Seconds between two looks
        #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
        interval: f32,
        /// Looks, after which it ends
        #[arg(long, value_name = "NUMBER")]
        count: Option<u32>,
    },
    /// Which keys a device trusts, and changing that
    Keys {
        /// What to do
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Fetch a device's event log and check it; or check one that was fetched before
    Audit {
        /// Check this file instead of asking a device
        #[arg(long, value_name = "FILE", conflicts_with = "out")]
        verify: Option<PathBuf>,
        /// Keep the log in this file
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// An earlier export of the same device, which the log must continue
        #[arg(long, value_name = "FILE")]
        continues: Option<PathBuf>,
    },
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

fn range(text: &str) -> Result<(usize, usize), String> {
    let numbers = text.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    numbers.filter(|(from, to)| from < to).ok_or_else(|| "two numbers of bytes, as 0..256".to_owned())
}

fn seconds(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("from 0.1 to 3600 seconds".to_owned()),
    }
}

/// What to do with lists of keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Show the list of keys that the device trusts
    List,
    /// Make a list from a folder of trust anchors and its list.toml; signed if --key is given
    Make {
        /// The folder
        #[arg(default_value = "keys")]
        folder: PathBuf,
        /// The list's version [default: `version` in list.toml]
        #[arg(long, value_name = "NUMBER")]
        version: Option<u64>,
        /// Whose devices it is for
        #[arg(long, default_value = "cofferdam.example")]
        vendor: String,
        /// Which class of devices it is for
        #[arg(long, default_value = "vehicle")]
        class: String,
        /// The file, which is overwritten [default: list-VERSION.keys in the current folder]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Add the signature of the root key --key to a list
    Sign {
        /// The list
        list: PathBuf,
    },
    /// Show a list and who has signed it
    Inspect {
        /// The list
        list: PathBuf,
    },
    /// Put a signed list in force on the device
    Push {
        /// The list
        list: PathBuf,
    },
}

/// A simulated vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlantKind {
    /// A quadrotor
    Quad,
    /// A car
    Car,
}

/// The shapes of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NewShape {
    /// A control loop: called once a period
    Reactor,
    /// A program: runs from start to end
    Command,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_may_stand_behind_the_command() {
        let arguments = Arguments::parse_from(["cofferdam", "ls", "--json", "--device", "x:1"]);
        assert!(arguments.global.json && arguments.global.device == "x:1");
    }
}
