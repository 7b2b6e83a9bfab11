// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Holds the wheel speed on a slope with the brake.
#![cfg_attr(target_arch = "wasm32", no_std)]
