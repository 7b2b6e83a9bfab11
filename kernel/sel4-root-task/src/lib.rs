// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The runtime of a root task: entry, boot information, panic.
#![no_std]
