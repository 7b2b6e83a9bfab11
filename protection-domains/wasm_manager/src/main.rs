// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: decides which apps run.
#![no_std]
#![no_main]
