// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A virtio entropy device.

use cofferdam_virtio_rng::VirtioEntropy;
use sel4_microkit::{Channel, channel};
use virtio_drivers::transport::DeviceType;
use virtio_drivers::transport::mmio::MmioTransport;

use crate::regions;

/// The device.
pub type Source = VirtioEntropy<MmioTransport<'static>>;

/// The machine's device, if it has one that works.
#[allow(clippy::expect_used)] // of the system description
pub fn find() -> Option<Source> {
    regions::initialise_dma().expect("region rng_dma");
    match regions::transports().find(DeviceType::EntropySource) {
        Ok(transport) => {
            VirtioEntropy::new(transport).inspect_err(|error| log::error!("no entropy: {error}")).ok()
        }
        Err(error) => {
            log::error!("no entropy: {error}");
            None
        }
    }
}

/// Its interrupt.
pub fn interrupt() -> Option<Channel> {
    Some(channel!(virtio_irq))
}
