// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What can be admitted fits into the verifier's heap.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use cofferdam_host_abi::Limits;
use cofferdam_package::manifest::Shape;
use cofferdam_package::{MODULE_BYTES_MAX, SigningKey, create, testing};
use cofferdam_verifier::examine;
use cofferdam_verifier_protocol::{Found, Kind};

/// As `system.xml` has it, without a quarter for the allocator's own needs and pieces that fit nowhere.
const HEAP_BYTES: usize = 0x30_0000 / 4 * 3;

struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it counts, and leaves the work to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(used, Ordering::Relaxed);
        // SAFETY: as our caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as our caller promised.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn package(module: &[u8]) -> Vec<u8> {
    let mut manifest = testing::manifest("big", 1);
    manifest.app.shape = Shape::Command;
    create(manifest, module, &SigningKey::from_seed(&[1; 32])).unwrap()
}

/// As many functions, exports and types as there may be, with names of a usual length.
fn many_functions() -> Vec<u8> {
    let mut text = String::from("(module (func (export \"_start\"))");
    for number in 0..8190 {
        let parameters = ["i32", "i64", "f32", "f64"];
        let kind = number % (Limits::TYPES as usize - 1);
        let types: Vec<_> = (0..6).map(|at| parameters[(kind >> (2 * at)) % 4]).collect();
        write!(text, "(func (export \"a_function_of_this_module_{number}\") (param {}))", types.join(" "))
            .unwrap();
    }
    wat::parse_str(text + ")").unwrap()
}

/// One function that fills the module, with deep nesting.
fn one_long_function() -> Vec<u8> {
    let deep = 200;
    let open = "(block ".repeat(deep);
    let work = "(drop (i64.add (i64.const 1) (i64.const 2)))".repeat(140_000);
    let text = format!("(module (func (export \"_start\") (local i64) {open}{work}{}))", ")".repeat(deep));
    wat::parse_str(text).unwrap()
}

#[test]
fn what_may_be_admitted_fits_into_the_heap() {
    for (name, module) in [("functions", many_functions()), ("length", one_long_function())] {
        assert!(module.len() <= MODULE_BYTES_MAX, "{name}: {}", module.len());
        let package = package(&module);
        let before = USED.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        let Ok(Found::Package(found)) = examine(Kind::Package, &package) else {
            panic!("{name}: no package")
        };
        let needed = PEAK.load(Ordering::Relaxed) - before;
        assert_eq!(found.module, Ok(()), "{name}");
        println!("{name}: {} bytes of module, {needed} bytes of heap", module.len());
        assert!(needed <= HEAP_BYTES, "{name}: {needed} bytes");
    }
}
