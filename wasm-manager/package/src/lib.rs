// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The app package: COSE_Sign1, manifest, module.
#![no_std]
