/* SPDX-License-Identifier: GPL-2.0-only */
/* The debug console: a PL011 UART, polled (ARM DDI 0183). */
#include <config.h>
#include <stdint.h>
#include <util.h>
#include <machine/io.h>
#include <plat/machine/devices.h>

#if defined(CONFIG_PRINTING) || defined(CONFIG_DEBUG_BUILD)

#define PL011_DATA_REGISTER 0x00
#define PL011_FLAG_REGISTER 0x18
#define PL011_RECEIVE_EMPTY BIT(4)
#define PL011_TRANSMIT_FULL BIT(5)

static volatile uint32_t *pl011_register(word_t offset)
{
    return (volatile uint32_t *)(UART_PPTR + offset);
}

void putDebugChar(unsigned char c)
{
    while (*pl011_register(PL011_FLAG_REGISTER) & PL011_TRANSMIT_FULL);
    *pl011_register(PL011_DATA_REGISTER) = c;
}

unsigned char getDebugChar(void)
{
    while (*pl011_register(PL011_FLAG_REGISTER) & PL011_RECEIVE_EMPTY);
    return *pl011_register(PL011_DATA_REGISTER);
}

#endif
