// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The runtime of a root task: entry, boot information, panic.
//!
//! ```text
//! sel4_root_task::root_task!(main);
//! fn main(boot_info: sel4::BootInfo) -> ! { … }
//! ```
//! The root task runs once; .data and .bss come from its image. A panic is told to the sink that
//! [`set_panic_sink`] names (and to a debug kernel), then the root task suspends itself for good.
//!
//! Built for a desk, the entry and the panic handler are missing.
#![no_std]

#[cfg(test)]
extern crate std;

#[cfg(target_os = "none")]
mod entry;
mod telling;

pub use telling::{Sink, set_panic_sink};

use sel4::{Tcb, initial_slot};

/// Names the function that is the root task: `fn main(BootInfo) -> !`.
#[macro_export]
macro_rules! root_task {
    ($main:path) => {
        #[doc(hidden)]
        #[unsafe(no_mangle)]
        extern "Rust" fn __sel4_root_task_main(boot_info: ::sel4::BootInfo) -> ! {
            $main(boot_info)
        }
    };
}

/// Stops the root task for good.
pub fn halt() -> ! {
    loop {
        // Suspending oneself does not return; if it is refused, there is nothing left but to try again.
        let _ = Tcb(initial_slot::TCB).suspend();
    }
}
