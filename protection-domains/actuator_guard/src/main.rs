// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the actuators.
//!
//! Serves `cofferdam_device_protocol::actuator`, ends leases by its own timer, and publishes the outputs, also on their way.
//! `plant_link` tells it what the driver demands of the brake (`cofferdam_device_protocol::demand`); until then that is nothing.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod regions;

use cofferdam_actuator_guard::{Guard, News, Throttle};
use cofferdam_device_protocol::actuator::Output;
use cofferdam_device_protocol::demand::Demand;
use cofferdam_device_protocol::outputs::Writer;
use cofferdam_device_protocol::permission::CLIENTS;
use cofferdam_device_protocol::swap::SwapOrder;
use cofferdam_device_protocol::{ACTUATOR_COUNT, ACTUATORS, Status, WORDS_MAX, actuator, pd};
use cofferdam_shared_memory::OutOfBounds;
use cofferdam_timer_protocol::pd::Timer;
use sel4_microkit::{Channel, ChannelSet, Handler, MessageInfo, channel, now_us, protection_domain};

struct ActuatorGuard {
    guard: Guard,
    /// By slot.
    clients: [(Channel, &'static str); CLIENTS],
    manager: Channel,
    /// Who knows the driver.
    pedal: Channel,
    outputs: Writer,
    timer: Timer,
    /// When the timer fires, if it is set. It may be set too early, never too late.
    timer_us: Option<u64>,
    refusals: Throttle<CLIENTS>,
    expiries: Throttle<CLIENTS>,
}

#[protection_domain]
fn init() -> impl Handler {
    cofferdam_log_ring::pd::init();
    #[allow(clippy::expect_used)] // The size stands in `system.xml`.
    let outputs = Writer::new(regions::outputs()).expect("system.xml: outputs is too small");
    let mut guard = ActuatorGuard {
        guard: Guard::new(),
        clients: [
            (channel!(slot_0_channel), "app_slot_0"),
            (channel!(slot_1_channel), "app_slot_1"),
            (channel!(slot_2_channel), "app_slot_2"),
            (channel!(slot_3_channel), "app_slot_3"),
        ],
        manager: channel!(manager_channel),
        pedal: channel!(plant_channel),
        outputs,
        timer: Timer::new(channel!(timer_channel)),
        timer_us: None,
        refusals: Throttle::new(),
        expiries: Throttle::new(),
    };
    if let Err(error) = guard.publish(now_us()) {
        log::error!("outputs cannot be published: {error}");
    }
    log::info!("{ACTUATOR_COUNT} actuators, all at their safe values");
    guard
}

impl ActuatorGuard {
    /// Which client calls on this channel; one that is none's gives `CLIENTS`.
    fn client(&self, channel: Channel) -> usize {
        self.clients.iter().position(|(of_client, _)| *of_client == channel).unwrap_or(CLIENTS)
    }

    fn client_name(&self, client: usize) -> &'static str {
        self.clients.get(client).map_or("a channel that is no client's", |(_, name)| name)
    }

    fn publish(&mut self, now_us: u64) -> Result<(), OutOfBounds> {
        if self.guard.take_changed(now_us) {
            self.outputs.publish(now_us, &self.guard.moving(now_us))
        } else {
            Ok(())
        }
    }

    /// Tells of leases that ended with their permission. wasm_manager's orders are few, so each is told.
    fn tell_taken(&self, before: &[Output; ACTUATOR_COUNT], now_us: u64) {
        for ((actuator, before), after) in ACTUATORS.iter().zip(before).zip(self.guard.outputs(now_us)) {
            if let (Some(holder), None) = (before.holder, after.holder) {
                let name = self.client_name(usize::from(holder));
                log::info!("lease of {name} on {} taken back: safe value", actuator.name);
            }
        }
    }

    /// Tells who has authority now, if that has changed.
    fn tell_authority(&mut self) {
        match self.guard.take_news() {
            Some(News::HandedOver { from, to, at_us }) => log::info!(
                "authority passed from {} to {} at {at_us} us",
                self.client_name(from),
                self.client_name(to)
            ),
            Some(News::HandedBack { from, to, reason, actuator }) => log::warn!(
                "authority is with {}, not with {}: {reason} ({})",
                self.client_name(to),
                self.client_name(from),
                actuator.and_then(|id| ACTUATORS.get(id)).map_or("all outputs", |actuator| actuator.name)
            ),
            None => {}
        }
    }

    /// What every event ends with: publish, tell, and see that the timer fires in time.
    fn settle(&mut self, now_us: u64) -> Result<(), OutOfBounds> {
        let published = self.publish(now_us);
        self.tell_authority();
        for (id, end) in self.guard.take_expired().iter() {
            let holder = usize::from(end.holder);
            if let Some(times) = self.expiries.happened(holder, now_us) {
                let actuator = ACTUATORS.get(id).map_or("?", |actuator| actuator.name);
                let why = if end.stale { "had an old value" } else { "ran out" };
                log::warn!(
                    "lease of {} on {actuator} {why}: safe value {} us later ({times})",
                    self.client_name(holder),
                    now_us.saturating_sub(end.at_us)
                );
            }
        }
        if let Some(next_us) = self.guard.next_event_us(now_us)
            && self.timer_us.is_none_or(|timer_us| next_us < timer_us)
        {
            match self.timer.one_shot(next_us) {
                Ok(_) => self.timer_us = Some(next_us),
                Err(error) => log::error!("leases end, and outputs move, with the next call only: {error}"),
            }
        }
        published
    }
}

impl Handler for ActuatorGuard {
    type Error = OutOfBounds;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), OutOfBounds> {
        if channels.contains(self.timer.channel()) {
            self.timer_us = None;
        }
        let now_us = now_us();
        self.guard.expire(now_us);
        self.settle(now_us)
    }

    fn protected(&mut self, channel: Channel, message: MessageInfo) -> Result<MessageInfo, OutOfBounds> {
        let now_us = now_us();
        let mut buffer = [0; WORDS_MAX + 1];
        let words = pd::receive(message, &mut buffer);
        let client = self.client(channel);
        let outcome = if channel == self.manager && SwapOrder::is(message.label()) {
            self.guard.obey_swap(message.label(), words, now_us)
        } else if channel == self.manager {
            let before = self.guard.outputs(now_us);
            let done = self.guard.obey(message.label(), words, now_us);
            self.tell_taken(&before, now_us);
            done.map(|()| actuator::done())
        } else if channel == self.pedal {
            Demand::decode(message.label(), words)
                .and_then(|demand| self.guard.demand(demand.brake, now_us))
                .map(|()| actuator::done())
        } else {
            match u8::try_from(client) {
                Ok(client) => self.guard.serve(client, message.label(), words, now_us),
                Err(_) => Err(Status::NotAClient),
            }
        };
        if let Err(status) = outcome
            && let Some(times) = self.refusals.happened(client, now_us)
        {
            log::warn!(
                "refused {} request {}: {status} ({times})",
                if channel == self.manager { "wasm_manager's" } else { self.client_name(client) },
                message.label()
            );
        }
        // Calls of its own use the same message registers: the answer goes in last.
        self.settle(now_us)?;
        Ok(pd::answer(&outcome.unwrap_or_else(actuator::refusal)))
    }
}
