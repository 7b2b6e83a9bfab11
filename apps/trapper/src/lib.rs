// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Traps.
#![cfg_attr(target_arch = "wasm32", no_std)]
