/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's side of the platform's API constants: there are none, as the hardware debug API is
 * not configured. */
#ifndef COFFERDAM_PLAT_API_CONSTANTS_H
#define COFFERDAM_PLAT_API_CONSTANTS_H
#endif
