// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Programs for WASI as other people write and compile them: C with wasi-libc, Rust with std.
//!
//! `primes` and `dice` know nothing of Cofferdam. All that is asked of them here goes in through the manifest and
//! comes out through `cofferdam ls` and `cofferdam logs`.

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use cofferdam_client::recipe::Recipe;
use cofferdam_management_protocol::Refusal;
use cofferdam_package::manifest::Variable;
use cofferdam_package::sign::{Purpose, sign};
use serde_json::Value;

use super::tests;
use crate::command::Finished;
use crate::context::Context;
use crate::harness::{Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "wasi",
    about: "programs in C and Rust run with arguments, environment, output and exit code",
    system: System::Product,
    tests: tests![
        a_c_program_finds_arguments_and_environment,
        what_is_not_provided_answers_enosys,
        exit_codes_and_the_last_line_without_newline,
        memory_that_is_refused,
        a_rust_program_with_std,
        random_numbers_follow_the_seed,
        a_panic_ends_as_a_trap_with_its_message,
        a_program_disturbs_no_control_loop,
        texts_that_no_manifest_may_hold,
    ],
};

/// What became of a program.
struct Outcome {
    exit_code: i64,
    stdout: Vec<String>,
    stderr: Vec<String>,
}

/// Runs `app` under the name `name` with a changed recipe until it has exited.
fn run(context: &Context<'_>, app: &str, name: &str, change: impl FnOnce(&mut Recipe)) -> Result<Outcome> {
    let pushed = push(context, app, name, change)?;
    ensure!(pushed.status.success(), "not installed: {pushed}");
    context.until_state(name, "exited")?;
    let entry = context.entry(name)?.with_context(|| format!("{name} is gone"))?;
    let exit_code = entry["exit_code"].as_i64().with_context(|| format!("no exit code: {entry}"))?;
    let (stdout, stderr) = logs(context, name)?;
    Ok(Outcome { exit_code, stdout, stderr })
}

fn push(context: &Context<'_>, app: &str, name: &str, change: impl FnOnce(&mut Recipe)) -> Result<Finished> {
    let package = context.package(app, &format!("{name}.cdam"), |recipe| {
        recipe.name = name.to_owned();
        change(recipe);
    })?;
    context.cofferdam(&["push", &package])
}

/// Lines of standard output, which are information, and of standard error, which are warnings.
fn logs(context: &Context<'_>, name: &str) -> Result<(Vec<String>, Vec<String>)> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    for line in context.done(&["logs", name, "--json"])?.lines() {
        let line: Value = serde_json::from_str(line)?;
        if line["end"].is_string() {
            continue;
        }
        let text = line["text"].as_str().unwrap_or_default().to_owned();
        match line["level"].as_str() {
            Some("info") => stdout.push(text),
            Some("warning") => stderr.push(text),
            other => bail!("a line of level {other:?}: {text}"),
        }
    }
    Ok((stdout, stderr))
}

fn a_c_program_finds_arguments_and_environment(context: &mut Context<'_>) -> Result<()> {
    let Outcome { exit_code, stdout, stderr } = run(context, "primes", "primes", |_| {})?;
    ensure!(exit_code == 0, "exit code {exit_code}: {stderr:?}");
    let [line] = &stdout[..] else { bail!("not one line: {stdout:?}") };
    ensure!(line.starts_with("1229 primes below 10000, counted in "), "{line}");
    ensure!(stderr.starts_with(&["1 of 2: 669 primes".into(), "2 of 2: 1229 primes".into()]), "{stderr:?}");
    // For people: the code in the list, and which lines went to standard error.
    let list = context.done(&["ls"])?;
    ensure!(list.contains("ended with exit code 0"), "{list}");
    let words = context.done(&["logs", "primes"])?;
    ensure!(words.contains("warning: 1 of 2") && !words.contains("warning: 1229"), "{words}");
    ensure!(words.ends_with("-- ended with exit code 0\n"), "{words}");
    // The same without a variable, and with other arguments.
    let other = run(context, "primes", "quiet", |recipe| {
        recipe.arguments = vec!["100".into()];
        recipe.environment.clear();
    })?;
    ensure!(other.exit_code == 0, "exit code {}", other.exit_code);
    ensure!(other.stdout.iter().any(|line| line.starts_with("25 primes below 100,")), "{:?}", other.stdout);
    ensure!(!other.stderr.iter().any(|line| line.contains(" of ")), "{:?}", other.stderr);
    Ok(())
}

/// `primes` calls `fsync`, which no subset of ours has; wasi-libc puts the number into words.
fn what_is_not_provided_answers_enosys(context: &mut Context<'_>) -> Result<()> {
    let outcome = run(context, "primes", "syncing", |_| {})?;
    let told = outcome.stderr.iter().find(|line| line.starts_with("standard output cannot be synchronised"));
    let told = told.with_context(|| format!("it was synchronised: {:?}", outcome.stderr))?;
    ensure!(told.ends_with("Function not implemented"), "another reason: {told}");
    ensure!(outcome.exit_code == 0, "it did not go on: exit code {}", outcome.exit_code);
    Ok(())
}

fn exit_codes_and_the_last_line_without_newline(context: &mut Context<'_>) -> Result<()> {
    let wrong =
        run(context, "primes", "wrong", |recipe| recipe.arguments = vec!["10000".into(), "1000".into()])?;
    ensure!(wrong.exit_code == 1, "exit code {}", wrong.exit_code);
    ensure!(wrong.stderr.last().is_some_and(|line| line == "expected 1000"), "{:?}", wrong.stderr);
    let list = context.done(&["ls"])?;
    ensure!(list.contains("ended with exit code 1"), "{list}");
    context.expect("app wrong exited with code 1")?;
    // A program's name is that of its component.
    let usage = run(context, "primes", "without", |recipe| recipe.arguments.clear())?;
    ensure!(usage.exit_code == 2, "exit code {}", usage.exit_code);
    ensure!(usage.stderr == ["usage: without LIMIT [EXPECTED]"], "{:?}", usage.stderr);
    Ok(())
}

fn memory_that_is_refused(context: &mut Context<'_>) -> Result<()> {
    let outcome = run(context, "primes", "hungry", |recipe| recipe.arguments = vec!["100000000".into()])?;
    ensure!(outcome.exit_code == 3, "exit code {}", outcome.exit_code);
    ensure!(
        outcome.stderr == ["no memory for numbers below 100000000: Out of memory"],
        "{:?}",
        outcome.stderr
    );
    Ok(())
}

/// Sum of the counts that `dice` printed, and its lines.
fn throws(outcome: &Outcome) -> Result<u32> {
    ensure!(outcome.exit_code == 0, "exit code {}: {:?}", outcome.exit_code, outcome.stderr);
    let count = |line: &String| -> Result<u32> {
        let count = line.split(" came ").nth(1).and_then(|rest| rest.strip_suffix(" times"));
        Ok(count.with_context(|| format!("unexpected: {line}"))?.parse()?)
    };
    outcome.stdout.iter().map(count).sum()
}

fn a_rust_program_with_std(context: &mut Context<'_>) -> Result<()> {
    let outcome = run(context, "dice", "dice", |_| {})?;
    ensure!(throws(&outcome)? == 600 && outcome.stdout.len() == 6, "{:?}", outcome.stdout);
    // It slept by its clock for as long as its environment says.
    let slept = outcome.stderr.iter().find_map(|line| {
        line.strip_prefix("done after ").and_then(|rest| rest.strip_suffix(" ms")).map(str::parse::<u64>)
    });
    let slept = slept.ok_or_else(|| anyhow!("no time: {:?}", outcome.stderr))??;
    ensure!(slept >= 20, "it slept {slept} ms, not 20");
    let bad = run(context, "dice", "bad-dice", |recipe| recipe.arguments = vec!["many".into()])?;
    ensure!(bad.exit_code == 2, "exit code {}", bad.exit_code);
    ensure!(bad.stderr == ["THROWS is 'many': invalid digit found in string"], "{:?}", bad.stderr);
    Ok(())
}

fn random_numbers_follow_the_seed(context: &mut Context<'_>) -> Result<()> {
    let mut lines = Vec::new();
    for (name, seed) in [("seven", 7), ("seven-again", 7), ("eight", 8)] {
        let outcome = run(context, "dice", name, |recipe| recipe.limits.random_seed = Some(seed))?;
        ensure!(throws(&outcome)? == 600, "{:?}", outcome.stdout);
        lines.push(outcome.stdout);
    }
    ensure!(lines[0] == lines[1], "one seed, two runs: {lines:?}");
    ensure!(lines[0] != lines[2], "another seed, the same run: {lines:?}");
    Ok(())
}

fn a_panic_ends_as_a_trap_with_its_message(context: &mut Context<'_>) -> Result<()> {
    context.announce("panicked at apps/dice/src/main.rs");
    // Whether pushing still sees it run does not matter here.
    push(context, "dice", "no-sides", |recipe| {
        recipe.environment.insert("DICE_SIDES".into(), "0".into());
    })?;
    context.until_state("no-sides", "failed")?;
    let entry = context.entry("no-sides")?.context("it is gone")?;
    ensure!(entry["reason"].as_str().is_some_and(|reason| reason.contains("unreachable")), "{entry}");
    ensure!(entry["exit_code"].is_null(), "it exited: {entry}");
    let (_, stderr) = logs(context, "no-sides")?;
    ensure!(stderr.iter().any(|line| line.contains("divisor of zero")), "{stderr:?}");
    Ok(())
}

fn a_program_disturbs_no_control_loop(context: &mut Context<'_>) -> Result<()> {
    context.push("downhill", "neighbour")?;
    let before = context.until_activated("neighbour", 1)?;
    // More work than fits into one slice of fuel.
    let work =
        run(context, "primes", "work", |recipe| recipe.arguments = vec!["300000".into(), "25997".into()])?;
    ensure!(work.exit_code == 0, "exit code {}: {:?}", work.exit_code, work.stderr);
    ensure!(context.figure("work", "activations")? > 1, "it was done in one slice");
    ensure!(context.figure("neighbour", "activations")? > before, "the neighbour stood still");
    ensure!(context.state("neighbour")? == "running", "the neighbour was disturbed");
    Ok(())
}

/// Signed by a trusted key, but made by other tools than ours: the device looks by itself.
fn texts_that_no_manifest_may_hold(context: &mut Context<'_>) -> Result<()> {
    let (recipe, module) = context.settings.app("primes")?;
    let variable = |name: &str| Variable { name: name.to_owned(), value: "1".to_owned() };
    let arguments = [vec!["x".repeat(2000)], vec![String::new(); 33], vec!["a\0b".to_owned()]].map(Some);
    let environments = [vec![variable("TWO WORDS")], vec![variable("A"), variable("A")]].map(Some);
    let bad = arguments
        .into_iter()
        .map(|arguments| (arguments, None))
        .chain(environments.into_iter().map(|environment| (None, environment)));
    for (number, (arguments, environment)) in bad.enumerate() {
        let mut manifest = recipe.manifest(&module)?;
        manifest.app.arguments = arguments;
        manifest.app.environment = environment;
        let signed = sign(Purpose::Package, manifest.encode(), &context.settings.key);
        let mut package = vec![0x82];
        for part in [&signed, &module] {
            let length = u16::try_from(part.len()).context("a part is too long for this test")?;
            package.push(0x59);
            package.extend(length.to_be_bytes());
            package.extend(part);
        }
        let file = context.file(&format!("bad-{number}.cdam"), &package)?;
        context.refused(&["push", &file], Refusal::BadManifest.text())?;
    }
    ensure!(context.entry("primes")?.is_none(), "it was installed");
    Ok(())
}
