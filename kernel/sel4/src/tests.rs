// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Words and calls, against the kernel's own headers.

#[cfg(not(kernel_mcs))]
mod boot_info;
mod calls;
#[cfg(not(kernel_mcs))]
mod objects;
mod words;
