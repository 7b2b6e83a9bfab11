// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The event log: what goes into it, and keeping it together with the change that it is about.

use alloc::string::ToString;
use alloc::vec::Vec;

use cofferdam_audit::{Event, Limiter, Log, What};
use cofferdam_management_protocol::{AuditEntry, AuditPage, DeviceMessage};

use crate::manager::Manager;
use crate::platform::Platform;
use crate::saved::EVENT_LOG;
use crate::storage::{Change, Storage, StorageError};

/// Most events that wait to be kept; there are more only if the disk fails.
const WAITING_MAX: usize = 16;
/// Bytes of entries in one answer, so that it fits a frame.
const PAGE_BYTES: usize = 3000;

/// The log, and what happened since it was kept last.
#[derive(Default)]
pub(crate) struct Journal {
    log: Log,
    limiter: Limiter,
    waiting: Vec<(u64, Event)>,
    /// Keeping failed; said once.
    failing: bool,
    /// What the disk holds is not to be touched.
    only_here: bool,
}

impl Journal {
    /// Makes `changes` at once, and keeps with them what happened.
    pub(crate) fn change(
        &mut self,
        storage: Option<&mut dyn Storage>,
        changes: &[Change<'_>],
    ) -> Result<(), StorageError> {
        if self.waiting.is_empty() {
            return storage.map_or(Ok(()), |storage| storage.change(changes));
        }
        let mut log = self.log.clone();
        for (time_us, event) in &self.waiting {
            log.append(*time_us, event.clone());
        }
        if let Some(storage) = storage.filter(|_| !self.only_here) {
            let record = log.encode();
            let mut all = changes.to_vec();
            all.push(Change::Put(EVENT_LOG, &record));
            storage.change(&all)?;
        }
        self.log = log;
        self.waiting.clear();
        Ok(())
    }
}

impl<P: Platform> Manager<P> {
    /// Notes that something happens. It is kept together with the next change, at the latest when the present
    /// event is over.
    pub(crate) fn audit(&mut self, event: Event) {
        let now_us = self.platform.now_us();
        if self.journal.waiting.len() >= WAITING_MAX {
            self.journal.waiting.remove(0);
        }
        self.journal.waiting.push((now_us, event));
    }

    /// The same for what somebody without a right, or an app, can cause without end: not each gets an entry.
    pub(crate) fn audit_limited(&mut self, event: Event) {
        if let Some(event) = self.journal.limiter.note(event) {
            self.audit(event);
        }
    }

    /// Takes the last event back: what it says has not happened.
    pub(crate) fn audit_retract(&mut self) {
        self.journal.waiting.pop();
    }

    /// Keeps what happened, if it was not kept with a change.
    pub(crate) fn audit_flush(&mut self) {
        if self.journal.waiting.is_empty() {
            return;
        }
        match self.journal.change(self.platform.storage(), &[]) {
            Ok(()) => self.journal.failing = false,
            Err(error) => {
                if !core::mem::replace(&mut self.journal.failing, true) {
                    log::error!("the event log cannot be kept: {error}");
                }
            }
        }
    }

    /// Finds the log again and begins the boot's part of it, or goes on with it if this is `again`, not wasm_manager's
    /// first life since the boot. `untouched` if the disk is to be left alone.
    pub(crate) fn restore_journal(&mut self, untouched: bool, again: bool) {
        self.journal.only_here = untouched;
        let mut bytes = Vec::new();
        let read = match self.platform.storage() {
            Some(storage) => storage.read(EVENT_LOG, &mut bytes),
            None => Ok(false),
        };
        let found = match read {
            Ok(false) => Some(Log::default()),
            Ok(true) => Log::decode(&bytes),
            Err(_) => None,
        };
        let lost = found.is_none();
        self.journal.log = found.unwrap_or_default();
        let again = again && self.journal.log.boots() > 0;
        if !again {
            self.journal.log.begin_boot();
        }
        if lost {
            log::error!("what was kept of the event log cannot be read");
            self.audit(Event::new(What::LogLost));
        }
        let nonce = self.identity.boot_nonce.map(|nonce| crate::manager::Hex(&nonce).to_string());
        let what = if again { What::Resume } else { What::Boot };
        let event = Event::new(what).number(self.keys.list().version);
        self.audit(event.text(nonce.as_deref().unwrap_or("no entropy")));
        self.audit_flush();
    }

    /// A stretch of the log.
    pub(crate) fn audit_page(&self, after: u64) -> DeviceMessage {
        let (first, all) = self.journal.log.since(after);
        let mut place = first;
        let mut bytes = 0usize;
        let mut entries = Vec::new();
        for entry in all {
            bytes = bytes.saturating_add(entry.len()).saturating_add(40);
            if bytes > PAGE_BYTES {
                break;
            }
            place = place.after(entry);
            entries.push(AuditEntry { entry: entry.to_vec(), hash: place.hash });
        }
        let head = self.journal.log.head();
        DeviceMessage::Audit(AuditPage {
            first_sequence: first.sequence,
            first_hash: first.hash,
            entries,
            head_sequence: head.sequence,
        })
    }
}
