/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory map of a platform, from its platform.toml: what the kernel maps, what it hands out. */
#ifndef COFFERDAM_PLAT_MACHINE_HARDWARE_H
#define COFFERDAM_PLAT_MACHINE_HARDWARE_H

#include <config.h>
#include <basic_types.h>
#include <arch/linker.h>
#include <plat/machine.h>
#include <plat/machine/devices.h>
#include <plat_mode/machine/hardware.h>

#define TIMER_CLOCK_HZ ((uint64_t)PLATFORM_TIMER_FREQUENCY_HZ)
#define physBase       PLATFORM_KERNEL_PHYSICAL_BASE

/* Pages of registers in the kernel's own address space: never executable. */
static const kernel_frame_t BOOT_RODATA kernel_devices[] = {
    {
        .paddr = PLATFORM_GIC_CPU_INTERFACE,
        .pptr = GIC_CPU_INTERFACE_PPTR,
        .armExecuteNever = true
    },
    {
        .paddr = PLATFORM_GIC_DISTRIBUTOR,
        .pptr = GIC_DISTRIBUTOR_PPTR,
        .armExecuteNever = true
    },
#if defined(CONFIG_PRINTING) || defined(CONFIG_DEBUG_BUILD)
    {
        .paddr = PLATFORM_UART,
        .pptr = UART_PPTR,
        .armExecuteNever = true
    },
#endif
};

/* RAM, with the kernel in it; boot code cuts out the kernel and the root task's image. */
static const p_region_t BOOT_RODATA avail_p_regs[] = {
    { .start = PLATFORM_KERNEL_PHYSICAL_BASE, .end = PLATFORM_RAM_END },
};

/* Device memory for the root task. The GIC is not among it: it stays the kernel's. */
static const p_region_t BOOT_RODATA dev_p_regs[] = {
#define PLATFORM_DEVICE(first, behind) { .start = (first), .end = (behind) },
    PLATFORM_DEVICES
#undef PLATFORM_DEVICE
};

/* No interrupt is reserved for the platform's own use. */
static inline void handleReservedIRQ(irq_t irq) {}

#endif
