// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: prints everybody's log.
#![no_std]
#![no_main]
