// SPDX-License-Identifier: Apache-2.0 OR MIT
//! SDK for apps in Rust.
#![no_std]
