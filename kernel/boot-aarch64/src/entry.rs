// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From reset to Rust, and what is done about an exception before there is a kernel: name it and stop.

use core::{arch::global_asm, fmt::Write as _, ops::Range};

use aarch64_cpu::{
    asm,
    registers::{ELR_EL1, ESR_EL1, FAR_EL1, Readable as _},
};

// One core goes on, the others sleep. At EL2, EL1 is made ready and entered; EL3 is left to firmware. FP and SIMD are
// allowed first, as compiled code may use them. Register values: Arm ARM (DDI 0487), D19.
global_asm!(
    r#"
    .section .text.start, "ax"
    .global _start
_start:
    msr     daifset, #0xf
    mrs     x1, mpidr_el1
    tst     x1, #0xffffff
    b.ne    9f
    mrs     x1, currentel
    cmp     x1, #(1 << 2)
    b.eq    2f
    cmp     x1, #(2 << 2)
    b.ne    9f

    mov     x1, #(1 << 31)              // HCR_EL2.RW: EL1 is AArch64; nothing is trapped
    msr     hcr_el2, x1
    mov     x1, #3                      // CNTHCTL_EL2: EL1 may use the physical timer
    msr     cnthctl_el2, x1
    msr     cntvoff_el2, xzr
    mov     x1, #0x33ff                 // CPTR_EL2: RES1 bits only, FP is not trapped
    msr     cptr_el2, x1
    msr     hstr_el2, xzr
    mrs     x1, midr_el1
    msr     vpidr_el2, x1
    mrs     x1, mpidr_el1
    msr     vmpidr_el2, x1
    mov     x1, #0x3c5                  // SPSR_EL2: EL1 with its own stack pointer, all masked
    msr     spsr_el2, x1
    adr     x1, 2f
    msr     elr_el2, x1
    eret

2:  ldr     x1, =0x30d00800             // SCTLR_EL1: RES1 bits only; MMU and caches off
    msr     sctlr_el1, x1
    mov     x1, #(3 << 20)              // CPACR_EL1.FPEN
    msr     cpacr_el1, x1
    ldr     x1, =boot_vectors
    msr     vbar_el1, x1
    isb
    ldr     x1, =__stack_top
    mov     sp, x1
    ldr     x1, =__bss_start
    ldr     x2, =__bss_end
3:  cmp     x1, x2
    b.hs    4f
    stp     xzr, xzr, [x1], #16
    b       3b
4:  bl      boot_main
9:  wfe
    b       9b

    .balign 2048
boot_vectors:
    .rept   16
    .balign 128
    b       boot_exception
    .endr
    "#
);

unsafe extern "C" {
    static __image_start: u8;
    static __image_end: u8;
}

/// Physical range of the running program with its stack.
#[must_use]
pub fn image() -> Range<u64> {
    (&raw const __image_start).addr() as u64..(&raw const __image_end).addr() as u64
}

#[unsafe(no_mangle)]
extern "C" fn boot_exception() -> ! {
    if let Some(mut uart) = crate::uart::of_exceptions() {
        let (syndrome, address, pc) = (ESR_EL1.get(), FAR_EL1.get(), ELR_EL1.get());
        // Nothing can be done about a line that cannot be written.
        let _ = writeln!(uart, "boot: exception at {pc:#x}: syndrome {syndrome:#x}, address {address:#x}");
    }
    loop {
        asm::wfe();
    }
}

/// Names the function that runs first: `entry!(main)`, where `main` is `fn() -> !`. MMU and caches are off in it.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[unsafe(no_mangle)]
        extern "C" fn boot_main() -> ! {
            let main: fn() -> ! = $main;
            main()
        }
    };
}
