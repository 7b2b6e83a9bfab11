// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The virtio disk as the store wants it.

use cofferdam_store::{BlockDevice, SECTOR_BYTES, TRANSFER_BYTES_MAX};
use cofferdam_store_protocol::Status;
use cofferdam_virtio_blk::{DiskError, VirtioDisk};
use sel4_microkit::now_us;
use virtio_drivers::transport::mmio::MmioTransport;

/// How long the device may take for one request. A flush waits for the medium, on a busy one for long.
const PATIENCE_US: u64 = 10_000_000;

/// The disk.
pub struct Disk(VirtioDisk<MmioTransport<'static>>);

/// The two crates' words for the same thing.
const _: () = assert!(
    SECTOR_BYTES == cofferdam_virtio_blk::SECTOR_BYTES
        && TRANSFER_BYTES_MAX <= cofferdam_virtio_blk::TRANSFER_BYTES_MAX
);

fn in_time() -> impl Fn() -> bool {
    let until_us = now_us().saturating_add(PATIENCE_US);
    move || now_us() < until_us
}

impl Disk {
    /// This image has no driver for a disk of this board.
    #[cfg(feature = "absent")]
    pub fn find() -> Result<Self, Status> {
        Err(Status::NoDisk)
    }

    /// The machine's disk, if it has one that works and can be written.
    #[cfg(not(feature = "absent"))]
    #[allow(clippy::expect_used)] // of the system description
    pub fn find() -> Result<Self, Status> {
        use virtio_drivers::transport::DeviceType;

        use crate::regions;

        regions::initialise_dma().expect("region blk_dma");
        let transport = regions::transports().find(DeviceType::Block).map_err(|_| Status::NoDisk)?;
        let disk = VirtioDisk::new(transport).map_err(|error| {
            log::error!("{error}");
            Status::DiskFailed
        })?;
        if disk.is_read_only() {
            log::error!("the disk can only be read");
            return Err(Status::NotOurs);
        }
        Ok(Self(disk))
    }
}

impl BlockDevice for Disk {
    type Error = DiskError;

    fn sectors(&self) -> u64 {
        self.0.sectors()
    }

    fn read(&mut self, sector: u64, bytes: &mut [u8]) -> Result<(), DiskError> {
        self.0.read(sector, bytes, in_time())
    }

    fn write(&mut self, sector: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.0.write(sector, bytes, in_time())
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        self.0.flush(in_time())
    }
}
