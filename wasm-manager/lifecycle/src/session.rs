// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One management connection.

use cofferdam_management_protocol::FrameDecoder;

/// Time for the first authenticated command after connecting.
const UNAUTHENTICATED_US: u64 = 10_000_000;
/// Time between two authenticated commands; it lets a tool follow a log at leisure.
const IDLE_US: u64 = 60_000_000;
/// Time between two chunks.
const UPLOAD_US: u64 = 10_000_000;
/// Refused attempts to authenticate, after which the connection is closed: each costs a signature check.
const ATTEMPTS_MAX: u8 = 8;

pub(crate) struct Session {
    pub(crate) connection: u32,
    pub(crate) decoder: FrameDecoder,
    failed_attempts: u8,
    /// When it is closed unless something happens.
    pub(crate) deadline_us: u64,
}

impl Session {
    pub(crate) fn new(connection: u32, now_us: u64) -> Self {
        Self {
            connection,
            decoder: FrameDecoder::new(),
            failed_attempts: 0,
            deadline_us: now_us.saturating_add(UNAUTHENTICATED_US),
        }
    }

    /// An authenticated command has come.
    pub(crate) fn authenticated(&mut self, now_us: u64) {
        self.failed_attempts = 0;
        self.deadline_us = now_us.saturating_add(IDLE_US);
    }

    /// A chunk has come, or is to come next.
    pub(crate) fn uploading(&mut self, now_us: u64) {
        self.deadline_us = now_us.saturating_add(UPLOAD_US);
    }

    /// An attempt was refused. False if it was one too many.
    pub(crate) fn attempt_failed(&mut self) -> bool {
        self.failed_attempts = self.failed_attempts.saturating_add(1);
        self.failed_attempts < ATTEMPTS_MAX
    }
}
