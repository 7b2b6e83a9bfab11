// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The payload that the image tool puts behind this program in its image.

use core::ptr::NonNull;

/// Where the payload is mapped; the image tool writes it.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".rodata.initialiser_payload")]
#[allow(non_upper_case_globals)]
static initialiser_payload: u64 = 0;

/// Its size; the image tool writes it.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".rodata.initialiser_payload")]
#[allow(non_upper_case_globals)]
static initialiser_payload_bytes: u64 = 0;

/// The payload. While pages of it are not mapped elsewhere it can be written.
pub(crate) struct Payload {
    start: NonNull<u8>,
    bytes: usize,
}

impl Payload {
    /// The payload, if the image has one. Call it once.
    pub(crate) fn take() -> Option<Self> {
        // SAFETY: plain statics, read volatile because the image tool wrote them after compilation.
        let (start, bytes) = unsafe {
            (
                (&raw const initialiser_payload).read_volatile(),
                (&raw const initialiser_payload_bytes).read_volatile(),
            )
        };
        let start = NonNull::new(start as *mut u8)?;
        (bytes != 0).then_some(Self { start, bytes: bytes as usize })
    }

    /// All of it.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the image tool puts that many bytes there, and the kernel maps the whole image. Nothing
        // else in this program refers to them; protection domains get at their own pages of it only, and
        // the tables, which this program goes on reading, are in no page that is given away.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }

    /// Writes a word, if it lies inside.
    pub(crate) fn write(&mut self, offset: u64, value: u64) {
        let offset = offset as usize;
        if offset.checked_add(size_of::<u64>()).is_some_and(|end| end <= self.bytes) {
            // SAFETY: inside the payload (checked), which is mapped writable; the exclusive borrow shows that
            // no reference to it is alive.
            unsafe { self.start.add(offset).cast::<u64>().write_unaligned(value) };
        }
    }
}
