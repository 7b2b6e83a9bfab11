// SPDX-License-Identifier: Apache-2.0 OR MIT
//! For tests alone (feature `fault-test`, image `lifecycle`): wasm_manager faults when somebody sends it this frame.

/// Faults if asked to.
#[allow(clippy::panic)] // It is what this is for.
pub(crate) fn obey(frame: &[u8]) {
    if frame == b"fault wasm_manager" {
        panic!("asked to");
    }
}
