// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Tells a ground station how a plant moves, over UDP. Nobody needs to listen.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use cofferdam_plant_protocol::Samples;
use cofferdam_plants::Vehicle;
use mavlink::dialects::common::MavMessage;

use crate::peer::Speaker;
use crate::place::Home;
use crate::signals;
use crate::truth::Truth;

/// How often each message goes out, in the device's ticks, milliseconds.
const HEARTBEAT_EVERY: u64 = 1_000;
const MOTION_EVERY: u64 = 40;
const MAP_EVERY: u64 = 200;

/// A ground station.
#[derive(Debug)]
pub struct Station {
    socket: UdpSocket,
    speaker: Speaker,
    home: Home,
    /// When each was told last.
    told: [Option<u64>; 3],
}

impl Station {
    /// At this address; the vehicle starts at home.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn new(address: SocketAddr, home: Home) -> io::Result<Self> {
        let from: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(from)?;
        // It takes no answers but from there, and waits for none.
        socket.connect(address)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, speaker: Speaker::AUTOPILOT, home, told: [None; 3] })
    }

    /// Tells what is due at a tick of the device. `armed` is whether somebody holds the motors.
    ///
    /// # Errors
    /// Those of the socket, but not that nobody listens.
    pub fn tell(&mut self, tick: u64, vehicle: &Vehicle, samples: &Samples, armed: bool) -> io::Result<()> {
        // 49 days until it begins anew, as everywhere in MAVLink.
        let time_boot_ms = tick as u32;
        let truth = Truth::of(vehicle);
        let due = [HEARTBEAT_EVERY, MOTION_EVERY, MAP_EVERY];
        let [heartbeat, motion, map] = std::array::from_fn(|index| {
            let told = self.told.get(index).copied().flatten();
            told.is_none_or(|told| tick.saturating_sub(told) >= due.get(index).copied().unwrap_or_default())
        });
        for (told, due) in self.told.iter_mut().zip([heartbeat, motion, map]) {
            *told = if due { Some(tick) } else { *told };
        }
        if heartbeat {
            self.send(&MavMessage::HEARTBEAT(signals::heartbeat(Some(vehicle), armed)))?;
            self.send(&MavMessage::SYS_STATUS(signals::battery(samples)))?;
        }
        if motion {
            self.send(&MavMessage::ATTITUDE(signals::attitude(time_boot_ms, &self.home, &truth)))?;
            self.send(&MavMessage::LOCAL_POSITION_NED(signals::local_position(
                time_boot_ms,
                &self.home,
                &truth,
            )))?;
        }
        if map {
            let at = signals::global_position(time_boot_ms, &self.home, &truth);
            self.send(&MavMessage::GLOBAL_POSITION_INT(at))?;
        }
        Ok(())
    }

    fn send(&mut self, message: &MavMessage) -> io::Result<()> {
        match self.socket.send(self.speaker.encode(message).raw_bytes()) {
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::WouldBlock) => {
                Ok(())
            }
            outcome => outcome.map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cofferdam_plants::{Plant as _, Scenario};
    use mavlink::MavlinkReader;

    use super::*;

    #[test]
    fn a_station_hears_each_message_as_often_as_it_is_due() {
        let listening = UdpSocket::bind("127.0.0.1:0").unwrap();
        listening.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let home = Home::new(47.0, 8.0, 500.0, 0.0).unwrap();
        let mut station = Station::new(listening.local_addr().unwrap(), home).unwrap();
        let mut vehicle = Scenario::find("car", Some("dry")).unwrap().build(1);
        let samples = vehicle.sample();
        let mut counts = [0; 5];
        // From some tick on, and one that is late.
        for tick in (3..1_003).chain([1_500]) {
            station.tell(tick, &vehicle, &samples, true).unwrap();
        }
        let expected = [2, 2, 26, 26, 6];
        let mut sequence = 0;
        for _ in 0..expected.iter().sum::<usize>() {
            let mut datagram = [0; 300];
            let length = listening.recv(&mut datagram).unwrap();
            let (header, message) =
                MavlinkReader::new(&datagram[..length]).read_any_message::<MavMessage>().unwrap();
            assert_eq!((header.system_id, header.component_id, header.sequence), (1, 1, sequence));
            sequence = sequence.wrapping_add(1);
            let kind = match message {
                MavMessage::HEARTBEAT(said) => {
                    assert_eq!(said.base_mode.bits(), 128 + 32);
                    0
                }
                MavMessage::SYS_STATUS(_) => 1,
                MavMessage::ATTITUDE(_) => 2,
                MavMessage::LOCAL_POSITION_NED(said) => {
                    assert!((said.vx - 30.0).abs() < 1e-3, "the car drives north: {said:?}");
                    3
                }
                MavMessage::GLOBAL_POSITION_INT(_) => 4,
                other => panic!("{other:?}"),
            };
            counts[kind] += 1;
        }
        assert_eq!(counts, expected);
    }

    #[test]
    fn nobody_needs_to_listen() {
        let unused = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut station = Station::new(unused, Home::new(0.0, 0.0, 0.0, 0.0).unwrap()).unwrap();
        let mut vehicle = Scenario::find("quad", None).unwrap().build(1);
        let samples = vehicle.sample();
        for tick in (0..5_000).step_by(1_000) {
            station.tell(tick, &vehicle, &samples, false).unwrap();
        }
    }
}
