// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What is told once.

use crate::ErrorCode;

/// Keeps a control loop that fails from saying so at every tick.
#[derive(Debug, Default)]
pub struct Failures {
    last: Option<ErrorCode>,
}

impl Failures {
    /// Nothing has failed yet.
    pub const fn new() -> Self {
        Self { last: None }
    }

    /// How a tick ended. Gives its failure if the tick before ended otherwise.
    pub fn news(&mut self, outcome: Result<(), ErrorCode>) -> Option<ErrorCode> {
        let before = core::mem::replace(&mut self.last, outcome.err());
        self.last.filter(|failure| before != Some(*failure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_is_news_once() {
        let mut failures = Failures::new();
        let (lost, held) = (ErrorCode::NoLease, ErrorCode::AlreadyInUse);
        assert_eq!(failures.news(Ok(())), None);
        assert_eq!(failures.news(Err(lost)), Some(lost));
        assert_eq!(failures.news(Err(lost)), None);
        assert_eq!(failures.news(Err(held)), Some(held));
        assert_eq!(failures.news(Ok(())), None);
        assert_eq!(failures.news(Err(held)), Some(held));
    }
}
