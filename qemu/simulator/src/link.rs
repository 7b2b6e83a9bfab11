// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A simulator's end of the link to a device.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use cofferdam_plant_protocol::{
    Deframer, Frame, FrameError, Hello, Message, Mode, Outputs, Samples, Sensors,
};

/// How long [`DeviceLink::hear`] waits for a word.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Why there is no link any more.
#[derive(Debug)]
pub enum LinkError {
    /// The socket says so.
    Socket(io::Error),
    /// QEMU has ended.
    Closed,
    /// The device sends what is no message.
    Frame(FrameError),
    /// The device sends what only a simulator sends.
    Unexpected,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(error) => write!(f, "link to the device: {error}"),
            Self::Closed => f.write_str("link to the device: QEMU closed it"),
            Self::Frame(error) => write!(f, "link to the device: it sent {error}"),
            Self::Unexpected => f.write_str("link to the device: it sent what only a simulator sends"),
        }
    }
}

impl std::error::Error for LinkError {}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        Self::Socket(error)
    }
}

/// What the device says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Heard {
    /// It has heard us.
    Attached,
    /// It has come to a tick, and waits for [`DeviceLink::answer`].
    Tick(Outputs),
}

/// The link.
#[derive(Debug)]
pub struct DeviceLink {
    socket: TcpStream,
    deframer: Deframer,
    buffer: Box<[u8; 4096]>,
    /// What of the buffer was not looked at yet.
    fresh: std::ops::Range<usize>,
}

impl DeviceLink {
    /// Says hello to the device behind `address`.
    ///
    /// # Errors
    /// [`LinkError::Socket`].
    pub fn open(address: SocketAddr, mode: Mode) -> Result<Self, LinkError> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(LOOK_AGAIN))?;
        socket.write_all(Frame::new(&Message::Hello(Hello { mode })).bytes())?;
        Ok(Self { socket, deframer: Deframer::new(), buffer: Box::new([0; 4096]), fresh: 0..0 })
    }

    /// The next word of the device; nothing if none comes for a while.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn hear(&mut self) -> Result<Option<Heard>, LinkError> {
        loop {
            let mut bytes = self.buffer.get(self.fresh.clone()).unwrap_or_default();
            let message = self.deframer.next(&mut bytes);
            self.fresh.start = self.fresh.end - bytes.len();
            match message.transpose().map_err(LinkError::Frame)? {
                Some(Message::Welcome(_)) => return Ok(Some(Heard::Attached)),
                Some(Message::Outputs(told)) => return Ok(Some(Heard::Tick(told))),
                Some(_) => return Err(LinkError::Unexpected),
                None => {}
            }
            match self.socket.read(self.buffer.as_mut_slice()) {
                Ok(0) => return Err(LinkError::Closed),
                Ok(count) => self.fresh = 0..count,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Ok(None);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Tells what sensors show at a tick.
    ///
    /// # Errors
    /// [`LinkError::Socket`].
    pub fn answer(&mut self, tick: u64, samples: Samples) -> Result<(), LinkError> {
        let answer = Message::Sensors(Sensors { tick, samples });
        Ok(self.socket.write_all(Frame::new(&answer).bytes())?)
    }

    /// Says goodbye.
    ///
    /// # Errors
    /// [`LinkError::Socket`].
    pub fn leave(mut self) -> Result<(), LinkError> {
        Ok(self.socket.write_all(Frame::new(&Message::Bye).bytes())?)
    }
}
