// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The whole manager against a fake system and a host that signs with real keys.

extern crate std;

mod authentication;
mod domains;
mod events;
mod exhaustive;
mod gateway;
mod hostile;
mod install;
mod keys;
mod preinstalled;
mod recording;
mod restart;
mod schedule;
mod storage;
mod swap;
mod take_over;
mod verifier;
mod world;
