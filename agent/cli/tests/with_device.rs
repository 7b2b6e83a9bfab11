// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The `cofferdam` program against a device on the desk: real code on both sides of a real socket.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the lint knows test functions, not what they call")]

mod double;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use cofferdam_client::{ClientError, Connection, Device, Patience, keys};
use cofferdam_management_protocol::{Command as DeviceCommand, Refusal};
use cofferdam_package::SigningKey;
use cofferdam_policy::{Grant, Role};
use double::Double;
use serde_json::Value;
use tempfile::TempDir;

const REACTOR: &str = r#"(module (memory (export "memory") 1) (func (export "cofferdam_init"))
    (func (export "cofferdam_tick") (param i64)))"#;
const COMMAND: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

/// A device, a key that it trusts, and a folder to work in.
struct Bench {
    device: Double,
    folder: TempDir,
    key: SigningKey,
}

impl Bench {
    fn new() -> Self {
        Self::granting(Grant::everything())
    }

    fn granting(grant: Grant) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = keys::generate().unwrap();
        keys::save(&key, &folder.path().join("test.key")).unwrap();
        fs::write(folder.path().join("reactor.wasm"), wat::parse_str(REACTOR).unwrap()).unwrap();
        fs::write(folder.path().join("command.wasm"), wat::parse_str(COMMAND).unwrap()).unwrap();
        Self { device: Double::start(key.public(), grant), folder, key }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cofferdam"));
        command
            .current_dir(self.folder.path())
            .env("COFFERDAM_DEVICE", self.device.address.to_string())
            .env("COFFERDAM_KEY", "test.key")
            .args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[arguments, &["--json"]].concat())).unwrap()
    }

    fn refused(&self, arguments: &[&str], reason: Refusal) {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains(reason.text()), "{words}");
    }

    /// Packs `NAME.cdam` with the module `module` ("reactor" or "command").
    fn pack(&self, name: &str, module: &str, sequence: u32, more: &str) -> String {
        let recipe = format!(
            "name = '{name}'\nversion = '1.{sequence}'\nsequence = {sequence}\nshape = '{module}'\n{more}"
        );
        fs::write(self.folder.path().join("cofferdam.toml"), recipe).unwrap();
        self.done(&["pack", "--module", &format!("{module}.wasm")]);
        format!("{name}.cdam")
    }

    fn patch(&self, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.folder.path().join(file);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    }

    fn address(&self) -> String {
        self.device.address.to_string()
    }
}

#[test]
fn an_installed_app_is_inspected_as_its_package_is() {
    let bench = Bench::new();
    let permissions = "[permissions]\nsensors = ['imu', { name = 'battery', rate_hz = 5 }]\nreceive = ['goal']\n\
         publish = [{ name = 'pose', rate_hz = 1 }]\n\
         [permissions.actuators]\nbrake = { min = 0.0, max = 0.5, rate_hz = 100 }\n";
    let package = bench.pack("looker", "reactor", 1, permissions);
    bench.done(&["push", &package]);
    let touches = |text: String| {
        text.lines().skip_while(|line| !line.contains("may read")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = touches(bench.done(&["inspect", &package]));
    let after = touches(bench.done(&["inspect", "--installed", "looker"]));
    assert_eq!(
        before,
        [
            "  may read   imu (sensors[0])",
            "             battery, at most 5 times a second (sensors[1])",
            "  may move   brake between 0 and 0.5, at most 100 times a second (actuators[0])",
            "  may publish pose, at most once a second (publish[0])",
            "  may receive goal (receive[0])",
            "  may touch  nothing else"
        ]
    );
    assert_eq!(after, before);
    let unknown = bench.run(&["inspect", "--installed", "nobody"]);
    assert_eq!(unknown.status.code(), Some(3));
}

#[test]
fn the_life_of_an_app() {
    let bench = Bench::new();
    assert!(bench.done(&["ls"]).contains("no apps"));
    let package = bench.pack("pilot", "reactor", 1, "");
    let output = bench.done(&["push", &package]);
    assert!(
        output.contains("installed pilot 1.1 (sequence 1) into slot 0") && output.contains("running"),
        "{output}"
    );
    assert!(bench.done(&["ls"]).contains("running"));
    assert_eq!(bench.json(&["stats", "pilot"])["activations"], 42);
    assert_eq!(bench.json(&["stats"])["device"]["free_slots"], 3);
    let stats = bench.done(&["stats"]);
    assert!(stats.contains("activations"));
    assert_eq!(bench.json(&["stats", "pilot"])["host_calls_total"], 84);
    let slot = stats.lines().find(|line| line.starts_with("app_slot_2")).unwrap();
    let figures: Vec<&str> = slot.split_whitespace().skip(1).collect();
    assert_eq!(figures, ["0", "0", "0", "-", "-", "-", "-"], "what nobody knows is said as such");
    assert_eq!(bench.json(&["stats"])["domains"][0]["faults"], 0);
    let histograms = &bench.json(&["stats", "pilot"])["histograms"];
    assert_eq!(histograms["jitter_us"].to_string(), "[0,0,0,40,2]");
    assert!(bench.done(&["stats", "pilot"]).contains("late by µs          8           16"));
    let top = bench.done(&["top", "--interval", "0.1", "--count", "2"]);
    assert_eq!(top.matches("RUNS/S").count(), 2, "{top}");
    assert!(!top.contains('\u{1b}'), "no terminal, no escapes: {top}");
    let looks = bench.done(&["top", "--interval", "0.1", "--count", "1", "--json"]);
    let look: Value = serde_json::from_str(&looks).unwrap();
    assert_eq!((&look["apps"][0]["name"], &look["apps"][0]["slot"]), (&"pilot".into(), &0.into()));
    assert_eq!(bench.run(&["top", "--interval", "0"]).status.code(), Some(2));
    bench.done(&["stop", "pilot"]);
    assert_eq!(bench.json(&["ls"])["apps"][0]["state"], "stopped");
    bench.refused(&["stop", "pilot"], Refusal::NotRunning);
    bench.done(&["start", "pilot"]);
    bench.refused(&["start", "pilot"], Refusal::AlreadyRunning);
    assert_eq!(bench.json(&["rm", "pilot"])["removed"], "pilot");
    bench.refused(&["rm", "pilot"], Refusal::NoSuchApp);
}

#[test]
fn a_command_ends_and_a_failure_is_reported() {
    let bench = Bench::new();
    let package = bench.pack("job", "command", 1, "");
    assert!(bench.done(&["push", &package]).contains("exit code 0"));
    assert!(bench.done(&["logs", "job"]).ends_with("\n-- ended with exit code 0\n"));
    let log = bench.done(&["logs", "job", "--json"]);
    let end: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((&end["exit_code"], &end["end"]), (&0.into(), &"ended with exit code 0".into()));
    let package = bench.pack("trap-door", "reactor", 1, "");
    let output = bench.run(&["push", &package]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("unreachable executed: in the test double"), "{words}");
    let log = bench.done(&["logs", "trap-door"]);
    assert!(log.ends_with("\n-- stopped by the device: unreachable executed: in the test double\n"), "{log}");
    let quiet = bench.pack("quiet", "reactor", 1, "");
    assert!(bench.done(&["push", "--no-start", &quiet]).contains("not started"));
}

#[test]
fn a_newer_version_replaces_and_an_older_is_refused() {
    let bench = Bench::new();
    bench.done(&["push", &bench.pack("pilot", "reactor", 2, "")]);
    let pushed = bench.json(&["push", &bench.pack("pilot", "reactor", 3, "")]);
    assert_eq!((&pushed["replaced"], &pushed["slot"]), (&"1.2".into(), &0.into()));
    bench.refused(&["push", &bench.pack("pilot", "reactor", 2, "")], Refusal::Ratchet);
    bench.done(&["rm", "pilot"]);
    bench.refused(&["push", "pilot.cdam"], Refusal::Ratchet);
}

const SWAPPABLE: &str = "[swap]\nagree_us = 100_000\nwatch_us = 100_000\n\
     [permissions.actuators]\nbrake = { min = 0.0, max = 1.0 }\n";

#[test]
fn a_version_is_swapped_in_flight() {
    let bench = Bench::new();
    bench.done(&["push", &bench.pack("pilot", "reactor", 1, SWAPPABLE)]);
    let package = bench.pack("pilot", "reactor", 2, SWAPPABLE);
    let inspected = bench.done(&["inspect", &package]);
    let words = "takes over once its values were within 5 % of the running version's for 100 ms";
    assert!(inspected.contains(words), "{inspected}");
    let output = bench.done(&["push", "--swap", &package]);
    let lines: Vec<&str> = output.lines().collect();
    let begun = "1.2 runs in slot 1 as a shadow of 1.1 in slot 0; it takes over after 10 ticks of agreement";
    assert_eq!(lines[0], begun);
    assert!(
        lines[1].starts_with("1.2 took over at ") && lines[1].ends_with("1.1 runs on as its shadow"),
        "{output}"
    );
    assert!(
        lines[2].starts_with("swapped pilot 1.1 for 1.2 in slot 1: 0 ticks missed, 10,000 us"),
        "{output}"
    );
    let apps = &bench.json(&["ls"])["apps"];
    assert_eq!((&apps[0]["version"], &apps[0]["slot"], &apps[1]), (&"1.2".into(), &1.into(), &Value::Null));
    let log = bench.done(&["audit"]);
    for what in ["swap", "hand-over", "replace"] {
        assert!(log.contains(what), "{what}: {log}");
    }
    bench.refused(&["push", "--swap", &bench.pack("other", "reactor", 1, SWAPPABLE)], Refusal::NoSuchApp);
    assert_eq!(bench.run(&["push", "--swap", "--no-start", &package]).status.code(), Some(2));
}

#[test]
fn both_versions_are_listed_while_they_run_side_by_side() {
    let bench = Bench::new();
    bench.done(&["push", &bench.pack("pilot", "reactor", 1, SWAPPABLE)]);
    let package = fs::read(bench.folder.path().join(bench.pack("pilot", "reactor", 2, SWAPPABLE))).unwrap();
    let mut device = Device::connect(&bench.address(), &bench.key, &Patience::default(), &mut || ()).unwrap();
    device.swap(&package, &mut |_| ()).unwrap();
    drop(device);
    let listed = bench.done(&["ls"]);
    assert!(listed.contains("running as a shadow: it is compared and moves nothing"), "{listed}");
    let stats = bench.done(&["stats"]);
    assert!(stats.contains("pilot@1"), "{stats}");
}

#[test]
fn one_that_does_something_else_is_told_so() {
    let bench = Bench::new();
    bench.done(&["push", &bench.pack("veering", "reactor", 1, SWAPPABLE)]);
    let output = bench.run(&["push", "--swap", &bench.pack("veering", "reactor", 2, SWAPPABLE)]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let words = String::from_utf8(output.stderr).unwrap();
    let why = "veering 1.2 did not take over: they did not agree for long enough: value too far off (brake); 1.1 goes on";
    assert!(words.contains(why), "{words}");
    assert_eq!(bench.json(&["ls"])["apps"][0]["version"], "1.1");
}

#[test]
fn logs_are_shown_escaped() {
    let bench = Bench::new();
    bench.done(&["push", &bench.pack("pilot", "reactor", 1, "")]);
    let log = bench.done(&["logs", "pilot"]);
    assert!(log.contains("pilot says hello \\u{1b}[31m"), "{log}");
    assert!(!log.contains('\u{1b}'), "{log}");
    assert_eq!(bench.json(&["logs", "pilot"])["level"], "info");
}

#[test]
fn logs_can_be_followed() {
    let bench = Bench::new();
    let package = bench.pack("pilot", "reactor", 1, "");
    bench.done(&["push", &package]);
    let mut follower = bench.command(&["logs", "--follow", "pilot"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("says hello"));
    // Others get their turn meanwhile, and what comes later is shown, once.
    bench.done(&["stop", "pilot"]);
    assert_eq!(lines.next().unwrap().unwrap(), "-- stopped by command");
    bench.done(&["start", "pilot"]);
    assert!(lines.next().unwrap().unwrap().contains("says hello"));
    follower.kill().unwrap();
    follower.wait().unwrap();
    assert!(lines.next().is_none());
}

#[test]
fn tampering_is_refused() {
    let bench = Bench::new();
    let package = bench.pack("pilot", "reactor", 1, "");
    bench.patch(&package, |bytes| *bytes.last_mut().unwrap() ^= 1);
    bench.refused(&["push", &package], Refusal::DigestMismatch);
    let package = bench.pack("pilot", "reactor", 1, "");
    bench.patch(&package, |bytes| {
        let at = bytes.windows(5).position(|window| window == b"pilot").unwrap();
        bytes[at] = b'r';
    });
    bench.refused(&["push", &package], Refusal::BadSignature);
    let package = bench.pack("pilot", "reactor", 1, "");
    bench.patch(&package, |bytes| bytes.truncate(bytes.len() / 2));
    bench.refused(&["push", &package], Refusal::Truncated);
    assert!(bench.done(&["ls"]).contains("no apps"));
}

#[test]
fn strangers_are_refused() {
    let bench = Bench::new();
    keys::save(&keys::generate().unwrap(), &bench.folder.path().join("stranger.key")).unwrap();
    bench.refused(&["ls", "--key", "stranger.key"], Refusal::UnknownKey);
    let package = bench.pack("pilot", "reactor", 1, "");
    bench.done(&["sign", &package, "--key", "stranger.key"]);
    bench.refused(&["push", &package], Refusal::UnknownKey);
    let output = bench.run(&["ls", "--key", "stranger.key", "--json"]);
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(error["error"]["code"], Refusal::UnknownKey.code());
    assert!(error["error"]["hint"].is_string());
}

#[test]
fn a_grant_is_a_limit() {
    let bench = Bench::granting(Grant { commands: vec![Role::Read], ..Grant::everything() });
    bench.done(&["ls"]);
    bench.refused(&["push", &bench.pack("pilot", "reactor", 1, "")], Refusal::NotAuthorised);
    let bench = Bench::granting(Grant { sensors: vec!["imu".into()], ..Grant::everything() });
    let package = bench.pack("pilot", "reactor", 1, "[permissions]\nsensors = ['battery']\n");
    bench.refused(&["push", &package], Refusal::PermissionNotGranted);
}

#[test]
fn the_device_serves_one_at_a_time() {
    let bench = Bench::new();
    let first = Connection::open(&bench.address(), &Patience::default(), &mut || {}).unwrap();
    let second = Connection::open_once(&bench.address(), &Patience::default());
    assert!(matches!(second, Err(ClientError::Busy { .. })));
    let mut waiting = bench.command(&["ls"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(waiting.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("busy"), "{said}");
    drop(first);
    assert!(waiting.wait().unwrap().success());
}

#[test]
fn a_replayed_command_is_refused() {
    let bench = Bench::new();
    let connect = || {
        let connection = Connection::open(&bench.address(), &Patience::default(), &mut || {}).unwrap();
        Device::over(connection, &bench.key)
    };
    let mut device = connect();
    let signed = device.sign(&DeviceCommand::List).unwrap();
    let message = cofferdam_management_protocol::HostMessage::Command(&signed);
    device.connection().send(&message).unwrap();
    device.connection().receive().unwrap();
    let refused = |device: &mut Device<'_>| {
        device.connection().send(&message).unwrap();
        let answer = format!("{:?}", device.connection().receive().unwrap());
        assert!(answer.contains(&Refusal::WrongSequence.code().to_string()), "{answer}");
    };
    refused(&mut device);
    drop(device);
    refused(&mut connect());
}

#[test]
fn many_commands_go_over_one_connection() {
    let bench = Bench::new();
    let path = bench.folder.path().join(bench.pack("pilot", "reactor", 1, ""));
    let package = fs::read(Path::new(&path)).unwrap();
    let mut device = Device::connect(&bench.address(), &bench.key, &Patience::default(), &mut || {}).unwrap();
    for _ in 0..5 {
        let mut heard = 0;
        let installed = device.install(&package, true, &mut |bytes| heard = bytes).unwrap();
        assert_eq!((installed.name.as_str(), heard as usize), ("pilot", package.len()));
        // A refusal that counts, and one that does not: the sequence stays in step.
        let refused = device.stop("nobody").unwrap_err();
        assert_eq!(refused.refusal(), Some(Refusal::NoSuchApp));
        device.remove("pilot").unwrap();
    }
    assert_eq!(device.status().unwrap().installs, 5);
}

#[test]
fn a_rollback_without_a_version_before_is_refused() {
    let bench = Bench::new();
    let package = bench.pack("trapped", "reactor", 1, "");
    let _ = bench.run(&["push", &package]);
    bench.refused(&["rollback", "trapped"], Refusal::NoPrevious);
    bench.refused(&["rollback", "nobody"], Refusal::NoSuchApp);
}

#[test]
fn keys_are_listed_changed_and_the_log_tells_of_it() {
    let bench = Bench::new();
    let folder = bench.folder.path();
    let first = bench.json(&["keys", "list"]);
    assert_eq!((&first["version"], &first["from_image"]), (&Value::from(0), &Value::from(true)));
    // The folder of the next list: the device's key, and a supplier's.
    fs::create_dir(folder.join("fleet")).unwrap();
    let anchor = cofferdam_policy::file::development("test", &bench.key.public());
    fs::write(folder.join("fleet/test.toml"), anchor).unwrap();
    bench.done(&["keygen", "supplier"]);
    let supplier =
        fs::read_to_string(folder.join("supplier.toml")).unwrap().replace("root = true", "root = false");
    fs::write(folder.join("fleet/supplier.toml"), supplier).unwrap();
    let output = bench.run(&["keys", "make", "fleet"]);
    assert_eq!(output.status.code(), Some(1), "version 0 follows nothing");
    let unsigned = bench
        .command(&["keys", "make", "fleet", "--version", "3", "-o", "a.keys"])
        .env_remove("COFFERDAM_KEY")
        .output();
    assert!(String::from_utf8(unsigned.unwrap().stdout).unwrap().contains("not signed"));
    bench.refused(&["keys", "push", "a.keys"], Refusal::KeyListQuorum);
    // The supplier's signature does not help: it has no root key.
    bench.done(&["keys", "sign", "a.keys", "--key", "supplier.key"]);
    bench.refused(&["keys", "push", "a.keys"], Refusal::KeyListQuorum);
    bench.refused(&["ls", "--key", "supplier.key"], Refusal::UnknownKey);
    bench.done(&["keys", "sign", "a.keys"]);
    let inspected = bench.json(&["keys", "inspect", "a.keys"]);
    assert_eq!(inspected["signers"].as_array().unwrap().len(), 2);
    assert_eq!(bench.done(&["keys", "push", "a.keys"]), "list 3 is in force\n");
    bench.refused(&["keys", "push", "a.keys"], Refusal::KeyListOlder);
    bench.done(&["ls", "--key", "supplier.key"]);
    let listed = bench.done(&["keys", "list"]);
    assert!(
        listed.starts_with("list 3 in force: 1 of 1 root keys") && listed.contains("supplier"),
        "{listed}"
    );

    bench.done(&["audit", "--out", "a.audit"]);
    let log = bench.json(&["audit", "--verify", "a.audit"]);
    let whats: Vec<&str> =
        log["entries"].as_array().unwrap().iter().map(|e| e["what"].as_str().unwrap()).collect();
    assert!(whats.contains(&"keys") && whats.contains(&"refuse"), "{whats:?}");
    // Later it continues; a changed copy does not verify, and the first broken entry is named.
    bench.refused(&["stop", "nothing"], Refusal::NoSuchApp);
    bench.done(&["audit", "--continues", "a.audit", "--out", "b.audit"]);
    let mut bytes = fs::read(folder.join("b.audit")).unwrap();
    let at = bytes.windows(4).position(|window| window == b"list").unwrap();
    bytes[at] ^= 1;
    fs::write(folder.join("c.audit"), bytes).unwrap();
    let output = bench.run(&["audit", "--verify", "c.audit"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("broken at entry"));
    // The shorter log does not continue the longer one.
    assert_eq!(bench.run(&["audit", "--verify", "a.audit", "--continues", "b.audit"]).status.code(), Some(1));
}
