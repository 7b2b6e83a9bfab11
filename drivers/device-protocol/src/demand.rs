// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How `actuator_guard` is told what the driver demands: by whoever reads the pedal, on a channel of its own. No slot has one.

use crate::{Message, Status};

const LABEL_DEMAND: u64 = 1;

/// What the driver demands of the brake from now on, 0 to 1 (the guard checks): answered by [`crate::actuator::done`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// The pedal.
    pub brake: f64,
}

impl Demand {
    /// The message that carries it.
    pub fn encode(&self) -> Message {
        Message::new(LABEL_DEMAND, &[self.brake.to_bits()])
    }

    /// The demand in a message.
    ///
    /// # Errors
    /// [`Status::UnknownRequest`], [`Status::BadLength`].
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, Status> {
        match (label, words) {
            (LABEL_DEMAND, &[bits]) => Ok(Self { brake: f64::from_bits(bits) }),
            (LABEL_DEMAND, _) => Err(Status::BadLength),
            _ => Err(Status::UnknownRequest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_comes_back() {
        let message = Demand { brake: 0.5 }.encode();
        assert_eq!((message.label, message.words()), (1, &[0x3fe0 << 48][..]));
        assert_eq!(Demand::decode(message.label, message.words()), Ok(Demand { brake: 0.5 }));
        assert_eq!(Demand::decode(1, &[]), Err(Status::BadLength));
        assert_eq!(Demand::decode(1, &[0, 0]), Err(Status::BadLength));
        assert_eq!(Demand::decode(2, &[0]), Err(Status::UnknownRequest));
    }
}
