// SPDX-License-Identifier: Apache-2.0 OR MIT
use alloc::string::ToString;
use alloc::vec::Vec;

use cofferdam_management_protocol::Refusal;
use cofferdam_package::sha256;
use cofferdam_shared_memory::SharedRegion;
use proptest::prelude::*;

use super::*;

struct Regions {
    staging: SharedRegion,
    verdict: SharedRegion,
}

impl Regions {
    fn new() -> Self {
        Self { staging: SharedRegion::leaked(0x1000), verdict: SharedRegion::leaked(VERDICT_BYTES) }
    }

    fn asker(&self) -> Asker {
        Asker::new(self.staging, self.verdict)
    }

    fn staged(&self) -> Vec<u8> {
        let mut bytes = alloc::vec![0; 0x1000];
        self.staging.copy_out(0, &mut bytes).unwrap();
        bytes
    }

    /// The verifier's part, whatever it found.
    fn serve(&self, answer: &Answer) {
        let staged = self.staged();
        let request = read_request(&staged).unwrap();
        write_verdict(self.verdict, &request, sha256(request.bytes), answer).unwrap();
    }
}

fn complaint() -> Answer {
    Err(Complaint::new(Refusal::Truncated, "it ends"))
}

#[test]
fn a_use_goes_there_and_back() {
    let regions = Regions::new();
    let mut asker = regions.asker();
    for (use_number, kind) in (1..).zip(Kind::ALL) {
        let asked = asker.stage(kind, b"bytes").unwrap();
        assert!(!asker.is_answered(&asked), "the verdict of an earlier use does not count");
        assert_eq!(asker.answer(&asked, &sha256(b"bytes")), Err(VerdictError::OtherUse));
        let staged = regions.staged();
        let request = read_request(&staged).unwrap();
        assert_eq!((request.kind, request.bytes), (kind, &b"bytes"[..]));
        // Golden: the layout is a contract.
        assert_eq!(
            staged[..24],
            *[
                b"CFVR".as_slice(),
                &[1, 0, 0, 0, use_number, 0, 0, 0, 0, 0, 0, 0, kind as u8, 0, 0, 0, 5, 0, 0, 0]
            ]
            .concat()
        );
        regions.serve(&complaint());
        assert_eq!(asker.answer(&asked, &sha256(b"bytes")), Ok(complaint()));
        assert_eq!(asker.answer(&asked, &sha256(b"other")), Err(VerdictError::OtherBytes));
    }
}

#[test]
fn nothing_of_earlier_bytes_is_left() {
    let regions = Regions::new();
    regions.asker().stage(Kind::Command, &[0xaa; 2000]).unwrap();
    // Another life of wasm_manager does not know how much was staged.
    let mut asker = regions.asker();
    for length in [100, 5, 50] {
        asker.stage(Kind::Command, &alloc::vec![0xbb; length]).unwrap();
        let staged = regions.staged();
        assert!(staged[STAGED_AT..][..length].iter().all(|byte| *byte == 0xbb));
        assert!(staged[STAGED_AT..][length..].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn numbers_of_uses_go_on_behind_an_earlier_life() {
    let regions = Regions::new();
    let first = regions.asker().stage(Kind::Package, b"x").unwrap();
    regions.serve(&complaint());
    let mut asker = regions.asker();
    let second = asker.stage(Kind::Package, b"x").unwrap();
    assert!(first != second && !asker.is_answered(&second));
}

#[test]
fn what_does_not_fit_is_not_staged() {
    let regions = Regions::new();
    assert_eq!(regions.asker().stage(Kind::Package, &[0; 0x1000]), Err(StageError));
    assert!(read_request(&regions.staged()).is_none() && read_request(&[]).is_none());
}

#[test]
fn a_verifier_complains_of_forms_and_modules_alone() {
    let plausible = |refusal| Complaint::new(refusal, "a\x1b[2Jb").plausible();
    assert_eq!(plausible(Refusal::InvalidModule), Some((Refusal::InvalidModule, "a[2Jb".to_string())));
    for refusal in [Refusal::Storage, Refusal::UnknownKey, Refusal::Ratchet, Refusal::NotAuthorised] {
        assert_eq!(plausible(refusal), None);
    }
    assert_eq!(Complaint { code: 9999, text: "".to_string() }.plausible(), None);
}

#[test]
fn announced_lengths_allocate_nothing() {
    // A package whose manifest announces 2^60 sensors would be a capacity overflow.
    for kind in 0..4u8 {
        for at in 0..200usize {
            let mut body = alloc::vec![0u8, kind];
            body.resize(at.max(2), 1);
            body.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
            let _ = decode(&body);
        }
    }
}

proptest! {
    /// Whatever the verifier writes, and when: an error, or an answer to this use about these bytes.
    #[test]
    fn a_hostile_verdict_is_an_error_or_an_answer(
        header in prop::collection::vec(any::<u8>(), 0..120),
        at in 0usize..64,
        keeps_number in any::<bool>(),
    ) {
        let regions = Regions::new();
        let mut asker = regions.asker();
        let asked = asker.stage(Kind::Package, b"bytes").unwrap();
        regions.serve(&complaint());
        let at = if keeps_number { at.max(8) } else { at };
        regions.verdict.copy_in(at, &header).unwrap();
        match asker.answer(&asked, &sha256(b"bytes")) {
            Ok(answer) => prop_assert!(answer == complaint() || !header.is_empty()),
            Err(error) => prop_assert!(!header.is_empty(), "{}", error),
        }
    }

    #[test]
    fn any_body_is_read_without_panic(body in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Some(answer) = decode(&body) {
            let again = decode(&encode(&answer)).map(|answer| encode(&answer));
            prop_assert_eq!(again, Some(encode(&answer)));
        }
    }
}
