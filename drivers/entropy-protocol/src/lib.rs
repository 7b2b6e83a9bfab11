// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract of entropy_driver.
#![no_std]
