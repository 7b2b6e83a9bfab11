// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Stops the core, or the machine.

use core::arch::asm;

use aarch64_cpu::asm as instruction;

/// PSCI's SYSTEM_OFF (Arm DEN 0022, 5.1).
const SYSTEM_OFF: u64 = 0x8400_0008;

/// Stops this core for good.
pub fn halt() -> ! {
    loop {
        instruction::wfe();
    }
}

/// Switches the machine off through PSCI, whose conduit is HVC (as on QEMU virt without EL2 and EL3). Where there is no
/// PSCI, the call is an exception and the core halts.
pub fn off() -> ! {
    // SAFETY: the call does not return; were it to fail, it would change x0-x3 at most, which nobody uses afterwards.
    unsafe {
        asm!("hvc #0", inout("x0") SYSTEM_OFF => _, out("x1") _, out("x2") _, out("x3") _, options(nomem, nostack))
    };
    halt()
}
