// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract between gateway and wasm_manager.
#![no_std]
