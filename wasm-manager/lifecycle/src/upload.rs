// SPDX-License-Identifier: Apache-2.0 OR MIT
//! An upload: chunks in order into one buffer, which is allocated once and used again.

use alloc::vec::Vec;

use cofferdam_management_protocol::{CHUNK_BYTES_MAX, Refusal};
use cofferdam_package::{KeyId, PACKAGE_BYTES_MAX};
use sha2::{Digest as _, Sha256};

/// What is uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A package, to be installed.
    Package {
        /// Whether to start it.
        start: bool,
    },
    /// A package, to be swapped in.
    Swap,
    /// A signed list of keys.
    Keys,
}

/// What a command announced.
#[derive(Clone, Debug)]
pub(crate) struct Announced {
    pub(crate) package_bytes: usize,
    pub(crate) sha256: [u8; 32],
    pub(crate) kind: Kind,
    /// The key that signed the command.
    pub(crate) by: KeyId,
}

#[derive(Debug)]
enum State {
    /// No upload.
    Idle,
    /// Refused in the middle: chunks on their way are dropped until the next command.
    Refused,
    /// Under way.
    Receiving(Announced, Sha256),
}

/// What became of a chunk.
#[derive(Debug)]
pub(crate) enum Progress {
    /// There is more to come.
    Received { received_bytes: u32 },
    /// This was the last one, and the bytes are the announced ones.
    Complete(Announced),
    /// It belongs to an upload that was refused.
    Dropped,
}

pub(crate) struct Upload {
    buffer: Vec<u8>,
    state: State,
}

impl Upload {
    pub(crate) fn new() -> Self {
        Self { buffer: Vec::with_capacity(PACKAGE_BYTES_MAX), state: State::Idle }
    }

    pub(crate) fn under_way(&self) -> bool {
        matches!(self.state, State::Receiving(..))
    }

    /// Bytes received and announced, of an upload under way.
    pub(crate) fn progress(&self) -> Option<(usize, usize)> {
        match &self.state {
            State::Receiving(announced, _) => Some((self.buffer.len(), announced.package_bytes)),
            _ => None,
        }
    }

    /// The key that announced an upload under way.
    pub(crate) fn by(&self) -> Option<KeyId> {
        match &self.state {
            State::Receiving(announced, _) => Some(announced.by),
            _ => None,
        }
    }

    /// Begins an upload.
    pub(crate) fn begin(&mut self, announced: Announced) {
        self.buffer.clear();
        self.state = State::Receiving(announced, Sha256::new());
    }

    /// Takes a chunk. After a refusal the upload is over.
    pub(crate) fn chunk(&mut self, offset: u32, bytes: &[u8]) -> Result<Progress, Refusal> {
        let (announced, digest) = match &mut self.state {
            State::Receiving(announced, digest) => (announced, digest),
            State::Refused => return Ok(Progress::Dropped),
            State::Idle => return Err(Refusal::OutOfTurn),
        };
        let end = self.buffer.len().saturating_add(bytes.len());
        if offset as usize != self.buffer.len() {
            self.state = State::Refused;
            return Err(Refusal::ChunkOutOfOrder);
        }
        if bytes.is_empty() || bytes.len() > CHUNK_BYTES_MAX || end > announced.package_bytes {
            self.state = State::Refused;
            return Err(Refusal::ChunkLength);
        }
        digest.update(bytes);
        self.buffer.extend_from_slice(bytes);
        if end < announced.package_bytes {
            return Ok(Progress::Received { received_bytes: u32::try_from(end).unwrap_or(u32::MAX) });
        }
        let State::Receiving(announced, digest) = core::mem::replace(&mut self.state, State::Idle) else {
            return Err(Refusal::Internal);
        };
        if <[u8; 32]>::from(digest.finalize()) != announced.sha256 {
            return Err(Refusal::UploadDigest);
        }
        Ok(Progress::Complete(announced))
    }

    /// The complete package, out of the way of borrows. Give the buffer back with [`Self::put_back`].
    pub(crate) fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.buffer)
    }

    pub(crate) fn put_back(&mut self, buffer: Vec<u8>) {
        self.buffer = buffer;
        self.buffer.clear();
    }

    /// Forgets everything about an upload.
    pub(crate) fn reset(&mut self) {
        self.state = State::Idle;
        self.buffer.clear();
    }
}
