// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the timer.
#![no_std]
#![no_main]
