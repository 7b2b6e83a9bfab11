/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* User level's side of the platform's API constants: there are none. */
#ifndef COFFERDAM_SEL4_PLAT_API_CONSTANTS_H
#define COFFERDAM_SEL4_PLAT_API_CONSTANTS_H
#endif
