// SPDX-License-Identifier: Apache-2.0 OR MIT
use super::*;

use proptest::prelude::*;

const SMALL: &str = "name = 'hello'\nversion = '1.0.0'\nsequence = 3\nshape = 'command'\n";

fn parse(text: &str) -> Result<Recipe, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn what_is_left_out_has_the_default() {
    let manifest = parse(SMALL).unwrap().manifest(b"\0asm").unwrap();
    assert_eq!(manifest.app.period_us, Limits::PERIOD_US_DEFAULT);
    assert_eq!(manifest.app.deadline_us, manifest.app.period_us);
    assert_eq!(manifest.app.memory_pages, Limits::DEFAULT.memory_pages);
    assert_eq!(manifest.permissions, Permissions::default());
    assert_eq!(manifest.sequence, 3);
}

#[test]
fn permissions_are_taken_over() {
    let text = format!(
        "{SMALL}[limits]\nmemory_pages = 2\n[permissions]\nsensors = ['imu']\n\
         [permissions.actuators]\nbrake = {{ min = 0.0, max = 0.5 }}\n"
    );
    let manifest = parse(&text).unwrap().manifest(b"\0asm").unwrap();
    assert_eq!(manifest.app.memory_pages, 2);
    assert_eq!(manifest.permissions.sensors, [Resource::from("imu")]);
    let [brake] = &manifest.permissions.actuators[..] else { panic!("one actuator") };
    assert_eq!((brake.name.as_str(), brake.min, brake.max), ("brake", 0.0, 0.5));
}

#[test]
fn arguments_and_environment_are_taken_over() {
    let text = format!("{SMALL}arguments = ['-n', '3']\n[environment]\nMODE = 'fast'\nA = ''\n");
    let app = parse(&text).unwrap().manifest(b"\0asm").unwrap().app;
    assert_eq!(app.arguments(), ["-n", "3"]);
    let environment: Vec<_> = app.environment().iter().map(|v| (&v.name[..], &v.value[..])).collect();
    assert_eq!(environment, [("A", ""), ("MODE", "fast")]);
    let none = parse(SMALL).unwrap().manifest(b"\0asm").unwrap().app;
    assert_eq!((none.arguments, none.environment), (None, None));
    let bad = parse(&format!("{SMALL}[environment]\n'TWO WORDS' = ''\n")).unwrap();
    let error = bad.manifest(b"\0asm").unwrap_err().to_string();
    assert!(error.contains("environment: names"), "{error}");
}

#[test]
fn a_swap_is_taken_over_and_defaults_to_what_is_sane() {
    let app = |text: &str| parse(&format!("{SMALL}{text}")).unwrap().manifest(b"module").unwrap().app;
    assert_eq!(app("").swap, None);
    assert_eq!(app("[swap]\n").swap, Some(Swap::DEFAULT));
    let swap = app("[swap]\nagree_us = 1_000\ndivergence_permille = 20\n").swap;
    assert_eq!(swap, Some(Swap { agree_us: 1000, divergence_permille: 20, ..Swap::DEFAULT }));
    let bad = parse(&format!("{SMALL}[swap]\ndivergence_permille = 1_001\n")).unwrap();
    let error = bad.manifest(b"module").unwrap_err().to_string();
    assert!(error.contains("swap: agree"), "{error}");
}

#[test]
fn restart_and_probation_are_taken_over() {
    let text = format!(
        "{SMALL}restarts = 3\n[restart]\ndelay_us = 100\ndelay_max_us = 400\nwindow_us = 9_000\n\
         then = 'rollback'\n[probation]\ntime_us = 5_000\nmissed_deadlines_max = 2\n"
    );
    let app = parse(&text).unwrap().manifest(b"\0asm").unwrap().app;
    let then = AfterRestarts::RollBack;
    assert_eq!(app.restart, Some(Restart { delay_us: 100, delay_max_us: 400, window_us: 9000, then }));
    assert_eq!(app.probation, Some(Probation { time_us: 5000, missed_deadlines_max: 2 }));
    let short = parse(&format!("{SMALL}[restart]\nwindow_us = 9_000\n")).unwrap();
    let restart = short.manifest(b"\0asm").unwrap().app.restart.unwrap();
    assert_eq!((restart.delay_us, restart.delay_max_us, restart.then), (0, 0, AfterRestarts::Stop));
    let bad = parse(&format!("{SMALL}[probation]\ntime_us = 0\n")).unwrap();
    let error = bad.manifest(b"\0asm").unwrap_err().to_string();
    assert!(error.contains("probation: time"), "{error}");
}

#[test]
fn a_misspelt_key_is_refused() {
    let error = parse(&format!("{SMALL}[limits]\nmemory_page = 2\n")).unwrap_err();
    assert!(error.to_string().contains("memory_page"), "{error}");
}

proptest! {
    /// Whatever an author writes: no panic, and what becomes a manifest is one that a device accepts as such.
    #[test]
    fn a_manifest_comes_back_as_it_is(
        name in "[a-z][a-z0-9-]{0,33}|.{0,8}",
        version in "[0-9.a-z]{1,33}|.{0,8}",
        sequence in 0..=i64::MAX,
        (period_us, fuel) in (-10i64..20_000_000, any::<u32>()),
        (pages, restarts) in (0u32..80, 0u8..20),
        (min, max) in (-1.0..1.0, 0.0..2.0),
        module in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let text = format!(
            "name = {}\nversion = {}\nsequence = {sequence}\nshape = 'reactor'\nperiod_us = {period_us}\n\
             fuel_per_activation = {fuel}\nrestarts = {restarts}\n[limits]\nmemory_pages = {pages}\n\
             [permissions]\nsensors = ['imu']\n[permissions.actuators]\nbrake = {{ min = {min:?}, max = {max:?} }}\n",
            quoted(&name), quoted(&version),
        );
        if let Ok(manifest) = parse(&text).map(|recipe| recipe.manifest(&module))
            && let Ok(manifest) = manifest
        {
            prop_assert_eq!(Manifest::decode(&manifest.encode()), Ok(manifest));
        }
    }

    #[test]
    fn no_text_does_harm(text in "(?s).{0,200}") {
        let _ = parse(&text).map(|recipe| recipe.manifest(b"\0asm"));
        let _ = parse(&format!("{SMALL}{text}")).map(|recipe| recipe.manifest(b"\0asm"));
    }
}

#[test]
fn a_bad_value_is_refused() {
    let recipe = parse(&SMALL.replace("hello", "Hello World")).unwrap();
    assert!(matches!(
        recipe.manifest(b"\0asm"),
        Err(RecipeError::Manifest { error: ManifestError::Field(_), .. })
    ));
}

#[test]
fn rates_and_topics_are_taken_over() {
    let text = format!(
        "{SMALL}[permissions]\nsensors = ['imu', {{ name = 'battery', rate_hz = 5 }}]\nreceive = ['goal']\n\
         publish = [{{ name = 'pose', rate_hz = 50 }}]\n\
         [permissions.actuators]\nbrake = {{ min = 0.0, max = 0.5, rate_hz = 20 }}\n"
    );
    let permissions = parse(&text).unwrap().manifest(b"\0asm").unwrap().permissions;
    let rated = |name: &str, rate_hz| Resource { name: name.into(), rate_hz: Some(rate_hz) };
    assert_eq!(permissions.sensors, ["imu".into(), rated("battery", 5)]);
    assert_eq!(permissions.publish(), [rated("pose", 50)]);
    assert_eq!(permissions.receive(), ["goal".into()]);
    assert_eq!(permissions.actuators[0].rate_hz, Some(20));
    let error = parse(&text.replace("'battery', rate_hz", "'battery', hz")).unwrap_err().to_string();
    assert!(error.contains("unknown field `hz`") && error.contains("line 6"), "{error}");
}

#[test]
fn what_is_wrong_is_named_by_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(RECIPE_FILE);
    let good = "name = 'hello'\nversion = '1.0.0'\nsequence = 3\nshape = 'command'\nperiod_us = 10_000\n\
                [permissions]\nsensors = [\n  'imu',\n  { name = 'battery', rate_hz = 5 },\n]\n\
                publish = ['pose']\n[permissions.actuators]\nbrake = { min = 0.0, max = 0.5 }\n";
    for (from, to, line, says) in [
        ("'hello'", "'Hello'", 1, "name: "),
        ("period_us = 10_000", "period_us = 0", 5, "period: "),
        ("period_us = 10_000", "period_us = 'a'", 5, "invalid type"),
        ("'imu'", "'Imu'", 8, "permissions.sensors[0]: not a name"),
        ("rate_hz = 5", "rate_hz = 0", 9, "permissions.sensors[1]: rate_hz"),
        ("'battery'", "'imu'", 9, "permissions.sensors[1]: named twice"),
        ("rate_hz = 5", "rates_hz = 5", 9, "unknown field `rates_hz`"),
        ("['pose']", "['Pose']", 11, "permissions.publish[0]: not a name"),
        ("max = 0.5", "max = -1.0", 13, "permissions.actuators[0]: min and max"),
    ] {
        std::fs::write(&path, good.replacen(from, to, 1)).unwrap();
        let error = Recipe::load(&path).and_then(|recipe| recipe.manifest(b"\0asm")).unwrap_err().to_string();
        let place = format!("{}:{line}: ", path.display());
        assert!(error.starts_with(&place) && error.contains(says), "{to}: {error}");
    }
    std::fs::write(&path, good).unwrap();
    let recipe = Recipe::load(&path).unwrap();
    assert!(recipe.manifest(b"\0asm").is_ok());
    for (list, name, line) in [
        (List::Sensors, "battery", Some(9)),
        (List::Publish, "pose", Some(11)),
        (List::Actuators, "brake", Some(13)),
        (List::Actuators, "motor-0", Some(12)),
        (List::Receive, "goal", Some(6)),
    ] {
        assert_eq!(recipe.place_of(list, name).line, line, "{name}");
    }
    assert_eq!(recipe.place_of_key(&["limits", "memory_pages"]).line, None);
}
