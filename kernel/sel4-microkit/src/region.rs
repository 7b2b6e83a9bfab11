// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Memory regions and other values that `system.xml` gives to a program.

use core::ptr::NonNull;

/// A value that the image tool writes into the program (`setvar` in `system.xml`): zero if it did not.
#[doc(hidden)]
#[repr(transparent)]
pub struct SetVar(u64);

impl SetVar {
    /// A place for the tool to write to.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(0)
    }

    /// What the tool wrote.
    pub fn get(&'static self) -> u64 {
        read(&self.0)
    }
}

/// Reads what the image tool may have written after compilation.
pub(crate) fn read<T: Copy>(place: &'static T) -> T {
    // SAFETY: a reference is valid for reads; volatile, because the compiler must not assume the value that
    // the source gives.
    unsafe { core::ptr::read_volatile(place) }
}

/// A memory region as this protection domain sees it: where `system.xml` maps it, and its size. Holding one
/// proves nothing about who else writes there; the modules named `regions` turn it into something safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRegion {
    /// The first byte.
    pub start: NonNull<u8>,
    /// The size in bytes.
    pub size: usize,
}

impl MemoryRegion {
    /// What [`crate::memory_region!`] found.
    ///
    /// # Panics
    /// If the system description does not set both symbols: the image is broken.
    #[expect(clippy::panic, reason = "a broken image")]
    pub fn from_symbols(name: &'static str, start: u64, size: u64) -> Self {
        match NonNull::new(start as *mut u8) {
            Some(start) if size != 0 => Self { start, size: size as usize },
            _ => panic!("system.xml does not set the memory region symbol {name} or its size"),
        }
    }

    /// The address of the byte after the last one.
    pub fn end_address(&self) -> usize {
        self.start.addr().get() + self.size
    }

    /// The bytes, to read and write.
    ///
    /// # Safety
    /// The region is mapped writable, and while the reference lives nothing else reads or writes it: neither
    /// another protection domain, nor a device, nor another reference in this program.
    pub unsafe fn bytes_mut<'a>(self) -> &'a mut [u8] {
        // SAFETY: by this function's contract; `start` and `size` come from the system description.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.size) }
    }

    /// The bytes, to read.
    ///
    /// # Safety
    /// The region is mapped, and while the reference lives nothing writes it: neither another protection
    /// domain, nor a device, nor another reference in this program.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: by this function's contract; `start` and `size` come from the system description.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.size) }
    }
}

/// The value that `system.xml` gives to a symbol (0 if none): `setvar!(dma_paddr)`. A symbol can be declared
/// once in a program.
#[macro_export]
macro_rules! setvar {
    ($symbol:ident) => {{
        #[used]
        #[unsafe(no_mangle)]
        #[unsafe(link_section = ".setvars")]
        #[allow(non_upper_case_globals)]
        static $symbol: $crate::__private::SetVar = $crate::__private::SetVar::new();
        $symbol.get()
    }};
}

/// The channel whose identifier `system.xml` gives to a symbol: `channel!(timer_channel)`. A symbol can be
/// declared once in a program, and every program image must find it set, so that channel 0 and "not set"
/// cannot be told apart only by mistake in `system.xml`.
#[macro_export]
macro_rules! channel {
    ($symbol:ident) => {
        $crate::Channel::new($crate::setvar!($symbol))
    };
}

/// The child whose identifier `system.xml` gives to a symbol: `child!(slot_0_child)`.
#[macro_export]
macro_rules! child {
    ($symbol:ident) => {
        $crate::Child::new($crate::setvar!($symbol))
    };
}

/// The memory region whose address and size `system.xml` gives to two symbols:
/// `memory_region!(log_ring: log_ring_size)`. Symbols can be declared once in a program.
#[macro_export]
macro_rules! memory_region {
    ($start:ident: $size:ident) => {
        $crate::MemoryRegion::from_symbols(
            stringify!($start),
            $crate::setvar!($start),
            $crate::setvar!($size),
        )
    };
}
