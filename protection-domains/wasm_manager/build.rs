// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Puts the trust anchors and the device's identity into the program.
//!
//! `COFFERDAM_KEYS` names the folder with the anchors (default: `keys/` of the workspace; a relative path is
//! relative to the workspace); `COFFERDAM_DEVICE_ID`, `COFFERDAM_VENDOR` and `COFFERDAM_CLASS` say who the
//! device is. A bad anchor fails the build.
//!
//! With the feature `preinstalled`, `COFFERDAM_PREINSTALLED` names the list of packages that the image brings, and one that
//! the device would refuse for its signature, its class or its signer's grant fails the build.

use std::path::{Path, PathBuf};
use std::{env, fs};

use cofferdam_policy::{KeyList, file, preinstalled};

const IDENTITY: [(&str, &str); 3] = [
    ("COFFERDAM_DEVICE_ID", "qemu-virt"),
    ("COFFERDAM_VENDOR", "cofferdam.example"),
    ("COFFERDAM_CLASS", "vehicle"),
];

fn main() -> Result<(), String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    println!("cargo::rerun-if-env-changed=COFFERDAM_KEYS");
    let folder = workspace.join(env::var_os("COFFERDAM_KEYS").map_or(PathBuf::from("keys"), PathBuf::from));
    println!("cargo::rerun-if-changed={}", folder.display());
    let found = file::read_folder(&folder)?;
    for (path, _) in &found {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    println!("cargo::rerun-if-changed={}", folder.join(file::LIST_FILE).display());
    let mut identity = Vec::new();
    for (name, default) in IDENTITY {
        println!("cargo::rerun-if-env-changed={name}");
        let value = env::var(name).unwrap_or_else(|_| default.to_owned());
        if value.is_empty() || value.len() > 64 || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{name} must be 1 to 64 printable ASCII characters without spaces"));
        }
        println!("cargo::rustc-env={name}={value}");
        identity.push(value);
    }
    let [_, vendor, class] = identity.as_slice() else { return Err("no identity".to_owned()) };
    let list = file::read_list(&folder, vendor, class)?;
    list.check_image().map_err(|error| format!("{}: {error}", folder.display()))?;
    let out = env::var_os("OUT_DIR").ok_or("no OUT_DIR")?;
    fs::write(Path::new(&out).join("keys.bin"), list.to_image()).map_err(|error| error.to_string())?;
    write_packages(Path::new(&out), &workspace, &list)
}

/// The packages as a table of byte strings.
fn write_packages(out: &Path, workspace: &Path, keys: &KeyList) -> Result<(), String> {
    let mut table =
        String::from("/// In the order of their installation.\npub const PACKAGES: &[&[u8]] = &[");
    if env::var_os("CARGO_FEATURE_PREINSTALLED").is_some() {
        println!("cargo::rerun-if-env-changed=COFFERDAM_PREINSTALLED");
        let named = env::var_os("COFFERDAM_PREINSTALLED");
        let named =
            named.ok_or("the feature preinstalled needs COFFERDAM_PREINSTALLED, a list of packages")?;
        let list = workspace.join(named);
        println!("cargo::rerun-if-changed={}", list.display());
        for (number, package) in preinstalled::read(&list, keys)?.into_iter().enumerate() {
            println!("cargo::rerun-if-changed={}", package.path.display());
            let name = format!("package-{number}.cdam");
            fs::write(out.join(&name), package.bytes).map_err(|error| error.to_string())?;
            table.push_str(&format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}\")),"));
        }
    }
    table.push_str("];\n");
    fs::write(out.join("preinstalled.rs"), table).map_err(|error| error.to_string())
}
