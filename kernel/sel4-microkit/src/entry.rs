// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The first instructions, the same at the first entry and at a restart.

use core::arch::{asm, global_asm};
use core::cell::Cell;
use core::ptr::NonNull;

/// Microkit maps the IPC buffer one page above the initial stack pointer.
const IPC_BUFFER_ABOVE_STACK: u64 = 0x1000;

// pd.ld puts `_start` first and gives the bounds: .bss and .data are multiples of 16 bytes, and
// `.data_pristine` is a read-only copy of .data that `cofferdam-image finish-pd` fills.
global_asm!(
    r#"
    .section .text._start, "ax"
    .global _start
    .type _start, %function
_start:
    mov     x19, sp
    mov     x29, xzr
    mov     x30, xzr

    adrp    x0, __bss_start
    add     x0, x0, :lo12:__bss_start
    adrp    x1, __bss_end
    add     x1, x1, :lo12:__bss_end
1:  cmp     x0, x1
    b.hs    2f
    stp     xzr, xzr, [x0], #16
    b       1b

2:  adrp    x0, __data_start
    add     x0, x0, :lo12:__data_start
    adrp    x1, __data_end
    add     x1, x1, :lo12:__data_end
    adrp    x2, __data_pristine
    add     x2, x2, :lo12:__data_pristine
3:  cmp     x0, x1
    b.hs    4f
    ldp     x3, x4, [x2], #16
    stp     x3, x4, [x0], #16
    b       3b

4:  mov     x0, x19
    bl      {enter}
    udf     #0
    .size _start, . - _start
    "#,
    enter = sym enter,
);

/// The stack pointer that the kernel gave.
struct InitialStackPointer(Cell<u64>);

// SAFETY: a protection domain has one thread.
unsafe impl Sync for InitialStackPointer {}

static INITIAL_STACK_POINTER: InitialStackPointer = InitialStackPointer(Cell::new(0));

unsafe extern "C" {
    fn _start();
    safe fn __sel4_microkit_main() -> !;
}

extern "C" fn enter(stack_pointer: u64) -> ! {
    INITIAL_STACK_POINTER.0.set(stack_pointer);
    if let Some(buffer) = NonNull::new((stack_pointer + IPC_BUFFER_ABOVE_STACK) as *mut u8) {
        // SAFETY: Microkit's environment has this thread's IPC buffer there, used by nothing else.
        unsafe { sel4::set_ipc_buffer(buffer) };
    }
    __sel4_microkit_main()
}

/// The stack pointer of a protection domain's first instruction.
pub(crate) fn initial_stack_pointer() -> u64 {
    INITIAL_STACK_POINTER.0.get()
}

/// The address of a protection domain's first instruction.
pub(crate) fn entry_address() -> u64 {
    _start as *const () as u64
}

/// Writes zeros over what is not in use of a stack of `stack_bytes` bytes: what an earlier life of this protection domain
/// left there. With more than `system.xml` gives it faults at the guard page.
pub fn clear_stack(stack_bytes: usize) {
    let lowest = initial_stack_pointer().saturating_sub(stack_bytes as u64);
    // SAFETY: below the stack pointer there is nothing of the program's; the loop stays above `lowest`, and below the stack
    // lies a guard page. It uses no stack itself.
    unsafe {
        asm!(
            "mov {at}, sp",
            "2: cmp {at}, {lowest}",
            "b.ls 3f",
            "stp xzr, xzr, [{at}, #-16]!",
            "b 2b",
            "3:",
            at = out(reg) _,
            lowest = in(reg) lowest,
            options(nostack),
        );
    }
}
