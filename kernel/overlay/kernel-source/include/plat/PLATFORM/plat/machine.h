/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupt numbers of a platform, as the kernel's interrupt code wants to know them. */
#ifndef COFFERDAM_PLAT_MACHINE_H
#define COFFERDAM_PLAT_MACHINE_H

#include <plat/platform_facts.h>
#include <plat_mode/machine.h>

enum IRQConstants {
    maxIRQ = PLATFORM_INTERRUPT_COUNT - 1
};

#define KERNEL_TIMER_IRQ PLATFORM_KERNEL_TIMER_INTERRUPT

#include <arch/machine/gic_pl390.h>

#endif
