/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the kernel's devices appear in its address space: pages of the last 2 MiB. */
#ifndef COFFERDAM_PLAT_MODE_MACHINE_DEVICES_H
#define COFFERDAM_PLAT_MODE_MACHINE_DEVICES_H

#define UART_PPTR              0xffffffffffe10000
#define GIC_DISTRIBUTOR_PPTR   0xffffffffffe11000
#define GIC_CPU_INTERFACE_PPTR 0xffffffffffe12000

#endif
