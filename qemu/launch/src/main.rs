// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam-qemu run` boots the image, pushes apps over the network and keeps the console on the terminal
//! until Ctrl-C. `cofferdam-qemu smoke` does the same, ends by itself, and succeeds only if every pushed app
//! was seen running: by its own words on the console, and by the device's answer.
#![forbid(unsafe_code)]

mod program;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use cofferdam_qemu::{Board, KernelKind};

/// Boots Cofferdam in QEMU.
#[derive(Parser)]
#[command(name = "cofferdam-qemu")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Boot, push apps, keep the console on the terminal until Ctrl-C
    Run(Options),
    /// Boot, push apps, and end: status 0 only if all were seen running
    Smoke(Options),
}

#[derive(Args)]
struct Options {
    /// The image [default: build/image/cofferdam.elf, or build/image/sdk/cofferdam.img]
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Which kernel the image holds
    #[arg(long, env = "COFFERDAM_KERNEL", value_enum, default_value_t)]
    kernel: KernelKind,
    /// The machine
    #[arg(long, value_enum, default_value_t)]
    board: Board,
    /// Where things were built
    #[arg(long, env = "COFFERDAM_BUILD", default_value = "build", value_name = "FOLDER")]
    build: PathBuf,
    /// What to push (or, on a board without a network, what the image brings): names of example apps or package files, or `none`
    #[arg(long, value_delimiter = ',', default_value = "none", value_name = "APPS")]
    apps: Vec<String>,
    /// The key that the image trusts
    #[arg(long, env = "COFFERDAM_KEY", default_value = "keys/development.key", value_name = "FILE")]
    key: PathBuf,
    /// Modules of example apps
    #[arg(long, default_value = "build/apps", value_name = "FOLDER")]
    modules: PathBuf,
    /// Sources of example apps
    #[arg(long, default_value = "apps", value_name = "FOLDER")]
    recipes: PathBuf,
    /// The machine's disk, made if it is not there; what is installed survives on it [default: no disk]
    #[arg(long, value_name = "FILE")]
    disk: Option<PathBuf>,
    /// With a console to which a simulator of the vehicle can be attached
    #[arg(long)]
    plant: bool,
    /// Let virtual time follow executed instructions
    #[arg(long)]
    icount: bool,
}

impl Options {
    fn image(&self) -> PathBuf {
        let usual = || self.build.join(self.board.image_path(self.kernel, "cofferdam"));
        self.image.clone().unwrap_or_else(usual)
    }
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(options) => program::run(&options),
        Command::Smoke(options) => program::smoke(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cofferdam-qemu: {error:#}");
            ExitCode::FAILURE
        }
    }
}
