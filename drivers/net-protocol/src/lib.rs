// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract between net_driver and gateway.
#![no_std]
