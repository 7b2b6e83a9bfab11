// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Takes every number of the kernel's interface from the headers of the kernel that will run.
//!
//! `SEL4_KERNEL_DIR` names the kernel's folder (default: `build/kernel/release`); its `include/` is
//! compiled with `probe.c` and the numbers are read from the assembly. `SEL4_CROSS_CC` names the C
//! compiler (default: `aarch64-linux-gnu-gcc`).

use std::{env, error::Error, fs, path::PathBuf, process::Command};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=SEL4_KERNEL_DIR");
    println!("cargo::rerun-if-env-changed=SEL4_CROSS_CC");
    println!("cargo::rerun-if-changed=probe.c");
    println!("cargo::rustc-check-cfg=cfg(kernel_mcs)");
    println!("cargo::rustc-check-cfg=cfg(kernel_printing)");

    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let kernel = match env::var_os("SEL4_KERNEL_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => manifest.join("../../build/kernel/release"),
    };
    let include = kernel.join("include");
    if !include.join("sel4/sel4.h").is_file() {
        return Err(format!(
            "the kernel's headers are not at {} (run kernel/build/build.sh release, or set SEL4_KERNEL_DIR)",
            include.display()
        )
        .into());
    }
    // Generated headers keep their date when they do not change; any of these tells of another kernel.
    for header in
        ["autoconf.h", "sel4/sel4.h", "sel4/syscall.h", "sel4/invocation.h", "interfaces/sel4_client.h"]
    {
        if include.join(header).exists() {
            println!("cargo::rerun-if-changed={}", include.join(header).display());
        }
    }

    let compiler = env::var("SEL4_CROSS_CC").unwrap_or_else(|_| "aarch64-linux-gnu-gcc".into());
    let output = Command::new(&compiler)
        .args(["-S", "-O1", "-ffreestanding", "-w", "-o", "-", "-I"])
        .arg(&include)
        .arg(manifest.join("probe.c"))
        .output()
        .map_err(|error| format!("{compiler}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{compiler}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }

    let mut constants = String::from("// Made by build.rs from the kernel's headers.\n");
    for line in String::from_utf8(output.stdout)?.lines() {
        let Some((name, value)) = line.strip_prefix("->").and_then(|line| line.split_once(' ')) else {
            continue;
        };
        let value: i64 = value.trim().trim_start_matches(['#', '$']).parse()?;
        match name {
            "KERNEL_MCS" => println!("cargo::rustc-cfg=kernel_mcs"),
            "PRINTING" => println!("cargo::rustc-cfg=kernel_printing"),
            _ => {
                let kind = if name.starts_with("SYSCALL_") { "i64" } else { "u64" };
                constants += &format!("pub const {name}: {kind} = {value};\n");
            }
        }
    }
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("constants.rs"), constants)?;
    Ok(())
}
