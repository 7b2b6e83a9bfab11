// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The state machine of restarts, whole: every sequence of what can happen to an app up to a length, each compared with a
//! model that keeps all restarts in a list.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "test code")]

use cofferdam_restart::{AfterLimit, Due, Policy, Probation, Supervision, Verdict};

/// Events in a sequence.
const LENGTH: usize = 6;
const POLICY: Policy =
    Policy { limit: 2, window_us: Some(4), delay_us: 1, delay_max_us: 2, then: AfterLimit::Stop };
const PROBATION_US: u64 = 3;

#[derive(Clone, Copy, Debug)]
enum Event {
    Started,
    Running,
    Stopped,
    Failed,
    /// Power is lost and comes back at time 0.
    Boot,
    /// So much time passes, with a tick at its end.
    Pass(u64),
}
use Event::*;

const EVENTS: [Event; 8] = [Started, Running, Stopped, Failed, Boot, Pass(0), Pass(1), Pass(3)];

#[derive(Clone, Debug)]
struct Model {
    now_us: u64,
    /// Ages of restarts, oldest first.
    ages_us: Vec<u64>,
    restart_in_us: Option<u64>,
    probation_left_us: Option<u64>,
    runs: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Nothing,
    Verdict(Verdict),
    Due(Option<Due>),
}

impl Model {
    fn apply(&mut self, event: Event) -> Outcome {
        match event {
            Started => {
                self.ages_us.clear();
                self.restart_in_us = None;
                Outcome::Nothing
            }
            Running => {
                self.restart_in_us = None;
                self.runs = true;
                Outcome::Nothing
            }
            Stopped => {
                self.restart_in_us = None;
                self.runs = false;
                Outcome::Nothing
            }
            Failed => {
                self.restart_in_us = None;
                self.runs = false;
                if self.probation_left_us.is_some() {
                    return Outcome::Verdict(Verdict::RollBack);
                }
                self.ages_us.retain(|age_us| *age_us < POLICY.window_us.unwrap());
                if self.ages_us.len() >= usize::from(POLICY.limit) {
                    return Outcome::Verdict(Verdict::Stop);
                }
                let delay_us = (POLICY.delay_us << self.ages_us.len()).min(POLICY.delay_max_us);
                self.ages_us.push(0);
                self.restart_in_us = Some(delay_us);
                Outcome::Verdict(Verdict::Restart { at_us: self.now_us + delay_us })
            }
            Boot => {
                self.now_us = 0;
                self.restart_in_us = None;
                self.runs = false;
                Outcome::Nothing
            }
            Pass(time_us) => {
                self.now_us += time_us;
                self.ages_us.iter_mut().for_each(|age_us| *age_us += time_us);
                self.restart_in_us = self.restart_in_us.map(|left_us| left_us.saturating_sub(time_us));
                if self.runs {
                    self.probation_left_us =
                        self.probation_left_us.map(|left_us| left_us.saturating_sub(time_us));
                }
                // One thing at a time.
                if self.restart_in_us == Some(0) {
                    self.restart_in_us = None;
                    return Outcome::Due(Some(Due::Restart));
                }
                if self.runs && self.probation_left_us == Some(0) {
                    self.probation_left_us = None;
                    return Outcome::Due(Some(Due::ProbationPassed));
                }
                Outcome::Due(None)
            }
        }
    }
}

fn apply(app: &mut Supervision, event: Event, before_us: u64, now_us: u64, probation: Probation) -> Outcome {
    match event {
        Started => app.started(now_us),
        Running => app.running(now_us),
        Stopped => app.stopped(now_us),
        Failed => return Outcome::Verdict(app.failed(now_us, &POLICY)),
        Boot => *app = Supervision::restored(0, &app.record(before_us), Some(probation)),
        Pass(_) => return Outcome::Due(app.tick(now_us)),
    }
    Outcome::Nothing
}

fn explore(app: &Supervision, model: &Model, trail: &mut Vec<Event>) -> u64 {
    if trail.len() == LENGTH {
        return 0;
    }
    let probation = Probation { time_us: PROBATION_US, missed_deadlines_max: 0 };
    let mut tried = 0;
    for event in EVENTS {
        trail.push(event);
        let (mut app, mut after) = (app.clone(), model.clone());
        let expected = after.apply(event);
        let outcome = apply(&mut app, event, model.now_us, after.now_us, probation);
        assert_eq!(outcome, expected, "{trail:?}");
        let restart_at_us = after.restart_in_us.map(|left_us| after.now_us + left_us);
        assert_eq!(app.restart_at_us(), restart_at_us, "{trail:?}");
        assert_eq!(app.probation_left_us(after.now_us), after.probation_left_us, "{trail:?}");
        tried += 1 + explore(&app, &after, trail);
        trail.pop();
    }
    tried
}

#[test]
fn every_life_of_an_app_keeps_the_rules() {
    let mut tried = 0;
    for on_probation in [false, true] {
        let probation = Probation { time_us: PROBATION_US, missed_deadlines_max: 0 };
        let app = Supervision::new(0, on_probation.then_some(probation));
        let probation_left_us = on_probation.then_some(PROBATION_US);
        let model =
            Model { now_us: 0, ages_us: Vec::new(), restart_in_us: None, probation_left_us, runs: false };
        tried += explore(&app, &model, &mut Vec::new());
    }
    let expected: u64 = (1..=LENGTH as u32).map(|length| 2 * (EVENTS.len() as u64).pow(length)).sum();
    assert_eq!(tried, expected, "all of them");
    println!("{tried} events tried");
}
