// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the entropy source. It serves one protected procedure (contract:
//! `cofferdam-entropy-protocol`) out of the board's device ([`source`]). Without one it says so and has nothing else.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[cfg(not(any(feature = "absent", feature = "jitter")))]
mod regions;
mod source;

use core::convert::Infallible;

use cofferdam_entropy_protocol::{BYTES_MAX, Request, Status, pack};
use sel4_microkit::{Channel, ChannelSet, Handler, MessageInfo, get_mr, now_us, protection_domain, set_mr};

use crate::source::Source;

/// How long the device may take for one call. The caller waits so long at most.
const PATIENCE_US: u64 = 500_000;

struct EntropyDriver {
    device: Option<Source>,
    interrupt: Option<Channel>,
}

#[protection_domain]
fn init() -> impl Handler {
    cofferdam_log_ring::pd::init();
    EntropyDriver { device: source::find(), interrupt: source::interrupt() }
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
        if let Some(interrupt) = self.interrupt.filter(|interrupt| channels.contains(*interrupt)) {
            if let Some(device) = &mut self.device {
                device.acknowledge_interrupt();
            }
            if let Err(error) = interrupt.irq_ack() {
                log::error!("interrupt: {error}");
            }
        }
        Ok(())
    }

    fn protected(&mut self, _channel: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        Ok(self.serve(message).unwrap_or_else(|status| MessageInfo::new(status as u64, 0)))
    }
}
