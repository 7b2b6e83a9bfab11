// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Trust anchors, grants, and what a signer may install.
#![no_std]
