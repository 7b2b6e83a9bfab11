// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Takes every number of the kernel's interface from the headers of the kernel that will run.
//!
//! `SEL4_KERNEL_DIR` names the kernel's folder (default: `build/kernel/release`; in a Microkit SDK
//! `board/BOARD/CONFIG`); its `include/` is compiled with `probe.c` and the numbers are read from the assembly.
//! A Microkit SDK lists the invocation labels a second time, for its own tool: both must agree.
//! `SEL4_CROSS_CC` names the C compiler (default: `aarch64-linux-gnu-gcc`).

use std::path::{Path, PathBuf};
use std::{env, error::Error, fs, process::Command};

/// The SDK's list of invocation labels: `{"UntypedRetype": 1, …}`.
const SDK_LABELS: &str = "invocations_all.json";

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
    for header in [
        "autoconf.h",
        "kernel/gen_config.h",
        "sel4/gen_config.h",
        "sel4/sel4.h",
        "sel4/syscall.h",
        "sel4/invocation.h",
        "interfaces/sel4_client.h",
    ] {
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
    constants += &format!("pub const SDK: Option<&str> = {:?};\n", sdk(&kernel)?);
    let labels = fs::read_to_string(kernel.join(SDK_LABELS)).ok();
    for line in String::from_utf8(output.stdout)?.lines() {
        let Some((name, value)) = line.strip_prefix("->").and_then(|line| line.split_once(' ')) else {
            continue;
        };
        let value: i64 = value.trim().trim_start_matches(['#', '$']).parse()?;
        match name {
            "KERNEL_MCS" => println!("cargo::rustc-cfg=kernel_mcs"),
            "PRINTING" => println!("cargo::rustc-cfg=kernel_printing"),
            _ => {
                if let (Some(labels), Some(label)) = (&labels, name.strip_prefix("LABEL_")) {
                    same_label(labels, label, value)?;
                }
                let kind = if name.starts_with("SYSCALL_") { "i64" } else { "u64" };
                constants += &format!("pub const {name}: {kind} = {value};\n");
            }
        }
    }
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("constants.rs"), constants)?;
    Ok(())
}

/// Version and configuration, if the kernel's folder belongs to a Microkit SDK (`SDK/board/BOARD/CONFIG`).
fn sdk(kernel: &Path) -> Result<Option<String>, Box<dyn Error>> {
    let Some(version) = kernel.ancestors().nth(3).map(|sdk| sdk.join("VERSION")) else { return Ok(None) };
    if !kernel.join(SDK_LABELS).is_file() || !version.is_file() {
        return Ok(None);
    }
    println!("cargo::rerun-if-changed={}", version.display());
    println!("cargo::rerun-if-changed={}", kernel.join(SDK_LABELS).display());
    let configuration = kernel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Some(format!("{} ({configuration} kernel)", fs::read_to_string(version)?.trim())))
}

/// Whether the SDK's list has `label` with this number.
fn same_label(labels: &str, label: &str, number: i64) -> Result<(), String> {
    let listed = labels
        .trim_matches(|character: char| character == '{' || character == '}' || character.is_whitespace())
        .split(',')
        .filter_map(|entry| entry.split_once(':'))
        .find(|(name, _)| name.trim().trim_matches('"') == label)
        .and_then(|(_, number)| number.trim().parse::<i64>().ok());
    if listed == Some(number) {
        return Ok(());
    }
    Err(format!(
        "the SDK is inconsistent: its headers number the invocation {label} {number}, its {SDK_LABELS} {listed:?}; \
         unpack it anew"
    ))
}
