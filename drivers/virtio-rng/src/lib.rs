// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Entropy from a virtio device.
#![no_std]
