// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Turns `system.xml` and program images into one bootable image.
fn main() {}
