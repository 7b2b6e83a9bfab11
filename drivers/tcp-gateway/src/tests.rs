// SPDX-License-Identifier: Apache-2.0 OR MIT
mod dhcp_server;
mod peer;
mod world;

use std::vec;
use std::vec::Vec;

use cofferdam_gateway_protocol::{AddressSource, FromManager};
use cofferdam_net_protocol::frame_head;
use proptest::prelude::*;
use smoltcp::socket::tcp::State;

use dhcp_server::DhcpServer;
use world::{BUSY, Told, World};

fn some_bytes(count: usize) -> Vec<u8> {
    (0..count).map(|number| (number * 7 + number / 251) as u8).collect()
}

#[test]
fn takes_the_fixed_address_when_nobody_answers() {
    let mut world = World::new();
    assert!(!world.run_until(2_900_000, |world| !world.told().is_empty()));
    let mut told = vec![];
    world.run_until(200_000, |world| {
        told.extend(world.told());
        false
    });
    assert_eq!(told, [Told::Address([10, 0, 2, 15], 24, AddressSource::Fallback)]);
}

#[test]
fn takes_the_address_that_a_server_gives_and_notices_when_it_is_gone() {
    let mut world = World::new();
    let mut server = DhcpServer::new(&mut world.sockets, [10, 0, 2, 77], 20);
    let mut told = vec![];
    world.run_until(500_000, |world| {
        server.serve(&mut world.sockets);
        told.extend(world.told());
        !told.is_empty()
    });
    assert_eq!(told, [Told::Address([10, 0, 2, 77], 24, AddressSource::Dhcp)]);
    // The lease is renewed as long as somebody renews it.
    world.run_until(60_000_000, |world| {
        server.serve(&mut world.sockets);
        told.extend(world.told());
        false
    });
    assert_eq!(told.len(), 1);
    // Then the server is gone, and some time later so is the lease.
    world.run_until(60_000_000, |world| {
        told.extend(world.told());
        told.len() > 1
    });
    assert_eq!(told.last(), Some(&Told::Address([10, 0, 2, 15], 24, AddressSource::Fallback)));
    world.connected();
    // It comes back while the fixed address is in use.
    let back = world.run_until(30_000_000, |world| {
        server.serve(&mut world.sockets);
        world.told().contains(&Told::Address([10, 0, 2, 77], 24, AddressSource::Dhcp))
    });
    assert!(back);
}

#[test]
fn sleeps_until_a_time_when_nothing_happens() {
    let mut world = World::ready();
    world.step();
    let outcome = world.gateway.wake(world.now_us);
    assert!(!outcome.again && !outcome.notify_net && !outcome.notify_manager);
    assert!(outcome.wake_at_us.unwrap() > world.now_us + 500_000, "DHCP goes on asking, slowly");
    world.connected();
    let outcome = world.gateway.wake(world.now_us);
    assert!(outcome.wake_at_us.unwrap() <= world.now_us + 30_000_000);
}

#[test]
fn carries_bytes_to_the_manager_at_its_pace() {
    let mut world = World::ready();
    let (host, connection) = world.connected();
    let sent = some_bytes(150_000);
    let (mut at, mut got) = (0, vec![]);
    let done = world.run_until(20_000_000, |world| {
        at += world.socket(host).send_slice(&sent[at..]).unwrap();
        // One record a step: much slower than the network.
        if let Some(Told::Data(of, bytes)) = world.told_one() {
            assert_eq!(of, connection);
            got.extend(bytes);
        }
        got.len() >= sent.len()
    });
    assert!(done && got == sent);
}

#[test]
fn carries_bytes_to_the_host_at_its_pace() {
    let mut world = World::ready();
    let (host, connection) = world.connected();
    let sent = some_bytes(150_000);
    let (mut at, mut got, mut step) = (0, vec![], 0);
    let done = world.run_until(20_000_000, |world| {
        while at < sent.len() {
            let bytes = &sent[at..sent.len().min(at + 3000)];
            if !world.say(FromManager::Data { connection, bytes }) {
                break;
            }
            at += bytes.len();
        }
        step += 1;
        if step % 3 == 0 {
            got.extend(world.received(host));
        }
        got.len() >= sent.len()
    });
    assert!(done && got == sent);
}

#[test]
fn an_answer_comes_without_delay() {
    let mut world = World::ready();
    let (host, connection) = world.connected();
    world.socket(host).send_slice(b"ping").unwrap();
    world.step();
    assert_eq!(world.told(), [Told::Data(connection, b"ping".to_vec())]);
    world.say(FromManager::Data { connection, bytes: b"pong" });
    world.step();
    assert_eq!(world.received(host), b"pong");
}

#[test]
fn a_second_connection_is_told_that_the_line_is_busy() {
    let mut world = World::ready();
    let (first, connection) = world.connected();
    let second = world.connect();
    let mut got = vec![];
    let ended = world.run_until(1_000_000, |world| {
        got.extend(world.received(second));
        world.socket(second).state() == State::CloseWait
    });
    assert!(ended && got == BUSY, "{:?}", world.socket(second).state());
    world.socket(second).close();
    world.socket(first).send_slice(b"still here").unwrap();
    world.step();
    assert_eq!(world.told(), [Told::Data(connection, b"still here".to_vec())]);
}

#[test]
fn more_connections_than_sockets_are_refused_and_all_recover() {
    let mut world = World::ready();
    let (first, connection) = world.connected();
    let others: Vec<_> = (0..8).map(|_| world.connect()).collect();
    world.pass(3_000_000);
    for other in others {
        assert!(!world.socket(other).may_send() || world.socket(other).state() == State::CloseWait);
    }
    world.socket(first).close();
    world.pass(3_000_000);
    assert_eq!(world.told(), [Told::Closed(connection)]);
    world.connected();
}

#[test]
fn quick_connections_one_after_the_other_are_all_served() {
    let mut world = World::ready();
    for round in 0..40 {
        let (host, connection) = world.connected();
        assert_eq!(connection, round + 1, "numbers grow");
        world.socket(host).send_slice(b"bye").unwrap();
        if round % 2 == 0 {
            world.socket(host).close();
            // The next one comes without waiting for anything.
        } else {
            world.say(FromManager::Close { connection });
            world.run_until(1_000_000, |world| world.told().contains(&Told::Closed(connection)));
            world.socket(host).close();
        }
    }
}

#[test]
fn closing_sends_what_was_said_before() {
    let mut world = World::ready();
    let (host, connection) = world.connected();
    let bytes = some_bytes(4000);
    world.say(FromManager::Data { connection, bytes: &bytes });
    world.say(FromManager::Close { connection });
    world.say(FromManager::Data { connection, bytes: b"too late" });
    let mut got = vec![];
    world.run_until(1_000_000, |world| {
        got.extend(world.received(host));
        world.socket(host).state() == State::CloseWait
    });
    assert_eq!(got, bytes);
    assert_eq!(world.told(), [Told::Closed(connection)]);
    assert!(world.manager_out.free().unwrap() == 8, "what came too late was thrown away");
}

#[test]
fn a_manager_that_begins_anew_gets_the_address_and_an_empty_line() {
    let mut world = World::ready();
    let (host, connection) = world.connected();
    world.say(FromManager::Begin);
    assert!(world.run_until(1_000_000, |world| world.socket(host).state() == State::CloseWait));
    let told = world.told();
    assert_eq!(told[0], Told::Closed(connection));
    assert!(matches!(told[1..], [Told::Address(..)]), "{told:?}");
    world.socket(host).close();
    let (_, next) = world.connected();
    assert_eq!(next, connection + 1);
    // Without a connection, too.
    let mut world = World::ready();
    world.say(FromManager::Begin);
    assert!(world.run_until(1_000_000, |world| matches!(world.told()[..], [Told::Address(..)])));
}

#[test]
fn a_reset_is_the_end() {
    let mut world = World::ready();
    let (host, connection) = world.connected();
    world.socket(host).abort();
    world.pass(10_000);
    assert_eq!(world.told(), [Told::Closed(connection)]);
    world.connected();
}

#[test]
fn nobody_holds_the_line_by_silence() {
    let mut world = World::ready();
    let (host, connection) = world.connected();
    world.pass(29_000_000);
    assert_eq!(world.told(), []);
    assert_eq!(world.socket(host).state(), State::Established);
    world.pass(2_000_000);
    assert_eq!(world.told(), [Told::Closed(connection)]);
    assert_ne!(world.socket(host).state(), State::Established);
    world.connected();
}

#[test]
fn a_host_that_vanishes_frees_its_place() {
    let mut world = World::ready();
    let (_, connection) = world.connected();
    world.connect();
    world.host_is_there = false;
    world.say(FromManager::Data { connection, bytes: b"anybody?" });
    world.pass(40_000_000);
    assert_eq!(world.told(), [Told::Closed(connection)]);
    world.sockets = smoltcp::iface::SocketSet::new(vec![]);
    world.host_is_there = true;
    world.pass(1_000_000);
    world.connected();
}

#[test]
fn connections_from_nowhere_are_forgotten() {
    let mut world = World::ready();
    for number in 0..8 {
        world.forged_connect([10, 0, 2, 100 + number]);
        world.step();
    }
    let refused = world.connect();
    world.pass(100_000);
    assert_eq!(world.socket(refused).state(), State::Closed, "no socket listens");
    world.pass(4_000_000);
    assert_eq!(world.told(), []);
    world.connected();
}

#[test]
fn a_manager_that_does_not_take_only_stops_the_host() {
    let mut world = World::ready();
    let (host, connection) = world.connected();
    let sent = some_bytes(100_000);
    let mut at = 0;
    world.run_until(5_000_000, |world| {
        at += world.socket(host).send_slice(&sent[at..]).unwrap();
        false
    });
    assert!(at < sent.len(), "the window closed");
    let held_up = world.gateway.troubles().held_up;
    assert!((1..10).contains(&held_up), "each time that the queue filled up counts once: {held_up}");
    let mut got = vec![];
    world.run_until(20_000_000, |world| {
        at += world.socket(host).send_slice(&sent[at..]).unwrap();
        for told in world.told() {
            let Told::Data(of, bytes) = told else { panic!("{told:?}") };
            assert_eq!(of, connection);
            got.extend(bytes);
        }
        got.len() >= sent.len()
    });
    assert_eq!(got, sent);
}

#[test]
fn what_is_for_others_is_ignored() {
    let mut world = World::ready();
    world.say(FromManager::Data { connection: 99, bytes: b"x" });
    world.say(FromManager::Close { connection: 1 });
    world.manager_out.push(&[b"nonsense"]).unwrap();
    world.step();
    let troubles = world.gateway.troubles();
    assert_eq!((troubles.dropped, troubles.misbehaviour), (1, 1), "what is for others is no trouble");
    let (host, connection) = world.connected();
    world.say(FromManager::Close { connection: connection + 1 });
    world.say(FromManager::Data { connection: connection - 1, bytes: b"old" });
    world.say(FromManager::Data { connection, bytes: b"new" });
    world.pass(5_000);
    assert_eq!(world.received(host), b"new");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Frames that begin like ones for us and go on with anything.
    #[test]
    fn hostile_frames_do_no_harm(
        frames in proptest::collection::vec(
            (0usize..4, proptest::collection::vec(any::<u8>(), 0..120), any::<prop::sample::Index>()),
            1..60,
        ),
    ) {
        let mut world = World::ready();
        let (host, connection) = world.connected();
        let (mut inject, net_receive) = world::queue(64, cofferdam_net_protocol::RECORD_BYTES);
        let (net_transmit, _drain) = world::queue(2048, cofferdam_net_protocol::RECORD_BYTES);
        let wire = core::mem::replace(
            &mut world.gateway.device,
            crate::QueueDevice::with_link(net_receive, net_transmit, cofferdam_net_protocol::Link {
                hardware_address: [2, 0, 0, 0, 0, 1], payload_bytes_max: 1500,
            }),
        );
        // Ethernet to us; ARP, IPv4 with TCP to our port, with UDP to DHCP's port, with ICMP.
        let starts: [&[u8]; 4] = [
            &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1],
            &[8, 0, 0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 2, 2, 10, 0, 2, 15, 0x9c, 0x40, 30, 20],
            &[8, 0, 0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 2, 2, 10, 0, 2, 15, 0, 67, 0, 68],
            &[8, 0, 0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 1, 0, 0, 10, 0, 2, 2, 10, 0, 2, 15, 8, 0],
        ];
        for (start, tail, flip) in frames {
            let mut frame = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], starts[start], &tail].concat();
            let at = flip.index(frame.len());
            frame[at] ^= 0x11;
            set_lengths_and_checksum(&mut frame);
            if inject.push(&[&frame_head(), &frame]).is_err() {
                world.gateway.wake(world.now_us);
            }
        }
        for _ in 0..4 {
            world.gateway.wake(world.now_us);
            world.now_us += 1_000;
        }
        world.gateway.device = wire;
        world.told();
        let _ = (host, connection);
        // Whatever happened to that connection: soon there is a new one.
        world.socket(host).abort();
        world.pass(6_000_000);
        world.told();
        world.connected();
    }
}

/// Makes the IPv4 header of a frame valid, so that more of the stack sees it.
fn set_lengths_and_checksum(frame: &mut [u8]) {
    if frame.len() < 34 || frame[12..14] != [8, 0] || frame[14] != 0x45 {
        return;
    }
    let total = (frame.len() - 14) as u16;
    frame[16..18].copy_from_slice(&total.to_be_bytes());
    frame[24..26].fill(0);
    let sum: u32 = frame[14..34].chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !((folded & 0xffff) + (folded >> 16)) as u16;
    frame[24..26].copy_from_slice(&checksum.to_be_bytes());
}
