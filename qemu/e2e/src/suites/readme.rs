// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the READMEs show is done: every command in them, in their order, with the output that they promise.
//!
//! A command of a kind that has no place here fails the suite, so that none is left out silently. Those that
//! cannot run inside of `make test` are named with their reason, and CI must run them: see [`BY_CI`].

mod markdown;
mod newcomer;
mod promise;
mod terminal;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use cofferdam_qemu::{Console, KernelKind};

use self::markdown::{Document, Shown};
use self::newcomer::{Newcomer, root};
use self::promise::Transcript;
use self::terminal::Terminal;
use super::tests;
use crate::beside::Beside;
use crate::context::{Context, STEP_LIMIT};
use crate::harness::{Skip, Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "readme",
    about: "every command in the READMEs works and prints what they promise",
    system: System::Product,
    tests: tests![
        every_command_has_its_place,
        the_top_readme,
        of_the_agent,
        of_the_apps,
        of_mavlink,
        in_a_folder_of_its_own
    ],
};

/// The top README, whose device is the one that its own `make run` starts.
const TOP: &str = "README.md";
const AGENT: &str = "agent/README.md";
const APPS: &str = "apps/README.md";
const MAVLINK: &str = "docs/mavlink.md";
/// What CI runs.
const CI: &str = ".ci/run";

/// Commands that this suite leaves to CI, each with the reason. CI must have it as a line of its own.
const BY_CI: &[(&str, &str)] = &[
    ("make test", "this suite is a part of it"),
    ("make bench", "it takes minutes, and neighbours would disturb its figures"),
    ("make smoke", "it is `make run` without a terminal; .ci/run has it before the tests"),
    ("make flight", "it draws into build/report, beside the suite `flight`"),
    ("make brake", "it draws into build/report, beside the suite `brake`"),
];

/// How the other kernel is chosen.
const SDK_KERNEL: &str = "KERNEL=sdk";
/// How it is found; the same name is in the environment of whoever has it.
const SDK_PATH: &str = "MICROKIT_SDK=";

/// Where make looks for the path of the device's disk.
const DISK: &str = "DISK";

/// From `make run` on a warm build to its invitation to another terminal, on a busy machine.
const RUN_LIMIT: Duration = Duration::from_secs(300);
/// On either side of the command for another terminal in what `make run` prints.
const ELSEWHERE: [&str; 2] = ["-- in another terminal: ", "(Ctrl-C"];
/// On either side of the address in what `make run` prints.
const REACHED: [&str; 2] = ["-- the device is reached at ", ";"];
/// The same for where a simulator is attached.
const ATTACHED: [&str; 2] = ["can be attached at ", " ("];
/// What runs beside the commands behind it.
const BESIDE: &str = " &";
/// For what runs beside to end: flights, on a busy host.
const BESIDE_LIMIT: Duration = Duration::from_secs(400);
/// The last word of `make run`.
const FAREWELL: &str = "-- ended";

/// How a command is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// On a terminal, until the end of the README and Ctrl-C.
    Terminal,
    /// The same with the SDK's kernel and an example of a path: with the SDK that the environment names, until the
    /// device was reached; without one, as it stands, for it has to say what is missing.
    Sdk,
    /// In the real clone.
    Real,
    /// In the clone of links.
    Clone,
    /// The same for what shows how things stand: again and again, until they stand as promised.
    Look,
    /// The same for what never ends: until the promised output has come.
    Follow,
    /// In the clone of links, beside the commands behind it.
    Beside,
    /// Until all of those have ended, well; their output comes here.
    Wait,
    /// Sets a variable for those that come behind it.
    Export,
    /// By CI.
    Ci,
}

fn place(shown: &Shown) -> Result<Place> {
    let words: Vec<&str> = shown.command.split_whitespace().collect();
    Ok(match words[..] {
        ["make", "run", SDK_KERNEL, sdk] if sdk.starts_with(SDK_PATH) => Place::Sdk,
        ["make", "run", ..] => Place::Terminal,
        ["make", "help" | "mavlink"] => Place::Real,
        ["make", ..] if BY_CI.iter().any(|(command, _)| *command == shown.command) => Place::Ci,
        ["build/cofferdam", "logs", ..] if words.contains(&"--follow") => Place::Follow,
        ["build/cofferdam", "ls" | "logs" | "stats", ..] => Place::Look,
        ["build/cofferdam-mavlink", .., "&"] => Place::Beside,
        ["wait"] => Place::Wait,
        ["build/cofferdam" | "toolchain/cargo" | "source", ..] => Place::Clone,
        ["export", ..] => Place::Export,
        _ => bail!("{}: no test has a place for `{}`", shown.place, shown.command),
    })
}

fn read(name: &str) -> Result<Document> {
    let text = fs::read_to_string(root()?.join(name)).with_context(|| format!("cannot read {name}"))?;
    Document::parse(name, &text)
}

/// Those in prose count like those in blocks, but for being run behind them.
fn every_command_has_its_place(context: &mut Context<'_>) -> Result<()> {
    let ci = fs::read_to_string(root()?.join(CI)).with_context(|| format!("cannot read {CI}"))?;
    let mut shown = Vec::new();
    for name in [TOP, AGENT, APPS, MAVLINK] {
        let document = read(name)?;
        let commands = document.commands()?;
        ensure!(!commands.is_empty(), "{name} shows no command");
        shown.extend(commands);
        shown.extend(document.named("make"));
        for named in document.named("cofferdam") {
            let word = named.command.split_whitespace().nth(1).unwrap_or_default();
            let known = context.cofferdam(&[word, "--help"])?.status.success();
            ensure!(known, "{}: there is no `cofferdam {word}`", named.place);
        }
    }
    for shown in &shown {
        place(shown)?;
    }
    for (command, reason) in BY_CI {
        ensure!(shown.iter().any(|shown| shown.command == *command), "no README shows `{command}` any more");
        ensure!(
            ci.lines().any(|line| line.trim() == *command),
            "`{command}` is left to CI ({reason}), but {CI} does not run it"
        );
    }
    Ok(())
}

/// A [`Skip`] unless `make` without variables, as `document` shows it, builds what this run has built.
fn is_about_this_kernel(document: &str, context: &Context<'_>) -> Result<()> {
    if context.settings.kernel != KernelKind::default() || context.settings.kernel_prints {
        return Err(Skip(format!("{document} is about the default kernel")).into());
    }
    Ok(())
}

fn the_top_readme(context: &mut Context<'_>) -> Result<()> {
    is_about_this_kernel(TOP, context)?;
    let document = read(TOP)?;
    let newcomer = follow(&document, "clone", context)?;
    // What prose names is run by itself, unless a block has it or prose has named it before.
    let mut done: BTreeSet<String> = document.commands()?.into_iter().map(|shown| shown.command).collect();
    for shown in document.named("make") {
        if !done.insert(shown.command.clone()) {
            continue;
        }
        match place(&shown)? {
            Place::Terminal => {
                let terminal = open(&newcomer, &shown, context)?;
                terminal.wait(ELSEWHERE[0], RUN_LIMIT)?;
                terminal.interrupt(FAREWELL)?;
            }
            Place::Real => {
                newcomer.run(&shown, &newcomer.root)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn of_the_agent(context: &mut Context<'_>) -> Result<()> {
    follow(&read(AGENT)?, "agent-clone", context).map(|_| ())
}

fn of_the_apps(context: &mut Context<'_>) -> Result<()> {
    follow(&read(APPS)?, "apps-clone", context).map(|_| ())
}

fn of_mavlink(context: &mut Context<'_>) -> Result<()> {
    is_about_this_kernel(MAVLINK, context)?;
    follow(&read(MAVLINK)?, "mavlink-clone", context).map(|_| ())
}

/// Does what `document` shows, in its order.
fn follow(document: &Document, clone: &str, context: &Context<'_>) -> Result<Newcomer> {
    let mut newcomer = Newcomer::new(clone, context)?;
    let mut terminal: Option<Terminal> = None;
    let (mut beside, mut plant) = (Vec::new(), String::new());
    let mut address = context.address()?;
    for shown in document.commands()? {
        match place(&shown)? {
            Place::Terminal => {
                if let Some(terminal) = terminal.take() {
                    terminal.interrupt(FAREWELL)?;
                }
                let opened = open(&newcomer, &shown, context)?;
                opened.wait(ELSEWHERE[0], RUN_LIMIT)?;
                opened.show(Transcript::new(&shown.output)).with_context(|| shown.place.clone())?;
                address = opened.between(REACHED[0], REACHED[1])?;
                plant = opened.between(ATTACHED[0], ATTACHED[1]).unwrap_or_default();
                let command = opened.between(ELSEWHERE[0], ELSEWHERE[1])?;
                let done = newcomer.shell(&command, &newcomer.clone)?;
                ensure!(done.status.success(), "{}: what it says for another terminal: {done}", shown.place);
                terminal = Some(opened);
            }
            Place::Sdk => other_kernel(&newcomer, &shown, context)?,
            Place::Real => {
                newcomer.run(&shown, &newcomer.root)?;
            }
            Place::Clone => {
                newcomer.run(&shown, &newcomer.clone)?;
            }
            Place::Look => {
                let look = || Ok(newcomer.run(&shown, &newcomer.clone).ok());
                // The last look tells what is wrong.
                if context.until("as promised", look).is_err() {
                    newcomer.run(&shown, &newcomer.clone)?;
                }
            }
            Place::Follow => endless(&newcomer, &shown)?,
            Place::Beside => beside.push(aside(&newcomer, &shown)?),
            Place::Wait => {
                let ended = beside.drain(..).map(|one| one.finish(0, BESIDE_LIMIT));
                let said = ended.collect::<Result<Vec<_>>>().with_context(|| shown.place.clone())?;
                let mut transcript = Transcript::new(&shown.output);
                let all = said.iter().flat_map(|said| said.lines()).any(|line| transcript.hear(line));
                ensure!(all, "{}: missing is:{} in {said:?}", shown.place, transcript.missing());
            }
            Place::Export => {
                let assignment = shown.command.split_whitespace().nth(1).unwrap_or_default();
                newcomer.export(assignment, &address, &plant).with_context(|| shown.place.clone())?;
            }
            Place::Ci => {}
        }
    }
    ensure!(beside.is_empty(), "what runs beside is not waited for");
    if let Some(terminal) = terminal {
        terminal.interrupt(FAREWELL)?;
    }
    Ok(newcomer)
}

fn open(newcomer: &Newcomer, shown: &Shown, context: &Context<'_>) -> Result<Terminal> {
    let name = shown.command.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let folder = std::path::absolute(context.settings.output.join("readme"))?;
    let log = folder.join(format!("{name}.log"));
    // A newcomer's disk is blank, and the one of whoever runs this is not to be touched.
    let disk = log.with_extension("img");
    let prepare = |command: &mut Command| {
        newcomer.prepare(command, &newcomer.root);
        command.env(DISK, &disk);
    };
    Terminal::start(&shown.command, &log, prepare).with_context(|| shown.place.clone())
}

/// A command that goes on beside those behind it. It has said its first line when this returns.
fn aside(newcomer: &Newcomer, shown: &Shown) -> Result<Beside> {
    let mut command = Command::new("bash");
    // It replaces the shell, so that ending it ends all of it.
    let line = shown.command.trim_end_matches(BESIDE);
    command.args(["--norc", "-c"]).arg(format!("exec 2>&1; exec {line}"));
    newcomer.prepare(&mut command, &newcomer.clone);
    let beside = Beside::start(command)?;
    beside.expect("", STEP_LIMIT).with_context(|| shown.place.clone())?;
    Ok(beside)
}

fn other_kernel(newcomer: &Newcomer, shown: &Shown, context: &Context<'_>) -> Result<()> {
    let variable = SDK_PATH.trim_end_matches('=');
    if let Ok(sdk) = std::env::var(variable)
        && !sdk.is_empty()
    {
        let command = format!("make run {SDK_KERNEL} {SDK_PATH}{sdk}");
        let terminal = open(newcomer, &Shown { command, ..shown.clone() }, context)?;
        terminal.wait(ELSEWHERE[0], RUN_LIMIT)?;
        return terminal.interrupt(FAREWELL);
    }
    let refused = newcomer.shell(&shown.command, &newcomer.root)?;
    let says = !refused.status.success() && refused.stdout.contains(variable);
    ensure!(says, "{}: without an SDK it should say what is missing: {refused}", shown.place);
    Ok(())
}

/// A command that goes on for ever: it must print what is promised before it is ended.
fn endless(newcomer: &Newcomer, shown: &Shown) -> Result<()> {
    ensure!(!shown.output.is_empty(), "{}: `{}` never ends and promises nothing", shown.place, shown.command);
    let mut command = Command::new("bash");
    // It replaces the shell, so that ending it ends all of it.
    command.args(["--norc", "-c"]).arg(format!("exec {}", shown.command));
    newcomer.prepare(&mut command, &newcomer.clone);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or_else(|| anyhow!("no pipe"))?;
    let mut transcript = Transcript::new(&shown.output);
    let seen =
        Console::read(output, Instant::now(), None)?
            .wait_for(0, Instant::now() + STEP_LIMIT, |line| transcript.hear(&line.text).then_some(()));
    child.kill().with_context(|| format!("{}: it ended by itself", shown.place))?;
    child.wait()?;
    seen.map(|_| ()).with_context(|| format!("{}: missing is:{}", shown.place, transcript.missing()))
}

/// What `cofferdam new` says to type is typed, for an app in a repository of its own.
fn in_a_folder_of_its_own(context: &mut Context<'_>) -> Result<()> {
    let folder = tempfile::tempdir().context("a folder outside of the clone")?;
    let mut newcomer = Newcomer::new("unused-clone", context)?;
    newcomer.device = Some(context.address()?);
    let run = |line: &str| {
        let finished = newcomer.shell(line, folder.path())?;
        ensure!(finished.status.success(), "should have succeeded: {finished}");
        ensure!(!finished.stdout.contains("warning"), "it warns: {finished}");
        Ok(finished.stdout)
    };
    let cofferdam = context.settings.cofferdam.display();
    let key = context.settings.key_path.display();
    for shape in ["reactor", "command"] {
        let name = format!("my-{shape}");
        let said = run(&format!(
            "'{cofferdam}' new {name} --shape {shape} --cofferdam '{}'",
            newcomer.root.display()
        ))?;
        for step in ["test", "build", "pack"] {
            let said = said.lines().find_map(|line| line.trim().strip_prefix(step));
            run(said.with_context(|| format!("`cofferdam new` does not say how to {step}"))?)?;
        }
        let position = context.position();
        run(&format!("'{cofferdam}' sign {name}.cdam --key '{key}'"))?;
        run(&format!("'{cofferdam}' push {name}.cdam --key '{key}'"))?;
        let line = context.expect_from(position, &format!("/{name}: "))?;
        ensure!(!line.text.contains("warning"), "it complains: {line}");
        let state = if shape == "reactor" { "running" } else { "exited" };
        context.until_state(&name, state)?;
    }
    Ok(())
}
