// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The system description that the initialiser reads: it lies in the image, so only a broken image is at stake.

use cofferdam_system_spec::SystemSpec;

/// What is accepted can be walked through from end to end.
pub fn run(input: &[u8]) -> bool {
    // The tables have to be aligned, as they are in the image.
    let mut words = vec![0u64; input.len().div_ceil(8)];
    for (word, bytes) in words.iter_mut().zip(input.chunks(8)) {
        let mut padded = [0; 8];
        padded[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_ne_bytes(padded);
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let Ok(spec) = SystemSpec::new(&bytes) else { return false };
    for domain in spec.protection_domains() {
        let _ = (domain.name(), domain.irqs(), domain.capabilities(), domain.parent(), domain.guard_page());
        for map in domain.maps() {
            assert!(spec.region(map).is_some());
        }
        for segment in domain.segments() {
            let _ = (spec.segment_bytes(segment), spec.segment_pages(segment));
        }
    }
    true
}

/// A header, and nothing behind it; the reader's own tests have whole systems.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut header = cofferdam_system_spec::layout::MAGIC.to_le_bytes().to_vec();
    header.extend(cofferdam_system_spec::layout::VERSION.to_le_bytes());
    header.resize(256, 0);
    vec![header]
}
