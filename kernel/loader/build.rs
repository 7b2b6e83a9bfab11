// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Places the loader where the platform says, and hands it the platform's facts.

use std::{env, error::Error, fs, path::PathBuf};

use cofferdam_platform::Platform;

const STACK_BYTES: u64 = 64 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let kernel = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
    let platform = Platform::of_build(&kernel.join("overlay"))?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("platform.rs"), platform.rust_constants())?;

    let script = kernel.join("boot-aarch64/program.ld");
    println!("cargo::rerun-if-changed={}", script.display());
    println!("cargo::rustc-link-arg-bins=-T{}", script.display());
    println!("cargo::rustc-link-arg-bins=--defsym=PROGRAM_START={:#x}", platform.get("loader_start")?);
    println!("cargo::rustc-link-arg-bins=--defsym=PROGRAM_STACK_BYTES={STACK_BYTES:#x}");
    Ok(())
}
