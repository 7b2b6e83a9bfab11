// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract of timer_driver.
#![no_std]
