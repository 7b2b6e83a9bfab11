// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Grows its memory without end.
#![cfg_attr(target_arch = "wasm32", no_std)]
