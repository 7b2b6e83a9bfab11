// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The `cofferdam` program as somebody calls it.

use std::path::Path;
use std::process::{Command, Output};

/// Runs it in `folder`, with nothing set in the environment that it would look at.
pub fn cofferdam(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cofferdam"))
        .current_dir(folder)
        .env_remove("COFFERDAM_KEY")
        .env_remove("COFFERDAM_DEVICE")
        .args(arguments)
        .output()
        .unwrap()
}

/// What it printed, having succeeded.
pub fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What it complained of, having ended with `status`.
pub fn stderr(output: &Output, status: i32) -> String {
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}
