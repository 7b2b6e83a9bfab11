// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Suites, tests, and their results.
//!
//! A test passes only on what it saw. Whatever it asserts, it also fails when the device prints a line with
//! `panic` or `faulted` that the test did not announce. Tests of a suite share a booted device; a test that
//! fails takes its device along, so that the next one starts on a fresh one.

use std::fmt;
use std::time::Instant;

use anyhow::Result;
use cofferdam_qemu::{Board, KernelKind};

use crate::context::{Context, Settings};

/// One test.
#[derive(Clone, Copy)]
pub struct Test {
    /// Unique in its suite.
    pub name: &'static str,
    /// What it does.
    pub run: fn(&mut Context<'_>) -> Result<()>,
}

/// Which machine a suite runs on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// The product, up to the line `device ready`.
    Product,
    /// The product, where virtual time follows executed instructions: a busy host cannot make a tick late.
    ProductByInstructions,
    /// The same, on a machine to which a simulator of the vehicle can be attached, and QEMU's debugger at [`Context::debugger`].
    ProductWithPlant,
    /// A machine for a simulator whose time is the host's.
    ProductWithPlantInRealTime,
    /// A variant of the product, by the image's name, on a machine by instructions.
    VariantByInstructions(&'static str),
    /// The product with a disk of its own, blank at first.
    ProductWithDisk,
    /// The same, by instructions, and with such a debugger.
    ProductUnderAttack,
    /// A variant of the product, by the image's name, with such a disk, where time follows instructions.
    VariantWithDisk(&'static str),
    /// A board, with the image that `make boards` builds for it, on a QEMU that has it.
    Board(Board),
    /// A test system of `qemu/systems` without management.
    Special(&'static str),
    /// The same, for the kernel with budgets alone, and where virtual time follows executed instructions.
    Budgets(&'static str),
}

/// Tests that share a device.
pub struct Suite {
    /// For `--suite`.
    pub name: &'static str,
    /// For `--list`.
    pub about: &'static str,
    /// Its machine.
    pub system: System,
    /// In this order.
    pub tests: &'static [Test],
}

/// An error that means: not tested here.
#[derive(Debug)]
pub struct Skip(pub String);

impl fmt::Display for Skip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

/// How many of each.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Seen to work.
    pub passed: usize,
    /// Not seen to work.
    pub failed: usize,
    /// Not tried.
    pub skipped: usize,
}

impl fmt::Display for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(formatter, "e2e: {passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// Runs the tests of `suite` whose `suite/test` name contains one of `filters`.
pub fn run_suite(suite: &Suite, filters: &[String], settings: &Settings, totals: &mut Totals) {
    if matches!(suite.system, System::Budgets(_)) && settings.kernel != KernelKind::Sdk {
        return skip_suite(suite, filters, "this kernel has no budgets; KERNEL=sdk has", totals);
    }
    if let System::Board(board) = suite.system
        && let Some(reason) = settings.lacks(board)
    {
        return skip_suite(suite, filters, &reason, totals);
    }
    let mut device: Option<Context<'_>> = None;
    for test in suite.tests {
        let name = format!("{}/{}", suite.name, test.name);
        if !selected(&name, filters) {
            continue;
        }
        let begun = Instant::now();
        let outcome = run_test(suite, test, settings, &mut device);
        let seconds = begun.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => {
                totals.passed += 1;
                println!("ok    {name} ({seconds:.1} s)");
            }
            Err(error) if error.is::<Skip>() => {
                totals.skipped += 1;
                println!("skip  {name}: {error}");
            }
            Err(error) => {
                totals.failed += 1;
                println!("FAIL  {name} ({seconds:.1} s)");
                println!("{}", indent(&format!("{error:#}")));
                if let Some(context) = device.take() {
                    println!("{}", indent("the console since the test began, last lines:"));
                    for line in context.tail() {
                        println!("        {line}");
                    }
                    println!("{}", indent(&format!("all of it: {}", context.console_log().display())));
                }
            }
        }
    }
}

/// Counts the same tests as skipped.
pub fn skip_suite(suite: &Suite, filters: &[String], reason: &str, totals: &mut Totals) {
    let names = suite.tests.iter().map(|test| format!("{}/{}", suite.name, test.name));
    for name in names.filter(|name| selected(name, filters)) {
        totals.skipped += 1;
        println!("skip  {name}: {reason}");
    }
}

fn run_test<'a>(
    suite: &Suite,
    test: &Test,
    settings: &'a Settings,
    device: &mut Option<Context<'a>>,
) -> Result<()> {
    let context = match device {
        Some(context) => context,
        None => device.insert(Context::boot(suite, settings)?),
    };
    context.begin(test.name)?;
    (test.run)(context)?;
    context.finish()
}

/// Whether any filter is part of `name`; without filters all are.
fn selected(name: &str, filters: &[String]) -> bool {
    filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_parts_of_names() {
        assert!(selected("apps/push", &[]));
        assert!(selected("apps/push", &["push".to_owned()]));
        assert!(!selected("apps/push", &["busy".to_owned()]));
    }

    #[test]
    fn the_last_line_has_its_fixed_form() {
        let totals = Totals { passed: 3, failed: 1, skipped: 0 };
        assert_eq!(totals.to_string(), "e2e: 3 passed, 1 failed, 0 skipped");
    }
}
