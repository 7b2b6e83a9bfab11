// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Manifests: CBOR with one encoding only.

use cofferdam_package::Manifest;
use cofferdam_package::manifest::Variable;

/// What decodes has these bytes as its one encoding and follows every rule.
pub fn run(input: &[u8]) -> bool {
    let Ok(manifest) = Manifest::decode(input) else { return false };
    assert_eq!(manifest.encode(), input);
    assert_eq!(manifest.check(), Ok(()));
    true
}

/// A short one and one with every field.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut full = crate::package::with_permissions("full", &["imu"], &[("brake", 0.0, 0.5)]);
    full.app.arguments = Some(vec!["-n".into(), "3".into()]);
    full.app.environment = Some(vec![Variable { name: "HOME".into(), value: "/".into() }]);
    vec![crate::package::example("short").encode(), full.encode()]
}
