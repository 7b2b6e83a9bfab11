// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: runs one app.
#![no_std]
#![no_main]
