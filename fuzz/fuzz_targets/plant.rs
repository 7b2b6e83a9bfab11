// SPDX-License-Identifier: Apache-2.0 OR MIT
//! See `cofferdam_fuzz_oracles::plant`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| cofferdam_fuzz_oracles::try_input("plant", input));
