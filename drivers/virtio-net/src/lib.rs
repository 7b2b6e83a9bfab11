// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Moves packets between a virtio network device and shared queues.
#![no_std]
