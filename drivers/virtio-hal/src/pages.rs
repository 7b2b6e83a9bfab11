// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Which pages of the region are taken.

use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};

/// The largest region that can be managed, in pages: 2 MiB.
pub const PAGES_MAX: usize = 512;

/// Runs of pages out of a fixed number, first fit. All methods take `&self`, so that it can be a static.
pub struct PagePool {
    taken: [AtomicBool; PAGES_MAX],
}

impl PagePool {
    /// All pages free.
    pub const fn new() -> Self {
        Self { taken: [const { AtomicBool::new(false) }; PAGES_MAX] }
    }

    /// Takes `count` neighbouring pages among the first `limit`; gives the number of the first.
    pub fn take(&self, count: usize, limit: usize) -> Option<usize> {
        let limit = limit.min(PAGES_MAX);
        let mut first = 0usize;
        while count > 0 && first.checked_add(count)? <= limit {
            let run = first..first + count;
            match self.claim(run.clone()) {
                Ok(()) => return Some(first),
                Err(busy) => {
                    self.give_back(run.start..busy);
                    first = busy + 1;
                }
            }
        }
        None
    }

    /// Frees pages that `take` gave.
    pub fn give_back(&self, run: Range<usize>) {
        for page in self.taken.get(run).unwrap_or(&[]) {
            page.store(false, Ordering::Release);
        }
    }

    /// Marks the pages of `run`, or those before the first that is taken already.
    fn claim(&self, run: Range<usize>) -> Result<(), usize> {
        for number in run {
            match self.taken.get(number) {
                Some(page) if !page.swap(true, Ordering::Acquire) => {}
                _ => return Err(number),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_each_page_once_and_again_after_return() {
        let pool = PagePool::new();
        assert_eq!(pool.take(2, 8), Some(0));
        assert_eq!(pool.take(3, 8), Some(2));
        assert_eq!(pool.take(4, 8), None);
        assert_eq!(pool.take(3, 8), Some(5));
        assert_eq!(pool.take(1, 8), None);
        pool.give_back(2..5);
        assert_eq!(pool.take(4, 8), None);
        assert_eq!(pool.take(2, 8), Some(2));
        assert_eq!(pool.take(1, 8), Some(4));
    }

    #[test]
    fn refuses_nonsense() {
        let pool = PagePool::new();
        assert_eq!(pool.take(0, 8), None);
        assert_eq!(pool.take(usize::MAX, 8), None);
        assert_eq!(pool.take(PAGES_MAX + 1, usize::MAX), None);
        assert_eq!(pool.take(PAGES_MAX, usize::MAX), Some(0));
        pool.give_back(0..PAGES_MAX + 1);
    }
}
