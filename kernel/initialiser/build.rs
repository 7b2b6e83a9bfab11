// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Hands the platform's facts to the initialiser, for the line that says how much RAM is in use.

use std::{env, error::Error, fs, path::PathBuf};

use cofferdam_platform::Platform;

fn main() -> Result<(), Box<dyn Error>> {
    let overlays = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../overlay");
    let platform = Platform::of_build(&overlays)?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("platform.rs"), platform.rust_constants())?;
    Ok(())
}
