// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What must hold for any bytes from outside, whoever made them.
//!
//! Each [`Target`] has a function that takes any bytes, uses them as an attacker would have them used, and panics
//! if something happens that must not: not only a panic in the code under test, but a forged package that is
//! accepted, a second run that differs from the first, a reader that does not end, a byte written outside of its
//! region. `fuzz/` runs them under libFuzzer, this crate's tests with a fixed number of mutations of the seeds.
//!
//! To add one: a module with `run` and `seeds`, a line in [`TARGETS`], a file in `fuzz/fuzz_targets` and a `[[bin]]`
//! in `fuzz/Cargo.toml`; a test holds the three together.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic is this crate's verdict

pub mod command;
pub mod count;
pub mod devices;
pub mod figures;
pub mod frames;
pub mod gateway;
pub mod log_ring;
pub mod manifest;
pub mod module;
pub mod mutate;
pub mod package;
pub mod plant;
pub mod queue;
pub mod recording;
pub mod records;
pub mod script;
pub mod slot;
pub mod store;
pub mod store_protocol;
pub mod system_spec;
pub mod verdict;
pub mod virtio;

#[cfg(test)]
mod tests;

/// One parser of bytes from outside.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, which is also that of its program in `fuzz/fuzz_targets`.
    pub name: &'static str,
    /// Takes any bytes. Says whether any part of them was accepted; panics if what must hold does not.
    pub run: fn(&[u8]) -> bool,
    /// Inputs to begin with, made by our own tools.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "frames", run: frames::run, seeds: frames::seeds },
    Target { name: "package", run: package::run, seeds: package::seeds },
    Target { name: "command", run: command::run, seeds: command::seeds },
    Target { name: "verdict", run: verdict::run, seeds: verdict::seeds },
    Target { name: "manifest", run: manifest::run, seeds: manifest::seeds },
    Target { name: "module", run: module::run, seeds: module::seeds },
    Target { name: "queue", run: queue::run, seeds: queue::seeds },
    Target { name: "records", run: records::run, seeds: records::seeds },
    Target { name: "log_ring", run: log_ring::run, seeds: log_ring::seeds },
    Target { name: "slot", run: slot::run, seeds: slot::seeds },
    Target { name: "store", run: store::run, seeds: store::seeds },
    Target { name: "store_protocol", run: store_protocol::run, seeds: store_protocol::seeds },
    Target { name: "devices", run: devices::run, seeds: devices::seeds },
    Target { name: "virtio", run: virtio::run, seeds: virtio::seeds },
    Target { name: "figures", run: figures::run, seeds: figures::seeds },
    Target { name: "recording", run: recording::run, seeds: recording::seeds },
    Target { name: "plant", run: plant::run, seeds: plant::seeds },
    Target { name: "gateway", run: gateway::run, seeds: gateway::seeds },
    Target { name: "system_spec", run: system_spec::run, seeds: system_spec::seeds },
];

/// Runs the target of this name on an input and counts it.
pub fn try_input(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    count::tried((target.run)(input));
}
