// SPDX-License-Identifier: Apache-2.0 OR MIT
use alloc::format;
use alloc::vec::Vec;

use cofferdam_package::SigningKey;
use proptest::prelude::*;

use super::*;
use crate::chain::KeyChain;
use crate::grant::Grant;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn anchor(seed: u8, root: bool) -> Anchor {
    Anchor { name: format!("key-{seed}"), public_key: key(seed).public(), root, grant: Grant::everything() }
}

/// A list with these root keys, and key 9 without that right.
fn list(version: u64, threshold: u8, roots: &[u8]) -> KeyList {
    let mut anchors: Vec<Anchor> = roots.iter().map(|seed| anchor(*seed, true)).collect();
    anchors.push(anchor(9, false));
    KeyList {
        layout: LAYOUT,
        version,
        vendor_id: [1; 16],
        class_id: [2; 16],
        threshold,
        stop_revoked: false,
        anchors,
    }
}

fn signed(list: &KeyList, by: &[u8]) -> Vec<u8> {
    by.iter().fold(unsigned(list), |bytes, seed| add_signature(&bytes, &key(*seed)).unwrap())
}

fn image() -> KeyChain {
    KeyChain::new(list(0, 2, &[1, 2, 3])).unwrap()
}

fn error(result: Result<KeyChain, KeyListError>) -> KeyListError {
    result.expect_err("it was accepted")
}

#[test]
fn a_list_has_one_form() {
    let list = list(7, 1, &[1]);
    let bytes = list.encode();
    assert_eq!(KeyList::decode(&bytes).unwrap(), list);
    // The form is for others, too: a map of seven with ascending keys.
    assert!(bytes.starts_with(&[0xa7, 0x01, 0x01, 0x02, 0x07, 0x03, 0x50]), "{bytes:02x?}");
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(KeyList::decode(&longer).is_err());
    // The same number in a longer form.
    let mut wide = bytes.clone();
    wide.splice(4..5, [0x18, 0x07]);
    assert!(KeyList::decode(&wide).is_err());
    let other = KeyList { layout: 2, ..list };
    assert_eq!(KeyList::decode(&other.encode()), Err(KeyListError::Layout(2)));
    assert!(matches!(KeyList::decode(&[0; SIGNED_LIST_BYTES_MAX + 1]), Err(KeyListError::TooLarge { .. })));
}

#[test]
fn a_quorum_of_the_present_roots_decides() {
    let image = image();
    let next = list(1, 1, &[1, 2, 4]);
    let quorum = |signed| KeyListError::Quorum { signed, threshold: 2 };
    assert_eq!(error(image.accept(&signed(&next, &[]))), quorum(0));
    assert_eq!(error(image.accept(&signed(&next, &[1]))), quorum(1));
    // Signing twice does not count twice; neither do keys that are no root keys, new or unknown ones.
    assert_eq!(error(image.accept(&signed(&next, &[1, 1]))), quorum(1));
    let one = signed(&next, &[1]);
    let one = SignedList::decode(&one).unwrap();
    let twice = encode(one.document, &[one.signatures[0].bytes, one.signatures[0].bytes]);
    assert_eq!(error(image.accept(&twice)), quorum(1));
    assert_eq!(error(image.accept(&signed(&next, &[1, 9, 4, 8]))), quorum(1));
    let chain = image.accept(&signed(&next, &[1, 2])).unwrap();
    assert_eq!((chain.list().version, chain.is_image()), (1, false));
    assert!(
        chain.anchors().key(&key(4).key_id()).is_some() && chain.anchors().key(&key(3).key_id()).is_none()
    );
    assert!(image.is_image(), "accepting changes nothing by itself");
}

#[test]
fn the_version_only_grows() {
    let chain = image().accept(&signed(&list(5, 2, &[1, 2, 3]), &[1, 2])).unwrap();
    for version in [0, 4, 5] {
        let error = error(chain.accept(&signed(&list(version, 2, &[1, 2, 3]), &[1, 2])));
        assert_eq!(error, KeyListError::Older { version, in_force: 5 });
    }
    assert!(chain.accept(&signed(&list(6, 2, &[1, 2, 3]), &[2, 3])).is_ok());
}

#[test]
fn nobody_is_locked_out() {
    for (threshold, roots) in [(0, &[1, 2][..]), (3, &[1, 2]), (1, &[])] {
        let error = error(image().accept(&signed(&list(1, threshold, roots), &[1, 2])));
        assert_eq!(error, KeyListError::LockedOut { roots: roots.len(), threshold });
    }
    // New root keys have to show that somebody has them.
    let error = error(image().accept(&signed(&list(1, 2, &[4, 5]), &[1, 2, 4])));
    assert_eq!(error, KeyListError::OwnQuorum { signed: 1, threshold: 2 });
    assert!(image().accept(&signed(&list(1, 2, &[4, 5]), &[1, 2, 4, 5])).is_ok());
    // An image without root keys is one whose keys stay.
    let bare = KeyChain::new(list(0, 1, &[])).unwrap();
    assert!(matches!(bare.accept(&signed(&list(1, 1, &[9]), &[9])), Err(KeyListError::Quorum { .. })));
}

#[test]
fn others_lists_are_refused() {
    let other = KeyList { class_id: [3; 16], ..list(1, 1, &[1, 2]) };
    assert_eq!(error(image().accept(&signed(&other, &[1, 2]))), KeyListError::OtherClass);
    let weak = Anchor { public_key: [0; 32], ..anchor(5, false) };
    let mut weakened = list(1, 1, &[1, 2]);
    weakened.anchors.push(weak);
    assert!(matches!(error(image().accept(&signed(&weakened, &[1, 2]))), KeyListError::Anchors(_)));
}

#[test]
fn what_was_kept_has_to_follow_from_the_image() {
    let first = image().accept(&signed(&list(1, 2, &[1, 2, 4]), &[1, 2])).unwrap();
    // Signed by root keys of the image: the list before is not needed any more.
    let second = first.accept(&signed(&list(2, 1, &[2, 4]), &[1, 2])).unwrap();
    assert_eq!(Decoder::new(&second.encode()).array().unwrap(), Some(1));
    // The image's root keys have not signed this one: both are kept.
    let third = second.accept(&signed(&list(3, 1, &[5]), &[4, 5])).unwrap();
    assert_eq!(Decoder::new(&third.encode()).array().unwrap(), Some(2));
    let again = image().restore(&third.encode()).unwrap();
    assert_eq!(again.list(), third.list());
    assert!(again.accept(&signed(&list(4, 1, &[5]), &[5])).is_ok());
    // Without the link the last list proves nothing, and is not passed over.
    let lone = encode_chain(&[&signed(&list(3, 1, &[5]), &[4, 5])]);
    assert!(matches!(image().restore(&lone), Err(KeyListError::Quorum { .. })));
    // A newer image has the last word; an older one has not.
    let newer = KeyChain::new(list(9, 1, &[6])).unwrap().restore(&third.encode()).unwrap();
    assert!(newer.is_image() && newer.list().version == 9);
    let older = KeyChain::new(list(2, 1, &[4])).unwrap().restore(&third.encode()).unwrap();
    assert_eq!(older.list().version, 3);
}

fn encode_chain(lists: &[&[u8]]) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.array(lists.len() as u64).unwrap();
    for list in lists {
        encoder.bytes(list).unwrap();
    }
    encoder.into_writer()
}

#[test]
fn a_chain_is_bounded() {
    let mut chain = KeyChain::new(list(0, 1, &[10])).unwrap();
    let mut refused = None;
    for step in 1..20u8 {
        match chain.accept(&signed(&list(step.into(), 1, &[10 + step]), &[9 + step, 10 + step])) {
            Ok(next) => chain = next,
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    assert_eq!(refused, Some(KeyListError::ChainFull));
    assert!(chain.encode().len() <= crate::chain::CHAIN_BYTES_MAX);
}

proptest! {
    /// No edit of a signed list, or of what was kept, gets through.
    #[test]
    fn edits_are_noticed(at in any::<prop::sample::Index>(), change in 1u8.., cut in any::<bool>()) {
        let next = signed(&list(1, 1, &[1, 2, 4]), &[1, 2]);
        let mut edited = next.clone();
        let at = at.index(edited.len());
        if cut { edited.truncate(at) } else { edited[at] ^= change }
        prop_assert!(image().accept(&edited).is_err());
        let kept = image().accept(&next).unwrap().encode();
        let mut edited = kept.clone();
        let at = at.min(kept.len() - 1);
        if cut { edited.truncate(at) } else { edited[at] ^= change }
        match image().restore(&edited) {
            Err(_) => {}
            // The count of lists is not signed: nothing may then be left over.
            Ok(chain) => prop_assert!(false, "version {} accepted", chain.list().version),
        }
    }

    /// Whatever is offered in whatever order, the version never goes back, and what is kept leads to it again.
    #[test]
    fn the_ratchet_never_goes_back(offers in prop::collection::vec((0u64..12, 1u8..3, any::<[bool; 4]>()), 1..12)) {
        let mut chain = KeyChain::new(list(0, 1, &[1, 2])).unwrap();
        for (version, threshold, by) in offers {
            let signers: Vec<u8> = (1..5).zip(by).filter_map(|(seed, on)| on.then_some(seed)).collect();
            let before = chain.list().version;
            if let Ok(next) = chain.accept(&signed(&list(version, threshold, &[1, 2, 3]), &signers)) {
                prop_assert!(next.list().version > before);
                chain = next;
            }
            let again = KeyChain::new(list(0, 1, &[1, 2])).unwrap().restore(&chain.encode()).unwrap();
            prop_assert_eq!(again.list(), chain.list());
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = SignedList::decode(&bytes);
        let _ = KeyList::decode(&bytes);
        let _ = image().restore(&bytes);
    }
}
