// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The owner's side inside a protection domain.
//!
//! [`init`] as the first line of a protection domain's `init` is all that it needs: from then on the macros
//! of the crate `log` write to its ring, and so do panics and errors that its handler returns. The ring is
//! the memory region behind the symbols `log_ring` and `log_ring_size`, the channel to console the one behind
//! `console_channel` (`system.xml` sets all three).

mod regions;

use core::fmt::Display;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU64, Ordering};

use cofferdam_shared_memory::SharedRegion;
use log::Level;
use sel4_microkit::{Channel, channel};

use crate::{Logger, Producer};

static LOGGER: Logger = Logger::new();
static CONSOLE_CHANNEL: AtomicU64 = AtomicU64::new(0);

/// Sets up logging for this protection domain; each line wakes console.
///
/// # Panics
/// If the system description gives this protection domain no log ring, or one that is too small.
pub fn init() {
    CONSOLE_CHANNEL.store(channel!(console_channel).id(), Ordering::Relaxed);
    init_with(|| Channel::new(CONSOLE_CHANNEL.load(Ordering::Relaxed)).notify());
}

/// As [`init`], but nobody is woken: for console, which reads its own ring, returned here, by itself.
///
/// # Panics
/// As [`init`].
pub fn init_without_waking() -> SharedRegion {
    init_with(|| ())
}

fn init_with(wake_reader: fn()) -> SharedRegion {
    let region = regions::log_ring();
    #[allow(clippy::expect_used)] // A system description without a log ring is a broken build.
    let producer = Producer::attach(region).expect("system.xml: log_ring");
    LOGGER.install(producer, sel4_microkit::now_us, wake_reader);
    // No other logger can be there: a protection domain is one program.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(log::LevelFilter::Info);
    sel4_microkit::set_panic_sink(log_panic);
    sel4_microkit::set_error_sink(log_error);
    region
}

/// Writes a line that the app named `name` says.
pub fn app_line(level: Level, name: &str, text: &[u8]) {
    LOGGER.app_line(level, name, text);
}

fn log_panic(info: &PanicInfo<'_>) {
    match info.location() {
        Some(place) => LOGGER.own_line(
            Level::Error,
            format_args!("panicked at {}:{}: {}", place.file(), place.line(), info.message()),
        ),
        None => LOGGER.own_line(Level::Error, format_args!("panicked: {}", info.message())),
    }
}

fn log_error(error: &dyn Display) {
    LOGGER.own_line(Level::Error, format_args!("{error}"));
}
