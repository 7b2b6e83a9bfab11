// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The TCP sockets: one connection is served, others are told that the line is busy.

use alloc::vec;

use cofferdam_gateway_protocol::{DATA_BYTES_MAX, ToManager};
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::time::Duration;
use smoltcp::wire::IpAddress;

use crate::config::Config;
use crate::management::{Management, Order};

/// One to serve, the others to say that it is busy. Whoever comes when all are in use is refused by TCP.
const SOCKETS: usize = 4;
const RECEIVE_BYTES: usize = 32 * 1024;
const SEND_BYTES: usize = 16 * 1024;
/// How long a socket rests in TIME-WAIT before it listens again, or shorter if no other listens. (By the book
/// it would be minutes, in which a few quick connections would use up all sockets.) The acknowledgement of
/// the last FIN is out by then. An aborted socket waits as long for its reset to be sent, which may never
/// happen: nobody may be at the address that somebody claimed to have.
const REST_US: u64 = 100_000;

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Listening, or being connected.
    Waiting,
    /// The one that wasm_manager talks to.
    Served,
    /// On its way out.
    Leaving,
}

struct Line {
    socket: SocketHandle,
    role: Role,
    /// Since when it has been in this role, or, when waiting, in the present state.
    since_us: u64,
    resting: bool,
}

/// The served connection.
#[derive(Clone, Copy, Debug)]
struct Served {
    line: usize,
    connection: u32,
    /// wasm_manager knows of it.
    told: bool,
    /// When last a byte moved.
    active_us: u64,
}

/// All sockets.
pub(crate) struct Connections {
    lines: [Line; SOCKETS],
    served: Option<Served>,
    /// A connection that is over, which wasm_manager does not know yet.
    closed_untold: Option<u32>,
    last_connection: u32,
}

impl Connections {
    /// The first connection gets the number after `last_connection`.
    pub(crate) fn new(config: &Config, sockets: &mut SocketSet<'static>, last_connection: u32) -> Self {
        let lines = core::array::from_fn(|_| {
            let mut socket = Socket::new(
                smoltcp::socket::tcp::SocketBuffer::new(vec![0; RECEIVE_BYTES]),
                smoltcp::socket::tcp::SocketBuffer::new(vec![0; SEND_BYTES]),
            );
            socket.set_nagle_enabled(false);
            socket.set_ack_delay(None);
            socket.set_timeout(Some(Duration::from_micros(config.idle_us)));
            Line { socket: sockets.add(socket), role: Role::Waiting, since_us: 0, resting: false }
        });
        Self { lines, served: None, closed_untold: None, last_connection }
    }

    /// Moves bytes and looks after every socket.
    pub(crate) fn run(
        &mut self,
        config: &Config,
        sockets: &mut SocketSet<'static>,
        management: &mut Management,
        now_us: u64,
    ) {
        self.tell_closed(management);
        self.serve(config, sockets, management, now_us);
        self.tell_closed(management);
        for line in 0..SOCKETS {
            self.look_after(line, config, sockets, now_us);
        }
        // One that was just taken on may have brought bytes along.
        self.serve(config, sockets, management, now_us);
        self.tell_closed(management);
        if self.served.is_none() {
            let _ = management.next(None);
        }
    }

    fn tell_closed(&mut self, management: &mut Management) {
        if let Some(connection) = self.closed_untold
            && management.push(&ToManager::Closed { connection })
        {
            self.closed_untold = None;
        }
    }

    /// Moves the served connection's bytes both ways and ends it when its time has come.
    fn serve(
        &mut self,
        config: &Config,
        sockets: &mut SocketSet<'static>,
        management: &mut Management,
        now_us: u64,
    ) {
        let Some(mut served) = self.served else { return };
        let Some(line) = self.lines.get(served.line) else { return };
        let socket = sockets.get_mut::<Socket>(line.socket);
        if !served.told {
            let (peer, port) = match socket.remote_endpoint() {
                Some(endpoint) => {
                    let IpAddress::Ipv4(address) = endpoint.addr;
                    (address.octets(), endpoint.port)
                }
                None => ([0; 4], 0),
            };
            served.told = management.push(&ToManager::Opened { connection: served.connection, peer, port });
        }
        let mut close = false;
        if served.told {
            if receive(socket, served.connection, management) {
                served.active_us = now_us;
            }
            let (sent, ordered) = send(socket, served.connection, management);
            if sent {
                served.active_us = now_us;
            }
            close = ordered;
        }
        let over = !socket.is_active();
        let peer_done = served.told && !socket.may_recv() && !socket.can_recv();
        let idle = now_us.saturating_sub(served.active_us) >= config.idle_us;
        self.served = Some(served);
        if over || peer_done || close || idle {
            if idle {
                log::info!("connection {} was idle and is closed", served.connection);
            }
            socket.close();
            management.forget_unsent();
            if served.told {
                self.closed_untold = Some(served.connection);
            }
            self.served = None;
            self.leave(served.line, now_us);
        }
    }

    fn leave(&mut self, line: usize, now_us: u64) {
        if let Some(line) = self.lines.get_mut(line) {
            (line.role, line.since_us, line.resting) = (Role::Leaving, now_us, false);
        }
    }

    fn look_after(&mut self, index: usize, config: &Config, sockets: &mut SocketSet<'static>, now_us: u64) {
        let undecided = self.closed_untold.is_some() || self.served_is_ending(sockets);
        let listening =
            self.lines.iter().any(|line| sockets.get::<Socket>(line.socket).state() == State::Listen);
        let Some(line) = self.lines.get_mut(index) else { return };
        let socket = sockets.get_mut::<Socket>(line.socket);
        let waited_us = now_us.saturating_sub(line.since_us);
        match (line.role, socket.state()) {
            (Role::Served, _) => {}
            (_, State::Closed) => {
                // An aborted socket keeps its endpoint until the reset was sent.
                let reset_sent = socket.remote_endpoint().is_none();
                if (reset_sent || waited_us >= REST_US) && socket.listen(config.port).is_ok() {
                    (line.role, line.since_us) = (Role::Waiting, now_us);
                }
            }
            (_, State::TimeWait) => {
                if !line.resting {
                    (line.resting, line.since_us) = (true, now_us);
                } else if (waited_us >= REST_US || !listening) && socket.listen(config.port).is_ok() {
                    (line.role, line.since_us, line.resting) = (Role::Waiting, now_us, false);
                }
            }
            (Role::Waiting, State::Listen) => line.since_us = now_us,
            (Role::Waiting, State::SynReceived) => {
                if waited_us >= config.handshake_us {
                    socket.abort();
                    self.leave(index, now_us);
                }
            }
            (Role::Waiting, _) if self.served.is_none() && self.closed_untold.is_none() => {
                line.role = Role::Served;
                line.since_us = now_us;
                self.last_connection = self.last_connection.wrapping_add(1);
                self.served = Some(Served {
                    line: index,
                    connection: self.last_connection,
                    told: false,
                    active_us: now_us,
                });
            }
            // The one before is about to go: let this one wait for its place.
            (Role::Waiting, _) if undecided && waited_us < config.closing_us => {}
            (Role::Waiting, _) => {
                let _ = socket.send_slice(config.busy);
                socket.close();
                self.leave(index, now_us);
            }
            (Role::Leaving, _) => {
                if waited_us >= config.closing_us {
                    socket.abort();
                    line.since_us = now_us;
                }
            }
        }
    }

    /// Whether the served connection's other side has finished already.
    fn served_is_ending(&self, sockets: &SocketSet<'static>) -> bool {
        self.served
            .and_then(|served| self.lines.get(served.line))
            .is_some_and(|line| !sockets.get::<Socket>(line.socket).may_recv())
    }

    /// When `run` must be called again at the latest.
    pub(crate) fn wake_at_us(&self, config: &Config, sockets: &SocketSet<'static>) -> Option<u64> {
        let lines = self.lines.iter().filter_map(|line| {
            let state = sockets.get::<Socket>(line.socket).state();
            let patience_us = match (line.role, state) {
                (_, State::TimeWait | State::Closed) => REST_US,
                (Role::Waiting, State::SynReceived) => config.handshake_us,
                (Role::Waiting, State::Listen) | (Role::Served, _) => return None,
                (Role::Waiting, _) | (Role::Leaving, _) => config.closing_us,
            };
            Some(line.since_us.saturating_add(patience_us))
        });
        let idle = self.served.map(|served| served.active_us.saturating_add(config.idle_us));
        lines.chain(idle).min()
    }
}

/// Passes received bytes on while wasm_manager has room; says whether any moved.
fn receive(socket: &mut Socket<'_>, connection: u32, management: &mut Management) -> bool {
    let mut moved = false;
    while socket.can_recv() && management.has_room() {
        let taken = socket.recv(|bytes| {
            #[cfg(feature = "fault-test")]
            crate::fault_test::obey(bytes);
            let part = bytes.get(..bytes.len().min(DATA_BYTES_MAX)).unwrap_or(&[]);
            let pushed = !part.is_empty() && management.push(&ToManager::Data { connection, bytes: part });
            (if pushed { part.len() } else { 0 }, pushed)
        });
        if taken != Ok(true) {
            break;
        }
        moved = true;
    }
    moved
}

/// Sends what wasm_manager has for this connection while there is room; says whether any byte moved, and
/// whether to close now.
fn send(socket: &mut Socket<'_>, connection: u32, management: &mut Management) -> (bool, bool) {
    let mut moved = false;
    loop {
        if management.unsent().is_empty() {
            match management.next(Some(connection)) {
                Some(Order::Send) => {}
                Some(Order::Close) => return (moved, true),
                None => return (moved, false),
            }
        }
        match socket.send_slice(management.unsent()) {
            Ok(0) | Err(_) => return (moved, false),
            Ok(count) => {
                management.sent(count);
                moved = true;
            }
        }
    }
}
