// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the host tool and the device say to each other over TCP.
#![no_std]
