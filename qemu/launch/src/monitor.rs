// SPDX-License-Identifier: Apache-2.0 OR MIT
//! QEMU's machine protocol (QMP): one JSON object a line, over its standard input and output.
//!
//! Used for few things only: asking which loopback port was handed out, holding the machine, pulling its network
//! plug, and asking QEMU to end.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// QEMU answers within milliseconds; on a loaded machine its start takes longer.
const ANSWER_TIME: Duration = Duration::from_secs(20);

/// What can go wrong between us and QEMU's monitor.
#[derive(Debug)]
pub enum MonitorError {
    /// QEMU closed the connection, most often because it refused its arguments.
    Closed,
    /// No answer in time.
    Silent,
    /// QEMU answered with an error.
    Refused(String),
    /// An answer that has not the expected form.
    Unexpected(String),
}

impl fmt::Display for MonitorError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => write!(formatter, "QEMU closed its monitor"),
            Self::Silent => write!(formatter, "QEMU's monitor does not answer"),
            Self::Refused(text) => write!(formatter, "QEMU refused a monitor command: {text}"),
            Self::Unexpected(text) => write!(formatter, "QEMU's monitor gave an unexpected answer: {text}"),
        }
    }
}

impl std::error::Error for MonitorError {}

/// The monitor of one running QEMU.
pub(crate) struct Monitor<W> {
    to_qemu: W,
    from_qemu: Receiver<Value>,
}

impl<W: Write> Monitor<W> {
    /// Takes the greeting and opens command mode.
    pub(crate) fn open(to_qemu: W, from_qemu: impl Read + Send + 'static) -> Result<Self, MonitorError> {
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new()
            .name("monitor".into())
            .spawn(move || {
                for line in BufReader::new(from_qemu).lines().map_while(Result::ok) {
                    if let Ok(value) = serde_json::from_str(&line)
                        && sender.send(value).is_err()
                    {
                        break;
                    }
                }
            })
            .map_err(|error| MonitorError::Unexpected(error.to_string()))?;
        let mut monitor = Self { to_qemu, from_qemu: receiver };
        monitor.receive(|value| value.get("QMP").is_some())?;
        monitor.execute(&json!({ "execute": "qmp_capabilities" }))?;
        Ok(monitor)
    }

    /// The loopback port that leads to the guest's management port.
    pub(crate) fn forwarded_port(&mut self, guest_port: u16) -> Result<u16, MonitorError> {
        let answer = self.execute(&json!({
            "execute": "human-monitor-command",
            "arguments": { "command-line": "info usernet" },
        }))?;
        let table = answer.as_str().unwrap_or_default();
        forwarded_port(table, guest_port).ok_or_else(|| MonitorError::Unexpected(table.to_owned()))
    }

    /// The loopback port on which the character device `name` listens.
    pub(crate) fn listening_port(&mut self, name: &str) -> Result<u16, MonitorError> {
        let answer = self.execute(&json!({ "execute": "query-chardev" }))?;
        listening_port(&answer, name).ok_or_else(|| MonitorError::Unexpected(answer.to_string()))
    }

    /// Holds the machine, with its clock.
    pub(crate) fn hold(&mut self) -> Result<(), MonitorError> {
        self.execute(&json!({ "execute": "stop" })).map(drop)
    }

    /// Lets a held machine go on.
    pub(crate) fn go_on(&mut self) -> Result<(), MonitorError> {
        self.execute(&json!({ "execute": "cont" })).map(drop)
    }

    /// Whether the cable of network `name` is plugged in.
    pub(crate) fn plug(&mut self, name: &str, in_place: bool) -> Result<(), MonitorError> {
        let arguments = json!({ "name": name, "up": in_place });
        self.execute(&json!({ "execute": "set_link", "arguments": arguments })).map(drop)
    }

    /// Asks QEMU to end, without waiting for it.
    pub(crate) fn quit(&mut self) {
        // Whoever stops a machine kills it in any case; this only lets QEMU close its files first.
        let _ =
            writeln!(self.to_qemu, "{}", json!({ "execute": "quit" })).and_then(|()| self.to_qemu.flush());
    }

    fn execute(&mut self, command: &Value) -> Result<Value, MonitorError> {
        writeln!(self.to_qemu, "{command}")
            .and_then(|()| self.to_qemu.flush())
            .map_err(|_| MonitorError::Closed)?;
        let answer = self.receive(|value| value.get("return").is_some() || value.get("error").is_some())?;
        match answer.get("return") {
            Some(value) => Ok(value.clone()),
            None => Err(MonitorError::Refused(answer.to_string())),
        }
    }

    /// The next message that is `wanted`; events in between are passed over.
    fn receive(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Value, MonitorError> {
        let deadline = Instant::now() + ANSWER_TIME;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.from_qemu.recv_timeout(left) {
                Ok(value) if wanted(&value) => return Ok(value),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Err(MonitorError::Silent),
                Err(RecvTimeoutError::Disconnected) => return Err(MonitorError::Closed),
            }
        }
    }
}

/// Reads `info usernet`: `TCP[HOST_FORWARD]  FD  127.0.0.1 PORT  10.0.2.15 7700  0 0`.
fn forwarded_port(table: &str, guest_port: u16) -> Option<u16> {
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [state, _descriptor, _source, source_port, _destination, destination_port, ..] = fields[..]
        else {
            return None;
        };
        let ours = state == "TCP[HOST_FORWARD]" && destination_port.parse() == Ok(guest_port);
        source_port.parse().ok().filter(|port| ours && *port != 0)
    })
}

/// Reads `query-chardev`: `{"label": …, "filename": "disconnected:tcp:127.0.0.1:PORT,server=on"}`.
fn listening_port(devices: &Value, name: &str) -> Option<u16> {
    let device = devices.as_array()?.iter().find(|device| device["label"] == name)?;
    let (_, address) = device["filename"].as_str()?.split_once("127.0.0.1:")?;
    let digits = address.split(|character: char| !character.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "Hub -1 (network):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  \
                         Port RecvQ SendQ\r\n  TCP[HOST_FORWARD]   9       127.0.0.1 42949       10.0.2.15  \
                         7700     0     0\r\n";

    #[test]
    fn the_port_is_found_in_the_table() {
        assert_eq!(forwarded_port(TABLE, 7700), Some(42949));
        assert_eq!(forwarded_port(TABLE, 7701), None);
        assert_eq!(forwarded_port("", 7700), None);
    }

    #[test]
    fn the_port_of_a_listening_device_is_found() {
        let devices = json!([
            { "label": "console", "filename": "file" },
            { "label": "plant", "filename": "disconnected:tcp:127.0.0.1:40123,server=on" },
        ]);
        assert_eq!(listening_port(&devices, "plant"), Some(40123));
        assert_eq!(listening_port(&devices, "console"), None);
        assert_eq!(listening_port(&devices, "other"), None);
    }

    #[test]
    fn greeting_and_events_are_passed_over() {
        let script = "{\"QMP\":{}}\n{\"return\":{}}\n{\"event\":\"RESUME\"}\nnoise\n{\"return\":\"x\"}\n";
        let mut sent = Vec::new();
        let mut monitor = Monitor::open(&mut sent, script.as_bytes()).unwrap();
        assert!(matches!(monitor.forwarded_port(7700), Err(MonitorError::Unexpected(text)) if text == "x"));
        assert_eq!(String::from_utf8(sent).unwrap().lines().count(), 2);
    }

    #[test]
    fn a_closed_monitor_is_an_error() {
        assert!(matches!(Monitor::open(Vec::new(), &b""[..]), Err(MonitorError::Closed)));
    }

    #[test]
    fn a_refusal_is_an_error() {
        let script = "{\"QMP\":{}}\n{\"error\":{\"desc\":\"no\"}}\n";
        assert!(matches!(Monitor::open(Vec::new(), script.as_bytes()), Err(MonitorError::Refused(_))));
    }
}
