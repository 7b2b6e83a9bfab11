// SPDX-License-Identifier: Apache-2.0 OR MIT
use alloc::string::ToString;
use alloc::vec;

use cofferdam_package::manifest::*;
use cofferdam_package::testing;
use proptest::prelude::*;

use super::*;

fn manifest() -> Manifest {
    Manifest {
        app: App {
            fuel_per_activation: 1000,
            init_fuel: 1,
            memory_pages: 2,
            value_stack_bytes: 1,
            call_depth: 1,
            host_calls_per_activation: 1,
            log_bytes_per_second: 1,
            random_seed: 1,
            ..testing::app()
        },
        permissions: Permissions {
            sensors: vec!["barometer".into()],
            actuators: vec![ActuatorPermission { name: "brake".into(), min: 0.0, max: 0.5, rate_hz: None }],
            publish: None,
            receive: None,
        },
        ..testing::manifest("a", 1)
    }
}

fn narrow() -> Grant {
    Grant {
        commands: vec![Role::Read],
        sign_packages: true,
        components: vec!["a".into(), "motor-*".into()],
        sensors: vec!["barometer".into()],
        actuators: vec![ActuatorGrant { name: "brake".into(), min: 0.0, max: 0.6, rate_hz: None }],
        fuel_per_second_max: 100_000,
        memory_pages_max: 2,
        publish: None,
        receive: Some(vec!["goal-*".into()]),
        log_bytes_per_second_max: Some(1),
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
    assert_eq!(refusal(|m| m.app.log_bytes_per_second = 2), "app.log_bytes_per_second: 2, granted 1");
    assert_eq!(
        refusal(|m| m.permissions.publish = Some(vec!["goal-1".into()])),
        "permissions.publish[0] \"goal-1\": not granted"
    );
    assert_eq!(
        refusal(|m| m.permissions.receive = Some(vec!["goal-1".into(), "pose".into()])),
        "permissions.receive[1] \"pose\": not granted"
    );
}

#[test]
fn rates_are_bounded_by_the_grant() {
    let rated = |name: &str, rate_hz| Resource { name: name.into(), rate_hz: Some(rate_hz) };
    let mut grant = Grant {
        sensors: vec![rated("*", 100)],
        publish: Some(vec![rated("goal-*", 50)]),
        receive: Some(vec![rated("*", 10)]),
        ..narrow()
    };
    grant.actuators[0].rate_hz = Some(20);
    let ask = |sensor, actuator, publish, receive| {
        let mut manifest = manifest();
        manifest.permissions.sensors[0].rate_hz = sensor;
        manifest.permissions.actuators[0].rate_hz = actuator;
        manifest.permissions.publish = Some(vec![Resource { name: "goal-1".into(), rate_hz: publish }]);
        manifest.permissions.receive = Some(vec![Resource { name: "pose".into(), rate_hz: receive }]);
        grant.permit(&manifest).map_err(|error| error.to_string())
    };
    let most = ask(Some(100), Some(20), Some(50), Some(10)).unwrap();
    assert_eq!(most.devices.sensors[1].unwrap().reads_per_second, 100);
    assert_eq!(most.devices.actuators[4].unwrap().writes_per_second, 20);
    let refused = |text: &str| Err(text.to_string());
    for (outcome, says) in [
        (
            ask(Some(101), Some(20), Some(50), Some(10)),
            "permissions.sensors[0] \"barometer\": 101 times a second, granted 100",
        ),
        (
            ask(Some(1), None, Some(50), Some(10)),
            "permissions.actuators[0] \"brake\": names no rate_hz, granted 20 times a second",
        ),
        (
            ask(Some(1), Some(1), Some(51), Some(10)),
            "permissions.publish[0] \"goal-1\": 51 times a second, granted 50",
        ),
        (
            ask(Some(1), Some(1), Some(1), None),
            "permissions.receive[0] \"pose\": names no rate_hz, granted 10 times a second",
        ),
    ] {
        assert_eq!(outcome, refused(says));
    }
}

#[test]
fn what_is_asked_for_is_what_the_servers_allow() {
    let mut manifest = manifest();
    manifest.permissions.sensors[0].rate_hz = Some(7);
    manifest.permissions.actuators[0].rate_hz = Some(8);
    let permitted = Grant::everything().permit(&manifest).unwrap().devices;
    assert_eq!(permitted.sensors[1].unwrap().reads_per_second, 7);
    assert_eq!(permitted.actuators[4].unwrap().writes_per_second, 8);
    // A topic that goes both ways has one place.
    manifest.permissions.publish =
        Some(vec!["pose".into(), Resource { name: "goal".into(), rate_hz: Some(5) }]);
    manifest.permissions.receive =
        Some(vec![Resource { name: "goal".into(), rate_hz: Some(6) }, "map".into()]);
    let topics = Grant::everything().permit(&manifest).unwrap().devices.topics;
    let topic = |name: &str, publishes_per_second, receives_per_second| {
        let name = TopicName::new(name.as_bytes()).unwrap();
        Some(TopicPermission { name, publishes_per_second, receives_per_second })
    };
    assert_eq!(topics[..4], [topic("pose", 102, 0), topic("goal", 5, 6), topic("map", 0, 102), None]);
    // More than the interpreter lets it call is never allowed: 102, as above.
    manifest.permissions.sensors[0].rate_hz = Some(103);
    let permitted = Grant::everything().permit(&manifest).unwrap().devices;
    assert_eq!(permitted.sensors[1].unwrap().reads_per_second, 102);
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
        manifest.permissions.actuators[0] = ActuatorPermission { name: "brake".into(), min, max: min + width, rate_hz: None };
        let mut grant = narrow();
        grant.actuators[0] = ActuatorGrant { name: ALL.into(), min: low, max: low + span, rate_hz: None };
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
