// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The contract's two sides against each other, and a hostile client.

use std::vec;
use std::vec::Vec;

use cofferdam_shared_memory::SharedRegion;
use cofferdam_store_protocol::{Answer, Call, CallError, Client, Found, Status};
use proptest::prelude::*;

use super::disk::{Disk, Medium};
use super::store::bytes;
use crate::*;

/// Calls the server without a kernel in between.
struct Direct(Server<Disk>);

impl Call for Direct {
    fn call(&mut self, label: u64, words: &[u64]) -> Answer {
        self.0.serve(label, words)
    }
}

fn regions() -> (SharedRegion, SharedRegion) {
    (SharedRegion::leaked(BLOB_BYTES_MAX), SharedRegion::leaked(BLOB_BYTES_MAX))
}

fn client(medium: Medium) -> (Disk, Client<Direct>) {
    let (request, reply) = regions();
    let disk = Disk::new(medium, 4);
    let server = Server::new(Ok(disk.clone()), request, reply);
    (disk, Client::new(Direct(server), request, reply))
}

#[test]
fn a_client_stores_and_finds_again() {
    let (disk, mut store) = client(Medium::default());
    let opened = store.open().unwrap();
    assert_eq!((opened.generation, opened.places, opened.found), (1, 4, Found::Formatted));
    let package = bytes(3, BLOB_BYTES_MAX);
    store.put_blob(1, &package).unwrap();
    store.put_record(2, b"record").unwrap();
    assert_eq!(store.read_record(2, &mut [0; 99]), Err(CallError::Refused(Status::Unknown)));
    assert_eq!(store.commit(), Ok(2));
    store.put_record(2, b"never committed").unwrap();
    assert_eq!(store.open().unwrap().generation, 2);
    assert_eq!(store.commit(), Ok(2), "opening forgets what was prepared");

    let (disk, mut store) = client(disk.flushed());
    assert_eq!(store.open().unwrap().found, Found::Whole);
    let mut buffer = vec![0; BLOB_BYTES_MAX];
    assert_eq!(store.read_blob(1, &mut buffer), Ok(package.len()));
    assert_eq!(buffer, package);
    assert_eq!(store.read_record(2, &mut buffer), Ok(6));
    assert_eq!(&buffer[..6], b"record");
    store.remove_record(2).unwrap();
    store.abort().unwrap();
    store.remove_blob(1).unwrap();
    assert_eq!(store.remove_blob(1), Err(CallError::Refused(Status::Unknown)));
    assert_eq!(store.commit(), Ok(3));
    assert_eq!(store.read_blob(1, &mut buffer), Err(CallError::Refused(Status::Unknown)));
    disk.0.borrow_mut().steps_left = Some(0);
    store.put_record(2, b"x").unwrap();
    assert_eq!(store.commit(), Err(CallError::Refused(Status::DiskFailed)));
    assert_eq!(store.commit(), Err(CallError::Refused(Status::OutOfUse)));
}

#[test]
fn without_a_store_every_call_says_why() {
    let (request, reply) = regions();
    let mut foreign = Medium::default();
    foreign.set(0, [1; SECTOR_BYTES]);
    let servers = [
        (Server::new(Err(Status::NoDisk), request, reply), Status::NoDisk),
        (Server::new(Ok(Disk::new(foreign, 4)), request, reply), Status::NotOurs),
        (Server::new(Ok(Disk::new(Medium::default(), 1)), request, reply), Status::NotOurs),
        (Server::new(Ok(Disk::cut_after(Medium::default(), 4, 0)), request, reply), Status::DiskFailed),
    ];
    for (server, status) in servers {
        assert_eq!(server.opened(), Err(status));
        let mut client = Client::new(Direct(server), request, reply);
        let refused = CallError::Refused(status);
        assert_eq!(client.open(), Err(refused));
        assert_eq!(client.read_record(1, &mut [0; 9]), Err(refused));
        assert_eq!(client.put_record(1, b"x"), Err(refused));
        assert_eq!(client.commit(), Err(refused));
    }
}

proptest! {
    /// Any messages: answered in the contract's form, and what was committed can be opened again.
    #[test]
    fn a_hostile_client_gets_answers(
        messages in proptest::collection::vec(
            (0u64..11, proptest::collection::vec(prop_oneof![8 => 0u64..6, 1 => any::<u64>()], 0..4)), 1..60
        ),
    ) {
        let (request, reply) = (SharedRegion::leaked(4096), SharedRegion::leaked(4096));
        let disk = Disk::new(Medium::default(), 4);
        let mut server = Server::new(Ok(disk.clone()), request, reply);
        for (label, words) in messages {
            let answer = server.serve(label, &words);
            let status = Status::from_label(answer.label);
            prop_assert!(status.is_some() && answer.count <= 3);
            prop_assert!(status == Some(Status::Ok) || answer.count == 0);
        }
        let opened = Store::open(Disk::new(disk.flushed(), 4));
        prop_assert!(opened.is_ok());
        let (mut store, _) = opened.map_err(|_| TestCaseError::fail("")).unwrap();
        let numbers: Vec<u32> = store.blobs().map(|blob| blob.number).collect();
        for number in numbers {
            prop_assert!(store.read_blob(number, |_, _| ()).is_ok());
        }
    }
}
