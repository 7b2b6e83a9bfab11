// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The registry of apps, the ratchets and the management session.
#![no_std]
