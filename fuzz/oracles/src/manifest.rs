// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Manifests: CBOR with one encoding only.

use cofferdam_package::Manifest;
use cofferdam_package::manifest::{Resource, Variable};

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
    full.permissions.sensors[0].rate_hz = Some(250);
    full.permissions.actuators[0].rate_hz = Some(100);
    full.permissions.publish = Some(vec![Resource { name: "pose".into(), rate_hz: Some(50) }]);
    full.permissions.receive = Some(vec!["goal".into()]);
    full.app.environment = Some(vec![Variable { name: "HOME".into(), value: "/".into() }]);
    vec![crate::package::example("short").encode(), full.encode()]
}
