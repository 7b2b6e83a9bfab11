// SPDX-License-Identifier: Apache-2.0 OR MIT
//! For tests alone (feature `fault-test`, image `lifecycle`): gateway faults when somebody sends it these bytes.

/// Faults if asked to.
#[allow(clippy::panic)] // It is what this is for.
pub(crate) fn obey(bytes: &[u8]) {
    if bytes.starts_with(b"fault gateway") {
        panic!("asked to");
    }
}
