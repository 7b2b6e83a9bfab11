// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The `cofferdam` program where no device is needed.
#![allow(clippy::unwrap_used, reason = "the lint knows test functions, not what they call")]

mod program;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use program::{cofferdam, stderr, stdout};
use serde_json::Value;
use tempfile::TempDir;

const RECIPE: &str = "name = 'sample'\nversion = '1.2.3'\nsequence = 4\nshape = 'reactor'\n\
                      description = 'A sample.'\n[permissions]\nsensors = ['imu']\n\
                      [permissions.actuators]\nbrake = { min = 0.0, max = 0.25 }\n";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// A folder with a recipe, a module and a key.
fn workshop() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cofferdam.toml"), RECIPE).unwrap();
    fs::write(folder.path().join("sample.wasm"), MODULE).unwrap();
    stdout(&cofferdam(folder.path(), &["keygen", "keys/mine"]));
    folder
}

#[test]
fn keygen_makes_a_pair_once() {
    let folder = workshop();
    let mode = fs::metadata(folder.path().join("keys/mine.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let anchor = fs::read_to_string(folder.path().join("keys/mine.toml")).unwrap();
    assert!(cofferdam_policy::file::parse(&anchor).is_ok(), "{anchor}");
    let again = stderr(&cofferdam(folder.path(), &["keygen", "keys/mine"]), 1);
    assert!(again.contains("not overwritten"), "{again}");
    let name = stderr(&cofferdam(folder.path(), &["keygen", "keys/My Key"]), 2);
    assert!(name.contains("cannot name a key"), "{name}");
}

#[test]
fn arguments_and_environment_are_shown_harmlessly() {
    let folder = workshop();
    let recipe = "name = 'tool'\nversion = '1'\nsequence = 1\nshape = 'command'\n\
                  arguments = ['-v', \"two \\u001b[2Jwords\"]\n[environment]\nMODE = 'fast'\n";
    fs::write(folder.path().join("cofferdam.toml"), recipe).unwrap();
    fs::rename(folder.path().join("sample.wasm"), folder.path().join("tool.wasm")).unwrap();
    stdout(&cofferdam(folder.path(), &["pack"]));
    let shown = stdout(&cofferdam(folder.path(), &["inspect", "tool.cdam"]));
    for words in [r#"arguments  "-v" "two \u{1b}[2Jwords""#, r#"MODE="fast" in its environment"#] {
        assert!(shown.contains(words), "{words} is missing in {shown}");
    }
    let shown = stdout(&cofferdam(folder.path(), &["inspect", "tool.cdam", "--json"]));
    let value: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(value["arguments"][0], "-v");
    assert_eq!(value["environment"]["MODE"], "fast");
}

#[test]
fn a_package_is_made_signed_and_shown() {
    let folder = workshop();
    let run = |arguments: &[&str]| cofferdam(folder.path(), arguments);
    assert!(stdout(&run(&["pack"])).contains("not signed"));
    assert!(stdout(&run(&["inspect", "sample.cdam"])).contains("no device takes it"));
    assert!(stdout(&run(&["sign", "sample.cdam", "--key", "keys/mine.key"])).contains("signed by"));
    let shown = stdout(&run(&["inspect", "sample.cdam", "--anchor", "keys/mine.toml"]));
    for words in [
        "sample 1.2.3 (sequence 4)",
        "by mine",
        "imu (sensors[0])",
        "brake between 0 and 0.25 (actuators[0])",
        "every 10 ms",
    ] {
        assert!(shown.contains(words), "{words} is missing in {shown}");
    }
    let shown = stdout(&run(&["inspect", "sample.cdam", "--anchor", "keys/mine.toml", "--json"]));
    let value: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(value["signature_checked"], true);
    assert_eq!(value["permissions"]["actuators"][0]["max"], 0.25);
}

#[test]
fn another_key_or_a_changed_byte_is_seen() {
    let folder = workshop();
    let run = |arguments: &[&str]| cofferdam(folder.path(), arguments);
    stdout(&run(&["keygen", "keys/other"]));
    stdout(&run(&["pack", "--key", "keys/mine.key"]));
    let other = stderr(&run(&["inspect", "sample.cdam", "--anchor", "keys/other.toml"]), 1);
    assert!(other.contains("unknown key"), "{other}");
    let path = folder.path().join("sample.cdam");
    let mut package = fs::read(&path).unwrap();
    *package.last_mut().unwrap() ^= 1;
    fs::write(&path, package).unwrap();
    assert!(stderr(&run(&["inspect", "sample.cdam"]), 1).contains("tampered"));
    assert!(stderr(&run(&["sign", "sample.cdam", "--key", "keys/mine.key"]), 1).contains("damaged"));
    fs::write(&path, b"something else").unwrap();
    assert!(stderr(&run(&["inspect", "sample.cdam"]), 1).contains("malformed package"));
}

#[test]
fn a_grant_that_is_too_small_is_seen() {
    let folder = workshop();
    stdout(&cofferdam(folder.path(), &["pack", "--key", "keys/mine.key"]));
    let path = folder.path().join("keys/mine.toml");
    let narrow = fs::read_to_string(&path).unwrap().replace("sensors = [\"*\"]", "sensors = [\"battery\"]");
    fs::write(&path, narrow).unwrap();
    let inspect = cofferdam(folder.path(), &["inspect", "sample.cdam", "--anchor", "keys/mine.toml"]);
    assert!(stderr(&inspect, 1).contains("permissions.sensors[0] \"imu\": not granted"));
}

#[test]
fn pack_names_the_line_that_asks_for_too_much() {
    let folder = workshop();
    let (recipe, anchor) = (folder.path().join("cofferdam.toml"), folder.path().join("keys/mine.toml"));
    let everything = fs::read_to_string(&anchor).unwrap();
    let pack = || cofferdam(folder.path(), &["pack", "--anchor", "keys/mine.toml"]);
    stdout(&pack());
    for (asked, granted, line, says) in [
        ("sensors = ['imu']", "sensors = [\"battery\"]", 7, "permissions.sensors[0] \"imu\": not granted"),
        (
            "sensors = [{ name = 'imu', rate_hz = 60 }]",
            "sensors = [{ name = \"imu\", rate_hz = 50 }]",
            7,
            "permissions.sensors[0] \"imu\": 60 times a second, granted 50",
        ),
        (
            "sensors = ['imu']\npublish = ['pose']",
            "sensors = [\"*\"]",
            8,
            "permissions.publish[0] \"pose\": not granted",
        ),
        (
            "[limits]\nlog_bytes_per_second = 900\n[permissions]",
            "log_bytes_per_second_max = 500\nsensors = [\"*\"]",
            7,
            "900, granted 500",
        ),
    ] {
        let asks = if asked.starts_with('[') { "[permissions]" } else { "sensors = ['imu']" };
        fs::write(&recipe, RECIPE.replace(asks, asked)).unwrap();
        let narrow = everything.replace("publish = [\"*\"]\n", "").replace("sensors = [\"*\"]", granted);
        fs::write(&anchor, narrow).unwrap();
        let error = stderr(&pack(), 1);
        assert!(error.contains(&format!("cofferdam.toml:{line}: mine may not grant it: ")), "{error}");
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_mistake_in_the_recipe_is_named() {
    let folder = workshop();
    fs::write(folder.path().join("cofferdam.toml"), RECIPE.replace("max = 0.25", "max = -0.25")).unwrap();
    let error = stderr(&cofferdam(folder.path(), &["pack"]), 1);
    assert!(error.contains("cofferdam.toml:9: permissions.actuators[0]: min and max"), "{error}");
    fs::write(folder.path().join("cofferdam.toml"), RECIPE.replace("sequence", "sequenze")).unwrap();
    let error = stderr(&cofferdam(folder.path(), &["pack"]), 1);
    assert!(error.contains("sequenze") && error.contains("line 3"), "{error}");
    fs::write(folder.path().join("cofferdam.toml"), RECIPE).unwrap();
    fs::write(folder.path().join("sample.wasm"), b"ELF").unwrap();
    assert!(stderr(&cofferdam(folder.path(), &["pack"]), 1).contains("not a Wasm module"));
    fs::remove_file(folder.path().join("sample.wasm")).unwrap();
    assert!(stderr(&cofferdam(folder.path(), &["pack"]), 1).contains("--module"));
}

#[test]
fn a_device_that_is_not_there_has_its_own_status() {
    let folder = workshop();
    // A port that was free a moment ago: nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let device = format!("127.0.0.1:{port}");
    let arguments = ["ls", "--device", &device, "--key", "keys/mine.key"];
    let error = stderr(&cofferdam(folder.path(), &arguments), 4);
    assert!(error.contains("cannot reach") && error.contains("hint:"), "{error}");
    let output = cofferdam(folder.path(), &[&arguments[..], &["--json"]].concat());
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["error"]["kind"], "unreachable");
}

#[test]
fn commands_need_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let error = stderr(&cofferdam(folder.path(), &["ls"]), 2);
    assert!(error.contains("--key"), "{error}");
    let error = stderr(&cofferdam(folder.path(), &["ls", "--key", "none.key"]), 1);
    assert!(error.contains("none.key"), "{error}");
}

#[test]
fn an_unsigned_package_is_not_sent() {
    let folder = workshop();
    stdout(&cofferdam(folder.path(), &["pack"]));
    let error = stderr(&cofferdam(folder.path(), &["push", "sample.cdam", "--key", "keys/mine.key"]), 1);
    assert!(error.contains("not signed"), "{error}");
}

#[test]
fn wrong_usage_is_status_2() {
    let folder = tempfile::tempdir().unwrap();
    stderr(&cofferdam(folder.path(), &["fly"]), 2);
    stderr(&cofferdam(folder.path(), &[]), 2);
}

#[test]
fn completions_know_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&cofferdam(folder.path(), &["completions", shell])).contains("push"), "{shell}");
    }
}

const MOVER: &str = r#"(module
  (import "cofferdam" "lease_acquire" (func $lease (param i32 i64) (result i64)))
  (import "cofferdam" "actuator_write" (func $write (param i32 f64) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "moved")
  (func (export "cofferdam_init"))
  (func (export "cofferdam_tick") (param i64)
    (drop (call $lease (i32.const 4) (i64.const 100000)))
    (drop (call $write (i32.const 4) (f64.const 0.25)))))"#;

#[test]
fn a_simulation_shows_its_breakpoint_and_its_figures() {
    let folder = workshop();
    fs::write(folder.path().join("sample.wasm"), wat::parse_str(MOVER).unwrap()).unwrap();
    stdout(&cofferdam(folder.path(), &["pack"]));
    let drive = ["--plant", "car", "--scenario", "dry"];
    let sim =
        |app: &str, more: &[&str]| cofferdam(folder.path(), &[&["sim", app], &drive[..], more].concat());
    // Packed or not, signed or not.
    for app in ["sample.cdam", "sample.wasm"] {
        let shown = stdout(&sim(app, &["--break", "3", "--memory", "0..5", "--json"]));
        let value: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!((value["activation"].as_u64(), value["release_us"].as_u64()), (Some(3), Some(30_000)));
        assert_eq!(value["calls"].as_array().map(Vec::len), Some(2));
        assert_eq!(value["memory"], "6d6f766564");
        assert!(value["plant"]["speed m/s"].as_f64().is_some_and(|speed| speed > 29.0), "{value}");
    }
    let shown = stdout(&sim("sample.wasm", &["--break", "3"]));
    assert!(shown.contains("activation 3: due at 30,000 us") && shown.contains("pressure-0: "), "{shown}");
    // A quarter of the brake is no full stop: a bound is not kept, and the status says so.
    let csv = folder.path().join("run.csv").display().to_string();
    let failed = sim("sample.wasm", &["--csv", &csv]);
    assert!(stderr(&failed, 1).contains("bounds not kept"));
    let text = String::from_utf8(failed.stdout).unwrap();
    assert!(text.contains("NOT KEPT") && text.contains("sha-256 of outputs and samples"), "{text}");
    let csv = fs::read_to_string(csv).unwrap();
    assert!(csv.starts_with("time s,x m,") && csv.lines().count() > 5_000);
    let other =
        stderr(&cofferdam(folder.path(), &["sim", "sample.wasm", "--plant", "car", "--scenario", "sea"]), 2);
    assert!(other.contains("ice: full brake"), "{other}");
    fs::remove_file(folder.path().join("cofferdam.toml")).unwrap();
    assert!(stderr(&sim("sample.wasm", &[]), 1).contains("--recipe"));
}
