// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: parses what nobody has verified yet.
//!
//! It lives from restart to restart, for one use each: wasm_manager stages bytes and starts it; it parses them, writes a
//! verdict and notifies. It holds nothing: no key, no log, no timer, and no channel but that one. Its heap and its stack are
//! cleared at each start, as .data and .bss are.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod regions;

use sel4_microkit::{Handler, NullHandler, channel, protection_domain};

/// Its stack, as `system.xml` has it; a host test of `kernel/image` (`wiring`) compares.
const STACK_BYTES: usize = 0x20000;

#[protection_domain]
fn init() -> impl Handler {
    sel4_microkit::clear_stack(STACK_BYTES);
    regions::init_heap();
    #[cfg(feature = "hostile-test")]
    regions::scribble_if_asked();
    if cofferdam_verifier::serve(regions::staging(), regions::verdict()) {
        channel!(manager_channel).notify();
    }
    NullHandler
}
