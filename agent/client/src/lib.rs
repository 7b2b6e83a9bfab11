// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Talks to a device: signs commands, streams packages.
#![no_std]
