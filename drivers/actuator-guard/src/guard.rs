// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Leases and outputs.

use cofferdam_device_protocol::actuator::{Applied, Lease, Output, Request, done, refusal};
use cofferdam_device_protocol::permission::{ActuatorOrder, ActuatorPermission, CLIENTS, Rate};
use cofferdam_device_protocol::{ACTUATOR_COUNT, ACTUATORS, LEASE_MAX_US, Message, Status};

/// A client: the number of a slot.
type Client = u8;

/// The actuators whose leases have run out since this was last asked for, and who held them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    holders: [Option<Client>; ACTUATOR_COUNT],
}

impl Expired {
    /// Each actuator's id and its last holder.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Client)> {
        self.holders.iter().enumerate().filter_map(|(id, holder)| Some((id, (*holder)?)))
    }
}

#[derive(Clone, Copy, Debug)]
struct Held {
    by: Client,
    until_us: u64,
}

#[derive(Clone, Copy, Debug)]
struct Actuator {
    value: f64,
    lease: Option<Held>,
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
    changed: bool,
}

impl Guard {
    /// Nobody may or holds anything; every output is safe.
    pub fn new() -> Self {
        let actuators = ACTUATORS.map(|actuator| Actuator { value: actuator.safe, lease: None });
        Self {
            actuators,
            permitted: [[None; ACTUATOR_COUNT]; CLIENTS],
            expired: Expired::default(),
            changed: true,
        }
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
                self.release_all(client);
                Ok(done())
            }
            Request::Read { id } => {
                self.permitted(client, id)?;
                self.output(id).map(|output| output.encode()).ok_or(Status::UnknownDevice)
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
                self.permitted.get_mut(client).ok_or(Status::NotAClient)?.fill(None);
                self.release_all(client_number(client)?);
            }
            ActuatorOrder::Permit { client, id, permission } => {
                let place = self.permitted.get_mut(client).ok_or(Status::NotAClient)?;
                *place.get_mut(id).ok_or(Status::UnknownDevice)? =
                    Some(Permitted { to: permission, writes: Rate::default(), leases: Rate::default() });
                // What is applied under the old permission may be outside the new one.
                if self.held_by(client_number(client)?, id).is_ok() {
                    self.make_safe(id);
                }
            }
        }
        Ok(())
    }

    /// Gives `client` the lease on actuator `id` for `duration_us` from now, or renews it.
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
        let permitted = *self.permitted(client, id)?;
        let actuator = self.actuators.get_mut(id).ok_or(Status::UnknownDevice)?;
        if !(1..=LEASE_MAX_US).contains(&duration_us) {
            return Err(Status::BadDuration);
        }
        if actuator.lease.is_some_and(|lease| lease.by != client) {
            return Err(Status::HeldByAnother);
        }
        if !permitted.leases.allows(permitted.to.writes_per_second, now_us) {
            return Err(Status::TooOften);
        }
        self.changed |= actuator.lease.is_none();
        let until_us = now_us.saturating_add(duration_us);
        actuator.lease = Some(Held { by: client, until_us });
        self.permitted(client, id)?.leases.count(now_us);
        Ok(Lease { until_us })
    }

    /// Moves actuator `id`, which `client` must hold.
    ///
    /// # Errors
    /// [`Status::UnknownDevice`], [`Status::NotAClient`], [`Status::NotPermitted`], [`Status::NoLease`],
    /// [`Status::HeldByAnother`], [`Status::NotANumber`], [`Status::OutOfRange`], [`Status::TooOften`]; what the actuator does has not changed then.
    pub fn write(&mut self, client: Client, id: usize, value: f64, now_us: u64) -> Result<Applied, Status> {
        self.expire(now_us);
        let limits = ACTUATORS.get(id).ok_or(Status::UnknownDevice)?;
        let permitted = *self.permitted(client, id)?;
        let actuator = self.held_by(client, id)?;
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
        let changed = actuator.value != value;
        actuator.value = value;
        self.changed |= changed;
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
        self.make_safe(id);
        Ok(())
    }

    /// Takes every lease back from `client`; those outputs become safe.
    pub fn release_all(&mut self, client: Client) {
        for id in 0..ACTUATOR_COUNT {
            if self.held_by(client, id).is_ok() {
                self.make_safe(id);
            }
        }
    }

    /// Ends every lease that has run out by `now_us`: those outputs become safe.
    pub fn expire(&mut self, now_us: u64) {
        for id in 0..ACTUATOR_COUNT {
            let Some(lease) = self.actuators.get(id).and_then(|actuator| actuator.lease) else { continue };
            if lease.until_us > now_us {
                continue;
            }
            if let Some(holder) = self.expired.holders.get_mut(id) {
                *holder = Some(lease.by);
            }
            self.make_safe(id);
        }
    }

    /// When the next lease runs out; nothing if nobody holds any.
    pub fn next_expiry_us(&self) -> Option<u64> {
        self.actuators.iter().filter_map(|actuator| actuator.lease).map(|lease| lease.until_us).min()
    }

    /// What actuator `id` does; nothing if there is no such actuator.
    pub fn output(&self, id: usize) -> Option<Output> {
        self.actuators.get(id).map(Actuator::output)
    }

    /// What every actuator does.
    pub fn outputs(&self) -> [Output; ACTUATOR_COUNT] {
        self.actuators.map(|actuator| actuator.output())
    }

    /// Whether an output or a holder has changed since this was last asked.
    pub const fn take_changed(&mut self) -> bool {
        core::mem::replace(&mut self.changed, false)
    }

    /// The leases that have run out since this was last asked.
    pub fn take_expired(&mut self) -> Expired {
        core::mem::take(&mut self.expired)
    }

    fn permitted(&mut self, client: Client, id: usize) -> Result<&mut Permitted, Status> {
        let all = self.permitted.get_mut(usize::from(client)).ok_or(Status::NotAClient)?;
        all.get_mut(id).ok_or(Status::UnknownDevice)?.as_mut().ok_or(Status::NotPermitted)
    }

    fn held_by(&mut self, client: Client, id: usize) -> Result<&mut Actuator, Status> {
        let actuator = self.actuators.get_mut(id).ok_or(Status::UnknownDevice)?;
        match actuator.lease {
            None => Err(Status::NoLease),
            Some(lease) if lease.by != client => Err(Status::HeldByAnother),
            Some(_) => Ok(actuator),
        }
    }

    fn make_safe(&mut self, id: usize) {
        if let (Some(actuator), Some(limits)) = (self.actuators.get_mut(id), ACTUATORS.get(id)) {
            *actuator = Actuator { value: limits.safe, lease: None };
            self.changed = true;
        }
    }
}

fn client_number(client: usize) -> Result<Client, Status> {
    Client::try_from(client).map_err(|_| Status::NotAClient)
}

impl Actuator {
    fn output(&self) -> Output {
        Output { value: self.value, holder: self.lease.map(|lease| lease.by) }
    }
}

impl Default for Guard {
    fn default() -> Self {
        Self::new()
    }
}
