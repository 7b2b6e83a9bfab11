// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The driver against a model of the card: plain memory for its registers, and its side of the rings.
#![allow(unsafe_code)]
extern crate std;

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::vec;
use std::vec::Vec;

use cofferdam_register_memory::RegisterMemory;

use super::*;

const PADDR: u64 = 0x4800_0000;
const RING: usize = 4096;

struct Model {
    registers: RegisterMemory,
    dma: SharedRegion,
    receive: usize,
    transmit: usize,
}

impl Model {
    fn new() -> Self {
        let model = Self {
            registers: RegisterMemory::new(REGISTERS_BYTES),
            dma: SharedRegion::leaked(DMA_BYTES),
            receive: 0,
            transmit: 0,
        };
        model.at(0x0e4).store(0x0200_5e10, Relaxed);
        model.at(0x0e8).store(0x2030_8808, Relaxed);
        model
    }

    fn at(&self, offset: usize) -> &AtomicU32 {
        self.registers.at(offset)
    }

    fn driver(&self) -> Result<Enet<'static>, EnetError> {
        // SAFETY: the memory is large enough, aligned, lives for ever, and is accessed atomically or volatile from this one
        // thread; the DMA memory is this test's alone.
        let card = unsafe { Enet::at(self.registers.base(), self.dma, PADDR) };
        // All events of before were taken back; memory keeps what was written.
        assert_eq!(self.at(0x004).swap(0, Relaxed), u32::MAX);
        card
    }

    /// The card receives a frame into its next descriptor, if that is its own.
    fn hears(&mut self, frame: &[u8], flags: u16) -> bool {
        let at = self.receive * 8;
        let state = self.dma.load_u32_relaxed(at).unwrap();
        if state >> 31 == 0 {
            return false;
        }
        let buffer = self.dma.load_u32_relaxed(at + 4).unwrap() - PADDR as u32;
        self.dma.copy_in(buffer as usize, frame).unwrap();
        let wrap = state >> 16 & 1 << 13;
        let word = (frame.len() as u32 + 4) | (u32::from(flags) | wrap) << 16;
        self.dma.store_u32_relaxed(at, word).unwrap();
        self.receive = if wrap == 0 { self.receive + 1 } else { 0 };
        true
    }

    /// Everything that the card has to send.
    fn sends(&mut self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        loop {
            let at = RING + 64 * 2048 + self.transmit * 8;
            let state = self.dma.load_u32_relaxed(at).unwrap();
            if state >> 31 == 0 {
                return frames;
            }
            assert_eq!(state >> 16 & 0xc00, 0xc00, "L and TC");
            let buffer = self.dma.load_u32_relaxed(at + 4).unwrap() - PADDR as u32;
            let mut frame = vec![0; (state & 0xffff) as usize];
            self.dma.copy_out(buffer as usize, &mut frame).unwrap();
            self.dma.store_u32_relaxed(at, state & !(1 << 31)).unwrap();
            self.transmit = if state >> 16 & 1 << 13 == 0 { self.transmit + 1 } else { 0 };
            frames.push(frame);
        }
    }
}

fn received(card: &mut Enet<'_>) -> Option<Vec<u8>> {
    let mut frame = None;
    let there = card.receive(|bytes| frame = Some(bytes.to_vec())).unwrap();
    assert_eq!(there, frame.is_some());
    frame
}

/// Offsets and bits as the manual has them, written out once more.
#[test]
fn it_is_set_up_as_the_manual_says_and_keeps_the_link() {
    let model = Model::new();
    model.at(0x024).store(1 << 5 | 1 << 1, Relaxed); // 1 Gbit/s, running
    model.at(0x084).store(1 << 6 | 1 << 2 | 1 << 3, Relaxed); // RGMII, promiscuous
    let card = model.driver().unwrap();
    assert_eq!(card.hardware_address(), [0x02, 0x00, 0x5e, 0x10, 0x20, 0x30]);
    assert_eq!(model.at(0x024).load(Relaxed), 1 << 8 | 1 << 5 | 1 << 1, "DBSWP, SPEED, ETHEREN");
    assert_eq!(model.at(0x084).load(Relaxed), 1522 << 16 | 1 << 6 | 1 << 2, "MAX_FL, RGMII_EN, MII_MODE");
    assert_eq!(model.at(0x0c4).load(Relaxed), 1 << 2, "FDEN");
    assert_eq!(model.at(0x144).load(Relaxed), 1 << 8, "STRFWD");
    assert_eq!(model.at(0x180).load(Relaxed), PADDR as u32);
    assert_eq!(model.at(0x184).load(Relaxed), PADDR as u32 + (RING + 64 * 2048) as u32);
    assert_eq!(model.at(0x188).load(Relaxed), 2048);
    assert_eq!(model.at(0x008).load(Relaxed), 1 << 27 | 1 << 25 | 1 << 22, "TXF, RXF, EBERR");
    assert_eq!(model.at(0x010).load(Relaxed), 1 << 24, "RDAR");
}

#[test]
fn frames_go_both_ways_around_the_rings() {
    let mut model = Model::new();
    let mut card = model.driver().unwrap();
    for round in 0..200_u32 {
        let frame = vec![round as u8; 60 + round as usize];
        assert!(model.hears(&frame, LAST));
        assert_eq!(received(&mut card), Some(frame.clone()));
        assert!(card.send(&frame).unwrap());
        assert_eq!(model.sends(), [frame]);
    }
    assert_eq!(received(&mut card), None);
}

#[test]
fn full_rings_refuse_and_go_on_later() {
    let mut model = Model::new();
    let mut card = model.driver().unwrap();
    for number in 0..DESCRIPTORS {
        assert!(model.hears(&[number as u8; 60], LAST), "{number}");
        assert!(card.send(&[number as u8; 60]).unwrap(), "{number}");
    }
    assert!(!model.hears(&[0; 60], LAST), "the card drops what nobody takes");
    assert!(!card.can_send().unwrap() && !card.send(&[0; 60]).unwrap());
    assert_eq!(received(&mut card).unwrap(), [0; 60]);
    assert!(model.hears(&[99; 60], LAST));
    assert_eq!(model.sends().len(), DESCRIPTORS);
    assert!(card.can_send().unwrap());
    for number in 1..DESCRIPTORS {
        assert_eq!(received(&mut card).unwrap(), [number as u8; 60]);
    }
    assert_eq!(received(&mut card).unwrap(), [99; 60]);
}

#[test]
fn what_is_no_whole_frame_is_dropped() {
    let mut model = Model::new();
    let mut card = model.driver().unwrap();
    model.hears(&[1; 60], 0); // more to come
    for error in [0, 1, 2, 4, 5] {
        model.hears(&[2; 60], LAST | 1 << error);
    }
    model.hears(&[3; 1519], LAST); // longer than a frame
    model.hears(&[4; 60], LAST);
    assert_eq!(received(&mut card).unwrap(), [4; 60]);
    assert_eq!(received(&mut card), None);
    // A length that not even the checksum fits into.
    let at = model.receive * 8;
    model.dma.store_u32_relaxed(at, 3 | u32::from(LAST) << 16).unwrap();
    assert_eq!(received(&mut card), None);
    // Nothing but rubbish, all around: the call ends.
    for number in 0..DESCRIPTORS {
        model.dma.store_u32_relaxed(number * 8, 0xffff).unwrap();
    }
    assert_eq!(received(&mut card), None);
}

#[test]
fn interrupts_are_taken_back_and_bus_errors_end_it() {
    let model = Model::new();
    let mut card = model.driver().unwrap();
    card.acknowledge_interrupt();
    assert_eq!(model.at(0x004).load(Relaxed), 1 << 27 | 1 << 25);
    model.at(0x004).store(1 << 22, Relaxed);
    assert_eq!(card.receive(|_| ()), Err(EnetError::Bus));
    assert_eq!(card.send(&[0; 60]), Err(EnetError::Bus));
}

#[test]
fn what_cannot_work_is_said() {
    let model = Model::new();
    // SAFETY: as in `driver`.
    let at = |dma, paddr| unsafe { Enet::at(model.registers.base(), dma, paddr) }.map(drop);
    assert_eq!(at(model.dma, 0xffff_0000), Err(EnetError::Address(0xffff_0000)));
    assert!(matches!(at(SharedRegion::leaked(4096), PADDR), Err(EnetError::Memory(_))));
    for (low, high) in [(0, 0x8808), (0x0100_5e10, 0x2030_8808)] {
        model.at(0x0e4).store(low, Relaxed);
        model.at(0x0e8).store(high, Relaxed);
        assert_eq!(at(model.dma, PADDR), Err(EnetError::NoHardwareAddress));
    }
}
