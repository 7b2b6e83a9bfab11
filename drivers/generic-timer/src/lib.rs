// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Many clients' deadlines on one hardware timer, without drift.
#![no_std]
