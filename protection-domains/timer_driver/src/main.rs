// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the timer.
//!
//! Serves the contract `cofferdam_timer_protocol` with the board's timer ([`alarm`]). One timer for each client channel.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod alarm;

use cofferdam_generic_timer::Driver;
use cofferdam_timer_protocol::{WORDS_MAX, pd};
use sel4_microkit::{Channel, ChannelSet, Error, Handler, MessageInfo, channel, protection_domain};

/// Clients in `system.xml`.
const CLIENTS: usize = 9;

struct TimerDriver {
    driver: Driver<alarm::Alarm, CLIENTS>,
    interrupt: Channel,
    clients: [Channel; CLIENTS],
}

#[protection_domain]
fn init() -> impl Handler {
    cofferdam_log_ring::pd::init();
    #[allow(clippy::expect_used)] // Without a frequency the loader or the machine is broken.
    let frequency = alarm::frequency().expect("CNTFRQ_EL0 is zero: firmware did not set it");
    let timer = alarm::alarm(frequency);
    log::info!("{} of {} Hz for {CLIENTS} clients", alarm::NAME, sel4_microkit::counter_frequency());
    TimerDriver {
        driver: Driver::new(timer, frequency),
        interrupt: channel!(timer_irq),
        clients: [
            channel!(actuator_guard_channel),
            channel!(sensor_hub_channel),
            channel!(app_slot_0_channel),
            channel!(app_slot_1_channel),
            channel!(app_slot_2_channel),
            channel!(app_slot_3_channel),
            channel!(wasm_manager_channel),
            channel!(gateway_channel),
            channel!(plant_link_channel),
        ],
    }
}

impl Handler for TimerDriver {
    type Error = Error;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Error> {
        if !channels.contains(self.interrupt) {
            return Ok(());
        }
        for client in self.driver.interrupt().iter() {
            if let Some(channel) = self.clients.get(client) {
                channel.notify();
            }
        }
        self.interrupt.irq_ack()
    }

    fn protected(&mut self, channel: Channel, message: MessageInfo) -> Result<MessageInfo, Error> {
        let mut buffer = [0; WORDS_MAX + 1];
        let words = pd::receive(message, &mut buffer);
        // A channel that is no client's becomes a client number that the driver refuses.
        let client = self.clients.iter().position(|client| *client == channel).unwrap_or(CLIENTS);
        Ok(pd::answer(&self.driver.serve(client, message.label(), words).encode()))
    }
}
