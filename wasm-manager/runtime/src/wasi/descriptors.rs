// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The three standard descriptors; there are no others.

use cofferdam_host_abi::Limits;
use cofferdam_host_abi::wasi::{
    EBADF, EINVAL, ESPIPE, FILETYPE_CHARACTER_DEVICE, RIGHT_FD_READ, RIGHT_FD_WRITE, STDERR, STDIN, STDOUT,
};

use super::{Answer, Errno};
use crate::guest::{BadPointer, offset, range};
use crate::state::{Call, State};
use crate::{Host, Level};

/// Bytes of one entry of a scatter list: pointer and length.
const LIST_ENTRY_BYTES: u32 = 8;

fn check(fd: i32) -> Answer {
    if matches!(fd, STDIN | STDOUT | STDERR) { Ok(()) } else { Err(Errno(EBADF)) }
}

pub(super) fn close(fd: i32) -> Answer {
    check(fd)
}

pub(super) fn seek(fd: i32) -> Answer {
    check(fd)?;
    Err(Errno(ESPIPE))
}

/// `fdstat`: file type u8, padding, flags u16, padding to 8, rights u64, inherited rights u64.
pub(super) fn status<H>(call: &mut Call<'_, H>, fd: i32, result: i32) -> Answer {
    check(fd)?;
    let rights = if fd == STDIN { RIGHT_FD_READ } else { RIGHT_FD_WRITE };
    let mut bytes = [0u8; 24];
    bytes[0] = FILETYPE_CHARACTER_DEVICE;
    bytes[8..16].copy_from_slice(&rights.to_le_bytes());
    call.write(result, &bytes)?;
    Ok(())
}

/// Standard input is at its end.
pub(super) fn read<H>(call: &mut Call<'_, H>, fd: i32, result: i32) -> Answer {
    if fd != STDIN {
        return Err(Errno(EBADF));
    }
    call.write(result, &0u32.to_le_bytes())?;
    Ok(())
}

/// Writes to the log, a line at a time. Handles a bounded number of bytes and says how many, as it may.
pub(super) fn write<H: Host>(call: &mut Call<'_, H>, fd: i32, list: i32, count: i32, result: i32) -> Answer {
    if !matches!(fd, STDOUT | STDERR) {
        return Err(Errno(EBADF));
    }
    if count as u32 > Limits::HOST_CALL_ENTRIES {
        return Err(Errno(EINVAL));
    }
    let mut written = 0u32;
    for entry in 0..count as u32 {
        let at = offset(list, entry.saturating_mul(LIST_ENTRY_BYTES))?;
        let [pointer, length] = pair(call.read_array(at)?);
        let length = length.min(Limits::HOST_CALL_BYTES.saturating_sub(written));
        let State { gate, host, stdout, stderr, .. } = &mut *call.state;
        let bytes = call.memory.get(range(pointer as i32, length as i32)?).ok_or(BadPointer)?;
        match fd {
            STDOUT => stdout.write(gate, host, Level::Info, bytes),
            _ => stderr.write(gate, host, Level::Warn, bytes),
        }
        written = written.saturating_add(length);
    }
    call.charge(written as usize);
    call.write(result, &written.to_le_bytes())?;
    Ok(())
}

fn pair(bytes: [u8; LIST_ENTRY_BYTES as usize]) -> [u32; 2] {
    let both = u64::from_le_bytes(bytes);
    [both as u32, (both >> 32) as u32]
}
