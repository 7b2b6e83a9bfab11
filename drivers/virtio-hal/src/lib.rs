// SPDX-License-Identifier: Apache-2.0 OR MIT
//! DMA memory for virtio devices, out of one region.
#![no_std]
