// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The three standard descriptors; there are no others.

use cofferdam_host_abi::Limits;
use cofferdam_host_abi::wasi::{
    EBADF, ESPIPE, FILETYPE_CHARACTER_DEVICE, RIGHT_FD_READ, RIGHT_FD_WRITE, STDERR, STDIN, STDOUT,
};

use super::{Answer, Errno};
use crate::guest::{BadPointer, offset, range};
use crate::state::{Call, State};
use crate::{Host, Level};

/// Bytes of one entry of a scatter list: pointer and length.
const LIST_ENTRY_BYTES: u32 = 8;

/// Is it one of the three, and open?
pub(super) fn check<H>(call: &Call<'_, H>, fd: i32) -> Answer {
    let closed = usize::try_from(fd).ok().and_then(|fd| call.state.closed.get(fd));
    if closed == Some(&false) { Ok(()) } else { Err(Errno(EBADF)) }
}

/// What was begun on it is written; it cannot be used or closed again.
pub(super) fn close<H: Host>(call: &mut Call<'_, H>, fd: i32) -> Answer {
    check(call, fd)?;
    call.state.flush_one(fd);
    if let Some(closed) = usize::try_from(fd).ok().and_then(|fd| call.state.closed.get_mut(fd)) {
        *closed = true;
    }
    Ok(())
}

pub(super) fn seek<H>(call: &mut Call<'_, H>, fd: i32) -> Answer {
    check(call, fd)?;
    Err(Errno(ESPIPE))
}

/// `fdstat`: file type u8, padding, flags u16, padding to 8, rights u64, inherited rights u64.
pub(super) fn status<H>(call: &mut Call<'_, H>, fd: i32, result: i32) -> Answer {
    check(call, fd)?;
    let rights = if fd == STDIN { RIGHT_FD_READ } else { RIGHT_FD_WRITE };
    let mut bytes = [0u8; 24];
    bytes[0] = FILETYPE_CHARACTER_DEVICE;
    bytes[8..16].copy_from_slice(&rights.to_le_bytes());
    call.write(result, &bytes)?;
    Ok(())
}

/// Standard input is at its end.
pub(super) fn read<H>(call: &mut Call<'_, H>, fd: i32, result: i32) -> Answer {
    check(call, fd)?;
    if fd != STDIN {
        return Err(Errno(EBADF));
    }
    call.write(result, &0u32.to_le_bytes())?;
    Ok(())
}

/// Writes to the log, a line at a time. Handles a bounded number of entries and bytes and says how many bytes,
/// as it may: the program writes the rest by another call. Nothing is written of a list with a bad pointer.
pub(super) fn write<H: Host>(call: &mut Call<'_, H>, fd: i32, list: i32, count: i32, result: i32) -> Answer {
    check(call, fd)?;
    if !matches!(fd, STDOUT | STDERR) {
        return Err(Errno(EBADF));
    }
    let list_bytes = (count as u32).checked_mul(LIST_ENTRY_BYTES).ok_or(BadPointer)?;
    call.check(list, list_bytes as i32)?;
    call.check(result, size_of::<u32>() as i32)?;
    let entries = (count as u32).min(Limits::HOST_CALL_ENTRIES);
    for entry in 0..entries {
        let [pointer, length] = call.entry(list, entry)?;
        call.check(pointer as i32, length as i32)?;
    }
    let mut written = 0u32;
    for entry in 0..entries {
        let [pointer, length] = call.entry(list, entry)?;
        let length = length.min(Limits::HOST_CALL_BYTES.saturating_sub(written));
        let State { gate, host, stdout, stderr, .. } = &mut *call.state;
        let bytes = call.memory.get(range(pointer as i32, length as i32)?).ok_or(BadPointer)?;
        match fd {
            STDOUT => stdout.write(gate, host, Level::Info, bytes),
            _ => stderr.write(gate, host, Level::Warn, bytes),
        }
        written = written.saturating_add(length);
    }
    call.charge(written.saturating_add(entries.saturating_mul(LIST_ENTRY_BYTES)) as usize);
    call.write(result, &written.to_le_bytes())?;
    Ok(())
}

impl<H> Call<'_, H> {
    /// Pointer and length of an entry of a scatter list.
    fn entry(&self, list: i32, entry: u32) -> Result<[u32; 2], BadPointer> {
        let bytes = self.read_array(offset(list, entry.saturating_mul(LIST_ENTRY_BYTES))?)?;
        let both = u64::from_le_bytes(bytes);
        Ok([both as u32, (both >> 32) as u32])
    }
}
