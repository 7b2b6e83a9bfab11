// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The registers that output needs ("BCM2711 ARM Peripherals", tables 2 to 19).
#![allow(missing_docs)] // The macros do not hand documentation through.

use tock_registers::registers::{ReadOnly, ReadWrite};
use tock_registers::{register_bitfields, register_structs};

register_structs! {
    #[allow(non_snake_case)]
    pub Registers {
        (0x00 => _to_enables),
        /// AUX_ENABLES: which of the block's three devices are on.
        (0x04 => pub(crate) enables: ReadWrite<u32, Enables::Register>),
        (0x08 => _to_data),
        /// AUX_MU_IO_REG.
        (0x40 => pub(crate) data: ReadWrite<u32>),
        /// AUX_MU_IER_REG.
        (0x44 => pub(crate) interrupts: ReadWrite<u32, Interrupts::Register>),
        (0x48 => _to_line_control),
        /// AUX_MU_LCR_REG.
        (0x4c => pub(crate) line_control: ReadWrite<u32, LineControl::Register>),
        (0x50 => _to_line_status),
        /// AUX_MU_LSR_REG.
        (0x54 => pub(crate) line_status: ReadOnly<u32, LineStatus::Register>),
        (0x58 => _to_control),
        /// AUX_MU_CNTL_REG.
        (0x60 => pub(crate) control: ReadWrite<u32, Control::Register>),
        (0x64 => _to_end),
        (0x100 => @END),
    }
}

register_bitfields! [u32,
    pub Enables [
        MINI_UART OFFSET(0) NUMBITS(1) [],
    ],
    // The manual of the BCM2835 had the two the wrong way round; table 7 of the BCM2711's has them so.
    pub Interrupts [
        TRANSMIT OFFSET(1) NUMBITS(1) [],
        RECEIVE OFFSET(0) NUMBITS(1) [],
    ],
    pub LineControl [
        // Eight bits need both: the register is not a 16550's.
        DATA_SIZE OFFSET(0) NUMBITS(2) [ EightBits = 3 ],
    ],
    pub LineStatus [
        TRANSMITTER_EMPTY OFFSET(5) NUMBITS(1) [],
    ],
    pub Control [
        TRANSMITTER_ENABLE OFFSET(1) NUMBITS(1) [],
        RECEIVER_ENABLE OFFSET(0) NUMBITS(1) [],
    ],
];
