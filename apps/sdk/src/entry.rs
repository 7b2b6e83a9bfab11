// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How the host gets into an app: exported functions, and what a panic does.
#![allow(unsafe_code)]

use core::cell::RefCell;

/// A control loop.
pub trait Reactor {
    /// Called once, before the first tick.
    fn init() -> Self;

    /// Called once per period. `now_us` is the time of the release, on the clock of [`crate::time::now_us`].
    fn tick(&mut self, now_us: u64);
}

/// Where a reactor lives between ticks; [`reactor!`](crate::reactor) makes one.
pub struct Place<T>(RefCell<Option<T>>);

// SAFETY: an app has one thread: wasm32 without the threads proposal, which the host excludes. On a desk
// nothing exports the functions that use it.
unsafe impl<T> Sync for Place<T> {}

impl<T: Reactor> Place<T> {
    /// Nobody there yet.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// The body of `cofferdam_init`.
    pub fn init(&self) {
        *self.0.borrow_mut() = Some(T::init());
    }

    /// The body of `cofferdam_tick`.
    pub fn tick(&self, now_us: i64) {
        if let Some(reactor) = self.0.borrow_mut().as_mut() {
            reactor.tick(now_us as u64);
        }
    }
}

/// Makes a type that implements [`Reactor`] the app.
#[macro_export]
macro_rules! reactor {
    ($reactor:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            static PLACE: $crate::Place<$reactor> = $crate::Place::new();

            #[unsafe(no_mangle)]
            extern "C" fn cofferdam_init() {
                PLACE.init();
            }

            #[unsafe(no_mangle)]
            extern "C" fn cofferdam_tick(now_us: i64) {
                PLACE.tick(now_us);
            }
        };
        // On a desk the same is checked, and exported to nobody.
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn(&$crate::Place<$reactor>, i64) = $crate::Place::tick;
    };
}

/// Makes a function the app: `command!(main)`. When it returns, the program exits with code 0.
#[macro_export]
macro_rules! command {
    ($main:path) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[unsafe(no_mangle)]
            extern "C" fn _start() {
                $main();
            }
        };
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() = $main;
    };
}

/// A panic says where and why, then traps.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    match info.location() {
        Some(place) => {
            crate::error!("panicked at {}:{}: {}", place.file(), place.line(), info.message());
        }
        None => crate::error!("panicked: {}", info.message()),
    }
    core::arch::wasm32::unreachable()
}
