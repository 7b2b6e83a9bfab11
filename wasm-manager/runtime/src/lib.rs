// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Runs one app on wasmi within its bounds.
#![no_std]
