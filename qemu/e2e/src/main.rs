// SPDX-License-Identifier: Apache-2.0 OR MIT
//! End-to-end tests in QEMU through the host tool.
fn main() {}
