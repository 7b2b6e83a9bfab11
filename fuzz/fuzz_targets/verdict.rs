// SPDX-License-Identifier: Apache-2.0 OR MIT
//! See `cofferdam_fuzz_oracles::verdict`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| cofferdam_fuzz_oracles::try_input("verdict", input));
