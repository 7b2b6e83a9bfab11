// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Boots at EL1, maps the kernel window and starts seL4.
#![no_std]
#![no_main]
