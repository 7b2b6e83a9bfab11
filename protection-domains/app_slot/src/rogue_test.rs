// SPDX-License-Identifier: Apache-2.0 OR MIT
//! For tests alone (feature `rogue-test`, image `rogue`): a slot whose own code calls the servers past the interpreter, as if
//! an app had broken out of it.
//!
//! An app asks for it by logging `rogue without` or `rogue with` again and again: whether its manifest permits what
//! `qemu/e2e/src/suites/rogue.rs` says. Each line is one batch, so that a slow machine is told from one that stands still.
//! What must not be answered is counted as a breach; the last line that it says sums up.

use cofferdam_device_protocol::{ACTUATORS, Status, actuator, sensor, topic};
use cofferdam_timer_protocol::pd::Timer;
use sel4_microkit::{Channel, MESSAGE_WORDS_MAX, MessageInfo, now_us};

use crate::devices::Devices;

/// What the manifest permits in `rogue with`: this sensor, this output up to this value, publishing the topic at the first
/// place, receiving that at the second.
const SENSOR: usize = 0;
const OUTPUT: usize = 0;
const VALUE_MAX: f64 = 0.25;

/// How many words a message has.
const COUNTS: [usize; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 18, 19, 20, 64, MESSAGE_WORDS_MAX];
/// Beside these, every label up to 40.
const LABELS: [u64; 8] = [63, 64, 127, 255, 256, 0x3fff, 0xffff, 0xf_ffff];
const SMALL_LABELS: u64 = 41;
/// Labels in one batch.
const BATCH: u64 = 4;
/// Batches that try how often something is answered; two seconds of them and more.
const RATE_BATCHES: u64 = 50;
const TRIES: usize = 60;
/// As in the app's manifest.
const PERIOD_US: u64 = 50_000;

/// The servers.
#[derive(Clone, Copy, PartialEq)]
enum Server {
    Sensors,
    Actuators,
    Topics,
    Timer,
}

/// How often something was answered within one second of the clock.
#[derive(Clone, Copy, Default)]
struct Meter {
    second: u64,
    count: u32,
    most: u32,
}

impl Meter {
    /// Something was answered between these times. In which second it was is not known if one began meanwhile.
    fn count(&mut self, before_us: u64, after_us: u64) {
        let second = after_us / 1_000_000;
        if self.second != second {
            (self.second, self.count) = (second, 0);
        }
        if before_us / 1_000_000 == second {
            self.count += 1;
            self.most = self.most.max(self.count);
        }
    }
}

/// How far the campaign is.
pub struct Rogue {
    timer: Timer,
    manager: Channel,
    batch: u64,
    noise: u64,
    calls: u64,
    answered: u64,
    breaches: u64,
    /// Reads, writes, publications, receptions.
    meters: [Meter; 4],
}

impl Rogue {
    /// Nothing has been tried yet. `manager` is wasm_manager's channel.
    pub fn new(timer: Timer, manager: Channel) -> Self {
        Self {
            timer,
            manager,
            batch: 0,
            noise: 0,
            calls: 0,
            answered: 0,
            breaches: 0,
            meters: [Meter::default(); 4],
        }
    }

    /// The next batch, if `line` asks for one.
    pub fn obey(&mut self, line: &str, devices: &Devices) {
        let permitted = match line {
            "rogue with" => true,
            "rogue without" => false,
            _ => return,
        };
        let labels = SMALL_LABELS + LABELS.len() as u64;
        let label_batches = labels.div_ceil(BATCH);
        match self.batch {
            0 => self.orders(devices, permitted),
            batch if batch <= label_batches => {
                for number in (batch - 1) * BATCH..(batch * BATCH).min(labels) {
                    let label = match number.checked_sub(SMALL_LABELS) {
                        None => number,
                        Some(big) => LABELS.get(big as usize).copied().unwrap_or(0),
                    };
                    for server in [Server::Sensors, Server::Actuators, Server::Topics, Server::Timer] {
                        self.label(devices, permitted, server, label);
                    }
                }
            }
            batch if batch <= label_batches + RATE_BATCHES => self.rates(devices, permitted),
            batch if batch == label_batches + RATE_BATCHES + 1 => {
                let [reads, writes, publishes, receives] = self.meters.map(|meter| meter.most);
                log::info!(
                    "rogue over: {} calls, {} answered, {} breaches; in a second at most {reads} reads, \
                     {writes} writes, {publishes} publishes, {receives} receives",
                    self.calls,
                    self.answered,
                    self.breaches
                );
            }
            _ => return,
        }
        self.batch += 1;
        if self.batch.is_multiple_of(10) {
            log::info!("rogue: batch {}, {} calls", self.batch, self.calls);
        }
        // Whatever became of this slot's timer.
        if self.timer.periodic(now_us().next_multiple_of(PERIOD_US), PERIOD_US).is_err() {
            log::error!("rogue: no timer");
        }
    }

    /// Orders that only wasm_manager may give, to and for every slot.
    fn orders(&mut self, devices: &Devices, permitted: bool) {
        for client in 0..4u64 {
            for place in 0..5u64 {
                let (low, high) = (0f64.to_bits(), 1f64.to_bits());
                let name = u64::from_le_bytes(*b"pose\0\0\0\0");
                for server in [Server::Sensors, Server::Actuators, Server::Topics] {
                    self.call(devices, permitted, server, 33, &[client, place, 1000]);
                    self.call(devices, permitted, server, 33, &[client, place, low, high, 1000]);
                    self.call(devices, permitted, server, 33, &[client, place, name, 0, 0, 0, 9, 9]);
                    self.call(devices, permitted, server, 32, &[client]);
                }
            }
        }
        for _ in 0..1000 {
            self.manager.notify();
        }
    }

    /// One label with many words.
    fn label(&mut self, devices: &Devices, permitted: bool, server: Server, label: u64) {
        for count in COUNTS {
            for pattern in 0..3 {
                let mut words = [0; MESSAGE_WORDS_MAX];
                for (place, word) in words.iter_mut().take(count).enumerate() {
                    *word = match pattern {
                        // A device that there is, or that this app may touch, and something behind it.
                        0 if place == 0 => self.noise() % 10,
                        2 => self.noise(),
                        _ => self.interesting(),
                    };
                }
                self.call(devices, permitted, server, label, words.get(..count).unwrap_or(&words));
            }
        }
    }

    /// What may be done, oftener than it may be done.
    fn rates(&mut self, devices: &Devices, permitted: bool) {
        let output = OUTPUT as u64;
        self.call(devices, permitted, Server::Actuators, 1, &[output, 1_000_000]);
        for _ in 0..TRIES {
            let value = f64::from((self.noise() % 26) as u32) / 100.0;
            for (meter, server, label, words) in [
                (0, Server::Sensors, 1, [SENSOR as u64, 0].get(..1)),
                (1, Server::Actuators, 2, [output, value.to_bits()].get(..)),
                (2, Server::Topics, 1, [0, 0].get(..)),
                (3, Server::Topics, 2, [1, 0].get(..1)),
            ] {
                let before_us = now_us();
                let answered = self.call(devices, permitted, server, label, words.unwrap_or(&[]));
                if let Some(meter) = self.meters.get_mut(meter).filter(|_| answered) {
                    meter.count(before_us, now_us());
                }
            }
        }
        self.call(devices, permitted, Server::Actuators, 5, &[output]);
    }

    /// Whether it was answered.
    fn call(
        &mut self,
        devices: &Devices,
        permitted: bool,
        server: Server,
        label: u64,
        words: &[u64],
    ) -> bool {
        self.calls += 1;
        let channel = match server {
            Server::Sensors => devices.sensors.channel(),
            Server::Actuators => devices.actuators.channel(),
            Server::Topics => devices.topics.channel(),
            Server::Timer => self.timer.channel(),
        };
        let reply = channel.pp_call(MessageInfo::with_words(label, words));
        let answered = reply.label() == Status::Ok as u64;
        if server == Server::Timer || !answered {
            return false;
        }
        self.answered += 1;
        let output = if server == Server::Actuators && label == 5 {
            actuator::Output::decode(reply.label(), reply.words(&mut [0; 8])).ok()
        } else {
            None
        };
        let safe = ACTUATORS.get(OUTPUT).map_or(0.0, |actuator| actuator.safe);
        let moved =
            output.is_some_and(|output| output.value != safe && !(0.0..=VALUE_MAX).contains(&output.value));
        if moved || !may_be_answered(permitted, server, label, words) {
            self.breaches += 1;
            let words = words.get(..4).unwrap_or(words);
            log::error!("rogue breach: server {} label {label} words {words:x?} {output:?}", server as u8);
        }
        true
    }

    fn interesting(&mut self) -> u64 {
        const WORDS: [u64; 16] = [
            0,
            1,
            2,
            3,
            4,
            5,
            8,
            1000,
            20_000,
            1 << 32,
            u64::MAX,
            0x3fb9_9999_9999_999a, // 0.1
            0x3fe0_0000_0000_0000, // 0.5
            0x3ff0_0000_0000_0000, // 1.0
            0x7ff8_0000_0000_0000, // not a number
            0x0000_0000_6573_6f70, // "pose"
        ];
        let index = self.noise() as usize % WORDS.len();
        WORDS.get(index).copied().unwrap_or(0)
    }

    /// SplitMix64, the same at every start.
    fn noise(&mut self) -> u64 {
        self.noise = self.noise.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.noise ^ (self.noise >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// The rules anew, from the manifest: what a server may answer. To give back one's leases is always allowed.
fn may_be_answered(permitted: bool, server: Server, label: u64, words: &[u64]) -> bool {
    match server {
        Server::Sensors => {
            let decoded = sensor::Request::decode(label, words);
            permitted
                && matches!(
                    decoded,
                    Ok(sensor::Request::Read { id: SENSOR } | sensor::Request::Info { id: SENSOR })
                )
        }
        Server::Actuators => match actuator::Request::decode(label, words) {
            Ok(actuator::Request::ReleaseAll) => true,
            Ok(actuator::Request::Write { id: OUTPUT, value }) => {
                permitted && (0.0..=VALUE_MAX).contains(&value)
            }
            Ok(
                actuator::Request::LeaseAcquire { id: OUTPUT, .. }
                | actuator::Request::LeaseRelease { id: OUTPUT }
                | actuator::Request::Read { id: OUTPUT },
            ) => permitted,
            _ => false,
        },
        Server::Topics => {
            let decoded = topic::Request::decode(label, words);
            permitted
                && matches!(
                    decoded,
                    Ok(topic::Request::Publish { place: 0, .. } | topic::Request::Receive { place: 1 })
                )
        }
        Server::Timer => true,
    }
}
