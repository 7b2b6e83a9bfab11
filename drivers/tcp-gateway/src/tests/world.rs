// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A network in memory: the gateway, a host with a TCP stack of its own, and a wasm_manager.

use std::vec::Vec;
use std::{println, vec};

use cofferdam_gateway_protocol::{self as gateway_protocol, FromManager, ToManager};
use cofferdam_net_protocol::{self as net_protocol, Link};
use cofferdam_shared_memory::{Consumer, Producer, SharedRegion};
use smoltcp::iface::{self, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpCidr, IpProtocol, Ipv4Address,
    Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};

use crate::{Config, Gateway, QueueDevice, Queues, instant};

pub const BUSY: &[u8] = b"busy!";
pub const STEP_US: u64 = 1000;
const DEVICE_LINK: Link = Link { hardware_address: [2, 0, 0, 0, 0, 1], payload_bytes_max: 1500 };
const HOST_LINK: Link = Link { hardware_address: [2, 0, 0, 0, 0, 2], payload_bytes_max: 1500 };

/// What wasm_manager was told, with bytes of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Opened(u32),
    Data(u32, Vec<u8>),
    Closed(u32),
    Address([u8; 4], u8, gateway_protocol::AddressSource),
}

pub struct World {
    pub gateway: Gateway,
    pub manager_in: Consumer,
    pub manager_out: Producer,
    pub device: QueueDevice,
    pub interface: Interface,
    pub sockets: SocketSet<'static>,
    pub now_us: u64,
    pub host_is_there: bool,
    next_port: u16,
}

pub fn queue(records: usize, record_bytes: usize) -> (Producer, Consumer) {
    let data = SharedRegion::leaked(4096 + records * record_bytes);
    let taken = SharedRegion::leaked(8);
    let consumer = Consumer::new(data, taken, record_bytes).unwrap();
    (Producer::new(data, taken, record_bytes).unwrap(), consumer)
}

impl World {
    /// The gateway has just started.
    pub fn new() -> Self {
        let (mut net_in, net_receive) = queue(16, net_protocol::RECORD_BYTES);
        let (net_transmit, net_out) = queue(16, net_protocol::RECORD_BYTES);
        let (to_manager, manager_in) = queue(8, gateway_protocol::RECORD_BYTES);
        let (manager_out, from_manager) = queue(8, gateway_protocol::RECORD_BYTES);
        net_in.push(&[&net_protocol::link_record(&DEVICE_LINK)]).unwrap();
        let queues = Queues { net_receive, net_transmit, to_manager, from_manager };
        let mut device = QueueDevice::with_link(net_out, net_in, HOST_LINK);
        let config = iface::Config::new(EthernetAddress(HOST_LINK.hardware_address).into());
        let mut interface = Interface::new(config, &mut device, instant(0));
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(Ipv4Address::new(10, 0, 2, 2).into(), 24)).unwrap();
        });
        Self {
            gateway: Gateway::new(Config::new(BUSY), queues, 7),
            manager_in,
            manager_out,
            device,
            interface,
            sockets: SocketSet::new(vec![]),
            now_us: 0,
            host_is_there: true,
            next_port: 40_000,
        }
    }

    /// The gateway has its (fixed) address and wasm_manager was told.
    pub fn ready() -> Self {
        let mut world = Self::new();
        assert!(world.run_until(4_000_000, |world| !world.told().is_empty()), "has an address");
        world
    }

    /// Both sides do what there is to do; then a millisecond passes.
    pub fn step(&mut self) {
        for round in 0.. {
            assert!(round < 1000, "never comes to rest");
            let outcome = self.gateway.wake(self.now_us);
            if self.host_is_there {
                self.interface.poll(instant(self.now_us), &mut self.device, &mut self.sockets);
            }
            let host_moved = self.device.take_moved();
            if !outcome.notify_net && !outcome.again && !host_moved {
                break;
            }
        }
        self.now_us += STEP_US;
    }

    pub fn run_until(&mut self, most_us: u64, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let end_us = self.now_us + most_us;
        while self.now_us < end_us {
            self.step();
            if done(self) {
                return true;
            }
        }
        false
    }

    pub fn pass(&mut self, time_us: u64) {
        self.run_until(time_us, |_| false);
    }

    /// Takes everything that wasm_manager was told.
    pub fn told(&mut self) -> Vec<Told> {
        core::iter::from_fn(|| self.told_one()).collect()
    }

    pub fn told_one(&mut self) -> Option<Told> {
        let mut record = [0; gateway_protocol::RECORD_BYTES];
        let length = self.manager_in.pop(&mut record).unwrap()?;
        Some(match ToManager::parse(&record[..length]).unwrap() {
            ToManager::Opened { connection, peer, port } => {
                assert_eq!((peer, port), ([10, 0, 2, 2], self.next_port - 1));
                Told::Opened(connection)
            }
            ToManager::Data { connection, bytes } => Told::Data(connection, bytes.to_vec()),
            ToManager::Closed { connection } => Told::Closed(connection),
            ToManager::Address { address, prefix, source } => Told::Address(address, prefix, source),
        })
    }

    pub fn say(&mut self, message: FromManager<'_>) -> bool {
        self.manager_out.push(&[&message.head(), message.body()]).is_ok()
    }

    /// The host begins to connect.
    pub fn connect(&mut self) -> SocketHandle {
        let buffer = || SocketBuffer::new(vec![0; 16 * 1024]);
        let mut socket = Socket::new(buffer(), buffer());
        let port = self.next_port;
        self.next_port += 1;
        socket.connect(self.interface.context(), (Ipv4Address::new(10, 0, 2, 15), 7700), port).unwrap();
        self.sockets.add(socket)
    }

    /// The host has connected and wasm_manager knows; gives the connection's number.
    pub fn connected(&mut self) -> (SocketHandle, u32) {
        let handle = self.connect();
        let mut number = None;
        let opened = self.run_until(3_000_000, |world| {
            for told in world.told() {
                match told {
                    Told::Opened(connection) => number = Some(connection),
                    other => println!("before: {other:?}"),
                }
            }
            number.is_some()
        });
        assert!(opened, "connected; socket is {:?}", self.socket(handle).state());
        (handle, number.unwrap())
    }

    pub fn socket(&mut self, handle: SocketHandle) -> &mut Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Somebody who is not there asks for a connection.
    pub fn forged_connect(&mut self, source: [u8; 4]) {
        let (source, here) = (Ipv4Address::from(source), Ipv4Address::new(10, 0, 2, 15));
        let tcp = TcpRepr {
            src_port: 1234,
            dst_port: 7700,
            control: TcpControl::Syn,
            seq_number: TcpSeqNumber(1),
            ack_number: None,
            window_len: 1000,
            window_scale: None,
            max_seg_size: Some(1460),
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: &[],
        };
        let ip = Ipv4Repr {
            src_addr: source,
            dst_addr: here,
            next_header: IpProtocol::Tcp,
            payload_len: tcp.buffer_len(),
            hop_limit: 64,
        };
        let ethernet = EthernetRepr {
            src_addr: EthernetAddress(HOST_LINK.hardware_address),
            dst_addr: EthernetAddress(DEVICE_LINK.hardware_address),
            ethertype: EthernetProtocol::Ipv4,
        };
        let length = 14 + ip.buffer_len() + tcp.buffer_len();
        let sender = self.device.transmit(instant(self.now_us)).unwrap();
        sender.consume(length, |frame| {
            ethernet.emit(&mut EthernetFrame::new_unchecked(&mut *frame));
            let checksums = ChecksumCapabilities::default();
            ip.emit(&mut Ipv4Packet::new_unchecked(&mut frame[14..]), &checksums);
            let mut segment = TcpPacket::new_unchecked(&mut frame[34..]);
            tcp.emit(&mut segment, &source.into(), &here.into(), &checksums);
        });
    }

    /// What the host has received.
    pub fn received(&mut self, handle: SocketHandle) -> Vec<u8> {
        let mut bytes = vec![0; 65536];
        let count = self.socket(handle).recv_slice(&mut bytes).unwrap_or(0);
        bytes.truncate(count);
        bytes
    }
}
