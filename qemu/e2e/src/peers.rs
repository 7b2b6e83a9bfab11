// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Implementations that are not ours, in Python, as `toolchain/pypi.sh` installs them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::context::Context;
use crate::harness::Skip;

/// The Python that has the peer `name`.
///
/// # Errors
/// [`Skip`] if PyPI could not be reached.
pub fn python(context: &Context<'_>, name: &str) -> Result<PathBuf> {
    let build = &context.settings.build;
    if let Ok(why) = fs::read_to_string(build.join(format!("{name}-unreachable"))) {
        return Err(Skip(why.trim().to_owned()).into());
    }
    let python = build.join(name).join("bin/python");
    ensure!(python.exists(), "{} is not there (toolchain/pypi.sh {name} installs it)", python.display());
    Ok(python)
}
