// SPDX-License-Identifier: Apache-2.0 OR MIT
//! End-to-end tests in QEMU, and measurements, through the host tool.
//!
//! Ends with `e2e: N passed, N failed, N skipped`; the exit status is 0 only if none failed. What a user would
//! do goes through the real `cofferdam` program; what an attacker would do through the client library.
#![forbid(unsafe_code)]

mod bench;
mod beside;
mod command;
mod context;
mod demo;
mod harness;
mod loops;
mod peers;
mod plant;
mod suites;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};
use cofferdam_client::keys;
use cofferdam_qemu::{KernelKind, board_qemu};

use crate::context::Settings;
use crate::harness::{Suite, Totals, run_suite, skip_suite};

/// The configuration whose kernel prints.
const DEBUG_CONFIG: &str = "debug";

/// Runs Cofferdam's end-to-end tests in QEMU.
#[derive(Parser)]
#[command(name = "cofferdam-e2e", args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Which suites, or `all`
    #[arg(long = "suite", value_name = "NAME", default_value = "all")]
    suites: Vec<String>,
    /// Run nothing: count every chosen test as skipped, by name, for this reason
    #[arg(long, value_name = "REASON")]
    skip: Option<String>,
    /// List suites and tests, and end
    #[arg(long)]
    list: bool,
    /// Only tests whose SUITE/TEST contains one of these
    filters: Vec<String>,
    /// Where things lie.
    #[command(flatten)]
    places: Places,
    /// Something else than tests
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Args)]
struct Places {
    /// What was built; the defaults of the other options lie there
    #[arg(long, global = true, env = "COFFERDAM_BUILD", default_value = "build", value_name = "FOLDER")]
    build: PathBuf,
    /// Which kernel the images hold
    #[arg(long, global = true, env = "COFFERDAM_KERNEL", value_enum, default_value_t)]
    kernel: KernelKind,
    /// How that kernel was configured: release, debug or benchmark
    #[arg(long, global = true, env = "COFFERDAM_CONFIG", default_value = "release", value_name = "NAME")]
    config: String,
    /// The image [default: BUILD/image/cofferdam.elf, or BUILD/image/sdk/cofferdam.img]
    #[arg(long, global = true, value_name = "FILE")]
    image: Option<PathBuf>,
    /// The host tool [default: BUILD/cofferdam]
    #[arg(long, global = true, value_name = "FILE")]
    cofferdam: Option<PathBuf>,
    /// Modules of apps [default: BUILD/apps]
    #[arg(long, global = true, value_name = "FOLDER")]
    apps: Option<PathBuf>,
    /// Sources of apps, with their cofferdam.toml
    #[arg(long, global = true, default_value = "apps", value_name = "FOLDER")]
    recipes: PathBuf,
    /// The key that the image trusts
    #[arg(long, global = true, default_value = "keys/development.key", value_name = "FILE")]
    key: PathBuf,
}

impl Places {
    /// One for each kernel, so that both stand beside each other.
    fn bench_file(&self, kernel: KernelKind) -> PathBuf {
        self.build.join(match kernel {
            KernelKind::Crates => "bench.json",
            KernelKind::Sdk => "bench-sdk.json",
        })
    }
}

#[derive(Subcommand)]
enum Command {
    /// Measure, print a table and write BUILD/bench.json (bench-sdk.json)
    Bench(bench::Arguments),
    /// Fly or brake, check the bounds, and draw it into BUILD/report
    Demo(demo::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        Some(Command::Bench(options)) => settings(&arguments.places).and_then(|settings| {
            let places = &arguments.places;
            let files =
                [places.kernel, KernelKind::Crates, KernelKind::Sdk].map(|kernel| places.bench_file(kernel));
            bench::run(&settings, options, files.each_ref().map(PathBuf::as_path))
        }),
        Some(Command::Demo(options)) => settings(&arguments.places)
            .and_then(|settings| demo::run(&settings, options, &arguments.places.build.join("report"))),
        None => test(&arguments),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("e2e: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all went well.
fn test(arguments: &Arguments) -> Result<bool> {
    let suites = chosen(&arguments.suites)?;
    if arguments.list {
        for suite in suites {
            println!("{}: {}", suite.name, suite.about);
            for test in suite.tests {
                println!("  {}/{}", suite.name, test.name);
            }
        }
        return Ok(true);
    }
    let mut totals = Totals::default();
    if let Some(reason) = &arguments.skip {
        suites.into_iter().for_each(|suite| skip_suite(suite, &arguments.filters, reason, &mut totals));
        println!("{totals}");
        return Ok(true);
    }
    let settings = settings(&arguments.places)?;
    for suite in suites {
        let folder = settings.output.join(suite.name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        run_suite(suite, &arguments.filters, &settings, &mut totals);
    }
    println!("{totals}");
    if totals == Totals::default() {
        bail!("no test has this name (--list shows all)");
    }
    Ok(totals.failed == 0)
}

fn chosen(names: &[String]) -> Result<Vec<&'static Suite>> {
    if names.iter().any(|name| name == "all") {
        return Ok(suites::ALL.iter().collect());
    }
    let mut found = Vec::new();
    for name in names {
        // A name stands for every suite that begins with it and a hyphen, too: `boards` for all boards.
        let group = format!("{name}-");
        let before = found.len();
        found.extend(suites::ALL.iter().filter(|suite| suite.name == name || suite.name.starts_with(&group)));
        if found.len() == before {
            let known: Vec<&str> = suites::ALL.iter().map(|suite| suite.name).collect();
            bail!("no suite '{name}'; there are: all, {}", known.join(", "));
        }
    }
    Ok(found)
}

fn settings(places: &Places) -> Result<Settings> {
    let build = &places.build;
    let or = |path: &Option<PathBuf>, default: &str| path.clone().unwrap_or_else(|| build.join(default));
    let settings = Settings {
        image: places.image.clone().unwrap_or_else(|| build.join(places.kernel.image_path("cofferdam"))),
        kernel: places.kernel,
        kernel_prints: places.config == DEBUG_CONFIG,
        // A program without a slash in its name would be looked for on PATH.
        cofferdam: absolute(&or(&places.cofferdam, "cofferdam"))?,
        key: keys::load(&places.key).context("the key that the image trusts (make image makes it)")?,
        key_path: absolute(&places.key)?,
        modules: or(&places.apps, "apps"),
        recipes: places.recipes.clone(),
        programs: build.join("protection-domains").join(match places.kernel {
            KernelKind::Crates => places.config.clone(),
            KernelKind::Sdk => format!("sdk-{}", places.config),
        }),
        output: build.join(match places.kernel {
            KernelKind::Crates => "e2e",
            KernelKind::Sdk => "e2e-sdk",
        }),
        board_qemu: board_qemu(build),
        build: build.clone(),
    };
    Ok(settings)
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::collections::BTreeSet;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn suites_and_tests_have_names_of_their_own() {
        let names: BTreeSet<_> = suites::ALL.iter().map(|suite| suite.name).collect();
        assert_eq!(names.len(), suites::ALL.len());
        for suite in suites::ALL {
            let tests: BTreeSet<_> = suite.tests.iter().map(|test| test.name).collect();
            assert_eq!(tests.len(), suite.tests.len(), "{}", suite.name);
        }
    }

    #[test]
    fn a_beginning_stands_for_all_that_have_it() {
        let names = |wanted: &str| -> Vec<&str> {
            chosen(&[wanted.to_owned()]).unwrap().iter().map(|suite| suite.name).collect()
        };
        assert!(names("boards").iter().all(|name| name.starts_with("boards-")));
        assert_eq!(names("apps"), ["apps"]);
    }

    #[test]
    fn an_unknown_suite_is_named() {
        let error = chosen(&["nonsense".to_owned()]).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("nonsense"));
    }
}
