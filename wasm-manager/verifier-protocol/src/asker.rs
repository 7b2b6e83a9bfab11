// SPDX-License-Identifier: Apache-2.0 OR MIT
//! wasm_manager's side: stages bytes and reads the verdict, whose writer is hostile.

use alloc::vec;
use core::fmt;

use cofferdam_shared_memory::SharedRegion;
use zerocopy::{FromZeros, IntoBytes};

use crate::body::{Answer, decode};
use crate::layout::{
    BODY_AT, BODY_BYTES_MAX, HEADER_AT, Kind, REQUEST_MAGIC, RequestLayout, STAGED_AT, USE_AT, VERDICT_MAGIC,
    VERSION, VerdictLayout,
};

/// One use of the verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    use_number: u64,
    kind: Kind,
}

/// The bytes do not fit into the staging region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageError;

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too long for the staging region")
    }
}

impl core::error::Error for StageError {}

/// Why a verdict counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictError {
    /// It is not about this use.
    OtherUse,
    /// It has not the form of a verdict.
    Layout,
    /// It is about other bytes.
    OtherBytes,
    /// Its body makes no sense.
    Body,
}

impl fmt::Display for VerdictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherUse => "its verdict is about another use",
            Self::Layout => "its verdict has not the form of one",
            Self::OtherBytes => "its verdict is about other bytes",
            Self::Body => "its verdict makes no sense",
        })
    }
}

impl core::error::Error for VerdictError {}

/// Both regions, as wasm_manager sees them.
#[derive(Debug)]
pub struct Asker {
    staging: SharedRegion,
    verdict: SharedRegion,
    use_number: u64,
    /// So many staged bytes may not be zero.
    staged_bytes: usize,
}

impl Asker {
    /// Goes on behind what an earlier life of wasm_manager staged.
    #[must_use]
    pub fn new(staging: SharedRegion, verdict: SharedRegion) -> Self {
        let mut request = RequestLayout::new_zeroed();
        let is_read = staging.copy_out(0, request.as_mut_bytes()).is_ok();
        let use_number = if is_read && request.magic == REQUEST_MAGIC { request.use_number } else { 0 };
        let staged_bytes = staging.size_bytes().saturating_sub(STAGED_AT);
        Self { staging, verdict, use_number, staged_bytes }
    }

    /// Stages `bytes`; nothing of earlier ones is left. The verifier must stand still.
    ///
    /// # Errors
    /// [`StageError`]; nothing has changed.
    pub fn stage(&mut self, kind: Kind, bytes: &[u8]) -> Result<Asked, StageError> {
        let end = STAGED_AT.saturating_add(bytes.len());
        let length_bytes = u32::try_from(bytes.len()).map_err(|_| StageError)?;
        if end > self.staging.size_bytes() {
            return Err(StageError);
        }
        self.use_number = self.use_number.saturating_add(1);
        let use_number = self.use_number;
        let request = RequestLayout {
            magic: REQUEST_MAGIC,
            version: VERSION,
            use_number,
            kind: kind as u32,
            length_bytes,
        };
        self.staging.copy_in(0, request.as_bytes()).map_err(|_| StageError)?;
        self.staging.copy_in(STAGED_AT, bytes).map_err(|_| StageError)?;
        let rest = self.staged_bytes.saturating_sub(bytes.len());
        self.staging.clear(end, rest).map_err(|_| StageError)?;
        self.staged_bytes = bytes.len();
        Ok(Asked { use_number, kind })
    }

    /// Whether there is a verdict of this use.
    #[must_use]
    pub fn is_answered(&self, asked: &Asked) -> bool {
        self.verdict.load_u64_acquire(USE_AT) == Ok(asked.use_number)
    }

    /// The verdict of this use, if it is one about bytes with this digest. Each byte is read once.
    ///
    /// # Errors
    /// See [`VerdictError`].
    pub fn answer(&self, asked: &Asked, sha256: &[u8; 32]) -> Result<Answer, VerdictError> {
        if !self.is_answered(asked) {
            return Err(VerdictError::OtherUse);
        }
        let mut header = VerdictLayout::new_zeroed();
        self.verdict.copy_out(HEADER_AT, header.as_mut_bytes()).map_err(|_| VerdictError::Layout)?;
        let VerdictLayout { magic, version, kind, body_bytes, sha256: digest } = header;
        let has_form = magic == VERDICT_MAGIC && version == VERSION && kind == asked.kind as u32;
        if !has_form || body_bytes as usize > BODY_BYTES_MAX {
            return Err(VerdictError::Layout);
        }
        if digest != *sha256 {
            return Err(VerdictError::OtherBytes);
        }
        let mut body = vec![0; body_bytes as usize];
        self.verdict.copy_out(BODY_AT, &mut body).map_err(|_| VerdictError::Layout)?;
        decode(&body).ok_or(VerdictError::Body)
    }
}
