/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COFFERDAM_PLAT_MODE_MACHINE_HARDWARE_H
#define COFFERDAM_PLAT_MODE_MACHINE_HARDWARE_H

#include <plat/platform_facts.h>

#define kernelBase PLATFORM_KERNEL_VIRTUAL_BASE
#define USER_TOP   PLATFORM_USER_TOP

#endif
