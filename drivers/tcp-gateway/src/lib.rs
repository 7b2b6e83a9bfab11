// SPDX-License-Identifier: Apache-2.0 OR MIT
//! TCP/IP towards the network, opaque byte streams towards wasm_manager.
#![no_std]
