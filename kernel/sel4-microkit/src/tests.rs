// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The runtime on a desk.

mod event_loop;
mod heap;
mod wiring;
