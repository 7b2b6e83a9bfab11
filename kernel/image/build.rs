// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Tells tests/corpus.rs whether a Microkit SDK is at hand; without one its tests count as ignored.

fn main() {
    println!("cargo::rerun-if-env-changed=MICROKIT_SDK");
    println!("cargo::rustc-check-cfg=cfg(microkit_sdk)");
    if std::env::var_os("MICROKIT_SDK").is_some_and(|sdk| !sdk.is_empty()) {
        println!("cargo::rustc-cfg=microkit_sdk");
    }
}
