// SPDX-License-Identifier: Apache-2.0 OR MIT
use proptest::prelude::*;

use super::*;

/// The numbers that both sides were built with: they may be added to, never changed.
#[test]
fn golden_requests() {
    let golden = [
        (Request::Periodic { first_us: 7, period_us: 10_000 }, 1, [7, 10_000].as_slice()),
        (Request::OneShot { at_us: 9 }, 2, &[9]),
        (Request::Cancel, 3, &[]),
        (Request::Now, 4, &[]),
    ];
    for (request, label, words) in golden {
        let message = request.encode();
        assert_eq!((message.label, message.words()), (label, words));
        assert_eq!(Request::decode(label, words), Ok(request));
    }
}

#[test]
fn golden_replies() {
    for (status, code) in [
        (Status::Ok, 1),
        (Status::UnknownRequest, 2),
        (Status::BadLength, 3),
        (Status::BadPeriod, 4),
        (Status::TimeTooFar, 5),
        (Status::NotAClient, 6),
    ] {
        let message = Reply { status, now_us: 42 }.encode();
        assert_eq!((message.label, message.words()), (code, [42].as_slice()));
        assert_eq!(Reply::decode(code, &[42]), Ok(Reply { status, now_us: 42 }));
    }
    assert_eq!(Reply::decode(0, &[42]), Err(BadReply { label: 0, words: 1 }));
    assert_eq!(Reply::decode(7, &[42]), Err(BadReply { label: 7, words: 1 }));
    assert_eq!(Reply::decode(1, &[]), Err(BadReply { label: 1, words: 0 }));
}

#[test]
fn refusals() {
    assert_eq!(Request::decode(0, &[]), Err(Status::UnknownRequest));
    assert_eq!(Request::decode(5, &[]), Err(Status::UnknownRequest));
    assert_eq!(Request::decode(1, &[1]), Err(Status::BadLength));
    assert_eq!(Request::decode(3, &[1]), Err(Status::BadLength));
    assert_eq!(Request::decode(1, &[0, 499]), Err(Status::BadPeriod));
    assert_eq!(Request::decode(1, &[0, u64::MAX]), Err(Status::BadPeriod));
    assert_eq!(Request::decode(1, &[u64::MAX, 500]), Err(Status::TimeTooFar));
    assert_eq!(Request::decode(2, &[TIME_MAX_US + 1]), Err(Status::TimeTooFar));
    assert!(Request::decode(2, &[TIME_MAX_US]).is_ok());
}

#[test]
fn due_releases() {
    assert_eq!(releases_due(1000, 100, 999), 0);
    assert_eq!(releases_due(1000, 100, 1000), 1);
    assert_eq!(releases_due(1000, 100, 1099), 1);
    assert_eq!(releases_due(1000, 100, 1100), 2);
    assert_eq!(releases_due(0, 0, 5), 1);
    assert_eq!(releases_due(0, 1, u64::MAX), u64::MAX);
}

proptest! {
    #[test]
    fn any_message_decodes_or_is_refused(label in 0u64..8, words in proptest::collection::vec(any::<u64>(), 0..6)) {
        match Request::decode(label, &words) {
            Ok(request) => {
                let message = request.encode();
                prop_assert_eq!(message.label, label);
                prop_assert_eq!(message.words(), words.as_slice());
            }
            Err(status) => prop_assert_ne!(status, Status::Ok),
        }
    }
}
