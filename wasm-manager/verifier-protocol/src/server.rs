// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The verifier's side. It believes wasm_manager, which writes the staging region only while the verifier stands.

use cofferdam_shared_memory::{OutOfBounds, SharedRegion};
use zerocopy::{FromBytes, IntoBytes};

use crate::body::{Answer, encode};
use crate::complaint::Complaint;
use crate::layout::{
    BODY_AT, BODY_BYTES_MAX, HEADER_AT, Kind, REQUEST_MAGIC, RequestLayout, STAGED_AT, USE_AT, VERDICT_MAGIC,
    VERSION, VerdictLayout,
};

/// What is to be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    use_number: u64,
    /// As what.
    pub kind: Kind,
    /// Which bytes.
    pub bytes: &'a [u8],
}

/// The request in the staging region; `None` if nothing is staged.
#[must_use]
pub fn read_request(staging: &[u8]) -> Option<Request<'_>> {
    let (request, _) = RequestLayout::read_from_prefix(staging).ok()?;
    let RequestLayout { magic, version, use_number, kind, length_bytes } = request;
    if magic != REQUEST_MAGIC || version != VERSION {
        return None;
    }
    let bytes = staging.get(STAGED_AT..)?.get(..length_bytes as usize)?;
    Some(Request { use_number, kind: Kind::from_code(kind)?, bytes })
}

/// Writes the verdict, its number last.
///
/// # Errors
/// If the region is too small: a mistake in `system.xml`.
pub fn write_verdict(
    verdict: SharedRegion,
    request: &Request<'_>,
    sha256: [u8; 32],
    answer: &Answer,
) -> Result<(), OutOfBounds> {
    let mut body = encode(answer);
    if body.is_empty() || body.len() > BODY_BYTES_MAX {
        body = encode(&Err(Complaint::too_long()));
    }
    let header = VerdictLayout {
        magic: VERDICT_MAGIC,
        version: VERSION,
        kind: request.kind as u32,
        body_bytes: u32::try_from(body.len()).unwrap_or(0),
        sha256,
    };
    verdict.copy_in(BODY_AT, &body)?;
    verdict.copy_in(HEADER_AT, header.as_bytes())?;
    // Read with Acquire by `Asker::is_answered`.
    verdict.store_u64_release(USE_AT, request.use_number)
}
