// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A page of figures as wasm_manager reads it, whatever its writer put there.

use cofferdam_domain_figures::{FIGURES_MAX, Kind, NAME_BYTES_MAX, PAGE_BYTES, Writer, read};
use cofferdam_shared_memory::SharedRegion;

thread_local! {
    static MEMORY: SharedRegion = SharedRegion::leaked(PAGE_BYTES);
}

/// Few figures, with names that are harmless to print; and a writer that begins anew on such a page works.
pub fn run(input: &[u8]) -> bool {
    let region = MEMORY.with(|memory| *memory);
    region.clear(0, PAGE_BYTES).unwrap();
    region.copy_in(0, input.get(..PAGE_BYTES).unwrap_or(input)).unwrap();
    let mut count = 0;
    read(region, |name, _, _| {
        count += 1;
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!((1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_letter));
    });
    assert!(count <= FIGURES_MAX);
    let mut writer = Writer::new(region).unwrap();
    let figure = writer.add("gateway", Kind::Dropped).unwrap();
    writer.set(figure, 1);
    let mut told = Vec::new();
    read(region, |name, kind, value| told.push((name.to_owned(), kind, value)));
    assert!(matches!(&told[..], [(name, Kind::Dropped, 1..)] if name == "gateway"));
    count > 0
}

/// A page with a figure of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    let region = SharedRegion::leaked(PAGE_BYTES);
    let mut writer = Writer::new(region).unwrap();
    for kind in Kind::ALL {
        let figure = writer.add("net_driver", kind).unwrap();
        writer.set(figure, 7);
    }
    let mut bytes = vec![0; 320];
    region.copy_out(0, &mut bytes).unwrap();
    vec![bytes]
}
