// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: what survives a loss of power. It serves records and blobs to wasm_manager (contract:
//! `cofferdam-store-protocol`) out of a store on a virtio disk. It holds no key and looks at nothing that it
//! keeps. Without a disk it says so and has nothing else.
#![no_std]
#![no_main]
#![deny(unsafe_code)]
extern crate alloc;

mod disk;
mod regions;

use alloc::boxed::Box;
use core::convert::Infallible;

use cofferdam_store::{Opened, Server};
use cofferdam_store_protocol::{Status, WORDS_MAX, pd};
use sel4_microkit::{Channel, ChannelSet, Handler, MessageInfo, protection_domain};

use crate::disk::Disk;

struct StoreDriver {
    server: Box<Server<Disk>>,
}

#[protection_domain]
fn init() -> impl Handler {
    cofferdam_log_ring::pd::init();
    regions::initialise_heap();
    let disk = match Disk::find() {
        Ok(disk) => Ok(disk),
        Err(status) => {
            log::warn!("{status}: apps, ratchets and keys last until the next boot");
            Err(status)
        }
    };
    let (request, reply) = regions::shared();
    let mut server = Box::new(Server::new(disk, request, reply));
    match server.opened() {
        Ok(opened) => {
            let (places, generation) =
                server.store().map_or((0, 0), |store| (store.places(), store.generation()));
            let found = match opened {
                Opened::Whole => "whole",
                Opened::Repaired => "repaired after a loss of power",
                Opened::Formatted => "blank, now formatted",
            };
            log::info!("disk {found}: generation {generation}, {places} places for packages");
        }
        // A reason that the disk itself gives is in the log already.
        Err(Status::NoDisk) => {}
        Err(status) => log::error!("no store: {status}; nothing will be kept"),
    }
    StoreDriver { server }
}

impl Handler for StoreDriver {
    type Error = Infallible;

    fn notified(&mut self, _channels: ChannelSet) -> Result<(), Infallible> {
        Ok(()) // the disk is asked, not heard
    }

    fn protected(&mut self, _channel: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        let mut buffer = [0; WORDS_MAX + 1];
        let words = pd::receive(message, &mut buffer);
        Ok(pd::answer(&self.server.serve(message.label(), words)))
    }
}
