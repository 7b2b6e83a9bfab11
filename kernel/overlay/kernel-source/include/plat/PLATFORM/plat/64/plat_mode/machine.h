/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COFFERDAM_PLAT_MODE_MACHINE_H
#define COFFERDAM_PLAT_MODE_MACHINE_H

/* Size of the kernel's table of interrupt slots: 2^14 bytes are 512 slots of 32 bytes, enough for
 * the most that a machine here has: 288. */
#define IRQ_CNODE_BITS 14

#endif
