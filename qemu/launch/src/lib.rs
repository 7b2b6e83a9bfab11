// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Starts and watches QEMU.
#![no_std]
