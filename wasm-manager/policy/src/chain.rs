// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The list in force, and the proof that it follows from the one in the image.
//!
//! A device keeps the newest list that it accepted. What it kept is not believed at boot: it has to follow from
//! the image's list by signatures. Where root keys changed, the lists in between are kept too; a list that earlier
//! root keys signed as well needs none of them. So the proof grows with changes of root keys only.

use alloc::vec::Vec;

use cofferdam_package::claim::Expect;
use minicbor::{Decoder, Encoder};

use crate::anchors::TrustAnchors;
use crate::list::{KeyList, KeyListError, ListClaim, SignedList};

/// Longest proof in bytes: a record of the store.
pub const CHAIN_BYTES_MAX: usize = 0x3f00;
/// Most lists in it.
pub const LINKS_MAX: usize = 8;

#[derive(Debug)]
struct Link {
    signed: Vec<u8>,
    list: KeyList,
}

impl Link {
    fn of(signed: &SignedList<'_>) -> Self {
        Self { signed: signed.bytes.to_vec(), list: signed.list.clone() }
    }
}

/// The image's list and what came after it. The version only grows.
#[derive(Debug)]
pub struct KeyChain {
    image: KeyList,
    links: Vec<Link>,
    anchors: TrustAnchors,
}

impl KeyChain {
    /// The list in an image. It is trusted.
    ///
    /// # Errors
    /// If it makes no sense; see [`KeyList::check_image`].
    pub fn new(image: KeyList) -> Result<Self, KeyListError> {
        let anchors = image.check_image()?;
        Ok(Self { image, links: Vec::new(), anchors })
    }

    /// Nobody is trusted. For a device whose image is made wrongly.
    #[must_use]
    pub fn empty(vendor_id: [u8; 16], class_id: [u8; 16]) -> Self {
        let image = KeyList::first(vendor_id, class_id, Vec::new());
        Self { image, links: Vec::new(), anchors: TrustAnchors::default() }
    }

    /// The list in force.
    #[must_use]
    pub fn list(&self) -> &KeyList {
        self.links.last().map_or(&self.image, |link| &link.list)
    }

    /// Whether that is the one in the image.
    #[must_use]
    pub fn is_image(&self) -> bool {
        self.links.is_empty()
    }

    /// Its anchors.
    #[must_use]
    pub fn anchors(&self) -> &TrustAnchors {
        &self.anchors
    }

    /// The chain with a newer list in force. This one stays as it is, so that nothing has changed before the new one
    /// is kept.
    ///
    /// # Errors
    /// See [`KeyListError`].
    pub fn accept(&self, signed: &[u8]) -> Result<Self, KeyListError> {
        self.follow(&SignedList::decode(signed)?)
    }

    /// The same with a list that has been taken apart.
    ///
    /// # Errors
    /// See [`KeyListError`].
    pub fn follow(&self, signed: &SignedList<'_>) -> Result<Self, KeyListError> {
        let anchors = check_next(self.list(), signed)?;
        // The earliest list whose root keys have signed this one, too, is the one that it needs.
        let lists = core::iter::once(&self.image).chain(self.links.iter().map(|link| &link.list));
        let is_enough = |by: &KeyList| {
            signed.signed_by(by).is_ok_and(|signed| signed >= usize::from(by.threshold.max(1)))
        };
        let needed = lists.take(self.links.len()).position(is_enough).unwrap_or(self.links.len());
        let kept = self.links.get(..needed).unwrap_or_default();
        let mut links: Vec<Link> =
            kept.iter().map(|link| Link { signed: link.signed.clone(), list: link.list.clone() }).collect();
        links.push(Link::of(signed));
        let chain = Self { image: self.image.clone(), links, anchors };
        if chain.links.len() > LINKS_MAX || chain.encode().len() > CHAIN_BYTES_MAX {
            return Err(KeyListError::ChainFull);
        }
        Ok(chain)
    }

    /// The bytes to keep: an array of signed lists.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        let written = encoder
            .array(self.links.len() as u64)
            .and_then(|e| self.links.iter().try_fold(e, |e, link| e.bytes(&link.signed)));
        match written {
            Ok(_) => encoder.into_writer(),
            Err(_) => Vec::new(), // writing into memory cannot fail; empty bytes do not decode
        }
    }

    /// The chain with what was kept. Lists that are not newer than the image's are passed over: the image has
    /// replaced them.
    ///
    /// # Errors
    /// If a newer list does not follow. Then it is not known which keys were revoked, and nothing may be trusted
    /// but the fact that something is wrong.
    pub fn restore(&self, bytes: &[u8]) -> Result<Self, KeyListError> {
        let lists = parts(claim(bytes)?, bytes).ok_or(MALFORMED)?;
        self.restore_lists(&lists)
    }

    /// The same with lists that have been taken apart.
    ///
    /// # Errors
    /// The same.
    pub fn restore_lists(&self, lists: &[SignedList<'_>]) -> Result<Self, KeyListError> {
        let mut chain = Self { image: self.image.clone(), links: Vec::new(), anchors: self.anchors.clone() };
        for signed in lists {
            if signed.list.version > chain.list().version {
                chain.anchors = check_next(chain.list(), signed)?;
                chain.links.push(Link::of(signed));
            }
        }
        Ok(chain)
    }
}

const MALFORMED: KeyListError = KeyListError::Malformed("kept lists");

/// What is in kept bytes; nothing is verified.
///
/// # Errors
/// If they have not the form that [`KeyChain::encode`] gives.
pub fn claim(bytes: &[u8]) -> Result<Vec<ListClaim>, KeyListError> {
    let mut decoder = Decoder::new(bytes);
    let count = match decoder.array() {
        Ok(Some(count)) if count <= LINKS_MAX as u64 => count,
        _ => return Err(MALFORMED),
    };
    let lists: Result<Vec<_>, _> =
        (0..count).map(|_| ListClaim::of(decoder.bytes().map_err(|_| MALFORMED)?)).collect();
    if decoder.position() == bytes.len() { lists } else { Err(MALFORMED) }
}

/// The lists in kept bytes, if they are the claimed ones; `None` if not.
#[must_use]
pub fn parts(claims: Vec<ListClaim>, bytes: &[u8]) -> Option<Vec<SignedList<'_>>> {
    let mut rest = Expect::new(bytes);
    rest.array(claims.len())?;
    let mut lists = Vec::new();
    for claim in claims {
        let list = rest.byte_string(claim.bytes)?;
        lists.push(claim.parts(list)?);
    }
    rest.end(lists)
}

/// The anchors of a signed list that may follow `present`.
fn check_next(present: &KeyList, signed: &SignedList<'_>) -> Result<TrustAnchors, KeyListError> {
    let list = &signed.list;
    if list.vendor_id != present.vendor_id || list.class_id != present.class_id {
        return Err(KeyListError::OtherClass);
    }
    if list.version <= present.version {
        return Err(KeyListError::Older { version: list.version, in_force: present.version });
    }
    let threshold = present.threshold.max(1);
    let by_present = signed.signed_by(present)?;
    if by_present < usize::from(threshold) {
        return Err(KeyListError::Quorum { signed: by_present, threshold });
    }
    let anchors = list.check()?;
    let by_itself = signed.signed_by(list)?;
    if by_itself < usize::from(list.threshold) {
        return Err(KeyListError::OwnQuorum { signed: by_itself, threshold: list.threshold });
    }
    Ok(anchors)
}
