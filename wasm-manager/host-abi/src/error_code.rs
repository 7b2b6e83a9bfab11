// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Error codes of the `cofferdam` module.

use core::fmt;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// Why a call was refused. On the wire: the negative number, as `i32` or `i64`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(i32)]
        pub enum ErrorCode { $($(#[$doc])* $name = $code,)* }

        impl ErrorCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code with this number.
            pub const fn from_code(code: i32) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }

        impl fmt::Display for ErrorCode {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text,)* })
            }
        }
    };
}

error_codes! {
    /// No sensor, actuator or topic has this number or name.
    UndefinedDevice = -1, "no such device";
    /// The app's manifest does not permit this.
    NotPermitted = -2, "not permitted";
    /// A value outside the range that the manifest or the guard allows, or not a number.
    OutOfRange = -3, "value out of range";
    /// A pointer and length that do not lie within the app's memory.
    BadPointer = -4, "bad pointer";
    /// A buffer too small for the answer, or a length above its limit.
    BadLength = -5, "bad length";
    /// An output was written without a lease on it, or after the lease ran out.
    NoLease = -6, "no lease";
    /// Another app holds the lease.
    AlreadyInUse = -7, "already in use";
    /// This device cannot do that.
    NotSupported = -8, "operation not supported";
    /// Nothing to read yet.
    NotReady = -9, "not ready";
    /// A rate limit was reached; the call did nothing.
    RateLimited = -10, "rate limit reached";
    /// An argument that names no known choice, for one a log level.
    BadArgument = -11, "bad argument";
    /// The driver behind the call failed or answered nonsense.
    DeviceFailure = -12, "device failure";
    /// The vehicle's driver is braking, and this would drive.
    Interlocked = -13, "held back by an interlock";
}

impl ErrorCode {
    /// The number that the app sees.
    pub const fn code(self) -> i32 {
        self as i32
    }
}

impl core::error::Error for ErrorCode {}
