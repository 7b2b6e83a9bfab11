// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One connection to a device: greeting and messages, not yet what they mean.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use cofferdam_management_protocol::{
    DeviceMessage, FrameDecoder, Greeting, HostMessage, PROTOCOL_VERSION, encode_host,
};

use crate::error::ClientError;

/// How long to be patient.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the connection and the greeting.
    pub connect: Duration,
    /// For each answer.
    pub answer: Duration,
    /// While the device serves somebody else.
    pub busy: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(10),
            busy: Duration::from_secs(10),
        }
    }
}

/// First pause between two attempts; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Called once, when the device turns out to serve somebody else and we begin to wait.
pub type OnBusy<'a> = &'a mut dyn FnMut();

/// A greeted connection.
pub struct Connection {
    stream: TcpStream,
    decoder: Box<FrameDecoder>,
    /// Received bytes that the decoder has not taken yet: `received[taken..]`.
    received: Vec<u8>,
    taken: usize,
    greeting: Greeting,
    answer: Duration,
}

/// One attempt to connect: what came of it if not a connection.
enum Attempt {
    Busy,
    NotYet(ClientError),
    Final(ClientError),
}

impl Connection {
    /// Connects to `address` (`HOST:PORT`) and takes the greeting. While the device is busy, and while it does
    /// not greet (it may be starting), this tries again as long as `patience` says.
    pub fn open(address: &str, patience: &Patience, on_busy: OnBusy<'_>) -> Result<Self, ClientError> {
        let begun = Instant::now();
        let mut pause = PAUSE_MIN;
        let mut told = false;
        loop {
            let (error, limit) = match Self::attempt(address, patience) {
                Ok(connection) => return Ok(connection),
                Err(Attempt::Final(error)) => return Err(error),
                Err(Attempt::Busy) => {
                    if !told {
                        on_busy();
                        told = true;
                    }
                    (ClientError::Busy { waited: begun.elapsed() }, patience.busy)
                }
                Err(Attempt::NotYet(error)) => (error, patience.connect),
            };
            if begun.elapsed() + pause > limit {
                return Err(error);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Tries once; [`ClientError::Busy`] comes back at once.
    pub fn open_once(address: &str, patience: &Patience) -> Result<Self, ClientError> {
        Self::attempt(address, patience).map_err(|attempt| match attempt {
            Attempt::Busy => ClientError::Busy { waited: Duration::ZERO },
            Attempt::NotYet(error) | Attempt::Final(error) => error,
        })
    }

    fn attempt(address: &str, patience: &Patience) -> Result<Self, Attempt> {
        let unreachable = |error| ClientError::Unreachable { address: address.to_owned(), error };
        let no_address = |error| Attempt::Final(ClientError::Address { address: address.to_owned(), error });
        let mut last = None;
        let mut stream = None;
        for candidate in address.to_socket_addrs().map_err(no_address)? {
            match TcpStream::connect_timeout(&candidate, patience.connect) {
                Ok(connected) => {
                    stream = Some(connected);
                    break;
                }
                Err(error) => last = Some(error),
            }
        }
        let Some(stream) = stream else {
            let error = last.unwrap_or_else(|| io::Error::from(ErrorKind::AddrNotAvailable));
            return Err(Attempt::Final(unreachable(error)));
        };
        // Commands are small and wait for their answers.
        stream.set_nodelay(true).map_err(|error| Attempt::Final(unreachable(error)))?;
        let greeting =
            Greeting { protocol_version: 0, device_id: String::new(), boot_nonce: [0; 16], next_sequence: 0 };
        let mut connection = Self {
            stream,
            decoder: Box::new(FrameDecoder::new()),
            received: Vec::new(),
            taken: 0,
            greeting,
            answer: patience.connect,
        };
        match connection.receive() {
            Ok(DeviceMessage::Greeting(greeting)) => connection.greeting = greeting,
            Ok(DeviceMessage::Busy) => return Err(Attempt::Busy),
            Ok(other) => return Err(Attempt::Final(unexpected(&other))),
            Err(ClientError::Lost(_)) => {
                return Err(Attempt::NotYet(ClientError::NoGreeting { address: address.to_owned() }));
            }
            Err(ClientError::Silent(_)) => {
                return Err(Attempt::Final(ClientError::NoGreeting { address: address.to_owned() }));
            }
            Err(error) => return Err(Attempt::Final(error)),
        }
        if connection.greeting.protocol_version != PROTOCOL_VERSION {
            return Err(Attempt::Final(ClientError::Version(connection.greeting.protocol_version)));
        }
        connection.answer = patience.answer;
        Ok(connection)
    }

    /// What the device said first.
    pub fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// Sends a message.
    pub fn send(&mut self, message: &HostMessage<'_>) -> Result<(), ClientError> {
        self.send_bytes(&encode_host(message)?)
    }

    /// Sends bytes as they are, whatever they mean: for tests.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.stream.write_all(bytes).map_err(ClientError::Lost)
    }

    /// The next message. A refusal is a message here.
    pub fn receive(&mut self) -> Result<DeviceMessage, ClientError> {
        let deadline = Instant::now() + self.answer;
        loop {
            let mut input = self.received.get(self.taken..).unwrap_or_default();
            let before = input.len();
            let message = self.decoder.next(&mut input)?.map(DeviceMessage::decode).transpose()?;
            self.taken += before - input.len();
            if let Some(message) = message {
                return Ok(message);
            }
            self.read_more(deadline)?;
        }
    }

    /// Replaces what was taken by what arrives next.
    fn read_more(&mut self, deadline: Instant) -> Result<(), ClientError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ClientError::Silent(self.answer));
        }
        self.stream.set_read_timeout(Some(left)).map_err(ClientError::Lost)?;
        self.received.resize(4096, 0);
        self.taken = 0;
        let outcome = self.stream.read(&mut self.received);
        self.received.truncate(*outcome.as_ref().unwrap_or(&0));
        match outcome {
            Ok(0) => Err(ClientError::Lost(ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(ClientError::Silent(self.answer))
            }
            Err(error) => Err(ClientError::Lost(error)),
        }
    }
}

/// Names a message that does not belong here, without its contents.
pub(crate) fn unexpected(message: &DeviceMessage) -> ClientError {
    let text = format!("{message:?}");
    let name = text.split(['(', ' ', '{']).next().unwrap_or_default();
    ClientError::Unexpected(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::net::TcpListener;
    use std::thread;

    use cofferdam_management_protocol::encode_device;
    use proptest::prelude::*;

    /// A device that says `bytes`, some at a time, and goes.
    fn device(bytes: Vec<u8>, piece: usize) -> (String, thread::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let device = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // The host may have gone by then.
            let _ = bytes.chunks(piece).try_for_each(|piece| stream.write_all(piece));
        });
        (address, device)
    }

    fn greeting() -> Vec<u8> {
        let greeting = Greeting {
            protocol_version: PROTOCOL_VERSION,
            device_id: "d".to_owned(),
            boot_nonce: [7; 16],
            next_sequence: 9,
        };
        encode_device(&DeviceMessage::Greeting(greeting)).unwrap()
    }

    #[test]
    fn a_greeting_in_pieces_is_one() {
        for piece in [1, 3, 1000] {
            let (address, device) = device(greeting(), piece);
            let mut connection = Connection::open_once(&address, &Patience::default()).unwrap();
            assert_eq!(connection.greeting().next_sequence, 9);
            assert!(matches!(connection.receive(), Err(ClientError::Lost(_))));
            device.join().unwrap();
        }
    }

    #[test]
    fn another_version_is_named() {
        let greeting = Greeting {
            protocol_version: PROTOCOL_VERSION + 1,
            device_id: String::new(),
            boot_nonce: [0; 16],
            next_sequence: 0,
        };
        let bytes = encode_device(&DeviceMessage::Greeting(greeting)).unwrap();
        let (address, device) = device(bytes, 1000);
        let outcome = Connection::open_once(&address, &Patience::default());
        assert!(matches!(outcome, Err(ClientError::Version(version)) if version == PROTOCOL_VERSION + 1));
        device.join().unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever a device says, before or behind its greeting: an error, no panic, and no wait beyond its end.
        #[test]
        fn no_device_does_harm(
            greets in any::<bool>(), bytes in proptest::collection::vec(any::<u8>(), 0..300), piece in 1usize..64,
        ) {
            let mut all = if greets { greeting() } else { Vec::new() };
            all.extend(bytes);
            let (address, device) = device(all, piece);
            if let Ok(mut connection) = Connection::open_once(&address, &Patience::default()) {
                prop_assert!(greets);
                while connection.receive().is_ok() {}
            }
            device.join().unwrap();
        }
    }
}
