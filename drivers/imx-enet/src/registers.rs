// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The registers that moving frames needs (i.MX 8M Plus Applications Processor Reference Manual, "Ethernet MAC (ENET)",
//! memory map and register definition).
#![allow(missing_docs)] // The macros do not hand documentation through.

use tock_registers::registers::ReadWrite;
use tock_registers::{register_bitfields, register_structs};

register_structs! {
    #[allow(non_snake_case)]
    pub Registers {
        (0x000 => _to_events),
        /// EIR: a bit is cleared by writing 1.
        (0x004 => pub(crate) events: ReadWrite<u32, Events::Register>),
        /// EIMR.
        (0x008 => pub(crate) interrupts: ReadWrite<u32, Events::Register>),
        (0x00c => _to_receive_active),
        /// RDAR: any write says that there are empty descriptors.
        (0x010 => pub(crate) receive_active: ReadWrite<u32, Active::Register>),
        /// TDAR: any write says that there are ready descriptors.
        (0x014 => pub(crate) transmit_active: ReadWrite<u32, Active::Register>),
        (0x018 => _to_control),
        /// ECR.
        (0x024 => pub(crate) control: ReadWrite<u32, Control::Register>),
        (0x028 => _to_receive_control),
        /// RCR.
        (0x084 => pub(crate) receive_control: ReadWrite<u32, ReceiveControl::Register>),
        (0x088 => _to_transmit_control),
        /// TCR.
        (0x0c4 => pub(crate) transmit_control: ReadWrite<u32, TransmitControl::Register>),
        (0x0c8 => _to_address),
        /// PALR: the first four bytes of the address, the first one highest.
        (0x0e4 => pub(crate) address_low: ReadWrite<u32>),
        /// PAUR: the last two bytes in its upper half.
        (0x0e8 => pub(crate) address_high: ReadWrite<u32>),
        (0x0ec => _to_hashes),
        /// IAUR, IALR, GAUR, GALR: hashes of further addresses.
        (0x118 => pub(crate) hashes: [ReadWrite<u32>; 4]),
        (0x128 => _to_watermark),
        /// TFWR.
        (0x144 => pub(crate) transmit_watermark: ReadWrite<u32, Watermark::Register>),
        (0x148 => _to_rings),
        /// RDSR.
        (0x180 => pub(crate) receive_ring: ReadWrite<u32>),
        /// TDSR.
        (0x184 => pub(crate) transmit_ring: ReadWrite<u32>),
        /// MRBR.
        (0x188 => pub(crate) receive_buffer_bytes: ReadWrite<u32>),
        (0x18c => _to_accelerators),
        /// TACC.
        (0x1c0 => pub(crate) transmit_accelerator: ReadWrite<u32>),
        /// RACC.
        (0x1c4 => pub(crate) receive_accelerator: ReadWrite<u32>),
        (0x1c8 => _to_end),
        (0x1000 => @END),
    }
}

register_bitfields! [u32,
    pub Events [
        TRANSMIT_FRAME OFFSET(27) NUMBITS(1) [],
        RECEIVE_FRAME OFFSET(25) NUMBITS(1) [],
        BUS_ERROR OFFSET(22) NUMBITS(1) [],
    ],
    pub Active [
        ACTIVE OFFSET(24) NUMBITS(1) [],
    ],
    pub Control [
        // Descriptors are little-endian.
        SWAP OFFSET(8) NUMBITS(1) [],
        GIGABIT OFFSET(5) NUMBITS(1) [],
        // Descriptors of 32 bytes; else of 8.
        ENHANCED OFFSET(4) NUMBITS(1) [],
        ENABLE OFFSET(1) NUMBITS(1) [],
        RESET OFFSET(0) NUMBITS(1) [],
    ],
    pub ReceiveControl [
        FRAME_BYTES_MAX OFFSET(16) NUMBITS(14) [],
        // Checksums are passed on with the frame, and counted.
        STRIP_CHECKSUM OFFSET(14) NUMBITS(1) [],
        SLOW OFFSET(9) NUMBITS(1) [],
        RMII OFFSET(8) NUMBITS(1) [],
        RGMII OFFSET(6) NUMBITS(1) [],
        FLOW_CONTROL OFFSET(5) NUMBITS(1) [],
        PROMISCUOUS OFFSET(3) NUMBITS(1) [],
        MII OFFSET(2) NUMBITS(1) [],
    ],
    pub TransmitControl [
        FULL_DUPLEX OFFSET(2) NUMBITS(1) [],
    ],
    pub Watermark [
        STORE_AND_FORWARD OFFSET(8) NUMBITS(1) [],
    ],
];
