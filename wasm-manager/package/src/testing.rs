// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A manifest for tests, of this crate and of others: a new field has its place here, and not in each of them.

use crate::manifest::*;

/// A manifest of `name` by the vendor `maker` for the class `rig`; its module's digest and size are for
/// [`create`](crate::create) to fill in.
#[must_use]
pub fn manifest(name: &str, sequence: u64) -> Manifest {
    let vendor = vendor_id("maker");
    Manifest {
        manifest_version: MANIFEST_VERSION,
        sequence,
        common: Common {
            name: name.into(),
            vendor_id: vendor,
            class_id: class_id(&vendor, "rig"),
            digest: Digest { algorithm: ALGORITHM_SHA256, bytes: [0; 32] },
            size_bytes: 1,
        },
        app: app(),
        permissions: Permissions::default(),
    }
}

/// A reactor of 100 Hz with small figures, and nothing that a manifest may leave out.
#[must_use]
pub fn app() -> App {
    App {
        version: "1".into(),
        description: None,
        shape: Shape::Reactor,
        period_us: 10_000,
        deadline_us: 10_000,
        fuel_per_activation: 100_000,
        init_fuel: 1000,
        memory_pages: 1,
        value_stack_bytes: 4096,
        call_depth: 10,
        host_calls_per_activation: 10,
        log_bytes_per_second: 100,
        random_seed: 0,
        restarts: 0,
        priority: Priority::Control,
        overrun: Overrun::Skip,
        arguments: None,
        environment: None,
        restart: None,
        probation: None,
        swap: None,
        hard_deadline: None,
    }
}
