// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the image tool tells the initialiser: the compact system description.
#![no_std]
