// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the entropy source.
#![no_std]
#![no_main]
