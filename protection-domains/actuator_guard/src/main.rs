// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the outputs.
#![no_std]
#![no_main]
