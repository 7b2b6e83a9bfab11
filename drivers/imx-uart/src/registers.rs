// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The registers that output needs (i.MX 8M Plus Applications Processor Reference Manual, "Universal Asynchronous
//! Receiver/Transmitter", memory map and register definition).
#![allow(missing_docs)] // The macros do not hand documentation through.

use tock_registers::registers::{ReadOnly, ReadWrite, WriteOnly};
use tock_registers::{register_bitfields, register_structs};

register_structs! {
    #[allow(non_snake_case)]
    pub Registers {
        (0x00 => _to_data),
        /// UTXD.
        (0x40 => pub(crate) data: WriteOnly<u32>),
        (0x44 => _to_control_1),
        /// UCR1.
        (0x80 => pub(crate) control_1: ReadWrite<u32, Control1::Register>),
        /// UCR2.
        (0x84 => pub(crate) control_2: ReadWrite<u32, Control2::Register>),
        (0x88 => _to_control_4),
        /// UCR4.
        (0x8c => pub(crate) control_4: ReadWrite<u32>),
        (0x90 => _to_test),
        /// UTS.
        (0xb4 => pub(crate) test: ReadOnly<u32, Test::Register>),
        (0xb8 => _to_end),
        (0x1000 => @END),
    }
}

register_bitfields! [u32,
    pub Control1 [
        TRANSMITTER_EMPTY_INTERRUPT OFFSET(6) NUMBITS(1) [],
        UART_ENABLE OFFSET(0) NUMBITS(1) [],
    ],
    pub Control2 [
        IGNORE_RTS OFFSET(14) NUMBITS(1) [],
        WORD_SIZE OFFSET(5) NUMBITS(1) [ EightBits = 1 ],
        TRANSMITTER_ENABLE OFFSET(2) NUMBITS(1) [],
    ],
    pub Test [
        TRANSMIT_FIFO_FULL OFFSET(4) NUMBITS(1) [],
    ],
];
