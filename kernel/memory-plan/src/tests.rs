// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Memory against a kernel that keeps its own account, structures against a plain set, slots against a small system.

mod kernel;
mod memory;
mod slots;
mod structures;
