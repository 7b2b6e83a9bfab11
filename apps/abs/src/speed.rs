// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How fast the car is: wheels tell it while nobody brakes, deceleration while wheels slip, and on a slippery road, where that
//! takes long, a wheel that is let go of for a moment.

/// Wheels that were braked, or were never seen, find their speed within so long; what they show before is not learnt from, s.
const ROLLS_FREE_S: f64 = 0.3;
/// Time constant within which the accelerometer's constant error is learnt while nobody brakes, s; sooner at first, when nothing
/// is known yet: on ice a tenth of a m/s² too much is an eighth of what the tyres hold.
const LEARNING_S: f64 = 1.5;
/// The car is taken to be slowed down by so much less than is felt, m/s²: what is not known of the accelerometer must not make
/// the car look slower than it is, or wheels that lock look well.
const DOUBT: f64 = 0.05;
/// How fast the estimated speed follows wheels that hardly slip, 1/s.
const FOLLOWING: f64 = 4.0;
const FOLLOWING_BELOW: f64 = 0.05;

/// When the first wheel is let go of after braking has begun, s; how long it rests between two, s.
const FIRST_AFTER_S: f64 = 1.0;
const EVERY_S: f64 = 3.0;
/// Not below this speed, m/s: the car stands soon.
const NOT_BELOW: f64 = 3.0;
/// A free wheel has found the road's speed when for so long, s, it became neither faster by the one nor slower by the other, m/s:
/// the car slows down meanwhile. It is given up after so long, s.
const SETTLED_FOR_S: f64 = 0.06;
const NO_FASTER: f64 = 0.05;
const NO_SLOWER: f64 = 0.15;
const GIVEN_UP_AFTER_S: f64 = 0.8;
/// A free wheel may say that the car is slower than was thought by this part at most: it may hang.
const SLOWER_BY_MAX: f64 = 0.2;
/// How much of what was wrong since the wheel before is taken for an error of the accelerometer.
const BLAMED: f64 = 0.5;
/// Wheels that are let go of in turn: rear ones, which brake least and do not steer.
const FREED: [usize; 2] = [2, 3];

/// What is not braked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// A wheel that was let go of to be asked.
    One(usize),
    /// No wheel is braked, since all seem to slip too much.
    All,
}

/// Wheels that turn freely.
#[derive(Clone, Copy, Debug)]
struct Free {
    which: Which,
    for_s: f64,
    turns: f64,
    settled_s: f64,
}

/// How wheels are braked.
#[derive(Clone, Copy, Debug)]
pub struct Braking {
    /// It takes long.
    pub slippery: bool,
    /// Every wheel is released.
    pub released: bool,
}

/// The estimate.
#[derive(Clone, Debug, Default)]
pub struct CarSpeed {
    speed: f64,
    accel_bias: f64,
    /// How long nobody has braked, s, and the readings that taught it.
    rolled_s: f64,
    learnt: f64,
    free: Option<Free>,
    /// How often one was freed, and how long ago it found the speed, s.
    freed: usize,
    since_s: f64,
}

impl CarSpeed {
    /// m/s.
    pub const fn get(&self) -> f64 {
        self.speed
    }

    /// What slows the car down, m/s², of what is felt along it.
    pub fn deceleration(&self, accel: f64) -> f64 {
        self.accel_bias - accel
    }

    /// The wheel that must not be braked now.
    pub fn free_wheel(&self) -> Option<usize> {
        self.free.and_then(|free| match free.which {
            Which::One(wheel) => Some(wheel),
            Which::All => None,
        })
    }

    /// `step_s` passed in which nobody braked: wheels roll.
    pub fn roll(&mut self, wheels: &[f64; 4], accel: f64, step_s: f64) {
        let mean = wheels.iter().sum::<f64>() / 4.0;
        self.rolled_s += step_s;
        if self.rolled_s > ROLLS_FREE_S {
            let gained = (mean - self.speed) / step_s;
            self.learnt += 1.0;
            let weight = (step_s / LEARNING_S).max(1.0 / self.learnt);
            self.accel_bias += (accel - gained - self.accel_bias) * weight;
        }
        (self.speed, self.free, self.freed, self.since_s) = (mean, None, 0, 0.0);
    }

    /// `step_s` passed in which the driver braked. Wheels are never faster than the car then; how much slower they are is the
    /// question.
    pub fn brake(&mut self, wheels: &[f64; 4], accel: f64, braking: Braking, step_s: f64) {
        self.rolled_s = 0.0;
        self.since_s += step_s;
        let slower = (self.deceleration(accel) - DOUBT).max(0.0);
        self.speed = (self.speed - slower * step_s).max(0.0);
        let fastest = wheels.iter().fold(0.0f64, |most, wheel| most.max(*wheel));
        if fastest > self.speed * (1.0 - FOLLOWING_BELOW) {
            self.speed += (fastest - self.speed) * (FOLLOWING * step_s).min(1.0);
        }
        self.let_go(braking);
        let Some(free) = &mut self.free else { return };
        let turns = match free.which {
            Which::One(wheel) => wheels.get(wheel).copied().unwrap_or_default(),
            Which::All => fastest,
        };
        match free.step(turns, step_s) {
            Some(true) => {
                let which = free.which;
                self.correct(turns, which);
            }
            Some(false) => (self.free, self.since_s) = (None, 0.0),
            None => {}
        }
    }

    fn let_go(&mut self, braking: Braking) {
        let which = self.free.map(|free| free.which);
        let due_s = if self.freed == 0 { FIRST_AFTER_S } else { EVERY_S };
        let due = braking.slippery && self.speed > NOT_BELOW && self.since_s > due_s;
        match which {
            None | Some(Which::One(_)) if braking.released => self.free = Some(Free::new(Which::All)),
            Some(Which::All) if !braking.released => self.free = None,
            None if due => {
                self.free = Some(Free::new(Which::One(FREED[self.freed % FREED.len()])));
                self.freed += 1;
            }
            _ => {}
        }
    }

    /// Free wheels have found this speed.
    fn correct(&mut self, turns: f64, which: Which) {
        let found = turns.max(self.speed * (1.0 - SLOWER_BY_MAX));
        // Why all wheels are free, who knows; it is not the accelerometer alone.
        if let Which::One(_) = which {
            self.accel_bias += BLAMED * (self.speed - found) / self.since_s.max(FIRST_AFTER_S);
        }
        (self.speed, self.free, self.since_s) = (found, None, 0.0);
    }
}

impl Free {
    const fn new(which: Which) -> Self {
        Self { which, for_s: 0.0, turns: 0.0, settled_s: 0.0 }
    }

    /// Whether it has found the road's speed; nothing while it still looks for it.
    fn step(&mut self, turns: f64, step_s: f64) -> Option<bool> {
        self.for_s += step_s;
        self.settled_s += step_s;
        if turns > self.turns + NO_FASTER || turns < self.turns - NO_SLOWER {
            (self.turns, self.settled_s) = (turns, 0.0);
        }
        match self.settled_s >= SETTLED_FOR_S {
            true => Some(true),
            false => (self.for_s > GIVEN_UP_AFTER_S).then_some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP_S: f64 = 0.004;
    const SLIPPERY: Braking = Braking { slippery: true, released: false };

    /// Rolls at 20 m/s for a second, with an accelerometer that shows `bias` too much.
    fn rolling(bias: f64) -> CarSpeed {
        let mut car = CarSpeed::default();
        for _ in 0..250 {
            car.roll(&[20.0; 4], bias, STEP_S);
        }
        car
    }

    #[test]
    fn the_accelerometer_s_error_is_learnt_but_not_from_wheels_that_still_speed_up() {
        let mut car = CarSpeed::default();
        for tick in 0..325u32 {
            let wheel = 20.0 * f64::from(tick.min(60)) / 60.0;
            car.roll(&[wheel; 4], 0.3, STEP_S);
        }
        assert!((car.deceleration(0.3)).abs() < 1e-9, "{}", car.deceleration(0.3));
        assert_eq!(car.get(), 20.0);
    }

    /// Braked wheels say nothing here, and the accelerometer shows 0.3 m/s² too little once the driver brakes.
    #[test]
    fn a_wheel_that_is_let_go_of_tells_the_speed() {
        let mut car = rolling(0.0);
        let mut freed = Vec::new();
        for tick in 1..=2_000u32 {
            let speed = 20.0 - f64::from(tick) * STEP_S;
            let mut wheels = [0.6 * speed; 4];
            if let Some(wheel) = car.free_wheel() {
                wheels[wheel] = speed;
                freed.push(wheel);
            }
            car.brake(&wheels, -0.7, SLIPPERY, STEP_S);
            // Without it: 0.35 m/s a second.
            let most = if tick < 1_200 { 0.7 } else { 0.4 };
            assert!((car.get() - speed).abs() < most, "{} {speed} at tick {tick}", car.get());
        }
        freed.dedup();
        assert!(freed.starts_with(&[2, 3, 2]), "in turn: {freed:?}");
    }

    #[test]
    fn a_wheel_that_hangs_does_not_stop_the_car_in_our_eyes() {
        let mut car = rolling(0.0);
        for _ in 0..300 {
            car.brake(&[0.0; 4], -1.0, SLIPPERY, STEP_S);
        }
        // 1.2 s of 0.95 m/s², and once a fifth off.
        let expected = (20.0 - 1.2 * 0.95) * 0.8;
        assert!(car.get() > expected - 0.3, "{} not {expected}", car.get());
    }

    #[test]
    fn a_car_that_seems_to_move_while_no_wheel_is_braked_is_as_fast_as_they_are() {
        let mut car = rolling(0.0);
        for _ in 0..600 {
            car.brake(&[1.0; 4], 0.0, Braking { slippery: false, released: true }, STEP_S);
        }
        assert!((car.get() - 1.0).abs() < 0.1, "{}", car.get());
    }
}
