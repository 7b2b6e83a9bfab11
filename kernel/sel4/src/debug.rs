// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What helps when something is wrong.

/// Prints one byte if there is a kernel that was built to print; otherwise does nothing.
#[inline]
pub fn debug_put_char(byte: u8) {
    #[cfg(all(kernel_printing, target_os = "none"))]
    // SAFETY: this system call reads x0 and changes nothing of this program.
    unsafe {
        core::arch::asm!(
            "svc #0",
            inlateout("x0") u64::from(byte) => _,
            in("x7") crate::constants::SYSCALL_DebugPutChar,
            options(nostack),
        );
    }
    #[cfg(not(all(kernel_printing, target_os = "none")))]
    let _ = byte;
}

/// Formatted output through [`debug_put_char`].
#[derive(Clone, Copy, Debug, Default)]
pub struct DebugWriter;

impl core::fmt::Write for DebugWriter {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        if crate::PRINTING {
            text.bytes().for_each(debug_put_char);
        }
        Ok(())
    }
}

/// Executes an undefined instruction: the fault handler sees where.
#[cfg(target_os = "none")]
pub(crate) fn fault() -> ! {
    // SAFETY: the instruction never completes.
    unsafe { core::arch::asm!("udf #0", options(noreturn, nomem, nostack)) }
}
