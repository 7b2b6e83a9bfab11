// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the entropy source. It serves one protected procedure (contract:
//! `cofferdam-entropy-protocol`) out of a virtio device. Without a device it says so and has nothing else.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod regions;

use core::convert::Infallible;

use cofferdam_entropy_protocol::{BYTES_MAX, Request, Status, pack};
use cofferdam_virtio_rng::VirtioEntropy;
use sel4_microkit::{
    Channel, ChannelSet, Handler, MessageInfo, channel, get_mr, now_us, protection_domain, set_mr,
};
use virtio_drivers::transport::DeviceType;
use virtio_drivers::transport::mmio::MmioTransport;

/// How long the device may take for one call. The caller waits so long at most.
const PATIENCE_US: u64 = 500_000;

struct EntropyDriver {
    device: Option<VirtioEntropy<MmioTransport<'static>>>,
    interrupt: Channel,
}

#[protection_domain]
#[allow(clippy::expect_used)] // of the system description
fn init() -> impl Handler {
    cofferdam_log_ring::pd::init();
    regions::initialise_dma().expect("region rng_dma");
    let device = match regions::transports().find(DeviceType::EntropySource) {
        Ok(transport) => {
            VirtioEntropy::new(transport).inspect_err(|error| log::error!("no entropy: {error}")).ok()
        }
        Err(error) => {
            log::error!("no entropy: {error}");
            None
        }
    };
    EntropyDriver { device, interrupt: channel!(virtio_irq) }
}

impl EntropyDriver {
    fn serve(&mut self, message: MessageInfo) -> Result<MessageInfo, Status> {
        let words = [get_mr(0), get_mr(1)];
        let words = words.get(..message.count()).unwrap_or(&words);
        let Request::Fill { count_bytes } = Request::parse(message.label(), words)?;
        let device = self.device.as_mut().ok_or(Status::NoDevice)?;
        let mut bytes = [0; BYTES_MAX];
        let bytes = bytes.get_mut(..count_bytes).ok_or(Status::BadLength)?;
        let until_us = now_us().saturating_add(PATIENCE_US);
        device.fill(bytes, || now_us() < until_us).map_err(|error| {
            log::error!("{error}");
            Status::DeviceFailed
        })?;
        let (words, count) = pack(bytes);
        for (index, word) in words.iter().enumerate().take(count) {
            set_mr(index, *word);
        }
        Ok(MessageInfo::new(Status::Ok as u64, count))
    }
}

impl Handler for EntropyDriver {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        // Answers are waited for, not notified; the interrupt is only quieted.
        if channels.contains(self.interrupt) {
            if let Some(device) = &mut self.device {
                device.acknowledge_interrupt();
            }
            if let Err(error) = self.interrupt.irq_ack() {
                log::error!("interrupt: {error}");
            }
        }
        Ok(())
    }

    fn protected(&mut self, _channel: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        Ok(self.serve(message).unwrap_or_else(|status| MessageInfo::new(status as u64, 0)))
    }
}
