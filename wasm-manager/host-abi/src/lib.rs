// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What an app can call: names, signatures, error codes.
#![no_std]
