// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The root task that creates every protection domain, then monitors them.
#![no_std]
#![no_main]
