// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the sensors.
#![no_std]
#![no_main]
