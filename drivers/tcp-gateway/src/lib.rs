// SPDX-License-Identifier: Apache-2.0 OR MIT
//! TCP/IP towards the network, opaque byte streams towards wasm_manager.
//!
//! [`Gateway::wake`] does everything: call it when net_driver, wasm_manager or the timer notifies. It takes
//! frames from the queues of `cofferdam-net-protocol`, keeps an address (DHCP, or a fixed one when nobody
//! answers), listens on one TCP port and passes the bytes of one connection at a time through the queues of
//! `cofferdam-gateway-protocol`.
//!
//! It holds no key and understands nothing of what it carries: whoever controls it can delay or drop, not
//! forge. Everything that arrives, from either queue, may be hostile. What it does not do: hold off somebody
//! who floods the network, or hide from one who can guess TCP sequence numbers (its seed is a clock).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod address;
mod config;
mod connections;
mod device;
#[cfg(feature = "fault-test")]
mod fault_test;
mod management;
mod peer;

pub use config::{Config, FixedAddress};
pub use device::QueueDevice;
pub use peer::Troubles;

use cofferdam_gateway_protocol::ToManager;
use cofferdam_shared_memory::{Consumer, Producer};
use smoltcp::iface::{self, Interface, PollIngressSingleResult, SocketSet};
use smoltcp::time::Instant;
use smoltcp::wire::EthernetAddress;

use address::AddressKeeper;
use connections::Connections;
use management::Management;

/// How many frames are taken in before the rest has its turn.
const BUDGET_FRAMES: usize = 32;
/// The soonest that a timer is set for, in microseconds: a bound on how often we wake ourselves.
const TIMER_STEP_US: u64 = 1000;

/// The four queues, with this side's ends.
pub struct Queues {
    /// Frames from net_driver.
    pub net_receive: Consumer,
    /// Frames to net_driver.
    pub net_transmit: Producer,
    /// Management records to wasm_manager.
    pub to_manager: Producer,
    /// Management records from wasm_manager.
    pub from_manager: Consumer,
}

/// What the caller has to do after [`Gateway::wake`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Frames were taken or added: notify net_driver.
    pub notify_net: bool,
    /// Records were taken or added: notify wasm_manager.
    pub notify_manager: bool,
    /// There is more to do now: call again after looking at other things.
    pub again: bool,
    /// Call again at this time at the latest, if nothing else happens.
    pub wake_at_us: Option<u64>,
}

/// The gateway's state.
pub struct Gateway {
    config: Config,
    device: QueueDevice,
    interface: Option<Interface>,
    sockets: SocketSet<'static>,
    address: AddressKeeper,
    connections: Connections,
    management: Management,
    random_seed: u64,
}

impl Gateway {
    /// Takes the queues. `random_seed` should differ at each boot.
    pub fn new(config: Config, queues: Queues, random_seed: u64) -> Self {
        let mut sockets = SocketSet::new(alloc::vec::Vec::new());
        Self {
            device: QueueDevice::new(queues.net_receive, queues.net_transmit),
            interface: None,
            address: AddressKeeper::new(&mut sockets),
            // Each connection of an earlier life took at least one record to tell of it.
            connections: Connections::new(&config, &mut sockets, queues.to_manager.published() as u32),
            management: Management::new(queues.to_manager, queues.from_manager),
            sockets,
            random_seed,
            config,
        }
    }

    /// What went wrong at the queues since the start.
    pub fn troubles(&self) -> Troubles {
        self.device.troubles().and(self.management.troubles())
    }

    /// Does what there is to do at the time `now_us` (which never goes back), within a budget.
    pub fn wake(&mut self, now_us: u64) -> Outcome {
        let now = instant(now_us);
        let mut again = false;
        let mut stack_wake_us = None;
        if let Some(interface) = bring_up(&mut self.interface, &mut self.device, self.random_seed, now) {
            let (device, sockets) = (&mut self.device, &mut self.sockets);
            interface.poll_maintenance(now);
            again = true;
            for _ in 0..BUDGET_FRAMES {
                if interface.poll_ingress_single(now, device, sockets) == PollIngressSingleResult::None {
                    again = false;
                    break;
                }
            }
            self.address.keep(&self.config, interface, sockets, now_us);
            self.connections.run(&self.config, sockets, &mut self.management, now_us);
            interface.poll_egress(now, device, sockets);
            // With a full queue, net_driver's notification is the next occasion, not the clock.
            if device.can_send() {
                stack_wake_us = interface.poll_at(now, sockets).map(|at| at.total_micros() as u64);
            }
        }
        if self.management.take_begun() {
            self.address.forget_announced();
        }
        if let Some(announcement) = self.address.to_announce() {
            let message = ToManager::Address {
                address: announcement.address,
                prefix: announcement.prefix,
                source: announcement.source,
            };
            if self.management.push(&message) {
                self.address.announced();
            }
        }
        let own = self.connections.wake_at_us(&self.config, &self.sockets);
        let wake_at_us = [stack_wake_us, own, self.address.wake_at_us(&self.config)]
            .into_iter()
            .flatten()
            .min()
            .map(|at_us| at_us.max(now_us.saturating_add(TIMER_STEP_US)));
        Outcome {
            notify_net: self.device.take_moved(),
            notify_manager: self.management.take_moved(),
            again,
            wake_at_us,
        }
    }
}

/// The interface, made when net_driver first says what the link is, and told when that changes.
fn bring_up<'a>(
    interface: &'a mut Option<Interface>,
    device: &mut QueueDevice,
    random_seed: u64,
    now: Instant,
) -> Option<&'a mut Interface> {
    if interface.is_none() {
        device.look_for_link();
    }
    if let Some(link) = device.take_new_link() {
        let hardware_address = EthernetAddress(link.hardware_address).into();
        match interface {
            Some(interface) => interface.set_hardware_addr(hardware_address),
            None => {
                let mut config = iface::Config::new(hardware_address);
                config.random_seed = random_seed;
                *interface = Some(Interface::new(config, device, now));
            }
        }
    }
    interface.as_mut()
}

fn instant(now_us: u64) -> Instant {
    Instant::from_micros(i64::try_from(now_us).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
