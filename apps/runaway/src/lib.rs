// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Never returns from a tick.
#![cfg_attr(target_arch = "wasm32", no_std)]
