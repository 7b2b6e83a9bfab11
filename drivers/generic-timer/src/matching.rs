// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A comparator out of two clocks: the processor's counter, by which everybody tells the time, and a device's timer that
//! interrupts when its own counter of 32 bits is *equal* to a register.
//!
//! For boards where user level may read the processor's counter and cannot program its timer. The two clocks may drift apart:
//! an interrupt that comes early is followed by another one, as [`crate::Driver`] looks at the counter and asks again.

use crate::{Comparator, Frequency};

/// A device that counts up in microseconds with 32 bits and interrupts when the count is equal to a register.
pub trait MatchTimer {
    /// The count now.
    fn count_us(&self) -> u32;
    /// Interrupt when the count is equal to `count_us`; an interrupt that is asked for already goes.
    fn match_at(&mut self, count_us: u32);
    /// Do not interrupt.
    fn silence(&mut self);
}

/// The counter by which everybody tells the time.
pub trait Counter {
    /// Its ticks now.
    fn now_ticks(&self) -> u64;
}

/// Longest wait that is asked of the device. Half of its range, so that what lies ahead can be told from what has passed.
const WAIT_US_MAX: u64 = 1 << 31;
/// First distance of a match from the count, which goes on while the register is written.
const AHEAD_US: u32 = 2;

/// The comparator.
#[derive(Debug)]
pub struct Matching<T, C> {
    timer: T,
    counter: C,
    frequency: Frequency,
}

impl<T: MatchTimer, C: Counter> Matching<T, C> {
    /// Time is what `counter` says, which has this `frequency`.
    pub const fn new(timer: T, counter: C, frequency: Frequency) -> Self {
        Self { timer, counter, frequency }
    }

    /// The device.
    pub const fn timer(&self) -> &T {
        &self.timer
    }
}

impl<T: MatchTimer, C: Counter> Comparator for Matching<T, C> {
    fn now_ticks(&self) -> u64 {
        self.counter.now_ticks()
    }

    fn interrupt_at(&mut self, ticks: u64) {
        let now_ticks = self.counter.now_ticks();
        // Rounded up: early is a second interrupt for nothing.
        let wait_us = self.frequency.us_at(ticks.saturating_sub(now_ticks)).saturating_add(1);
        let wait_us = u32::try_from(wait_us.min(WAIT_US_MAX - 1)).unwrap_or(u32::MAX / 2);
        let mut ahead_us = wait_us.max(AHEAD_US);
        loop {
            let target = self.timer.count_us().wrapping_add(ahead_us);
            self.timer.match_at(target);
            // A count that has passed its register meanwhile would interrupt an hour later.
            let left_us = target.wrapping_sub(self.timer.count_us());
            if left_us != 0 && u64::from(left_us) < WAIT_US_MAX {
                return;
            }
            ahead_us = ahead_us.saturating_mul(2).clamp(AHEAD_US, u32::MAX / 4);
        }
    }

    fn switch_off(&mut self) {
        self.timer.silence();
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::cell::Cell;
    use std::rc::Rc;

    use cofferdam_timer_protocol::{Request, Status};

    use super::*;
    use crate::{Driver, REARM_GAP_US};

    /// A processor's counter of 8 MHz and a device of 1 MHz, which runs a little slow or fast.
    #[derive(Clone, Debug)]
    struct World(Rc<Inside>);

    #[derive(Debug)]
    struct Inside {
        ticks: Cell<u64>,
        offset_us: Cell<u32>,
        /// The device's count gains this on each million of its own.
        gain_ppm: Cell<i64>,
        /// Each access to the device takes so many ticks.
        access_ticks: Cell<u64>,
        register: Cell<Option<u32>>,
        asks: Cell<bool>,
    }

    const HERTZ: u64 = 8_000_000;

    impl World {
        fn new() -> Self {
            Self(Rc::new(Inside {
                ticks: Cell::new(HERTZ),
                offset_us: Cell::new(u32::MAX - 500_000),
                gain_ppm: Cell::new(0),
                access_ticks: Cell::new(0),
                register: Cell::new(None),
                asks: Cell::new(false),
            }))
        }

        fn count(&self) -> u32 {
            let ticks = i64::try_from(self.0.ticks.get()).unwrap();
            let us = ticks / 8 + ticks * self.0.gain_ppm.get() / 8_000_000;
            self.0.offset_us.get().wrapping_add(us as u32)
        }

        /// Lets one tick of the counter pass.
        fn tick(&self) {
            let before = self.count();
            self.0.ticks.set(self.0.ticks.get() + 1);
            if before != self.count() && self.0.register.get() == Some(self.count()) {
                self.0.asks.set(true);
            }
        }

        fn access(&self) {
            (0..self.0.access_ticks.get()).for_each(|_| self.tick());
        }
    }

    impl Counter for World {
        fn now_ticks(&self) -> u64 {
            self.0.ticks.get()
        }
    }

    impl MatchTimer for World {
        fn count_us(&self) -> u32 {
            self.access();
            self.count()
        }

        fn match_at(&mut self, count_us: u32) {
            self.access();
            self.0.asks.set(false);
            self.0.register.set(Some(count_us));
        }

        fn silence(&mut self) {
            self.0.asks.set(false);
            self.0.register.set(None);
        }
    }

    fn driver(world: &World) -> Driver<Matching<World, World>, 2> {
        let frequency = Frequency::new(HERTZ).unwrap();
        Driver::new(Matching::new(world.clone(), world.clone(), frequency), frequency)
    }

    fn ask(driver: &mut Driver<Matching<World, World>, 2>, client: usize, request: Request) {
        let message = request.encode();
        assert_eq!(driver.serve(client, message.label, message.words()).status, Status::Ok);
    }

    /// The device's time of each notification within `for_us`.
    fn notified(
        world: &World,
        driver: &mut Driver<Matching<World, World>, 2>,
        for_us: u64,
    ) -> std::vec::Vec<u64> {
        let mut times = std::vec::Vec::new();
        let end = world.0.ticks.get() + for_us * 8;
        while world.0.ticks.get() < end {
            world.tick();
            if world.0.asks.get() && !driver.interrupt().is_empty() {
                times.push(driver.now_us());
            }
        }
        times
    }

    #[test]
    fn releases_come_in_time_however_the_clocks_drift_and_wrap() {
        for (gain_ppm, access_ticks) in [(0, 0), (100, 3), (-100, 3), (0, 40)] {
            let world = World::new();
            world.0.gain_ppm.set(gain_ppm);
            world.0.access_ticks.set(access_ticks);
            let mut driver = driver(&world);
            // 1.000 s by the counter; the device's count wraps half a second later.
            let start_us = driver.now_us() + 1000;
            ask(&mut driver, 0, Request::Periodic { first_us: start_us, period_us: 100_000 });
            let times = notified(&world, &mut driver, 1_000_000);
            assert_eq!(times.len(), 10, "gain {gain_ppm}");
            for (number, time_us) in times.iter().enumerate() {
                let due_us = start_us + number as u64 * 100_000;
                let late_us = time_us.checked_sub(due_us).unwrap();
                assert!(late_us < 60, "gain {gain_ppm}: {late_us} us late");
            }
        }
    }

    #[test]
    fn what_is_due_already_comes_at_once() {
        let world = World::new();
        world.0.access_ticks.set(30); // the count goes on by more than AHEAD_US while the register is written
        let mut driver = driver(&world);
        ask(&mut driver, 1, Request::OneShot { at_us: 0 });
        assert_eq!(notified(&world, &mut driver, REARM_GAP_US).len(), 1);
        assert_eq!(notified(&world, &mut driver, 10_000), []);
        assert_eq!(world.0.register.get(), None, "silenced");
    }

    #[test]
    fn a_wait_beyond_the_devices_range_is_cut_in_pieces() {
        let mut world = World::new();
        let frequency = Frequency::new(HERTZ).unwrap();
        let mut matching = Matching::new(world.clone(), world.clone(), frequency);
        matching.interrupt_at(u64::MAX);
        let ahead = world.0.register.get().unwrap().wrapping_sub(world.count());
        assert_eq!(u64::from(ahead), WAIT_US_MAX - 1);
        world.silence();
    }
}
