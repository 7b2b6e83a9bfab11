// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the system description says about this protection domain: the symbols that Microkit's tool (or ours)
//! writes into every program.

use crate::ChannelSet;
use crate::region::read;

const NAME_BYTES: usize = 64;

#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".setvars")]
#[allow(non_upper_case_globals)]
static microkit_name: [u8; NAME_BYTES] = [0; NAME_BYTES];

#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".setvars")]
#[allow(non_upper_case_globals)]
static microkit_passive: u8 = 0;

macro_rules! bitmaps {
    ($($name:ident)*) => {$(
        #[used]
        #[unsafe(no_mangle)]
        #[unsafe(link_section = ".setvars")]
        #[allow(non_upper_case_globals)]
        static $name: u64 = 0;
    )*};
}

bitmaps! { microkit_irqs microkit_notifications microkit_pps microkit_ioports }

/// The name that `system.xml` gives this protection domain.
pub fn pd_name() -> &'static str {
    // The name was written before this program started and never changes; the compiler must not assume the
    // value that it sees in the source.
    name_in(core::hint::black_box(&microkit_name))
}

/// The name up to its end, which need not be marked.
pub(crate) fn name_in(bytes: &[u8; NAME_BYTES]) -> &str {
    let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(NAME_BYTES);
    core::str::from_utf8(bytes.get(..length).unwrap_or_default()).unwrap_or("?")
}

/// The interrupts of this protection domain.
pub(crate) fn interrupts() -> ChannelSet {
    ChannelSet::from_bits(read(&microkit_irqs))
}

/// Whether it runs on its callers' time only.
pub(crate) fn is_passive() -> bool {
    read(&microkit_passive) != 0
}
