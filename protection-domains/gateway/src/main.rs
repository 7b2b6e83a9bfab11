// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: TCP/IP. It carries the bytes of one management connection between net_driver's frames
//! and wasm_manager's records; all of it is in `cofferdam-tcp-gateway`. It holds no key.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

mod regions;

use alloc::boxed::Box;
use core::convert::Infallible;

use cofferdam_domain_figures::QueueFigures;
use cofferdam_management_protocol::BUSY_FRAME;
use cofferdam_tcp_gateway::{Config, Gateway};
use cofferdam_timer_protocol::pd::Timer;
use sel4_microkit::{Channel, ChannelSet, Handler, channel, now, now_us, protection_domain};

struct GatewayDomain {
    gateway: Box<Gateway>,
    net: Channel,
    manager: Channel,
    timer: Timer,
    /// When the timer will notify, if it will.
    armed_us: Option<u64>,
    timer_failed: bool,
    figures: QueueFigures,
}

#[protection_domain]
#[allow(clippy::expect_used)] // of the system description
fn init() -> impl Handler {
    regions::initialise_heap();
    cofferdam_log_ring::pd::init();
    let queues = regions::queues().expect("regions of gateway's queues");
    // The seed need not be secret, only differ between boots; the counter does so by a little.
    let gateway = Box::new(Gateway::new(Config::new(&BUSY_FRAME), queues, now()));
    let mut domain = GatewayDomain {
        gateway,
        net: channel!(net_channel),
        manager: channel!(manager_channel),
        timer: Timer::new(channel!(timer_channel)),
        armed_us: None,
        timer_failed: false,
        figures: QueueFigures::new(regions::figures(), "gateway").expect("region figures_gateway"),
    };
    domain.run();
    domain
}

impl GatewayDomain {
    /// Works until nothing is left to do now.
    fn run(&mut self) {
        loop {
            let outcome = self.gateway.wake(now_us());
            if outcome.notify_net {
                self.net.notify();
            }
            if outcome.notify_manager {
                self.manager.notify();
            }
            if !outcome.again {
                let troubles = self.gateway.troubles();
                self.figures.set(troubles.dropped, troubles.held_up, troubles.misbehaviour);
                self.arm(outcome.wake_at_us);
                return;
            }
        }
    }

    /// Has the timer notify at `wake_at_us` or before; a timer that is set for an earlier time stays.
    fn arm(&mut self, wake_at_us: Option<u64>) {
        let Some(wake_at_us) = wake_at_us else { return };
        let now_us = now_us();
        if self.armed_us.is_some_and(|armed_us| armed_us > now_us && armed_us <= wake_at_us) {
            return;
        }
        match self.timer.one_shot(wake_at_us) {
            Ok(_) => self.armed_us = Some(wake_at_us),
            Err(error) if !self.timer_failed => {
                self.timer_failed = true;
                log::error!("timer: {error}");
            }
            Err(_) => {}
        }
    }
}

impl Handler for GatewayDomain {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        if channels.contains(self.timer.channel()) {
            self.armed_us = None;
        }
        self.run();
        Ok(())
    }
}
