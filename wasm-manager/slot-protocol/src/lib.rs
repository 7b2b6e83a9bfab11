// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract between wasm_manager and an app slot.
#![no_std]
