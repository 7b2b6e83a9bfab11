// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the network card.
#![no_std]
#![no_main]
