// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Numbers of WASI preview 1 that the runtime uses.

/// `errno`: done.
pub const SUCCESS: i32 = 0;
/// `errno`: no such file descriptor.
pub const EBADF: i32 = 8;
/// `errno`: a pointer outside of memory.
pub const EFAULT: i32 = 21;
/// `errno`: an argument that makes no sense.
pub const EINVAL: i32 = 28;
/// `errno`: not a thing that has a position.
pub const ESPIPE: i32 = 70;
/// `errno`: not provided here.
pub const ENOSYS: i32 = 52;

/// `clockid`: time of day. The device has none yet, so it tells the same as [`CLOCK_MONOTONIC`].
pub const CLOCK_REALTIME: i32 = 0;
/// `clockid`: time since the counter's zero.
pub const CLOCK_MONOTONIC: i32 = 1;

/// `filetype` of the three standard descriptors: a character device, so that C libraries buffer by line.
pub const FILETYPE_CHARACTER_DEVICE: u8 = 2;
/// `rights`: reading.
pub const RIGHT_FD_READ: u64 = 1 << 1;
/// `rights`: writing.
pub const RIGHT_FD_WRITE: u64 = 1 << 6;

/// Standard input: always at its end.
pub const STDIN: i32 = 0;
/// Standard output: goes to the log as information.
pub const STDOUT: i32 = 1;
/// Standard error: goes to the log as warnings.
pub const STDERR: i32 = 2;
