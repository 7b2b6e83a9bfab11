// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The queues to and from net_driver as a network device of smoltcp.

use cofferdam_net_protocol::{
    FRAME_BYTES_MAX, Link, Malformed, RECORD_BYTES, Record, ask_record, frame_head, parse,
};
use cofferdam_shared_memory::{Consumer, Producer};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use crate::peer::{Peer, Troubles};

/// An Ethernet header.
const ETHERNET_HEADER_BYTES: usize = 14;
/// How many records that are no frames are passed over at one go.
const SKIP_MAX: usize = 8;

/// An Ethernet device behind two queues.
pub struct QueueDevice {
    driver: Peer,
    link: Option<Link>,
    link_is_new: bool,
    /// net_driver was asked for the link.
    asked: bool,
    incoming: [u8; RECORD_BYTES],
    outgoing: [u8; FRAME_BYTES_MAX],
}

impl QueueDevice {
    /// Takes the queues.
    pub fn new(receive: Consumer, transmit: Producer) -> Self {
        Self {
            driver: Peer::new("net_driver", receive, transmit),
            link: None,
            link_is_new: false,
            asked: false,
            incoming: [0; RECORD_BYTES],
            outgoing: [0; FRAME_BYTES_MAX],
        }
    }

    /// The other end of the wire, which knows its link already.
    #[cfg(test)]
    pub(crate) fn with_link(receive: Consumer, transmit: Producer, link: Link) -> Self {
        Self { link: Some(link), ..Self::new(receive, transmit) }
    }

    /// What went wrong at the queues.
    pub(crate) fn troubles(&self) -> Troubles {
        self.driver.troubles()
    }

    /// Whether anything was taken or added since the last call.
    pub(crate) fn take_moved(&mut self) -> bool {
        self.driver.take_moved()
    }

    /// The link's description, if there is a new one.
    pub(crate) fn take_new_link(&mut self) -> Option<Link> {
        core::mem::take(&mut self.link_is_new).then_some(self.link).flatten()
    }

    /// Reads records until the link's description comes; frames before it are dropped. If it is not there, this is not
    /// gateway's first life: net_driver is asked for it.
    pub(crate) fn look_for_link(&mut self) {
        while self.link.is_none() && self.next_frame().is_some() {}
        if self.link.is_none() && !self.asked {
            self.asked = self.driver.push(&[&ask_record()]);
        }
    }

    /// Whether net_driver can take a frame.
    pub(crate) fn can_send(&mut self) -> bool {
        self.driver.has_room()
    }

    /// Takes the next frame into `incoming`; gives its place there.
    fn next_frame(&mut self) -> Option<core::ops::Range<usize>> {
        let Self { driver, incoming, link, link_is_new, .. } = self;
        driver.next(incoming, SKIP_MAX, |record| {
            Ok::<_, Malformed>(match parse(record)? {
                Record::Frame(frame) => Some(record.len() - frame.len()..record.len()),
                Record::Link(new) => {
                    *link_is_new |= *link != Some(new);
                    *link = Some(new);
                    None
                }
                Record::Ask => None,
            })
        })
    }
}

/// A frame that was received.
pub struct Received<'a>(&'a [u8]);

impl phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// The right to send a frame.
pub struct Sender<'a> {
    driver: &'a mut Peer,
    buffer: &'a mut [u8; FRAME_BYTES_MAX],
}

impl phy::TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        // smoltcp keeps to the size in `capabilities`, which the buffer has.
        let frame = &mut self.buffer[..len];
        let result = f(frame);
        // Room was there when the token was made; if it is gone, so is the frame, as on any network.
        if !self.driver.push(&[&frame_head(), frame]) {
            self.driver.dropped();
        }
        result
    }
}

impl phy::Device for QueueDevice {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _timestamp: Instant) -> Option<(Received<'_>, Sender<'_>)> {
        // A frame may need an answer, so it stays in the queue while there is no room for one.
        if !self.can_send() {
            return None;
        }
        let place = self.next_frame()?;
        let Self { driver, incoming, outgoing, .. } = self;
        let frame = incoming.get(place)?;
        Some((Received(frame), Sender { driver, buffer: outgoing }))
    }

    fn transmit(&mut self, _timestamp: Instant) -> Option<Sender<'_>> {
        if !self.can_send() {
            return None;
        }
        Some(Sender { driver: &mut self.driver, buffer: &mut self.outgoing })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let payload_bytes = self.link.map_or(0, |link| usize::from(link.payload_bytes_max));
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = ETHERNET_HEADER_BYTES + payload_bytes;
        capabilities
    }
}
