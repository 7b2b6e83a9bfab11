// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The driver's side of `cofferdam-store-protocol`. The client is not believed: lengths are checked, and each
//! byte is copied once before it is looked at.

use core::fmt;

use cofferdam_shared_memory::SharedRegion;
use cofferdam_store_protocol::{Answer, BLOB_BYTES_MAX, Found, RECORD_BYTES_MAX, Request, Status, WORDS_MAX};

use crate::{BlockDevice, OpenError, Opened, Store, StoreError};

/// Serves one client out of a store, or tells it why there is none.
pub struct Server<D> {
    store: Result<(Store<D>, Opened), Status>,
    request: SharedRegion,
    reply: SharedRegion,
    /// A record on its way from the region.
    record: [u8; RECORD_BYTES_MAX],
}

impl<D: BlockDevice<Error: fmt::Display>> Server<D> {
    /// Opens the store on `device`, or has the reason that there is no disk.
    pub fn new(device: Result<D, Status>, request: SharedRegion, reply: SharedRegion) -> Self {
        let store = device.and_then(|device| Store::open(device).map_err(|error| open_status(&error)));
        Self { store, request, reply, record: [0; RECORD_BYTES_MAX] }
    }

    /// The store, if there is one.
    pub fn store(&mut self) -> Option<&mut Store<D>> {
        self.store.as_mut().ok().map(|(store, _)| store)
    }

    /// What `open` said.
    pub fn opened(&self) -> Result<Opened, Status> {
        self.store.as_ref().map(|(_, opened)| *opened).map_err(|status| *status)
    }

    /// Does what a message asks for.
    pub fn serve(&mut self, label: u64, words: &[u64]) -> Answer {
        match self.act(label, words) {
            Ok((words, count)) => Answer { label: Status::Ok as u64, words, count },
            Err(status) => Answer { label: status as u64, words: [0; WORDS_MAX], count: 0 },
        }
    }

    fn act(&mut self, label: u64, words: &[u64]) -> Result<([u64; WORDS_MAX], usize), Status> {
        let request = Request::parse(label, words)?;
        let (store, opened) = self.store.as_mut().map_err(|status| *status)?;
        const NOTHING: ([u64; WORDS_MAX], usize) = ([0; WORDS_MAX], 0);
        match request {
            Request::Open => {
                store.abort();
                let found = match opened {
                    Opened::Whole => Found::Whole,
                    Opened::Repaired => Found::Repaired,
                    Opened::Formatted => Found::Formatted,
                };
                Ok(([store.generation(), store.places() as u64, found as u64], 3))
            }
            Request::ReadRecord { number } => {
                let bytes = store.record(number).ok_or(Status::Unknown)?;
                self.reply.copy_in(0, bytes).map_err(|_| Status::BadLength)?;
                Ok(([bytes.len() as u64, 0, 0], 1))
            }
            Request::ReadBlob { number } => {
                let reply = self.reply;
                let mut fits = true;
                let length = store
                    .read_blob(number, |at, piece| fits &= reply.copy_in(at, piece).is_ok())
                    .map_err(|error| status(&error))?;
                if fits { Ok(([length as u64, 0, 0], 1)) } else { Err(Status::BadLength) }
            }
            Request::PutRecord { number, length_bytes } => {
                let bytes = self.record.get_mut(..length_bytes).ok_or(Status::BadLength)?;
                self.request.copy_out(0, bytes).map_err(|_| Status::BadLength)?;
                done(store.put(number, bytes))
            }
            Request::RemoveRecord { number } => done(store.remove(number)),
            Request::PutBlob { number, length_bytes } => {
                let source = self.request.part(0, length_bytes.next_multiple_of(8));
                let source = source.map_err(|_| Status::BadLength)?;
                // Inside the part by now, so that copying cannot fail.
                done(store.put_blob(number, length_bytes, |at, piece| {
                    let _ = source.copy_out(at, piece);
                }))
            }
            Request::RemoveBlob { number } => done(store.remove_blob(number)),
            Request::Commit => store.commit().map_err(|error| status(&error)).map(|at| ([at, 0, 0], 1)),
            Request::Abort => {
                store.abort();
                Ok(NOTHING)
            }
        }
    }
}

fn done<E: fmt::Display>(result: Result<(), StoreError<E>>) -> Result<([u64; WORDS_MAX], usize), Status> {
    result.map(|()| ([0; WORDS_MAX], 0)).map_err(|error| status(&error))
}

fn open_status<E: fmt::Display>(error: &OpenError<E>) -> Status {
    log::error!("{error}");
    match error {
        OpenError::Device(_) => Status::DiskFailed,
        OpenError::TooSmall { .. } | OpenError::Foreign | OpenError::OtherVersion { .. } => Status::NotOurs,
        OpenError::Shrunk { .. } | OpenError::Damaged(_) => Status::Damaged,
    }
}

fn status<E: fmt::Display>(error: &StoreError<E>) -> Status {
    match error {
        StoreError::Device(_) | StoreError::DamagedBlob => log::error!("{error}"),
        _ => {}
    }
    match error {
        StoreError::Device(_) => Status::DiskFailed,
        StoreError::OutOfUse | StoreError::Exhausted => Status::OutOfUse,
        StoreError::BadLength { .. } => Status::BadLength,
        StoreError::BadNumber => Status::BadNumber,
        StoreError::Full | StoreError::NoPlace => Status::Full,
        StoreError::Unknown => Status::Unknown,
        StoreError::DamagedBlob => Status::DamagedBlob,
    }
}

const _: () = assert!(BLOB_BYTES_MAX.is_multiple_of(8));
