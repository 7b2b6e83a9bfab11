// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: TCP/IP.
#![no_std]
#![no_main]
