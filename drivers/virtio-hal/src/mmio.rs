// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Finding a device among the virtio-mmio transports of a page (Virtio 1.2, section 4.2).
#![allow(unsafe_code)]

use core::fmt;
use core::ptr::NonNull;

use virtio_drivers::transport::mmio::{MmioError, MmioTransport};
use virtio_drivers::transport::{DeviceType, Transport};

/// Where the next transport's registers begin, on QEMU virt.
const STRIDE_BYTES: usize = 0x200;
/// The most transports in a page that are looked at.
const TRANSPORTS_MAX: usize = 8;

/// A mapped page with the registers of virtio-mmio transports, one each 512 bytes.
#[derive(Debug)]
pub struct TransportPage {
    base: NonNull<u8>,
    size_bytes: usize,
}

/// None of a page's transports has the device that was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFound {
    /// What was looked for.
    pub wanted: DeviceType,
    /// What is there, in the order of the registers.
    pub found: [Option<DeviceType>; TRANSPORTS_MAX],
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no virtio device of type {:?} on this page; found:", self.wanted)?;
        let mut any = false;
        for (number, device) in self.found.iter().enumerate() {
            if let Some(device) = device {
                write!(f, " {device:?} at {:#x}", number * STRIDE_BYTES)?;
                any = true;
            }
        }
        f.write_str(if any { "" } else { " nothing" })
    }
}

impl core::error::Error for NotFound {}

impl TransportPage {
    /// The page of `size_bytes` at `base`.
    ///
    /// # Safety
    /// - `base` is aligned to 8 bytes; from there, `size_bytes` bytes of virtio-mmio transports (every 512
    ///   bytes one) are mapped as device memory, readable and writable, for the rest of the program.
    /// - Nothing else accesses them.
    pub unsafe fn new(base: NonNull<u8>, size_bytes: usize) -> Self {
        Self { base, size_bytes }
    }

    /// The transport of the first device of the type `wanted`.
    pub fn find(self, wanted: DeviceType) -> Result<MmioTransport<'static>, NotFound> {
        let mut found = [None; TRANSPORTS_MAX];
        for (number, entry) in found.iter_mut().enumerate() {
            let offset = number * STRIDE_BYTES;
            if offset + STRIDE_BYTES > self.size_bytes {
                break;
            }
            if let Ok(transport) = self.transport(offset) {
                let device = transport.device_type();
                if device == wanted {
                    return Ok(transport);
                }
                *entry = Some(device);
                // Dropping a transport resets its device; nobody else uses one on this page.
            }
        }
        Err(NotFound { wanted, found })
    }

    fn transport(&self, offset: usize) -> Result<MmioTransport<'static>, MmioError> {
        // SAFETY: `find` looks only at transports inside the page, which `new` promises are mapped, aligned
        // (a multiple of 512 from an aligned base) and ours alone for the rest of the program.
        unsafe { MmioTransport::new(self.base.add(offset).cast(), STRIDE_BYTES) }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec;

    use super::*;

    /// Memory that looks like transports at rest; `devices`: number of the transport, device number.
    fn page(devices: &[(usize, u32)]) -> TransportPage {
        let words = vec![0u32; 1024].leak();
        for transport in words.chunks_mut(STRIDE_BYTES / 4) {
            transport[..3].copy_from_slice(&[0x7472_6976, 2, 0]);
        }
        for &(number, device) in devices {
            words[number * STRIDE_BYTES / 4 + 2] = device;
        }
        // SAFETY: leaked memory, used by this value alone; plain memory stands in for registers.
        unsafe { TransportPage::new(NonNull::from(words).cast(), 4096) }
    }

    #[test]
    fn finds_the_device_wherever_it_is() {
        for number in 0..8 {
            let transport = page(&[(number, 1)]).find(DeviceType::Network).unwrap();
            assert_eq!(transport.device_type(), DeviceType::Network);
        }
    }

    #[test]
    fn says_what_is_there_instead() {
        let error = page(&[(3, 4)]).find(DeviceType::Network).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no virtio device of type Network on this page; found: EntropySource at 0x600"
        );
        let error = page(&[]).find(DeviceType::EntropySource).unwrap_err();
        assert_eq!(error.to_string(), "no virtio device of type EntropySource on this page; found: nothing");
    }
}
