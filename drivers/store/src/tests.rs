// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Over a disk that is made of sectors in memory and can lose its power at any write.

mod disk;
mod hostile;
mod power;
mod server;
mod store;
