// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The `cofferdam` command.
fn main() {}
