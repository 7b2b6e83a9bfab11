// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The IPC buffer: where message words that do not fit into registers travel.

use crate::{MESSAGE_WORDS_MAX, constants};

/// The kernel's layout of an IPC buffer.
#[repr(C)]
pub(crate) struct IpcBuffer {
    tag: u64,
    msg: [u64; MESSAGE_WORDS_MAX],
    user_data: u64,
    caps: [u64; 3],
    receive_cnode: u64,
    receive_index: u64,
    receive_depth: u64,
}

const _: () = assert!(core::mem::offset_of!(IpcBuffer, msg) == constants::IPC_BUFFER_MSG_OFFSET as usize);
const _: () = assert!(core::mem::offset_of!(IpcBuffer, caps) == constants::IPC_BUFFER_CAPS_OFFSET as usize);
const _: () = assert!(size_of::<IpcBuffer>() == 1024);

impl IpcBuffer {
    /// A buffer with nothing in it.
    #[cfg(not(target_os = "none"))]
    pub(crate) const fn new() -> Self {
        Self {
            tag: 0,
            msg: [0; MESSAGE_WORDS_MAX],
            user_data: 0,
            caps: [0; 3],
            receive_cnode: 0,
            receive_index: 0,
            receive_depth: 0,
        }
    }
}

#[cfg(not(target_os = "none"))]
use crate::desk::buffer;

#[cfg(target_os = "none")]
pub use address::set_ipc_buffer;

#[cfg(target_os = "none")]
use address::buffer;

#[cfg(target_os = "none")]
mod address {
    use core::cell::Cell;
    use core::ptr::NonNull;

    use super::IpcBuffer;

    /// The buffer's address, in a program that has one thread.
    struct BufferAddress(Cell<Option<NonNull<IpcBuffer>>>);

    // SAFETY: a program on this runtime has exactly one thread (invariant of the initialiser and of Microkit,
    // which give each protection domain one TCB), so nothing is ever shared.
    unsafe impl Sync for BufferAddress {}

    static BUFFER: BufferAddress = BufferAddress(Cell::new(None));

    /// Tells where this thread's IPC buffer is mapped; the runtime does so once, at entry.
    ///
    /// # Safety
    /// `address` is the address of this thread's IPC buffer: mapped, writable, 1 KiB aligned, and used by
    /// nothing else while the program runs.
    pub unsafe fn set_ipc_buffer(address: NonNull<u8>) {
        BUFFER.0.set(Some(address.cast()));
    }

    #[inline(always)]
    pub(super) fn buffer() -> NonNull<IpcBuffer> {
        match BUFFER.0.get() {
            Some(buffer) => buffer,
            // Without a buffer nothing can be sent, not even the reason: fault at a telling place.
            None => no_buffer(),
        }
    }

    #[cold]
    fn no_buffer() -> ! {
        crate::debug::fault()
    }
}

/// Message word `index`; zero if there is no such word.
#[inline(always)]
pub fn get_mr(index: usize) -> u64 {
    if index >= MESSAGE_WORDS_MAX {
        return 0;
    }
    // SAFETY: `buffer` gives this thread's own buffer (`set_ipc_buffer`'s caller promised so); the index was checked.
    unsafe { (&raw const (*buffer().as_ptr()).msg).cast::<u64>().add(index).read() }
}

/// Sets message word `index`; words beyond the buffer are dropped.
#[inline(always)]
pub fn set_mr(index: usize, value: u64) {
    if index >= MESSAGE_WORDS_MAX {
        return;
    }
    // SAFETY: as in `get_mr`.
    unsafe { (&raw mut (*buffer().as_ptr()).msg).cast::<u64>().add(index).write(value) }
}

/// Gives all message words to `f`. System calls made inside `f` would change them: make none.
pub fn with_message<R>(f: impl FnOnce(&mut [u64]) -> R) -> R {
    let mut words = [0; MESSAGE_WORDS_MAX];
    // SAFETY: as in `get_mr`. The words are copied so that a nested call of `get_mr` inside `f` cannot
    // alias the exclusive reference that `f` holds.
    let buffer = unsafe { &raw mut (*buffer().as_ptr()).msg };
    // SAFETY: as above; source and destination are different memory.
    words.copy_from_slice(unsafe { &*buffer });
    let result = f(&mut words);
    // SAFETY: as above; no reference to the buffer is alive.
    unsafe { buffer.write(words) };
    result
}

/// Sets capability `index` to send along with an invocation.
pub(crate) fn set_cap(index: usize, cap: crate::CPtr) {
    if index < 3 {
        // SAFETY: as in `get_mr`.
        unsafe { (&raw mut (*buffer().as_ptr()).caps).cast::<u64>().add(index).write(cap) }
    }
}

/// The capabilities that were set to send along.
#[cfg(all(test, not(kernel_mcs)))]
pub(crate) fn caps() -> [crate::CPtr; 3] {
    // SAFETY: as in `get_mr`.
    unsafe { (&raw const (*buffer().as_ptr()).caps).read() }
}
