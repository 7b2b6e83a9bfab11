// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Orders: what the manager wants a slot to do.

use core::fmt;

use cofferdam_device_protocol::topic::{NAME_BYTES, TOPICS_MAX, TopicName};
use cofferdam_host_abi::{LimitExceeded, Limits, Shape};
use cofferdam_shared_memory::{OutOfBounds, SharedRegion};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use crate::{AppName, Command, Overrun, TextList, VERSION};

/// Sensors are bits of one word.
pub const SENSORS_MAX: u32 = 64;
/// Actuators that can be granted.
pub const ACTUATORS_MAX: usize = 16;

/// "CFOR": first word of orders, so that a region nobody wrote to is told from orders.
const MAGIC: u32 = u32::from_le_bytes(*b"CFOR");

/// Bytes at the start of the orders region.
pub const ORDERS_BYTES: usize = size_of::<OrdersLayout>();

// The layout is the machine's own byte order: both sides run on it.
const _: () = assert!(cfg!(target_endian = "little"), "shared layouts are little-endian");
const _: () = assert!(ORDERS_BYTES == 2936);

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct OrdersLayout {
    magic: u32,
    version: u32,
    generation: u64,
    command: u32,
    shape: u32,
    overrun: u32,
    module_length_bytes: u32,
    name: [u8; Limits::NAME_BYTES],
    period_us: u64,
    deadline_us: u64,
    random_seed: u64,
    sensors: u64,
    init_fuel: u64,
    fuel_per_activation: u64,
    module_bytes: u32,
    functions: u32,
    globals: u32,
    tables: u32,
    table_elements: u32,
    segments: u32,
    memory_pages: u32,
    value_stack_bytes: u32,
    call_depth: u32,
    host_calls_per_activation: u32,
    log_bytes_per_second: u32,
    log_line_bytes: u32,
    actuators: [ActuatorLayout; ACTUATORS_MAX],
    arguments_length: u32,
    arguments_count: u32,
    environment_length: u32,
    environment_count: u32,
    arguments: [u8; Limits::TEXTS_BYTES],
    environment: [u8; Limits::TEXTS_BYTES],
    topics: [TopicLayout; TOPICS_MAX],
    /// 0 no, 1 yes.
    record: u64,
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct TopicLayout {
    name: [u8; NAME_BYTES],
    /// 0 no, 1 yes.
    publish: u32,
    receive: u32,
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct ActuatorLayout {
    /// 0 no, 1 yes.
    permitted: u64,
    minimum_bits: u64,
    maximum_bits: u64,
}

/// What an app may do with one actuator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActuatorGrant {
    /// Smallest value that it may write.
    pub minimum: f64,
    /// Largest value that it may write.
    pub maximum: f64,
}

/// A topic and what an app may do with it; at least one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicGrant {
    /// Its name.
    pub name: TopicName,
    /// It may publish it.
    pub publish: bool,
    /// It may receive it.
    pub receive: bool,
}

/// Orders, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Orders {
    /// Grows with each order; the slot echoes it, so that the manager can tell new status from old.
    pub generation: u64,
    /// Run, or be idle. When idle, all that follows is ignored.
    pub command: Command,
    /// How the app is run.
    pub shape: Shape,
    /// What an overrun leads to.
    pub overrun: Overrun,
    /// The app's name, for its log lines.
    pub name: AppName,
    /// Bytes of the module at the start of the module region; not more than `limits.module_bytes`.
    pub module_length_bytes: u32,
    /// Time from release to release, in µs.
    pub period_us: u64,
    /// Time from a release to when the activation should be over, in µs; at most the period.
    pub deadline_us: u64,
    /// Start of the app's random numbers.
    pub random_seed: u64,
    /// Sensors that the app may read: bit = sensor number.
    pub sensors: u64,
    /// Actuators that the app may write, by number.
    pub actuators: [Option<ActuatorGrant>; ACTUATORS_MAX],
    /// Topics that the app may use, by the places under which `topic_hub` knows them.
    pub topics: [Option<TopicGrant>; TOPICS_MAX],
    /// All bounds.
    pub limits: Limits,
    /// Arguments of the program, without its name.
    pub arguments: TextList,
    /// Its environment: texts of the form `NAME=value`.
    pub environment: TextList,
    /// Whether what it asks and is answered is recorded.
    pub record: bool,
}

impl Orders {
    /// Run nothing.
    pub fn idle(generation: u64) -> Self {
        Self {
            generation,
            command: Command::Idle,
            shape: Shape::Command,
            overrun: Overrun::Skip,
            name: AppName::EMPTY,
            module_length_bytes: 0,
            period_us: Limits::PERIOD_US_DEFAULT,
            deadline_us: Limits::PERIOD_US_DEFAULT,
            random_seed: 0,
            sensors: 0,
            actuators: [None; ACTUATORS_MAX],
            topics: [None; TOPICS_MAX],
            limits: Limits::DEFAULT,
            arguments: TextList::EMPTY,
            environment: TextList::EMPTY,
            record: false,
        }
    }

    /// May the app read this sensor?
    pub const fn permits_sensor(&self, sensor: u32) -> bool {
        sensor < SENSORS_MAX && self.sensors >> sensor & 1 == 1
    }

    /// What the app may do with this actuator.
    pub fn actuator(&self, actuator: u32) -> Option<ActuatorGrant> {
        self.actuators.get(usize::try_from(actuator).ok()?).copied().flatten()
    }

    /// The place of the topic of this name, and what the app may do with it.
    pub fn topic(&self, name: &[u8]) -> Option<(usize, TopicGrant)> {
        let name = TopicName::new(name)?;
        let topics = self.topics.iter().enumerate();
        topics.filter_map(|(place, grant)| Some((place, (*grant)?))).find(|(_, grant)| grant.name == name)
    }

    /// The bytes that the slot reads.
    pub fn to_bytes(&self) -> [u8; ORDERS_BYTES] {
        zerocopy::transmute!(self.layout())
    }

    /// Reads such bytes and checks them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OrdersError> {
        let layout = OrdersLayout::read_from_bytes(bytes).map_err(|_| OrdersError::Length(bytes.len()))?;
        Self::from_layout(&layout)
    }

    fn layout(&self) -> OrdersLayout {
        let limits = &self.limits;
        let (arguments, arguments_length, arguments_count) = self.arguments.layout();
        let (environment, environment_length, environment_count) = self.environment.layout();
        OrdersLayout {
            magic: MAGIC,
            version: VERSION,
            generation: self.generation,
            command: self.command.code(),
            shape: self.shape as u32,
            overrun: self.overrun.code(),
            module_length_bytes: self.module_length_bytes,
            name: *self.name.padded(),
            period_us: self.period_us,
            deadline_us: self.deadline_us,
            random_seed: self.random_seed,
            sensors: self.sensors,
            init_fuel: limits.init_fuel,
            fuel_per_activation: limits.fuel_per_activation,
            module_bytes: limits.module_bytes,
            functions: limits.functions,
            globals: limits.globals,
            tables: limits.tables,
            table_elements: limits.table_elements,
            segments: limits.segments,
            memory_pages: limits.memory_pages,
            value_stack_bytes: limits.value_stack_bytes,
            call_depth: limits.call_depth,
            host_calls_per_activation: limits.host_calls_per_activation,
            log_bytes_per_second: limits.log_bytes_per_second,
            log_line_bytes: limits.log_line_bytes,
            actuators: self.actuators.map(|grant| match grant {
                Some(grant) => ActuatorLayout {
                    permitted: 1,
                    minimum_bits: grant.minimum.to_bits(),
                    maximum_bits: grant.maximum.to_bits(),
                },
                None => ActuatorLayout { permitted: 0, minimum_bits: 0, maximum_bits: 0 },
            }),
            arguments_length,
            arguments_count,
            environment_length,
            environment_count,
            arguments,
            environment,
            topics: self.topics.map(|grant| match grant {
                Some(TopicGrant { name, publish, receive }) => {
                    TopicLayout { name: *name.padded(), publish: publish.into(), receive: receive.into() }
                }
                None => TopicLayout { name: [0; NAME_BYTES], publish: 0, receive: 0 },
            }),
            record: self.record.into(),
        }
    }

    fn from_layout(layout: &OrdersLayout) -> Result<Self, OrdersError> {
        if layout.magic != MAGIC {
            return Err(OrdersError::Magic(layout.magic));
        }
        if layout.version != VERSION {
            return Err(OrdersError::Version(layout.version));
        }
        let limits = Limits {
            module_bytes: layout.module_bytes,
            functions: layout.functions,
            globals: layout.globals,
            tables: layout.tables,
            table_elements: layout.table_elements,
            segments: layout.segments,
            memory_pages: layout.memory_pages,
            value_stack_bytes: layout.value_stack_bytes,
            call_depth: layout.call_depth,
            init_fuel: layout.init_fuel,
            fuel_per_activation: layout.fuel_per_activation,
            host_calls_per_activation: layout.host_calls_per_activation,
            log_bytes_per_second: layout.log_bytes_per_second,
            log_line_bytes: layout.log_line_bytes,
        };
        limits.check().map_err(OrdersError::Limit)?;
        let mut actuators = [None; ACTUATORS_MAX];
        for (number, (grant, layout)) in actuators.iter_mut().zip(&layout.actuators).enumerate() {
            *grant = layout.checked().map_err(|()| OrdersError::Actuator(number))?;
        }
        let mut topics = [None; TOPICS_MAX];
        for (place, (grant, layout)) in topics.iter_mut().zip(&layout.topics).enumerate() {
            *grant = layout.checked().map_err(|()| OrdersError::Topic(place))?;
        }
        let orders = Self {
            generation: layout.generation,
            command: Command::from_code(layout.command).ok_or(OrdersError::Command(layout.command))?,
            shape: Shape::from_code(layout.shape).ok_or(OrdersError::Shape(layout.shape))?,
            overrun: Overrun::from_code(layout.overrun).ok_or(OrdersError::Overrun(layout.overrun))?,
            name: AppName::from_padded(&layout.name),
            module_length_bytes: layout.module_length_bytes,
            period_us: layout.period_us,
            deadline_us: layout.deadline_us,
            random_seed: layout.random_seed,
            sensors: layout.sensors,
            actuators,
            topics,
            limits,
            arguments: TextList::from_layout(
                &layout.arguments,
                layout.arguments_length,
                layout.arguments_count,
            )
            .ok_or(OrdersError::Arguments)?,
            environment: TextList::from_layout(
                &layout.environment,
                layout.environment_length,
                layout.environment_count,
            )
            .ok_or(OrdersError::Environment)?,
            record: match layout.record {
                0 => false,
                1 => true,
                other => return Err(OrdersError::Record(other)),
            },
        };
        orders.check()?;
        Ok(orders)
    }

    fn check(&self) -> Result<(), OrdersError> {
        if !(Limits::PERIOD_US_MINIMUM..=Limits::PERIOD_US_MAXIMUM).contains(&self.period_us) {
            return Err(OrdersError::Period(self.period_us));
        }
        if self.deadline_us == 0 || self.deadline_us > self.period_us {
            return Err(OrdersError::Deadline(self.deadline_us));
        }
        if self.module_length_bytes > self.limits.module_bytes {
            return Err(OrdersError::ModuleLength(self.module_length_bytes));
        }
        Ok(())
    }
}

impl ActuatorLayout {
    fn checked(&self) -> Result<Option<ActuatorGrant>, ()> {
        let (minimum, maximum) = (f64::from_bits(self.minimum_bits), f64::from_bits(self.maximum_bits));
        match self.permitted {
            0 => Ok(None),
            // Also refuses NaN, which compares to nothing.
            1 if minimum <= maximum => Ok(Some(ActuatorGrant { minimum, maximum })),
            _ => Err(()),
        }
    }
}

impl TopicLayout {
    fn checked(&self) -> Result<Option<TopicGrant>, ()> {
        let grant = |publish, receive| {
            let name = TopicName::from_padded(self.name).ok_or(())?;
            Ok(Some(TopicGrant { name, publish, receive }))
        };
        match (self.publish, self.receive) {
            (0, 0) if self.name == [0; NAME_BYTES] => Ok(None),
            (1, 0) => grant(true, false),
            (0, 1) => grant(false, true),
            (1, 1) => grant(true, true),
            _ => Err(()),
        }
    }
}

/// Writes orders. The slot must be stopped: it reads them when it starts.
pub fn write_orders(region: SharedRegion, orders: &Orders) -> Result<(), OutOfBounds> {
    region.copy_in(0, orders.layout().as_bytes())
}

/// Reads orders once and checks them.
pub fn read_orders(region: SharedRegion) -> Result<Orders, OrdersError> {
    let mut layout = OrdersLayout::new_zeroed();
    region.copy_out(0, layout.as_mut_bytes()).map_err(OrdersError::Region)?;
    Orders::from_layout(&layout)
}

/// Orders that make no sense. Nothing is run by them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OrdersError {
    /// The region is too small.
    Region(OutOfBounds),
    /// Not orders at all. Zero: nobody has written any yet.
    Magic(u32),
    /// Another version of the layout.
    Version(u32),
    /// No such command.
    Command(u32),
    /// No such shape.
    Shape(u32),
    /// No such policy on overruns.
    Overrun(u32),
    /// Period in µs outside of what is allowed.
    Period(u64),
    /// Deadline in µs of zero, or after the period.
    Deadline(u64),
    /// More bytes of module than the limit.
    ModuleLength(u32),
    /// A range of this actuator that holds no value.
    Actuator(usize),
    /// A topic at this place that is none, or for which nothing is permitted.
    Topic(usize),
    /// A bound above its maximum.
    Limit(LimitExceeded),
    /// Arguments whose number or length is not what their bytes say.
    Arguments,
    /// The same of the environment.
    Environment,
    /// Neither to be recorded nor not.
    Record(u64),
    /// Another number of bytes than orders have.
    Length(usize),
}

impl OrdersError {
    /// Has nobody written orders yet?
    pub const fn is_unwritten(&self) -> bool {
        matches!(self, Self::Magic(0))
    }
}

impl fmt::Display for OrdersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region(error) => error.fmt(f),
            Self::Magic(magic) => write!(f, "no orders: first word is {magic:#x}"),
            Self::Version(version) => write!(f, "orders of version {version}, expected {VERSION}"),
            Self::Command(code) => write!(f, "unknown command {code}"),
            Self::Shape(code) => write!(f, "unknown shape {code}"),
            Self::Overrun(code) => write!(f, "unknown overrun policy {code}"),
            Self::Period(period_us) => write!(f, "period of {period_us} µs is out of range"),
            Self::Deadline(deadline_us) => write!(f, "deadline of {deadline_us} µs is not within the period"),
            Self::ModuleLength(bytes) => write!(f, "module of {bytes} bytes is above its limit"),
            Self::Actuator(number) => write!(f, "actuator {number} has an empty range"),
            Self::Topic(place) => write!(f, "topic {place} makes no sense"),
            Self::Limit(error) => error.fmt(f),
            Self::Arguments => f.write_str("arguments do not fit their length"),
            Self::Environment => f.write_str("environment does not fit its length"),
            Self::Record(code) => write!(f, "unknown code {code} for recording"),
            Self::Length(bytes) => write!(f, "{bytes} bytes, orders have {ORDERS_BYTES}"),
        }
    }
}

impl core::error::Error for OrdersError {}

#[cfg(test)]
mod tests;
