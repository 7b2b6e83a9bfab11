// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Merges log rings into lines for people.
#![no_std]
