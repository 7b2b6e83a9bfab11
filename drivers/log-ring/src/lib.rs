// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The log ring of a protection domain and its `log` backend.
#![no_std]
