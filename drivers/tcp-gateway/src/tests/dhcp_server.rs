// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A DHCP server that gives one address.

use std::vec;

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket};
use smoltcp::wire::{DhcpMessageType, DhcpPacket, DhcpRepr, Ipv4Address};

const SERVER: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

pub struct DhcpServer {
    socket: SocketHandle,
    address: Ipv4Address,
    lease_s: u32,
}

impl DhcpServer {
    pub fn new(sockets: &mut SocketSet<'static>, address: [u8; 4], lease_s: u32) -> Self {
        let buffer = || PacketBuffer::new(vec![PacketMetadata::EMPTY; 4], vec![0; 4096]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.bind(67).unwrap();
        Self { socket: sockets.add(socket), address: address.into(), lease_s }
    }

    /// Answers what has come.
    pub fn serve(&mut self, sockets: &mut SocketSet<'static>) {
        let socket = sockets.get_mut::<Socket>(self.socket);
        while let Ok((bytes, _)) = socket.recv() {
            let bytes = bytes.to_vec();
            let packet = DhcpPacket::new_unchecked(&bytes[..]);
            let Ok(request) = DhcpRepr::parse(&packet) else { continue };
            let message_type = match request.message_type {
                DhcpMessageType::Discover => DhcpMessageType::Offer,
                _ => DhcpMessageType::Ack,
            };
            let reply = DhcpRepr {
                message_type,
                transaction_id: request.transaction_id,
                secs: 0,
                client_hardware_address: request.client_hardware_address,
                client_ip: Ipv4Address::UNSPECIFIED,
                your_ip: self.address,
                server_ip: SERVER,
                router: Some(SERVER),
                subnet_mask: Some(Ipv4Address::new(255, 255, 255, 0)),
                relay_agent_ip: Ipv4Address::UNSPECIFIED,
                broadcast: true,
                requested_ip: None,
                client_identifier: None,
                server_identifier: Some(SERVER),
                parameter_request_list: None,
                dns_servers: None,
                max_size: None,
                lease_duration: Some(self.lease_s),
                renew_duration: None,
                rebind_duration: None,
                additional_options: &[],
            };
            let place = socket.send(reply.buffer_len(), (Ipv4Address::BROADCAST, 68)).unwrap();
            reply.emit(&mut DhcpPacket::new_unchecked(place)).unwrap();
        }
    }
}
