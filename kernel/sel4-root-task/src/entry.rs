// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From the kernel's first instruction to the root task's function, and its end by a panic.

use core::arch::global_asm;
use core::panic::PanicInfo;
use core::ptr::NonNull;

use sel4::BootInfo;

/// Bytes of the root task's stack.
const STACK_BYTES: usize = 64 * 1024;

#[repr(C, align(16))]
struct Stack([u8; STACK_BYTES]);

static mut STACK: Stack = Stack([0; STACK_BYTES]);

// The kernel gives no stack, and the boot information's address in x0.
global_asm!(
    r#"
    .section .text._start, "ax"
    .global _start
    .type _start, %function
_start:
    adrp    x1, {stack}
    add     x1, x1, :lo12:{stack}
    mov     x2, #{stack_bytes}
    add     sp, x1, x2
    mov     x29, xzr
    mov     x30, xzr
    bl      {enter}
    udf     #0
    .size _start, . - _start
    "#,
    stack = sym STACK,
    stack_bytes = const STACK_BYTES,
    enter = sym enter,
);

unsafe extern "Rust" {
    safe fn __sel4_root_task_main(boot_info: BootInfo) -> !;
}

#[expect(clippy::panic, reason = "no root task can run then")]
extern "C" fn enter(boot_info: Option<NonNull<u8>>) -> ! {
    let Some(boot_info) = boot_info else { panic!("the kernel gave no boot information") };
    // SAFETY: the kernel passes the address of its boot information page in the first register.
    let boot_info = unsafe { BootInfo::new(boot_info) };
    if let Some(buffer) = NonNull::new(boot_info.ipc_buffer() as *mut u8) {
        // SAFETY: the kernel mapped this thread's IPC buffer there.
        unsafe { sel4::set_ipc_buffer(buffer) };
    }
    __sel4_root_task_main(boot_info)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    crate::telling::TELLING.tell(info);
    crate::halt()
}
