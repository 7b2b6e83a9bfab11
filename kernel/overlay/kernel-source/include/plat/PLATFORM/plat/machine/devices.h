/* SPDX-License-Identifier: GPL-2.0-only */
/* Physical addresses of the devices that the kernel itself drives. */
#ifndef COFFERDAM_PLAT_MACHINE_DEVICES_H
#define COFFERDAM_PLAT_MACHINE_DEVICES_H

#include <plat/platform_facts.h>
#include <plat_mode/machine/devices.h>

/* The GIC driver asks for its two pages by these names. */
#define GIC_PL390_DISTRIBUTOR_PPTR GIC_DISTRIBUTOR_PPTR
#define GIC_PL390_CONTROLLER_PPTR  GIC_CPU_INTERFACE_PPTR

#endif
