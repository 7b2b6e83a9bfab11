// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Deterministic sensors for a machine without a plant.
#![no_std]
