// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

use std::collections::BTreeMap;
use std::vec::Vec;

use cofferdam_timer_protocol::{PERIOD_MIN_US, Request, Status, TIME_MAX_US};
use proptest::prelude::*;

use super::*;

const CLIENTS: usize = 3;

/// A counter that tests set.
#[derive(Debug, Default)]
struct FakeComparator {
    now_ticks: u64,
    at: Option<u64>,
}

impl Comparator for &std::cell::RefCell<FakeComparator> {
    fn now_ticks(&self) -> u64 {
        self.borrow().now_ticks
    }
    fn interrupt_at(&mut self, ticks: u64) {
        self.borrow_mut().at = Some(ticks);
    }
    fn switch_off(&mut self) {
        self.borrow_mut().at = None;
    }
}

/// A driver on a fake comparator, with a clock in microseconds (at 62.5 MHz, as QEMU has).
struct Bench<'a> {
    clock: &'a std::cell::RefCell<FakeComparator>,
    driver: Driver<&'a std::cell::RefCell<FakeComparator>, CLIENTS>,
}

const FREQUENCY: Frequency = Frequency::new(62_500_000).unwrap();

impl<'a> Bench<'a> {
    fn new(clock: &'a std::cell::RefCell<FakeComparator>) -> Self {
        Self { clock, driver: Driver::new(clock, FREQUENCY) }
    }

    fn at(&mut self, now_us: u64) -> &mut Self {
        self.clock.borrow_mut().now_ticks = FREQUENCY.first_tick_at(now_us);
        self
    }

    fn ask(&mut self, client: usize, request: Request) {
        let message = request.encode();
        assert_eq!(self.driver.serve(client, message.label, message.words()).status, Status::Ok);
    }

    /// The clients that an interrupt notifies, if there is one.
    fn fired(&mut self) -> Vec<usize> {
        let interrupts = self.clock.borrow().at.is_some_and(|at| at <= self.clock.borrow().now_ticks);
        if interrupts { self.driver.interrupt().iter().collect() } else { Vec::new() }
    }
}

#[test]
fn releases_do_not_drift_however_late_interrupts_are() {
    let clock = Default::default();
    let mut bench = Bench::new(&clock);
    bench.at(100).ask(1, Request::Periodic { first_us: 1_000, period_us: 1_000 });
    assert_eq!(bench.at(999).fired(), []);
    assert_eq!(bench.at(1_000).fired(), [1]);
    assert_eq!(bench.at(2_900).fired(), [1], "late");
    assert_eq!(bench.at(2_999).fired(), []);
    assert_eq!(bench.at(3_000).fired(), [1], "on time again, 100 µs later");
    assert_eq!(bench.at(10_500).fired(), [1], "seven missed releases are one notification");
    assert_eq!(bench.at(10_999).fired(), []);
    assert_eq!(bench.at(11_000).fired(), [1]);
}

#[test]
fn one_shots_fire_once_and_at_once_if_late() {
    let clock = Default::default();
    let mut bench = Bench::new(&clock);
    bench.at(5_000).ask(0, Request::OneShot { at_us: 4_000 });
    assert_eq!(bench.fired(), [0]);
    assert_eq!(bench.at(60_000).fired(), []);
    assert!(clock.borrow().at.is_none(), "the comparator is off");
}

#[test]
fn asking_for_the_past_in_a_loop_is_slowed_down() {
    let clock = Default::default();
    let mut bench = Bench::new(&clock);
    let mut fired = 0;
    for now_us in 10_000..20_000 {
        bench.at(now_us).ask(0, Request::OneShot { at_us: 0 });
        fired += bench.fired().len();
        bench.ask(0, Request::Cancel);
    }
    assert_eq!(fired as u64, 10_000 / REARM_GAP_US);
}

#[test]
fn clients_do_not_disturb_each_other() {
    let clock = Default::default();
    let mut bench = Bench::new(&clock);
    bench.at(0).ask(0, Request::Periodic { first_us: 1_000, period_us: 1_000 });
    bench.ask(2, Request::OneShot { at_us: 1_000 });
    bench.ask(1, Request::OneShot { at_us: 700 });
    assert_eq!(bench.at(700).fired(), [1]);
    bench.ask(1, Request::OneShot { at_us: 1_900 });
    bench.ask(1, Request::Cancel);
    assert_eq!(bench.at(1_000).fired(), [0, 2]);
    assert_eq!(bench.at(1_999).fired(), []);
    assert_eq!(bench.at(2_000).fired(), [0]);
}

#[test]
fn a_periodic_timer_with_a_past_start_keeps_its_phase() {
    let clock = Default::default();
    let mut bench = Bench::new(&clock);
    bench.at(10_250).ask(0, Request::Periodic { first_us: 500, period_us: 1_000 });
    assert_eq!(bench.fired(), []);
    assert_eq!(bench.at(10_500).fired(), [0]);
    bench.at(12_500).ask(0, Request::Periodic { first_us: 500, period_us: 1_000 });
    assert_eq!(bench.fired(), [0], "a release at this very moment has not passed");
}

#[test]
fn refusals() {
    let clock = Default::default();
    let mut bench = Bench::new(&clock);
    bench.at(77);
    for (client, label, words, status) in [
        (0, 9, [].as_slice(), Status::UnknownRequest),
        (0, 1, &[0, PERIOD_MIN_US - 1], Status::BadPeriod),
        (CLIENTS, 3, &[], Status::NotAClient),
        (CLIENTS, 2, &[0], Status::NotAClient),
        (usize::MAX, 4, &[], Status::NotAClient),
    ] {
        let reply = bench.driver.serve(client, label, words);
        assert_eq!((reply.status, reply.now_us), (status, 77));
        assert!(clock.borrow().at.is_none());
    }
}

#[test]
fn the_ends_of_time_are_safe() {
    let mut deadlines = Deadlines::<1>::new();
    assert!(deadlines.periodic(0, u64::MAX, u64::MAX, u64::MAX));
    assert!(deadlines.expire(u64::MAX).contains(0));
    assert_eq!(deadlines.next_us(), None, "there is no release after the end of time");
    let mut deadlines = Deadlines::<1>::new();
    assert!(deadlines.periodic(0, 0, 0, 0));
    assert!(deadlines.expire(0).contains(0));
    assert_eq!(deadlines.next_us(), Some(1));
    assert_eq!(FREQUENCY.us_at(u64::MAX), 295_147_905_179_352_825);
    assert_eq!(FREQUENCY.first_tick_at(u64::MAX), u64::MAX);
}

/// The same rules written the slow way: one step for each microsecond and release.
#[derive(Default)]
struct Model {
    timers: BTreeMap<usize, (u64, Option<u64>)>,
    not_before_us: BTreeMap<usize, u64>,
    last_us: BTreeMap<usize, u64>,
}

impl Model {
    fn set(&mut self, client: usize, at_us: u64, period_us: Option<u64>) {
        self.timers.insert(client, (at_us, period_us));
        self.not_before_us
            .insert(client, self.last_us.get(&client).map_or(0, |last_us| last_us + REARM_GAP_US));
    }

    fn expire(&mut self, now_us: u64) -> Vec<usize> {
        let mut fired = Vec::new();
        for client in 0..CLIENTS {
            let Some((at_us, period_us)) = self.timers.get(&client).copied() else { continue };
            if at_us > now_us || self.not_before_us[&client] > now_us {
                continue;
            }
            fired.push(client);
            self.last_us.insert(client, now_us);
            self.not_before_us.insert(client, 0);
            match period_us {
                None => _ = self.timers.remove(&client),
                Some(period_us) => {
                    let mut next_us = at_us;
                    while next_us <= now_us {
                        next_us += period_us;
                    }
                    self.timers.insert(client, (next_us, Some(period_us)));
                }
            }
        }
        fired
    }
}

#[derive(Clone, Debug)]
enum Step {
    Ask(usize, Request),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let request = prop_oneof![
        (0u64..20_000, 500u64..3_000)
            .prop_map(|(first_us, period_us)| Request::Periodic { first_us, period_us }),
        (0u64..20_000).prop_map(|at_us| Request::OneShot { at_us }),
        Just(Request::Cancel),
        Just(Request::Now),
    ];
    let step = prop_oneof![
        1 => (0..CLIENTS, request).prop_map(|(client, request)| Step::Ask(client, request)),
        2 => (0u64..1_500).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #[test]
    fn driver_against_model(steps in steps()) {
        let clock = Default::default();
        let mut bench = Bench::new(&clock);
        let mut model = Model::default();
        let mut now_us = 0;
        for step in steps {
            match step {
                Step::Ask(client, request) => {
                    bench.at(now_us).ask(client, request);
                    match request {
                        Request::OneShot { at_us } => model.set(client, at_us, None),
                        Request::Periodic { first_us, period_us } => {
                            let mut at_us = first_us;
                            while at_us < now_us {
                                at_us += period_us;
                            }
                            model.set(client, at_us, Some(period_us));
                        }
                        Request::Cancel => _ = model.timers.remove(&client),
                        Request::Now => {}
                    }
                }
                Step::Wait(wait_us) => now_us += wait_us,
            }
            prop_assert_eq!(bench.at(now_us).fired(), model.expire(now_us), "at {}", now_us);
        }
    }

    /// The comparator never interrupts before the time has come, and not a tick after it.
    #[test]
    fn ticks_and_microseconds_agree(us in 0..TIME_MAX_US, hertz in 1_000_000u64..2_000_000_000) {
        let frequency = Frequency::new(hertz).unwrap();
        let tick = frequency.first_tick_at(us);
        prop_assert!(frequency.us_at(tick) >= us);
        prop_assert!(tick == 0 || frequency.us_at(tick - 1) < us);
    }
}
