// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The other end of a TCP connection that speaks MAVLink.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::thread;
use std::time::Duration;

use mavlink::dialects::common::MavMessage;
use mavlink::error::MessageReadError;
use mavlink::{MAVLinkV2MessageRaw, MavHeader, MavlinkReader};

/// How many messages may wait to be heard. The other side waits when there are more.
const WAITING_MAX: usize = 64;

/// Why nothing more is heard.
#[derive(Debug)]
pub enum PeerError {
    /// The other side has closed the connection.
    Gone,
    /// The socket says so.
    Socket(io::Error),
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("the other side is gone"),
            Self::Socket(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for PeerError {}

impl From<io::Error> for PeerError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe => Self::Gone,
            _ => Self::Socket(error),
        }
    }
}

/// Numbers the messages of one speaker.
#[derive(Clone, Copy, Debug)]
pub struct Speaker(MavHeader);

impl Speaker {
    /// A vehicle's autopilot.
    pub const AUTOPILOT: Self = Self::new(1, 1);
    /// As simulators call themselves.
    pub const SIMULATOR: Self = Self::new(1, 51);

    /// A vehicle's system and component.
    pub const fn new(system: u8, component: u8) -> Self {
        Self(MavHeader { system_id: system as u32, component_id: component, sequence: 0 })
    }

    /// The bytes of its next message, MAVLink 2.
    pub fn encode(&mut self, message: &MavMessage) -> MAVLinkV2MessageRaw {
        let mut raw = MAVLinkV2MessageRaw::new();
        raw.serialize_message(self.0, message);
        self.0.sequence = self.0.sequence.wrapping_add(1);
        raw
    }
}

/// The connection. What it receives that is no message, or none of the set `common`, is passed over.
#[derive(Debug)]
pub struct Peer {
    socket: TcpStream,
    speaker: Speaker,
    heard: Receiver<Result<MavMessage, PeerError>>,
}

impl Peer {
    /// Over this socket.
    ///
    /// # Errors
    /// [`PeerError::Socket`].
    pub fn new(socket: TcpStream, speaker: Speaker) -> Result<Self, PeerError> {
        socket.set_nodelay(true)?;
        let (sender, heard) = mpsc::sync_channel(WAITING_MAX);
        let reader = MavlinkReader::new(socket.try_clone()?);
        // It ends with the socket, or with whom it tells.
        thread::Builder::new().name("mavlink".into()).spawn(move || listen(reader, &sender))?;
        Ok(Self { socket, speaker, heard })
    }

    /// Says something.
    ///
    /// # Errors
    /// [`PeerError`].
    pub fn say(&mut self, message: &MavMessage) -> Result<(), PeerError> {
        let raw = self.speaker.encode(message);
        Ok(io::Write::write_all(&mut self.socket, raw.raw_bytes())?)
    }

    /// The next message; nothing if none comes in time.
    ///
    /// # Errors
    /// [`PeerError`].
    pub fn hear(&self, limit: Duration) -> Result<Option<MavMessage>, PeerError> {
        match self.heard.recv_timeout(limit) {
            Ok(heard) => heard.map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(PeerError::Gone),
        }
    }

    /// The next message if there is one already.
    ///
    /// # Errors
    /// [`PeerError`].
    pub fn heard(&self) -> Result<Option<MavMessage>, PeerError> {
        match self.heard.try_recv() {
            Ok(heard) => heard.map(Some),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(PeerError::Gone),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Ends the listening thread; an error says that the connection has ended by itself.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

fn listen(mut reader: MavlinkReader<TcpStream>, sender: &SyncSender<Result<MavMessage, PeerError>>) {
    loop {
        let heard = match reader.read_any_message::<MavMessage>() {
            Ok((_, message)) => Ok(message),
            Err(MessageReadError::Parse(_)) => continue,
            Err(MessageReadError::Io(error)) if error.kind() == ErrorKind::Interrupted => continue,
            Err(MessageReadError::Io(error)) => Err(PeerError::from(error)),
        };
        let last = heard.is_err();
        if sender.send(heard).is_err() || last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use mavlink::dialects::common::{HEARTBEAT_DATA, HIL_GPS_DATA};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn messages_come_through_noise_and_an_end_is_heard() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut speaking = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let peer = Peer::new(listener.accept().unwrap().0, Speaker::AUTOPILOT).unwrap();
        let mut speaker = Speaker::SIMULATOR;
        let sent = [
            MavMessage::HEARTBEAT(HEARTBEAT_DATA::default()),
            MavMessage::HIL_GPS(HIL_GPS_DATA { lat: -5, yaw: 9, ..Default::default() }),
        ];
        for message in &sent {
            speaking.write_all(b"noise, and a marker \xfd").unwrap();
            let raw = speaker.encode(message);
            // One bit off first.
            let mut broken = raw.raw_bytes().to_vec();
            *broken.last_mut().unwrap() ^= 1;
            speaking.write_all(&broken).unwrap();
            for byte in raw.raw_bytes() {
                speaking.write_all(&[*byte]).unwrap();
            }
            // Room for what a marker in the noise may have announced.
            speaking.write_all(&[0; 300]).unwrap();
        }
        for message in &sent {
            assert_eq!(peer.hear(LIMIT).unwrap().as_ref(), Some(message));
        }
        assert!(peer.heard().unwrap().is_none());
        drop(speaking);
        assert!(matches!(peer.hear(LIMIT), Err(PeerError::Gone)));
    }
}
