// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Measures the interpreter: an integer and float kernel.
#![cfg_attr(target_arch = "wasm32", no_std)]
