// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The runtime of a root task: entry, boot information, panic.
//!
//! ```text
//! sel4_root_task::root_task!(main);
//! fn main(boot_info: sel4::BootInfo) -> ! { … }
//! ```
//! The root task runs once; .data and .bss come from its image. A panic is told to the sink that
//! [`set_panic_sink`] names (and to a debug kernel), then the root task suspends itself for good.
#![no_std]

use core::arch::global_asm;
use core::cell::Cell;
use core::fmt::Write;
use core::panic::PanicInfo;
use core::ptr::NonNull;

use sel4::{BootInfo, Tcb, initial_slot};

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

/// Names the function that is the root task: `fn main(BootInfo) -> !`.
#[macro_export]
macro_rules! root_task {
    ($main:path) => {
        #[doc(hidden)]
        #[unsafe(no_mangle)]
        extern "Rust" fn __sel4_root_task_main(boot_info: ::sel4::BootInfo) -> ! {
            $main(boot_info)
        }
    };
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

type Sink = fn(&PanicInfo<'_>);

struct State {
    sink: Cell<Option<Sink>>,
    panicking: Cell<bool>,
}

// SAFETY: the root task has one thread.
unsafe impl Sync for State {}

static STATE: State = State { sink: Cell::new(None), panicking: Cell::new(false) };

/// Sets where a panic is told.
pub fn set_panic_sink(sink: Sink) {
    STATE.sink.set(Some(sink));
}

/// Stops the root task for good.
pub fn halt() -> ! {
    loop {
        // Suspending oneself does not return; if it is refused, there is nothing left but to try again.
        let _ = Tcb(initial_slot::TCB).suspend();
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if !STATE.panicking.replace(true) {
        // The writer never fails.
        let _ = writeln!(sel4::DebugWriter, "root task: {info}");
        if let Some(sink) = STATE.sink.get() {
            sink(info);
        }
    }
    halt()
}
