// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Output through a kernel that was built to print.

use core::fmt::{Arguments, Write};

#[doc(hidden)]
pub fn print(arguments: Arguments<'_>) {
    // The writer never fails.
    let _ = writeln!(sel4::DebugWriter, "{arguments}");
}

/// Prints a line on a debug kernel; on any other the arguments are checked but not even formatted.
#[macro_export]
macro_rules! debug_println {
    ($($argument:tt)*) => {
        if $crate::PRINTING { $crate::__private::print(::core::format_args!($($argument)*)) }
    };
}
