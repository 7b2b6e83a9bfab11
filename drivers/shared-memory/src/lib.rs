// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Queues and rings over memory that two protection domains share.
#![no_std]
