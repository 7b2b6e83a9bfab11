// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The command line of the image tool.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use cofferdam_image::board::{Board, describe};
use cofferdam_image::boot_image::assemble;
use cofferdam_image::elf::Elf;
use cofferdam_image::inspect::{Aligned, inspect};
use cofferdam_image::platform::Platform;
use cofferdam_image::raw::flatten;
use cofferdam_image::report::Figures;
use cofferdam_image::sdf::System;
use cofferdam_image::{Checked, program, spec};
use cofferdam_system_spec::SystemSpec;

/// Turns a system description and programs into one bootable image.
#[derive(Parser)]
#[command(name = "cofferdam-image", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    build: Option<BuildArgs>,
}

#[derive(Subcommand)]
enum Command {
    /// Builds an image (what is done without a subcommand, too)
    Build(BuildArgs),
    /// Checks a system description; with --search-path, its programs as well
    Check {
        /// The system description
        system: PathBuf,
        /// Folders where program images lie
        #[arg(long, num_args = 1..)]
        search_path: Vec<PathBuf>,
        /// The platform it is for
        #[arg(long, default_value = DEFAULT_PLATFORM)]
        platform: String,
    },
    /// Writes a system description as a board needs it, and prints the programs that are built with a driver of the
    /// board's: PROGRAM+FEATURE, one a line
    Board {
        /// The board's folder, with its board.toml
        board: PathBuf,
        /// The system description that has the wiring
        #[arg(long)]
        system: PathBuf,
        /// Where to write the board's
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Finishes a linked program: fills the copy of .data that a restart needs
    FinishPd {
        /// The linked program
        input: PathBuf,
        /// Where to write the finished one
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Writes an image as plain bytes, for a boot loader that copies a file and jumps to its first byte
    Raw {
        /// The image
        image: PathBuf,
        /// Where to write the bytes
        #[arg(short, long)]
        output: PathBuf,
        /// The platform it is for
        #[arg(long)]
        platform: String,
    },
    /// Says what an image holds
    Inspect {
        /// The image
        image: PathBuf,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
}

const DEFAULT_PLATFORM: &str = "qemu-virt-aarch64";

#[derive(Args)]
struct BuildArgs {
    /// The system description
    #[arg(long)]
    system: PathBuf,
    /// Folders where program images lie
    #[arg(long, num_args = 1.., required = true)]
    search_path: Vec<PathBuf>,
    /// The kernel's ELF file
    #[arg(long)]
    kernel: PathBuf,
    /// The initialiser's ELF file
    #[arg(long)]
    initialiser: PathBuf,
    /// The loader's ELF file
    #[arg(long)]
    loader: PathBuf,
    /// The image to write
    #[arg(short, long)]
    output: PathBuf,
    /// A report to write (JSON if the name ends in .json)
    #[arg(long)]
    report: Option<PathBuf>,
    /// The platform it is for
    #[arg(long, default_value = DEFAULT_PLATFORM)]
    platform: String,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match (cli.command, cli.build) {
        (Some(Command::Build(args)), _) | (None, Some(args)) => build(&args),
        (Some(Command::Check { system, search_path, platform }), _) => {
            check(&system, &search_path, &platform)
        }
        (Some(Command::Board { board, system, output }), _) => for_board(&board, &system, &output),
        (Some(Command::FinishPd { input, output }), _) => finish(&input, &output),
        (Some(Command::Raw { image, output, platform }), _) => raw(&image, &output, &platform),
        (Some(Command::Inspect { image, json }), _) => show(&image, json),
        (None, None) => Err(anyhow::anyhow!("nothing to do; see cofferdam-image --help")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cofferdam-image: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn build(args: &BuildArgs) -> Result<()> {
    let platform = Platform::named(&args.platform)?;
    let checked = read(&args.system, &platform, Some(&args.search_path))?;
    note_what_is_ignored(&args.system, &checked.system);
    let description = spec::describe(&checked.system, &platform, &checked.programs)?;
    let image = assemble(
        &platform,
        &read_elf("kernel", &args.kernel)?,
        read_elf("initialiser", &args.initialiser)?,
        read_elf("loader", &args.loader)?,
        description,
    )?;
    let payload = Aligned::new(&image.payload);
    let spec = match SystemSpec::new(payload.bytes()) {
        Ok(spec) => spec,
        Err(error) => bail!("the tool wrote a description that it cannot read: {error}"),
    };
    let figures = Figures::new(image.file.len() as u64, &image.header, &spec)?;
    let available = platform.kernel_ram.end - platform.kernel_ram.start;
    if figures.ram_bytes() > available {
        bail!(
            "the system needs {} KiB of RAM, {} has {} KiB; make memory regions smaller",
            figures.ram_bytes() / 1024,
            platform.name,
            available / 1024
        );
    }
    if figures.slots > platform.root_cnode_slots {
        bail!(
            "the initialiser needs up to {} capability slots for this system, its CNode has {}; map less, or raise \
             ROOT_CNODE_SIZE_BITS in kernel/build/seL4.conf to {} (each step doubles the RAM that the CNode takes)",
            figures.slots,
            platform.root_cnode_slots,
            figures.slots.next_power_of_two().ilog2()
        );
    }
    std::fs::write(&args.output, &image.file).with_context(|| args.output.display().to_string())?;
    if let Some(path) = &args.report {
        let json = path.extension().is_some_and(|extension| extension == "json");
        let text = if json { format!("{:#}\n", figures.json()) } else { figures.text() };
        std::fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Budgets are for the other kernel; nobody should believe that they are kept here.
fn note_what_is_ignored(path: &Path, system: &System) {
    let limited =
        system.domains.iter().filter(|domain| domain.budget_us.value < domain.period_us.value).count();
    if limited > 0 {
        eprintln!(
            "{}: note: this kernel has no scheduling contexts: it ignores the budgets of {limited} protection domains \
             (KERNEL=sdk keeps them)",
            path.display()
        );
    }
}

fn check(system: &Path, search: &[PathBuf], platform: &str) -> Result<()> {
    let platform = Platform::named(platform)?;
    let checked = read(system, &platform, (!search.is_empty()).then_some(search))?;
    println!(
        "{}: {} protection domains, {} memory regions, {} channels: no errors",
        system.display(),
        checked.system.domains.len(),
        checked.system.regions.len(),
        checked.system.channels.len()
    );
    Ok(())
}

fn for_board(folder: &Path, system: &Path, output: &Path) -> Result<()> {
    let board = Board::read(folder)?;
    let name = system.display().to_string();
    let source = std::fs::read_to_string(system).with_context(|| name.clone())?;
    let description = match describe(&name, &source, &board) {
        Ok(description) => description,
        Err(findings) => {
            findings.iter().for_each(|finding| eprintln!("{finding}"));
            bail!("{} does not fit {name}; every reason is above", board.path.display());
        }
    };
    write_if_new(output, description.as_bytes())?;
    for (program, driver) in &board.file.drivers {
        println!("{}+{}", program.get_ref(), driver.get_ref());
    }
    Ok(())
}

fn read(path: &Path, platform: &Platform, search: Option<&[PathBuf]>) -> Result<Checked> {
    let source = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let checked = cofferdam_image::read(&path.display().to_string(), &source, platform, search);
    for finding in &checked.findings {
        eprintln!("{finding}");
    }
    if checked.refused {
        bail!("{} was refused; every reason is above", path.display());
    }
    Ok(checked)
}

fn read_elf(what: &str, path: &Path) -> Result<Elf> {
    let context = || format!("{what} {}", path.display());
    let bytes = std::fs::read(path).with_context(context)?;
    Elf::parse(&bytes).with_context(context)
}

fn finish(input: &Path, output: &Path) -> Result<()> {
    let context = || input.display().to_string();
    let mut bytes = std::fs::read(input).with_context(context)?;
    let elf = Elf::parse(&bytes).with_context(context)?;
    program::finish(&elf, &mut bytes).with_context(context)?;
    write_if_new(output, &bytes)
}

/// Written only when it differs, so that a build with nothing to do stays quick.
fn write_if_new(output: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(output).ok().as_deref() != Some(bytes) {
        std::fs::write(output, bytes).with_context(|| output.display().to_string())?;
    }
    Ok(())
}

fn raw(image: &Path, output: &Path, platform: &str) -> Result<()> {
    let elf = read_elf("image", image)?;
    let raw = flatten(&elf, &Platform::named(platform)?).with_context(|| image.display().to_string())?;
    write_if_new(output, &raw.bytes)
}

fn show(image: &Path, json: bool) -> Result<()> {
    let context = || image.display().to_string();
    let bytes = std::fs::read(image).with_context(context)?;
    let inspection = inspect(&bytes).with_context(context)?;
    if json {
        println!("{:#}", inspection.json());
    } else {
        print!("{}", inspection.text());
    }
    Ok(())
}
