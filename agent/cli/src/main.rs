// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The `cofferdam` command.
//!
//! Results go to standard output, everything else to standard error. With `--json`, standard output holds
//! JSON values only, one a line, and an error is one, too.
#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod failure;
mod output;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.global.json;
    match commands::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error, json),
    }
}
