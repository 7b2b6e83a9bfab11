// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What survives a reboot, by way of store_driver.

use alloc::format;
use alloc::vec::Vec;

use cofferdam_lifecycle::{Change, Storage, StorageError};
use cofferdam_package::PACKAGE_BYTES_MAX;
use cofferdam_store_protocol::pd::StoreChannel;
use cofferdam_store_protocol::{BLOB_BYTES_MAX, CallError, Client, Found, RECORD_BYTES_MAX, Status};
use sel4_microkit::channel;

use crate::regions;

// Every package has room in a blob.
const _: () = assert!(PACKAGE_BYTES_MAX <= BLOB_BYTES_MAX);

/// The store behind store_driver, which is not believed.
pub struct Disk(Client<StoreChannel>);

/// The machine's disk; `None` if it has none. One that cannot be used is given all the same: it refuses
/// everything, so that nothing is installed whose ratchet would be lost.
pub fn disk() -> Option<Disk> {
    let (request, reply) = regions::store();
    let mut client = Client::new(StoreChannel(channel!(store_channel)), request, reply);
    match client.open() {
        Ok(opened) => {
            if opened.found == Found::Repaired {
                log::info!("the last shutdown was a loss of power");
            }
        }
        Err(CallError::Refused(Status::NoDisk)) => return None,
        Err(error) => log::error!("{error}"),
    }
    Some(Disk(client))
}

fn failed(error: CallError) -> StorageError {
    StorageError(format!("{error}"))
}

/// Removing what is not there is no failure.
fn removed(result: Result<(), CallError>) -> Result<(), CallError> {
    match result {
        Err(CallError::Refused(Status::Unknown)) => Ok(()),
        other => other,
    }
}

impl Disk {
    fn prepare(&mut self, changes: &[Change<'_>]) -> Result<(), CallError> {
        let Self(client) = self;
        client.abort()?;
        for change in changes {
            match *change {
                Change::Put(number, bytes) => client.put_record(number, bytes)?,
                Change::Remove(number) => removed(client.remove_record(number))?,
                Change::PutPackage(number, bytes) => client.put_blob(number, bytes)?,
                Change::RemovePackage(number) => removed(client.remove_blob(number))?,
            }
        }
        Ok(())
    }
}

impl Storage for Disk {
    fn read(&mut self, number: u32, bytes: &mut Vec<u8>) -> Result<bool, StorageError> {
        bytes.clear();
        bytes.resize(RECORD_BYTES_MAX, 0);
        match self.0.read_record(number, bytes) {
            Ok(length) => {
                bytes.truncate(length);
                Ok(true)
            }
            Err(CallError::Refused(Status::Unknown)) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    fn read_package(&mut self, number: u32, bytes: &mut Vec<u8>) -> Result<(), StorageError> {
        bytes.clear();
        // Not more: the buffer keeps its size for good.
        bytes.resize(PACKAGE_BYTES_MAX, 0);
        let length = self.0.read_blob(number, bytes).map_err(failed)?;
        bytes.truncate(length);
        Ok(())
    }

    fn change(&mut self, changes: &[Change<'_>]) -> Result<(), StorageError> {
        self.prepare(changes).map_err(failed)?;
        self.0.commit().map(drop).map_err(failed)
    }
}
