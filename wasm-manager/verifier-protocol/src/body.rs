// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a verdict says, in postcard, as the frames from the network are.

use alloc::boxed::Box;
use alloc::vec::Vec;

use cofferdam_package::{CommandClaim, Manifest, PackageClaim};
use cofferdam_policy::ListClaim;
use postcard::de_flavors::Flavor;
use serde::{Deserialize, Serialize};

use crate::complaint::Complaint;

/// A claim about the staged bytes, or what is wrong with them.
pub type Answer = Result<Found, Complaint>;

/// What is claimed to be in the staged bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Found {
    /// A signed command.
    Command(CommandClaim),
    /// A package.
    Package(Box<PackageFound>),
    /// One signed list of keys, or the kept ones.
    KeyLists(Vec<ListClaim>),
}

/// What is claimed about a package, in the order in which it is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackageFound {
    /// Its form.
    pub claim: PackageClaim,
    /// Its manifest.
    pub manifest: Result<Manifest, Complaint>,
    /// Whether its module is fit to run under that manifest.
    pub module: Result<(), Complaint>,
}

/// The body of a verdict.
#[must_use]
pub fn encode(answer: &Answer) -> Vec<u8> {
    postcard::to_allocvec(answer).unwrap_or_default() // writing into memory cannot fail; empty bytes are no body
}

/// Reads a body; `None` if it is none, or has more than one in it. Memory is used as elements are really there, never as
/// a length announces them.
#[must_use]
pub fn decode(body: &[u8]) -> Option<Answer> {
    let mut deserializer = postcard::Deserializer::from_flavor(Frugal(body));
    let answer = Answer::deserialize(&mut deserializer).ok()?;
    deserializer.finalize().ok()?.is_empty().then_some(answer)
}

/// Bytes that promise nothing about what is in them, so that nobody allocates ahead.
struct Frugal<'a>(&'a [u8]);

impl<'a> Flavor<'a> for Frugal<'a> {
    type Remainder = &'a [u8];
    type Source = &'a [u8];

    fn pop(&mut self) -> postcard::Result<u8> {
        let (first, rest) = self.0.split_first().ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        self.0 = rest;
        Ok(*first)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(0)
    }

    fn try_take_n(&mut self, count: usize) -> postcard::Result<&'a [u8]> {
        let (taken, rest) =
            self.0.split_at_checked(count).ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        self.0 = rest;
        Ok(taken)
    }

    fn finalize(self) -> postcard::Result<&'a [u8]> {
        Ok(self.0)
    }
}
