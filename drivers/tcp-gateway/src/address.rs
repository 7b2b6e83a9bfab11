// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Keeping an address: DHCP for ever, and a fixed one while that gives none.

use cofferdam_gateway_protocol::AddressSource;
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::dhcpv4;
use smoltcp::time::Duration;
use smoltcp::wire::{IpCidr, Ipv4Address, Ipv4Cidr};

use crate::config::Config;

/// Between DHCP's first questions. (Later ones, when a fixed address is in use, come ten times slower.)
const DISCOVER_INTERVAL: Duration = Duration::from_secs(1);

/// What to tell wasm_manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announcement {
    pub(crate) address: [u8; 4],
    pub(crate) prefix: u8,
    pub(crate) source: AddressSource,
}

/// Who has the address in hand.
pub(crate) struct AddressKeeper {
    dhcp: SocketHandle,
    current: Option<Announcement>,
    announced: bool,
    /// Without any address since then.
    waiting_since_us: Option<u64>,
}

impl AddressKeeper {
    pub(crate) fn new(sockets: &mut SocketSet<'static>) -> Self {
        let mut socket = dhcpv4::Socket::new();
        set_interval(&mut socket, DISCOVER_INTERVAL);
        Self { dhcp: sockets.add(socket), current: None, announced: false, waiting_since_us: None }
    }

    /// Follows what DHCP says and how long it has said nothing.
    pub(crate) fn keep(
        &mut self,
        config: &Config,
        interface: &mut Interface,
        sockets: &mut SocketSet<'static>,
        now_us: u64,
    ) {
        let socket = sockets.get_mut::<dhcpv4::Socket>(self.dhcp);
        match socket.poll() {
            Some(dhcpv4::Event::Configured(lease)) => {
                let router = lease.router;
                self.set(interface, lease.address, router, AddressSource::Dhcp);
                set_interval(socket, DISCOVER_INTERVAL);
            }
            Some(dhcpv4::Event::Deconfigured)
                if self.current.is_some_and(|current| current.source == AddressSource::Dhcp) =>
            {
                log::warn!("the address was lost");
                self.current = None;
                interface.update_ip_addrs(|addresses| addresses.clear());
                interface.routes_mut().remove_default_ipv4_route();
            }
            Some(dhcpv4::Event::Deconfigured) | None => {}
        }
        if self.current.is_some() {
            self.waiting_since_us = None;
        } else if now_us.saturating_sub(*self.waiting_since_us.get_or_insert(now_us))
            >= config.dhcp_patience_us
        {
            set_interval(sockets.get_mut::<dhcpv4::Socket>(self.dhcp), DISCOVER_INTERVAL * 10);
            let fixed = config.fallback;
            let cidr = Ipv4Cidr::new(fixed.address.into(), fixed.prefix.min(32));
            self.set(interface, cidr, Some(fixed.router.into()), AddressSource::Fallback);
        }
    }

    fn set(
        &mut self,
        interface: &mut Interface,
        cidr: Ipv4Cidr,
        router: Option<Ipv4Address>,
        source: AddressSource,
    ) {
        let next = Announcement { address: cidr.address().octets(), prefix: cidr.prefix_len(), source };
        interface.update_ip_addrs(|addresses| {
            addresses.clear();
            // There is room for one.
            let _ = addresses.push(IpCidr::Ipv4(cidr));
        });
        match router {
            Some(router) => {
                let _ = interface.routes_mut().add_default_ipv4_route(router);
            }
            None => {
                interface.routes_mut().remove_default_ipv4_route();
            }
        }
        if self.current != Some(next) {
            let by = if source == AddressSource::Dhcp { "by DHCP" } else { "fixed, no DHCP server answered" };
            log::info!("address {cidr} ({by})");
            self.current = Some(next);
            self.announced = false;
        }
    }

    /// What wasm_manager does not know yet.
    pub(crate) fn to_announce(&self) -> Option<Announcement> {
        self.current.filter(|_| !self.announced)
    }

    /// It knows now.
    pub(crate) fn announced(&mut self) {
        self.announced = true;
    }

    /// It knows nothing any more.
    pub(crate) fn forget_announced(&mut self) {
        self.announced = false;
    }

    pub(crate) fn wake_at_us(&self, config: &Config) -> Option<u64> {
        self.waiting_since_us.map(|since_us| since_us.saturating_add(config.dhcp_patience_us))
    }
}

fn set_interval(socket: &mut dhcpv4::Socket<'_>, interval: Duration) {
    let mut retry = socket.get_retry_config();
    retry.discover_timeout = interval;
    socket.set_retry_config(retry);
}
