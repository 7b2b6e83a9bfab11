// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Leases, ranges, slew and safe states of outputs.
#![no_std]
