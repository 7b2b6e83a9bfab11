// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Checks a module against its manifest before anything stops.
#![no_std]
