// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Leases and outputs.

mod authority;

use cofferdam_device_protocol::actuator::{Applied, Lease, Output, Request, done, refusal};
use cofferdam_device_protocol::outputs::Moving;
use cofferdam_device_protocol::permission::{ActuatorOrder, ActuatorPermission, CLIENTS, Rate};
use cofferdam_device_protocol::{
    ACTUATOR_COUNT, ACTUATORS, Actuator as Limits, DEMAND_CUTS_ABOVE, LEASE_MAX_US, Message, SafeState,
    Status,
};

use crate::motion::Motion;
use crate::sent::Sent;
pub use authority::News;

/// How often an output that moves is published.
pub const MOTION_STEP_US: u64 = 5_000;

/// A client: the number of a slot.
type Client = u8;

/// The end of a lease by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Who held it.
    pub holder: Client,
    /// When it ended.
    pub at_us: u64,
    /// It ended because no value came in time, before its own end.
    pub stale: bool,
}

/// The actuators whose leases have ended by themselves since this was last asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    ends: [Option<End>; ACTUATOR_COUNT],
}

impl Expired {
    /// Each actuator's id and how its last lease ended.
    pub fn iter(&self) -> impl Iterator<Item = (usize, End)> {
        self.ends.iter().enumerate().filter_map(|(id, end)| Some((id, (*end)?)))
    }
}

#[derive(Clone, Copy, Debug)]
struct Held {
    by: Client,
    until_us: u64,
    /// A new value has to come before.
    fresh_until_us: u64,
}

impl Held {
    fn ends_us(&self) -> u64 {
        self.until_us.min(self.fresh_until_us)
    }
}

#[derive(Clone, Copy, Debug)]
struct Actuator {
    motion: Motion,
    lease: Option<Held>,
    /// Since somebody took it.
    sent: Sent,
    /// Nothing once somebody who may has sent it anywhere.
    way: Option<Way>,
}

/// How far an output that descends is on its way to its safe state.
#[derive(Clone, Copy, Debug)]
enum Way {
    Descends {
        until_us: u64,
        /// What follows takes so long.
        stop_us: u64,
    },
    Stops,
}

/// What one client may do with one actuator, and how much of it is used up.
#[derive(Clone, Copy, Debug)]
struct Permitted {
    to: ActuatorPermission,
    writes: Rate,
    leases: Rate,
}

/// Who may what, the leases and the outputs.
#[derive(Clone, Debug)]
pub struct Guard {
    actuators: [Actuator; ACTUATOR_COUNT],
    permitted: [[Option<Permitted>; ACTUATOR_COUNT]; CLIENTS],
    expired: Expired,
    /// What the driver demands of the brake.
    demand: f64,
    /// As it was last told by [`Guard::take_changed`]; nothing before the first time.
    told: Option<[Moving; ACTUATOR_COUNT]>,
    /// Two versions of an app that are, or were last, side by side.
    pair: Option<authority::Pair>,
}

impl Guard {
    /// Nobody may or holds anything; every output is safe, and the driver demands nothing.
    pub fn new() -> Self {
        let actuators = ACTUATORS.map(|actuator| Actuator {
            motion: Motion::at(actuator.safe),
            lease: None,
            sent: Sent::at(actuator.safe, 0),
            way: Some(Way::Stops),
        });
        Self {
            actuators,
            permitted: [[None; ACTUATOR_COUNT]; CLIENTS],
            expired: Expired::default(),
            demand: 0.0,
            told: None,
            pair: None,
        }
    }

    /// What the driver demands of the brake from now on, 0 to 1: an output whose safe state is the driver's demand does
    /// exactly this while nobody holds it. Above [`DEMAND_CUTS_ABOVE`] the outputs that drive are cut.
    ///
    /// # Errors
    /// [`Status::NotANumber`], [`Status::OutOfRange`]; the demand is what it was.
    pub fn demand(&mut self, value: f64, now_us: u64) -> Result<(), Status> {
        self.expire(now_us);
        if value.is_nan() {
            return Err(Status::NotANumber);
        }
        if !(0.0..=1.0).contains(&value) {
            return Err(Status::OutOfRange);
        }
        self.demand = value;
        let cuts = self.cuts();
        for (actuator, limits) in self.actuators.iter_mut().zip(&ACTUATORS) {
            match limits.safe_state {
                SafeState::Demand if actuator.lease.is_none() => {
                    actuator.motion = Motion::at(value.clamp(limits.min, limits.max));
                }
                _ if cuts && limits.drives && actuator.motion.target() != limits.safe => {
                    actuator.cut(limits, now_us);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn cuts(&self) -> bool {
        self.demand > DEMAND_CUTS_ABOVE
    }

    /// Serves one message of `client`.
    pub fn serve(
        &mut self,
        client: Client,
        label: u64,
        words: &[u64],
        now_us: u64,
    ) -> Result<Message, Status> {
        self.expire(now_us);
        match Request::decode(label, words)? {
            Request::LeaseAcquire { id, duration_us } => {
                self.acquire(client, id, duration_us, now_us).map(|lease| lease.encode())
            }
            Request::Write { id, value } => {
                self.write(client, id, value, now_us).map(|applied| applied.encode())
            }
            Request::LeaseRelease { id } => self.release(client, id, now_us).map(|()| done()),
            Request::ReleaseAll => {
                self.release_all(client, now_us);
                Ok(done())
            }
            Request::Read { id } => {
                self.permitted(client, id)?;
                self.output(id, now_us).map(|output| output.encode()).ok_or(Status::UnknownDevice)
            }
        }
    }

    /// As [`Guard::serve`], with a refusal as the message that it becomes.
    pub fn answer(&mut self, client: Client, label: u64, words: &[u64], now_us: u64) -> Message {
        self.serve(client, label, words, now_us).unwrap_or_else(refusal)
    }

    /// Obeys one message of `wasm_manager`.
    ///
    /// # Errors
    /// As [`ActuatorOrder::decode`].
    pub fn obey(&mut self, label: u64, words: &[u64], now_us: u64) -> Result<(), Status> {
        self.expire(now_us);
        match ActuatorOrder::decode(label, words)? {
            ActuatorOrder::Revoke { client } => {
                self.revoked(client, now_us);
                self.permitted.get_mut(client).ok_or(Status::NotAClient)?.fill(None);
                self.release_all(client_number(client)?, now_us);
            }
            ActuatorOrder::Permit { client, id, permission } => {
                let place = self.permitted.get_mut(client).ok_or(Status::NotAClient)?;
                *place.get_mut(id).ok_or(Status::UnknownDevice)? =
                    Some(Permitted { to: permission, writes: Rate::default(), leases: Rate::default() });
                // What is applied under the old permission may be outside the new one.
                let client = client_number(client)?;
                if self.held_by(client, id).is_ok() {
                    self.give_back(client, id, now_us);
                }
            }
        }
        Ok(())
    }

    /// Gives `client` the lease on actuator `id` for `duration_us` from now, or renews it. While another client holds any
    /// actuator of the same group, it cannot be had: a vehicle is not flown by two.
    ///
    /// # Errors
    /// [`Status::UnknownDevice`], [`Status::NotAClient`], [`Status::NotPermitted`], [`Status::BadDuration`],
    /// [`Status::HeldByAnother`], [`Status::TooOften`].
    pub fn acquire(
        &mut self,
        client: Client,
        id: usize,
        duration_us: u64,
        now_us: u64,
    ) -> Result<Lease, Status> {
        self.expire(now_us);
        let limits = ACTUATORS.get(id).ok_or(Status::UnknownDevice)?;
        let permitted = *self.permitted(client, id)?;
        if !(1..=LEASE_MAX_US).contains(&duration_us) {
            return Err(Status::BadDuration);
        }
        let mut group =
            self.actuators.iter().zip(&ACTUATORS).filter(|(_, other)| other.group == limits.group);
        if group.any(|(actuator, _)| actuator.lease.is_some_and(|lease| self.is_rival(client, lease.by))) {
            return Err(Status::HeldByAnother);
        }
        if !permitted.leases.allows(permitted.to.writes_per_second, now_us) {
            return Err(Status::TooOften);
        }
        let is_shadow = self.is_shadow(client);
        let lease = if is_shadow {
            self.shadow_lease(id).ok_or(Status::UnknownDevice)?
        } else {
            let actuator = self.actuators.get_mut(id).ok_or(Status::UnknownDevice)?;
            if actuator.lease.is_none() {
                actuator.sent = Sent::at(actuator.motion.value(now_us), now_us);
            }
            &mut actuator.lease
        };
        let until_us = now_us.saturating_add(duration_us);
        // A renewal is no new value.
        let fresh_us = now_us.saturating_add(limits.fresh_us);
        let fresh_until_us = lease.map_or(fresh_us, |lease| lease.fresh_until_us);
        *lease = Some(Held { by: client, until_us, fresh_until_us });
        self.permitted(client, id)?.leases.count(now_us);
        Ok(Lease { until_us })
    }

    /// Has actuator `id`, which `client` must hold, move to `value`, no faster than its slew limit. The answer is where it is
    /// now.
    ///
    /// # Errors
    /// [`Status::UnknownDevice`], [`Status::NotAClient`], [`Status::NotPermitted`], [`Status::NoLease`],
    /// [`Status::HeldByAnother`], [`Status::NotANumber`], [`Status::OutOfRange`], [`Status::TooOften`], and
    /// [`Status::Interlocked`] while the driver brakes; what the actuator does has not changed then.
    pub fn write(&mut self, client: Client, id: usize, value: f64, now_us: u64) -> Result<Applied, Status> {
        self.expire(now_us);
        let limits = ACTUATORS.get(id).ok_or(Status::UnknownDevice)?;
        let permitted = *self.permitted(client, id)?;
        let cuts = self.cuts();
        self.held_by(client, id)?;
        if value.is_nan() {
            return Err(Status::NotANumber);
        }
        if !(limits.min..=limits.max).contains(&value) {
            return Err(Status::OutOfRange);
        }
        if !(permitted.to.min..=permitted.to.max).contains(&value) {
            return Err(Status::NotPermitted);
        }
        if !permitted.writes.allows(permitted.to.writes_per_second, now_us) {
            return Err(Status::TooOften);
        }
        if cuts && limits.drives && value != limits.safe {
            return Err(Status::Interlocked);
        }
        let is_shadow = self.is_shadow(client);
        if let Some(lease) = self.held_by(client, id)? {
            lease.fresh_until_us = now_us.saturating_add(limits.fresh_us);
        }
        self.note_write(client, id, value, now_us);
        let actuator = self.actuators.get_mut(id).ok_or(Status::UnknownDevice)?;
        if !is_shadow {
            actuator.send(value, limits, now_us);
        }
        let value = actuator.motion.value(now_us);
        self.permitted(client, id)?.writes.count(now_us);
        Ok(Applied { value })
    }

    /// Takes the lease on actuator `id` back from `client`; the output becomes safe.
    ///
    /// # Errors
    /// [`Status::UnknownDevice`], [`Status::NoLease`], [`Status::HeldByAnother`].
    pub fn release(&mut self, client: Client, id: usize, now_us: u64) -> Result<(), Status> {
        self.expire(now_us);
        self.held_by(client, id)?;
        self.give_back(client, id, now_us);
        Ok(())
    }

    /// Takes every lease back from `client`; those outputs go to their safe states.
    pub fn release_all(&mut self, client: Client, now_us: u64) {
        self.gives_up(client, now_us);
        for id in 0..ACTUATOR_COUNT {
            if self.held_by(client, id).is_ok() {
                self.give_back(client, id, now_us);
            }
        }
    }

    /// Ends a lease that `client` holds, or would hold if it were no shadow.
    fn give_back(&mut self, client: Client, id: usize, now_us: u64) {
        self.note_release(client, id);
        if !self.is_shadow(client) {
            self.make_safe(id, now_us);
        } else if let Some(lease) = self.shadow_lease(id) {
            *lease = None;
        }
    }

    /// Ends every lease that has run out, or whose last value is too old, by `now_us`: from its end on those outputs have
    /// been on their way to their safe states, however late this is called.
    ///
    /// Two versions side by side are judged, and authority passes from one to the other, at the times at which that is due.
    pub fn expire(&mut self, now_us: u64) {
        self.advance(now_us);
        self.expire_leases(now_us);
        self.expire_shadow(now_us);
        self.stop(now_us);
    }

    /// Lets what has descended for long enough by `now_us` go on to its safe value.
    fn stop(&mut self, now_us: u64) {
        for (actuator, limits) in self.actuators.iter_mut().zip(&ACTUATORS) {
            if let Some(Way::Descends { until_us, stop_us }) = actuator.way
                && until_us <= now_us
            {
                actuator.way = Some(Way::Stops);
                actuator.sent = Sent::at(limits.safe, until_us);
                actuator.motion.ramp(limits.safe, stop_us, until_us);
            }
        }
    }

    fn expire_leases(&mut self, now_us: u64) {
        for id in 0..ACTUATOR_COUNT {
            let Some(lease) = self.actuators.get(id).and_then(|actuator| actuator.lease) else { continue };
            let at_us = lease.ends_us();
            if at_us > now_us || self.saves(lease.by, id, at_us) {
                continue;
            }
            self.note_release(lease.by, id);
            if let Some(end) = self.expired.ends.get_mut(id) {
                *end = Some(End { holder: lease.by, at_us, stale: lease.fresh_until_us < lease.until_us });
            }
            self.make_safe(id, at_us);
        }
    }

    /// When the next lease ends by itself; nothing if nobody holds any.
    pub fn next_expiry_us(&self) -> Option<u64> {
        self.actuators.iter().filter_map(|actuator| actuator.lease).map(|lease| lease.ends_us()).min()
    }

    /// When there is something to do without anybody's call: a lease ends, or an output that moves is to be published.
    pub fn next_event_us(&self, now_us: u64) -> Option<u64> {
        let moves = self.actuators.iter().any(|actuator| !actuator.motion.rests(now_us));
        let step = moves.then(|| now_us.saturating_add(MOTION_STEP_US));
        let stops = self.actuators.iter().filter_map(|actuator| match actuator.way {
            Some(Way::Descends { until_us, .. }) => Some(until_us),
            Some(Way::Stops) | None => None,
        });
        self.next_expiry_us().into_iter().chain(step).chain(stops).chain(self.next_judgement_us()).min()
    }

    /// What actuator `id` does; nothing if there is no such actuator.
    pub fn output(&self, id: usize, now_us: u64) -> Option<Output> {
        self.actuators.get(id).map(|actuator| actuator.output(now_us))
    }

    /// What every actuator does.
    pub fn outputs(&self, now_us: u64) -> [Output; ACTUATOR_COUNT] {
        self.actuators.map(|actuator| actuator.output(now_us))
    }

    /// What every actuator does, and where it goes.
    pub fn moving(&self, now_us: u64) -> [Moving; ACTUATOR_COUNT] {
        self.actuators.map(|actuator| {
            let Output { value, holder } = actuator.output(now_us);
            Moving {
                value,
                holder,
                target: actuator.motion.target(),
                per_second: actuator.motion.per_second(),
            }
        })
    }

    /// Whether an output, a holder, or where an output goes has changed since this was last asked.
    pub fn take_changed(&mut self, now_us: u64) -> bool {
        let moving = self.moving(now_us);
        self.told.replace(moving) != Some(moving)
    }

    /// The leases that have run out since this was last asked.
    pub fn take_expired(&mut self) -> Expired {
        core::mem::take(&mut self.expired)
    }

    fn permitted(&mut self, client: Client, id: usize) -> Result<&mut Permitted, Status> {
        let all = self.permitted.get_mut(usize::from(client)).ok_or(Status::NotAClient)?;
        all.get_mut(id).ok_or(Status::UnknownDevice)?.as_mut().ok_or(Status::NotPermitted)
    }

    /// The lease that `client` has on actuator `id`, or would have if it were no shadow; there is one.
    fn held_by(&mut self, client: Client, id: usize) -> Result<&mut Option<Held>, Status> {
        let lease = if self.is_shadow(client) {
            self.shadow_lease(id).ok_or(Status::UnknownDevice)?
        } else {
            &mut self.actuators.get_mut(id).ok_or(Status::UnknownDevice)?.lease
        };
        match lease {
            None => Err(Status::NoLease),
            Some(held) if held.by != client => Err(Status::HeldByAnother),
            Some(_) => Ok(lease),
        }
    }

    /// From `at_us` on nobody holds it, and it is on its way to its safe state.
    fn make_safe(&mut self, id: usize, at_us: u64) {
        let Some(limits) = ACTUATORS.get(id) else { return };
        let without = self.without_holder(limits);
        let Some(actuator) = self.actuators.get_mut(id) else { return };
        actuator.lease = None;
        actuator.go_safe(limits, &without, at_us);
        let level = actuator.motion.target();
        if !matches!(actuator.way, Some(Way::Descends { .. })) {
            return;
        }
        // Those that went before it descend as it does.
        for (other, of_other) in self.actuators.iter_mut().zip(&ACTUATORS) {
            let descends = matches!(other.way, Some(Way::Descends { .. })) && of_other.group == limits.group;
            if descends && other.motion.target() > level {
                other.motion.steer(level, of_other.slew_per_second, at_us);
            }
        }
    }

    fn without_holder(&self, limits: &Limits) -> WithoutHolder {
        let members =
            || self.actuators.iter().zip(&ACTUATORS).filter(|(_, other)| other.group == limits.group);
        let average = |of: fn(&Sent) -> f64| {
            let sum: f64 = members().map(|(actuator, _)| of(&actuator.sent)).sum();
            sum / members().count().max(1) as f64
        };
        WithoutHolder {
            demand: self.demand,
            cuts: self.cuts(),
            mean: average(Sent::mean),
            last: average(Sent::last),
        }
    }
}

/// What the safe state of an output depends on.
#[derive(Clone, Copy, Debug)]
struct WithoutHolder {
    /// What the driver demands of the brake, and whether that cuts what drives.
    demand: f64,
    cuts: bool,
    /// What its group was sent to, each of it as much: on average of late, and last.
    mean: f64,
    last: f64,
}

fn client_number(client: usize) -> Result<Client, Status> {
    Client::try_from(client).map_err(|_| Status::NotAClient)
}

impl Actuator {
    fn output(&self, now_us: u64) -> Output {
        Output { value: self.motion.value(now_us), holder: self.lease.map(|lease| lease.by) }
    }

    /// Somebody who may has sent it to `value`.
    fn send(&mut self, value: f64, limits: &Limits, now_us: u64) {
        self.way = None;
        self.sent.send(value, now_us);
        self.motion.steer(value, limits.slew_per_second, now_us);
    }

    /// To its safe value, as fast as it can.
    fn cut(&mut self, limits: &Limits, now_us: u64) {
        self.way = Some(Way::Stops);
        self.sent = Sent::at(limits.safe, now_us);
        self.motion.steer(limits.safe, limits.slew_per_second, now_us);
    }

    fn go_safe(&mut self, limits: &Limits, without: &WithoutHolder, at_us: u64) {
        match limits.safe_state {
            // On its way already: taking and losing a lease again and again makes the way no longer.
            SafeState::Descent { .. } if self.way.is_some() => {}
            // What cuts is faster.
            SafeState::Descent { .. } if without.cuts && limits.drives => {
                self.cut(limits, at_us);
            }
            SafeState::Descent { share_permille, lasts_us, stop_us } => {
                let descends = without.mean * f64::from(share_permille) / 1000.0;
                let value = descends.min(without.last).clamp(limits.min, limits.max);
                self.motion.steer(value, limits.slew_per_second, at_us);
                self.way = Some(Way::Descends { until_us: at_us.saturating_add(lasts_us), stop_us });
            }
            SafeState::AtOnce => self.motion = Motion::at(limits.safe),
            SafeState::Demand => self.motion = Motion::at(without.demand.clamp(limits.min, limits.max)),
        }
    }
}

impl Default for Guard {
    fn default() -> Self {
        Self::new()
    }
}
