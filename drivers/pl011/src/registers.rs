// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The registers that output needs (ARM DDI 0183, table 3-1).
#![allow(missing_docs)] // The macros do not hand documentation through.

use tock_registers::registers::{ReadOnly, ReadWrite, WriteOnly};
use tock_registers::{register_bitfields, register_structs};

register_structs! {
    #[allow(non_snake_case)]
    pub Registers {
        /// UARTDR, section 3.3.1.
        (0x000 => pub(crate) data: ReadWrite<u32>),
        (0x004 => _to_flags),
        /// UARTFR, section 3.3.3.
        (0x018 => pub(crate) flags: ReadOnly<u32, Flags::Register>),
        (0x01c => _to_line_control),
        /// UARTLCR_H, section 3.3.7.
        (0x02c => pub(crate) line_control: ReadWrite<u32, LineControl::Register>),
        /// UARTCR, section 3.3.8.
        (0x030 => pub(crate) control: ReadWrite<u32, Control::Register>),
        (0x034 => _to_interrupt_mask),
        /// UARTIMSC, section 3.3.10.
        (0x038 => pub(crate) interrupt_mask: ReadWrite<u32, Interrupts::Register>),
        (0x03c => _to_interrupt_clear),
        /// UARTICR, section 3.3.13.
        (0x044 => pub(crate) interrupt_clear: WriteOnly<u32, Interrupts::Register>),
        (0x048 => _to_end),
        (0x1000 => @END),
    }
}

register_bitfields! [u32,
    pub Flags [
        TRANSMIT_FIFO_FULL OFFSET(5) NUMBITS(1) [],
        BUSY OFFSET(3) NUMBITS(1) [],
    ],
    pub LineControl [
        WORD_LENGTH OFFSET(5) NUMBITS(2) [ EightBits = 3 ],
        FIFO_ENABLE OFFSET(4) NUMBITS(1) [],
    ],
    pub Control [
        TRANSMIT_ENABLE OFFSET(8) NUMBITS(1) [],
        UART_ENABLE OFFSET(0) NUMBITS(1) [],
    ],
    pub Interrupts [
        TRANSMIT OFFSET(5) NUMBITS(1) [],
    ],
];
