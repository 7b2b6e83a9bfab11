// SPDX-License-Identifier: Apache-2.0 OR MIT
//! seL4 system calls and invocations, the part that Cofferdam needs.
#![no_std]
