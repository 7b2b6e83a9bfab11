// SPDX-License-Identifier: Apache-2.0 OR MIT
//! PL011 UART.
#![no_std]
