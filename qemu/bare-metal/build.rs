// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Places the program where the platform puts its loader, and embeds the module: `COFFERDAM_BENCH_MODULE`, by default
//! `build/apps/corebench.wasm`.

use std::{env, error::Error, fs, path::PathBuf};

use cofferdam_platform::Platform;

const STACK_BYTES: u64 = 256 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let top = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let platform = Platform::of_build(&top.join("kernel/overlay"))?;
    fs::write(out.join("platform.rs"), platform.rust_constants())?;

    let script = top.join("kernel/boot-aarch64/program.ld");
    println!("cargo::rerun-if-changed={}", script.display());
    println!("cargo::rustc-link-arg-bins=-T{}", script.display());
    println!("cargo::rustc-link-arg-bins=--defsym=PROGRAM_START={:#x}", platform.get("loader_start")?);
    println!("cargo::rustc-link-arg-bins=--defsym=PROGRAM_STACK_BYTES={STACK_BYTES:#x}");

    println!("cargo::rerun-if-env-changed=COFFERDAM_BENCH_MODULE");
    let module = match env::var_os("COFFERDAM_BENCH_MODULE") {
        Some(path) => PathBuf::from(path),
        None => top.join("build/apps/corebench.wasm"),
    };
    println!("cargo::rerun-if-changed={}", module.display());
    fs::copy(&module, out.join("module.wasm")).map_err(|error| {
        format!("{}: {error} (build the apps first, or set COFFERDAM_BENCH_MODULE)", module.display())
    })?;
    Ok(())
}
