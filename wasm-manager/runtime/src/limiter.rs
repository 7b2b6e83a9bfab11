// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Bounds on what grows: linear memory and tables.

use cofferdam_host_abi::Limits;
use wasmi::ResourceLimiter;
use wasmi::errors::{MemoryError, TableError};
use wasmi_core::LimiterError;

/// Bytes of a page of linear memory.
const PAGE_BYTES: usize = 64 * 1024;

/// Refuses growth above the limits. `memory.grow` then answers −1, as the specification says, and the
/// app may cope with it; the count tells its author if it does not.
#[derive(Debug)]
pub(crate) struct Growth {
    memory_bytes_max: usize,
    table_elements_max: usize,
    tables_max: usize,
    table_elements: usize,
    memory_bytes: usize,
    refused: u64,
}

impl Growth {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes_max: (limits.memory_pages as usize).saturating_mul(PAGE_BYTES),
            table_elements_max: limits.table_elements as usize,
            tables_max: limits.tables as usize,
            table_elements: 0,
            memory_bytes: 0,
            refused: 0,
        }
    }

    pub(crate) const fn memory_pages(&self) -> u64 {
        (self.memory_bytes / PAGE_BYTES) as u64
    }

    pub(crate) const fn refused(&self) -> u64 {
        self.refused
    }
}

impl ResourceLimiter for Growth {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        let granted = desired <= self.memory_bytes_max && maximum.is_none_or(|maximum| desired <= maximum);
        if granted {
            self.memory_bytes = desired;
        } else {
            self.refused = self.refused.saturating_add(1);
        }
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        let all = self.table_elements.saturating_add(desired.saturating_sub(current));
        let granted = all <= self.table_elements_max && maximum.is_none_or(|maximum| desired <= maximum);
        if granted {
            self.table_elements = all;
        } else {
            self.refused = self.refused.saturating_add(1);
        }
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, _error: &MemoryError) -> Result<(), LimiterError> {
        self.refused = self.refused.saturating_add(1);
        Ok(())
    }

    fn table_grow_failed(&mut self, _error: &TableError) -> Result<(), LimiterError> {
        self.refused = self.refused.saturating_add(1);
        Ok(())
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        self.tables_max
    }

    fn memories(&self) -> usize {
        Limits::MEMORIES as usize
    }
}
