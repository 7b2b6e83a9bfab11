// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The state machine by example and by properties.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate std;

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const POLICY: Policy =
    Policy { limit: 3, window_us: Some(1000), delay_us: 10, delay_max_us: 25, then: AfterLimit::RollBack };
const PROBATION: Probation = Probation { time_us: 500, missed_deadlines_max: 2 };

#[test]
fn delays_double_up_to_their_maximum_and_the_limit_rolls_back() {
    let mut app = Supervision::new(0, None);
    assert_eq!(app.failed(100, &POLICY), Verdict::Restart { at_us: 110 });
    assert_eq!(app.deadline_us(), Some(110));
    assert_eq!(app.tick(109), None);
    assert_eq!(app.tick(110), Some(Due::Restart));
    assert_eq!(app.tick(110), None, "due once");
    assert_eq!(app.failed(200, &POLICY), Verdict::Restart { at_us: 220 });
    assert_eq!(app.failed(300, &POLICY), Verdict::Restart { at_us: 325 });
    assert_eq!(app.failed(400, &POLICY), Verdict::RollBack);
    assert_eq!(app.restarts(), 3);
    assert_eq!(app.deadline_us(), None);
    let stops = Policy { then: AfterLimit::Stop, ..POLICY };
    assert_eq!(app.failed(401, &stops), Verdict::Stop);
    // The first has left the window.
    assert_eq!(app.failed(1100, &POLICY), Verdict::Restart { at_us: 1125 });
    assert_eq!(app.restarts(), 4);
    app.started(1101);
    assert_eq!((app.restarts(), app.deadline_us()), (0, None));
    assert_eq!(app.failed(1102, &POLICY), Verdict::Restart { at_us: 1112 });
}

#[test]
fn without_a_window_restarts_never_run_out_of_it() {
    let policy = Policy { window_us: None, delay_us: 0, delay_max_us: 0, ..POLICY };
    let mut app = Supervision::new(0, None);
    for number in 0..3 {
        let at_us = number << 60;
        assert_eq!(app.failed(at_us, &policy), Verdict::Restart { at_us });
    }
    assert_eq!(app.failed(u64::MAX, &policy), Verdict::RollBack);
}

#[test]
fn no_restarts_is_a_limit_too() {
    let policy = Policy { limit: 0, then: AfterLimit::Stop, ..POLICY };
    assert_eq!(Supervision::new(0, None).failed(5, &policy), Verdict::Stop);
}

#[test]
fn probation_counts_the_time_that_the_app_runs() {
    let mut app = Supervision::new(0, Some(PROBATION));
    assert_eq!((app.probation_left_us(900), app.deadline_us()), (Some(500), None), "it does not run yet");
    app.running(1000);
    assert_eq!(app.deadline_us(), Some(1500));
    app.stopped(1100);
    assert_eq!((app.probation_left_us(5000), app.deadline_us()), (Some(400), None));
    assert_eq!(app.tick(5000), None);
    app.started(5000);
    app.running(5000);
    assert_eq!(app.tick(5399), None);
    assert_eq!(app.tick(5400), Some(Due::ProbationPassed));
    assert!(!app.is_on_probation());
    assert_eq!(app.failed(5500, &POLICY), Verdict::Restart { at_us: 5510 }, "the policy rules again");
}

#[test]
fn on_probation_the_first_failure_rolls_back() {
    let mut app = Supervision::new(0, Some(PROBATION));
    app.running(0);
    assert!(!app.is_too_late(2) && app.is_too_late(3));
    assert_eq!(app.failed(1, &POLICY), Verdict::RollBack);
    app.end_probation();
    assert!(!app.is_too_late(u64::MAX));
}

#[test]
fn the_clock_stands_still_without_power() {
    let mut app = Supervision::new(0, None);
    app.failed(1_000_000, &POLICY);
    app.failed(1_000_600, &POLICY);
    // Saved 800 µs behind the first; then nobody knows for how long there was no power.
    let record = app.record(1_000_800);
    assert_eq!((record.count, record.ages_us[0], record.ages_us[1]), (2, 800, 200));
    let mut app = Supervision::restored(7, &record, None);
    assert_eq!((app.record(7), app.restarts()), (record, 2));
    assert_eq!(app.failed(107, &POLICY), Verdict::Restart { at_us: 132 }, "the third in its window");
    assert_eq!(app.failed(108, &POLICY), Verdict::RollBack, "no loss of power resets the limit");
    assert!(matches!(app.failed(207, &POLICY), Verdict::Restart { .. }), "200 µs later the first is out");
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Started,
    Running,
    Stopped,
    Failed,
    Tick,
    Reboot,
}

fn events() -> impl Strategy<Value = Vec<(Event, u64)>> {
    let event = prop_oneof![
        1 => Just(Event::Started),
        1 => Just(Event::Running),
        1 => Just(Event::Stopped),
        4 => Just(Event::Failed),
        1 => Just(Event::Tick),
        1 => Just(Event::Reboot),
    ];
    let step = prop_oneof![8 => 0..400u64, 1 => 0..u64::MAX >> 8];
    proptest::collection::vec((event, step), 0..60)
}

fn policies() -> impl Strategy<Value = Policy> {
    (0..20u8, proptest::option::of(1..2000u64), any::<u64>(), any::<u64>(), any::<bool>()).prop_map(
        |(limit, window_us, delay_us, delay_max_us, roll_back)| Policy {
            limit,
            window_us,
            delay_us: delay_us >> 40,
            delay_max_us: delay_max_us >> 38,
            then: if roll_back { AfterLimit::RollBack } else { AfterLimit::Stop },
        },
    )
}

proptest! {
    /// Whatever happens, and however often the power goes: no window has more restarts than the limit, on a clock that
    /// stands still without power; delays are within their bounds.
    #[test]
    fn no_window_has_more_restarts_than_the_limit(policy in policies(), events in events()) {
        let mut app = Supervision::new(0, None);
        let (mut now_us, mut boot_us) = (0u64, 0u64);
        let mut seen: Vec<u64> = vec![];
        for (event, step_us) in events {
            now_us = now_us.saturating_add(step_us);
            let clock_us = boot_us.saturating_add(now_us);
            match event {
                Event::Started => { app.started(now_us); seen.clear(); }
                Event::Running => app.running(now_us),
                Event::Stopped => app.stopped(now_us),
                Event::Tick => {
                    let due = app.deadline_us().is_some_and(|at_us| at_us <= now_us);
                    prop_assert_eq!(app.tick(now_us).is_some(), due);
                }
                Event::Reboot => {
                    app = Supervision::restored(0, &app.record(now_us), None);
                    boot_us = clock_us;
                    now_us = 0;
                }
                Event::Failed => {
                    let window = policy.window_us.unwrap_or(u64::MAX);
                    let inside = seen.iter().filter(|at| policy.window_us.is_none() || clock_us - **at < window).count();
                    let limit = usize::from(policy.limit).min(RESTARTS_MAX);
                    match app.failed(now_us, &policy) {
                        Verdict::Restart { at_us } => {
                            prop_assert!(inside < limit);
                            let delay = at_us - now_us;
                            prop_assert!(delay <= policy.delay_max_us);
                            prop_assert!(delay >= policy.delay_us.min(policy.delay_max_us).min(u64::MAX - now_us));
                            prop_assert_eq!(app.restart_at_us(), Some(at_us));
                            seen.push(clock_us);
                        }
                        verdict => {
                            prop_assert!(inside >= limit);
                            let expected = if policy.then == AfterLimit::Stop { Verdict::Stop } else { Verdict::RollBack };
                            prop_assert_eq!(verdict, expected);
                            prop_assert_eq!(app.restart_at_us(), None);
                        }
                    }
                }
            }
            prop_assert!(usize::from(app.record(now_us).count) <= RESTARTS_MAX);
        }
    }

    /// Probation passes after exactly its time of running, over stops and losses of power, and never else.
    #[test]
    fn probation_takes_its_time(events in events(), time_us in 1..2000u64) {
        let rules = Probation { time_us, missed_deadlines_max: 0 };
        let mut app = Supervision::new(0, Some(rules));
        let (mut now_us, mut since_us, mut ran_us) = (0u64, None, 0u64);
        for (event, step_us) in events {
            now_us += step_us % 400;
            match event {
                Event::Failed => prop_assert_eq!(app.clone().failed(now_us, &POLICY), Verdict::RollBack),
                Event::Started => app.started(now_us),
                Event::Running => { app.running(now_us); since_us.get_or_insert(now_us); }
                Event::Stopped => {
                    app.stopped(now_us);
                    ran_us += since_us.take().map_or(0, |since: u64| now_us - since);
                }
                Event::Reboot => {
                    ran_us += since_us.take().map_or(0, |since: u64| now_us - since);
                    app = Supervision::restored(0, &app.record(now_us), Some(rules));
                    now_us = 0;
                }
                Event::Tick => {
                    let ran_us = ran_us + since_us.map_or(0, |since: u64| now_us - since);
                    let passed = app.tick(now_us) == Some(Due::ProbationPassed);
                    prop_assert_eq!(passed, since_us.is_some() && ran_us >= time_us);
                    if passed { return Ok(()); }
                }
            }
            let all_us = ran_us + since_us.map_or(0, |since: u64| now_us - since);
            prop_assert_eq!(app.probation_left_us(now_us), Some(time_us.saturating_sub(all_us)));
        }
    }

    /// Records of nonsense do no harm.
    #[test]
    fn any_record_can_be_restored(
        ages in proptest::array::uniform16(any::<u64>()), count in any::<u8>(), left in proptest::option::of(any::<u64>()),
        restarts in any::<u32>(), now_us in any::<u64>(), policy in policies(),
    ) {
        let record = Record { restarts, ages_us: ages, count, probation_left_us: left };
        let mut app = Supervision::restored(now_us, &record, Some(PROBATION));
        prop_assert!(app.probation_left_us(now_us).unwrap_or(0) <= PROBATION.time_us);
        app.running(now_us);
        app.failed(now_us, &policy);
        app.end_probation();
        app.failed(0, &policy);
        app.tick(u64::MAX);
    }
}
