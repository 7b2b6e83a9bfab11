// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The last steps: timer access for user level, then the jump into the kernel.

use core::arch::asm;

use aarch64_cpu::registers::{CNTKCTL_EL1, Writeable as _};
use cofferdam_system_spec::boot::LoaderHeader;

/// Starts the kernel. The header is one that `cofferdam_boot_plan::check` has passed, its parts are in place, and the
/// kernel's window is mapped.
pub fn start_kernel(header: &LoaderHeader) -> ! {
    // User level may read the physical counter and program the physical timer, as on the SDK's kernel for QEMU. The
    // virtual counter traps there, and the virtual timer is the kernel's tick. seL4 never writes this register.
    CNTKCTL_EL1.write(
        CNTKCTL_EL1::EL0PCTEN::TrappedNone
            + CNTKCTL_EL1::EL0PTEN::TrappedNone
            + CNTKCTL_EL1::EL0VCTEN::TrappedFreqVct
            + CNTKCTL_EL1::EL0VTEN::TrappedVirtual,
    );
    // SAFETY: the address is in the mapped kernel, which takes over the machine with these arguments and does not return.
    unsafe {
        asm!(
            "br {entry}",
            entry = in(reg) header.kernel_entry_vaddr,
            in("x0") header.user_start_paddr,
            in("x1") header.user_end_paddr,
            in("x2") header.user_offset,
            in("x3") header.user_entry_vaddr,
            options(noreturn, nostack),
        )
    }
}
