// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What is said. Each message has one layout and one length.

use cofferdam_device_protocol::actuator::Output;
use cofferdam_device_protocol::{ACTUATOR_COUNT, SENSOR_COUNT, VALUES_MAX};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, LE, U16, U32, U64};

use crate::frame::FrameError;
use crate::{Samples, TICK_US};

/// Who waits for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The device waits at each tick for that tick's sample, so that simulated time is the guest's: for a clock that stands
    /// still meanwhile (QEMU's `-icount`).
    Lockstep,
    /// Nobody waits: the latest sample counts.
    Free,
}

/// The simulator is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// How it runs.
    pub mode: Mode,
}

/// The device has heard it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The first tick whose outputs are sent.
    pub first_tick: u64,
}

/// What sensors show at a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sensors {
    /// Whose outputs this answers.
    pub tick: u64,
    /// By sensor.
    pub samples: Samples,
}

/// What outputs do from a tick to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outputs {
    /// Which tick.
    pub tick: u64,
    /// How many ticks since [`Welcome`] the device went on without the sample that it waited for: if there is any, what
    /// happens depends on the host's speed, and does not repeat.
    pub late: u64,
    /// By actuator.
    pub outputs: [Output; ACTUATOR_COUNT],
}

/// Anything that is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Message {
    /// Simulator to device.
    Hello(Hello),
    /// Device to simulator.
    Welcome(Welcome),
    /// Simulator to device.
    Sensors(Sensors),
    /// Device to simulator.
    Outputs(Outputs),
    /// Simulator to device: it goes. Whoever goes without a word is missed after [`crate::STALE_US`].
    Bye,
}

/// The longest message.
pub(crate) const PAYLOAD_BYTES_MAX: usize = size_of::<SensorsLayout>();

const HELLO: u16 = 1;
const WELCOME: u16 = 2;
const SENSORS: u16 = 3;
const OUTPUTS: u16 = 4;
const BYE: u16 = 5;

const LOCKSTEP: u16 = 1;
const FREE: u16 = 2;

/// Both sides must mean the same devices and the same ticks.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct HelloLayout {
    mode: U16<LE>,
    sensors: U16<LE>,
    actuators: U16<LE>,
    values_max: U16<LE>,
    tick_us: U64<LE>,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct WelcomeLayout {
    first_tick: U64<LE>,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct SensorsLayout {
    tick: U64<LE>,
    /// The bits of each `f64`.
    samples: [[U64<LE>; VALUES_MAX]; SENSOR_COUNT],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct OutputsLayout {
    tick: U64<LE>,
    late: U64<LE>,
    outputs: [OutputLayout; ACTUATOR_COUNT],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct OutputLayout {
    /// The bits of an `f64`.
    value: U64<LE>,
    /// A slot's number + 1, or zero for nobody.
    holder: U32<LE>,
    /// Zero.
    reserved: U32<LE>,
}

const _: () = assert!(size_of::<HelloLayout>() == 16 && size_of::<WelcomeLayout>() == 8);
const _: () = assert!(size_of::<SensorsLayout>() == 8 + 8 * VALUES_MAX * SENSOR_COUNT);
const _: () = assert!(size_of::<OutputsLayout>() == 16 + 16 * ACTUATOR_COUNT);
const _: () = assert!(size_of::<OutputsLayout>() <= PAYLOAD_BYTES_MAX);

impl Message {
    /// Its kind, and its bytes in `payload`; gives how many.
    pub(crate) fn write(&self, payload: &mut [u8; PAYLOAD_BYTES_MAX]) -> (u16, usize) {
        match self {
            Self::Hello(Hello { mode }) => {
                let mode = if *mode == Mode::Lockstep { LOCKSTEP } else { FREE };
                let layout = HelloLayout {
                    mode: mode.into(),
                    sensors: (SENSOR_COUNT as u16).into(),
                    actuators: (ACTUATOR_COUNT as u16).into(),
                    values_max: (VALUES_MAX as u16).into(),
                    tick_us: TICK_US.into(),
                };
                (HELLO, put(payload, &layout))
            }
            Self::Welcome(Welcome { first_tick }) => {
                (WELCOME, put(payload, &WelcomeLayout { first_tick: (*first_tick).into() }))
            }
            Self::Sensors(Sensors { tick, samples }) => {
                let samples = samples.map(|values| values.map(|value| value.to_bits().into()));
                (SENSORS, put(payload, &SensorsLayout { tick: (*tick).into(), samples }))
            }
            Self::Outputs(Outputs { tick, late, outputs }) => {
                let outputs = outputs.map(|output| OutputLayout {
                    value: output.value.to_bits().into(),
                    holder: output.holder.map_or(0, |client| u32::from(client) + 1).into(),
                    reserved: 0.into(),
                });
                (
                    OUTPUTS,
                    put(payload, &OutputsLayout { tick: (*tick).into(), late: (*late).into(), outputs }),
                )
            }
            Self::Bye => (BYE, 0),
        }
    }

    /// The message of this kind in these bytes. Samples may still be anything: see [`crate::check`].
    pub(crate) fn read(kind: u16, payload: &[u8]) -> Result<Self, FrameError> {
        Ok(match kind {
            HELLO => {
                let layout: HelloLayout = get(payload)?;
                let same = layout.sensors.get() == SENSOR_COUNT as u16
                    && layout.actuators.get() == ACTUATOR_COUNT as u16
                    && layout.values_max.get() == VALUES_MAX as u16
                    && layout.tick_us.get() == TICK_US;
                let mode = match layout.mode.get() {
                    LOCKSTEP if same => Mode::Lockstep,
                    FREE if same => Mode::Free,
                    _ => return Err(FrameError::OtherVehicle),
                };
                Self::Hello(Hello { mode })
            }
            WELCOME => {
                let layout: WelcomeLayout = get(payload)?;
                Self::Welcome(Welcome { first_tick: layout.first_tick.get() })
            }
            SENSORS => {
                let layout: SensorsLayout = get(payload)?;
                let samples = layout.samples.map(|values| values.map(|bits| f64::from_bits(bits.get())));
                Self::Sensors(Sensors { tick: layout.tick.get(), samples })
            }
            OUTPUTS => {
                let layout: OutputsLayout = get(payload)?;
                let outputs = layout.outputs.map(|output| Output {
                    value: f64::from_bits(output.value.get()),
                    holder: output.holder.get().checked_sub(1).and_then(|client| u8::try_from(client).ok()),
                });
                Self::Outputs(Outputs { tick: layout.tick.get(), late: layout.late.get(), outputs })
            }
            BYE if payload.is_empty() => Self::Bye,
            BYE => return Err(FrameError::BadLength),
            _ => return Err(FrameError::UnknownKind),
        })
    }
}

/// Copies a layout to the front; gives its length. Every layout fits: see the assertions above.
fn put<T: IntoBytes + Immutable>(payload: &mut [u8; PAYLOAD_BYTES_MAX], layout: &T) -> usize {
    let bytes = layout.as_bytes();
    if let Some(to) = payload.get_mut(..bytes.len()) {
        to.copy_from_slice(bytes);
    }
    bytes.len()
}

fn get<T: FromBytes>(payload: &[u8]) -> Result<T, FrameError> {
    T::read_from_bytes(payload).map_err(|_| FrameError::BadLength)
}
