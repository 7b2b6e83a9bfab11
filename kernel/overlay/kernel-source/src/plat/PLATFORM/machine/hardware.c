/* SPDX-License-Identifier: GPL-2.0-only */
/* Timer and outer cache: the architecture's timer, and no outer cache. */
#include <config.h>
#include <types.h>
#include <arch/machine.h>
#include <arch/linker.h>
#include <mode/machine/timer.h>

BOOT_CODE void initTimer(void)
{
    initGenericTimer();
}

void resetTimer(void)
{
    resetGenericTimer();
}

/* The machines have no cache beyond those that the core's own instructions maintain. */
void initL2Cache(void) {}
void plat_cleanL2Range(paddr_t start, paddr_t end) {}
void plat_invalidateL2Range(paddr_t start, paddr_t end) {}
void plat_cleanInvalidateL2Range(paddr_t start, paddr_t end) {}
void plat_cleanInvalidateCache(void) {}
