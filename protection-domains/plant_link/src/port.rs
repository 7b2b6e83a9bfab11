// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The console device, or its absence.

use cofferdam_virtio_console::{ConsoleError, VirtioConsole};
use sel4_microkit::{Channel, ChannelSet};
use virtio_drivers::transport::mmio::MmioTransport;

/// Registers read in a row while a tick waits, each of which takes QEMU about a microsecond, and few instructions: so many the
/// first time, and twice as many each time after that, for so many times.
const READS: usize = 8;
const DOUBLINGS_MAX: u32 = 5;

/// Where bytes come from and go to.
pub struct Port {
    /// None: there is no device, or it has failed.
    console: Option<VirtioConsole<MmioTransport<'static>>>,
    interrupt: Option<Channel>,
}

impl Port {
    /// Looks for the device, which interrupts when something has come.
    #[cfg(not(feature = "absent"))]
    #[allow(clippy::expect_used)] // of the system description
    pub fn open() -> Self {
        crate::regions::initialise_dma().expect("region plant_dma");
        // virtio-drivers tells details of the device as information, which are for nobody here.
        log::set_max_level(log::LevelFilter::Warn);
        let found = crate::regions::transports().find(virtio_drivers::transport::DeviceType::Console).ok();
        let console = found.and_then(|transport| {
            VirtioConsole::new(transport).inspect_err(|error| log::error!("no simulator: {error}")).ok()
        });
        log::set_max_level(log::LevelFilter::Info);
        Self { console, interrupt: Some(sel4_microkit::channel!(virtio_irq)) }
    }

    /// This board has none.
    #[cfg(feature = "absent")]
    pub const fn open() -> Self {
        Self { console: None, interrupt: None }
    }

    /// Whether the device is among those that have something to say.
    pub fn has_interrupted(&self, channels: &ChannelSet) -> bool {
        self.interrupt.is_some_and(|interrupt| channels.contains(interrupt))
    }

    /// Whether there is a device that works.
    pub const fn works(&self) -> bool {
        self.console.is_some()
    }

    /// Quiets an interrupt: first the device, then the interrupt controller.
    pub fn acknowledge(&mut self) {
        if let Some(console) = &mut self.console {
            console.acknowledge_interrupt();
        }
        if let Some(Err(error)) = self.interrupt.map(|interrupt| interrupt.irq_ack()) {
            log::error!("interrupt: {error}");
        }
    }

    /// Whether it is to interrupt when something has come.
    pub fn interrupt(&mut self, wanted: bool) {
        if let Some(console) = &mut self.console {
            console.interrupt_when_received(wanted);
        }
    }

    /// Takes what has come; gives how much that was.
    pub fn receive(&mut self, bytes: &mut [u8]) -> usize {
        let Some(console) = &mut self.console else { return 0 };
        console.receive(bytes).unwrap_or_else(|error| {
            self.fail(error);
            0
        })
    }

    /// Sends, or leaves out what the host has no room for: whoever does not read is missed soon.
    pub fn send(&mut self, bytes: &[u8]) {
        let Some(console) = &mut self.console else { return };
        match console.send(bytes) {
            Ok(()) | Err(ConsoleError::Full) => {}
            Err(error) => self.fail(error),
        }
    }

    /// Lets the host's time pass, and little of the device's; the more of it the more `waits` there were before.
    pub fn pass_time(&mut self, waits: u32) {
        if let Some(console) = &mut self.console {
            for _ in 0..READS << waits.min(DOUBLINGS_MAX) {
                console.acknowledge_interrupt();
            }
        }
    }

    fn fail(&mut self, error: ConsoleError) {
        log::error!("no simulator any more: {error}");
        self.console = None; // dropping it resets the device
    }
}
