// SPDX-License-Identifier: Apache-2.0 OR MIT
use alloc::string::ToString;
use alloc::vec;

use cofferdam_package::manifest::*;
use proptest::prelude::*;

use super::*;

fn manifest() -> Manifest {
    Manifest {
        manifest_version: MANIFEST_VERSION,
        sequence: 1,
        common: Common {
            name: "a".into(),
            vendor_id: [0; 16],
            class_id: [0; 16],
            digest: Digest { algorithm: ALGORITHM_SHA256, bytes: [0; 32] },
            size_bytes: 1,
        },
        app: App {
            version: "1".into(),
            description: None,
            shape: Shape::Reactor,
            period_us: 10_000,
            deadline_us: 10_000,
            fuel_per_activation: 1000,
            init_fuel: 1,
            memory_pages: 2,
            value_stack_bytes: 1,
            call_depth: 1,
            host_calls_per_activation: 1,
            log_bytes_per_second: 1,
            random_seed: 1,
            restarts: 0,
            priority: Priority::Control,
            overrun: Overrun::Skip,
            arguments: None,
            environment: None,
            restart: None,
            probation: None,
        },
        permissions: Permissions {
            sensors: vec!["barometer".into()],
            actuators: vec![ActuatorPermission { name: "brake".into(), min: 0.0, max: 0.5 }],
        },
    }
}

fn narrow() -> Grant {
    Grant {
        commands: vec![Role::Read],
        sign_packages: true,
        components: vec!["a".into(), "motor-*".into()],
        sensors: vec!["barometer".into()],
        actuators: vec![ActuatorGrant { name: "brake".into(), min: 0.0, max: 0.6 }],
        fuel_per_second_max: 100_000,
        memory_pages_max: 2,
    }
}

#[test]
fn what_is_granted_is_permitted_by_number() {
    for grant in [narrow(), Grant::everything()] {
        let permitted = grant.permit(&manifest()).unwrap();
        assert_eq!(permitted.sensors, 0b10);
        let mut actuators = [None; ACTUATOR_COUNT];
        actuators[4] = Some(PermittedRange { min: 0.0, max: 0.5 });
        assert_eq!(permitted.actuators, actuators);
        // 100 activations a second of one call each, and two more.
        let reads_per_second = permission::SensorPermission { reads_per_second: 102 };
        let mut sensors = [None; cofferdam_device_protocol::SENSOR_COUNT];
        sensors[1] = Some(reads_per_second);
        assert_eq!(permitted.devices.sensors, sensors);
        let brake = permission::ActuatorPermission { min: 0.0, max: 0.5, writes_per_second: 102 };
        let mut actuators = [None; ACTUATOR_COUNT];
        actuators[4] = Some(brake);
        assert_eq!(permitted.devices.actuators, actuators);
    }
}

#[test]
fn each_excess_is_named() {
    let refusal = |change: fn(&mut Manifest)| {
        let mut manifest = manifest();
        change(&mut manifest);
        narrow().permit(&manifest).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(|m| m.permissions.sensors.push("imu".into())),
        "permissions.sensors[1] \"imu\": not granted"
    );
    assert_eq!(
        refusal(|m| m.permissions.sensors.push("radar".into())),
        "permissions.sensors[1] \"radar\": this device has no such sensor"
    );
    assert_eq!(
        refusal(|m| m.permissions.actuators[0].max = 0.7),
        "permissions.actuators[0] \"brake\": 0 to 0.7, granted 0 to 0.6"
    );
    assert_eq!(
        refusal(|m| m.permissions.actuators[0].name = "motor-0".into()),
        "permissions.actuators[0] \"motor-0\": 0 to 0.5, not granted"
    );
    assert_eq!(
        refusal(|m| m.app.fuel_per_activation = 1001),
        "app.fuel_per_activation: 100100 fuel a second, granted 100000"
    );
    assert_eq!(refusal(|m| m.app.memory_pages = 3), "app.memory_pages: 3, granted 2");
}

#[test]
fn an_actuators_own_range_binds_everybody() {
    let mut manifest = manifest();
    manifest.permissions.actuators[0].max = 1.5;
    let error = Grant::everything().permit(&manifest).unwrap_err();
    assert_eq!(error.to_string(), "permissions.actuators[0] \"brake\": 0 to 1.5, granted 0 to 1");
}

#[test]
fn a_command_key_signs_no_packages() {
    let grant = Grant { sign_packages: false, ..Grant::everything() };
    assert_eq!(grant.permit(&manifest()), Err(PolicyError::MayNotSignPackages));
    assert!(narrow().allows(Role::Read));
    assert!(!narrow().allows(Role::Install));
}

proptest! {
    #[test]
    fn no_permitted_range_leaves_the_grant(min in -2.0f64..2.0, width in 0.0f64..2.0, low in -2.0f64..2.0, span in 0.0f64..2.0) {
        let mut manifest = manifest();
        manifest.permissions.actuators[0] = ActuatorPermission { name: "brake".into(), min, max: min + width };
        let mut grant = narrow();
        grant.actuators[0] = ActuatorGrant { name: ALL.into(), min: low, max: low + span };
        if let Ok(permitted) = grant.permit(&manifest) {
            let range = permitted.actuators[4].unwrap();
            prop_assert!(range.min >= low.max(0.0) && range.max <= (low + span).min(1.0));
        }
    }

    #[test]
    fn fuel_per_second_never_panics(fuel: u64, period_us: u64) {
        let _ = fuel_per_second(fuel, period_us);
    }
}

#[test]
fn a_key_has_to_do_with_its_components_only() {
    let grant = narrow();
    for (name, covered) in [("a", true), ("motor-1", true), ("motor-", true), ("ab", false), ("motor", false)]
    {
        assert_eq!(grant.covers(name), covered, "{name}");
    }
    let mut other = manifest();
    other.common.name = "brake".into();
    assert_eq!(grant.permit(&other), Err(PolicyError::ComponentNotGranted("brake".into())));
    assert!(Grant::everything().covers("brake"));
    assert!(!Grant { components: vec![], ..narrow() }.covers("a"));
}
