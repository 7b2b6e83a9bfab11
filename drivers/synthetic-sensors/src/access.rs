// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Which slot may read which sensor, and how often.

use cofferdam_device_protocol::permission::{CLIENTS, Rate, SensorOrder, SensorPermission};
use cofferdam_device_protocol::sensor::Request;
use cofferdam_device_protocol::{SENSOR_COUNT, Status};

#[derive(Clone, Copy, Debug)]
struct Permitted {
    to: SensorPermission,
    reads: Rate,
}

/// The permissions of every slot. At boot nobody may read anything.
#[derive(Clone, Debug, Default)]
pub struct Access {
    permitted: [[Option<Permitted>; SENSOR_COUNT]; CLIENTS],
}

impl Access {
    /// Obeys one message of `wasm_manager`.
    ///
    /// # Errors
    /// As [`SensorOrder::decode`].
    pub fn obey(&mut self, label: u64, words: &[u64]) -> Result<(), Status> {
        match SensorOrder::decode(label, words)? {
            SensorOrder::Revoke { client } => {
                self.permitted.get_mut(client).ok_or(Status::NotAClient)?.fill(None);
            }
            SensorOrder::Permit { client, id, permission } => {
                let place = self.permitted.get_mut(client).ok_or(Status::NotAClient)?;
                *place.get_mut(id).ok_or(Status::UnknownDevice)? =
                    Some(Permitted { to: permission, reads: Rate::default() });
            }
        }
        Ok(())
    }

    /// Whether slot `client` may send this message at `now_us`; a reading is counted. What a sensor is like may be asked
    /// as often as one likes.
    ///
    /// # Errors
    /// As [`Request::decode`]; [`Status::NotAClient`], [`Status::NotPermitted`], [`Status::TooOften`].
    pub fn check(&mut self, client: usize, label: u64, words: &[u64], now_us: u64) -> Result<(), Status> {
        let (Request::Read { id } | Request::Info { id }) = Request::decode(label, words)?;
        let all = self.permitted.get_mut(client).ok_or(Status::NotAClient)?;
        let permitted = all.get_mut(id).ok_or(Status::UnknownDevice)?.as_mut().ok_or(Status::NotPermitted)?;
        if matches!(Request::decode(label, words)?, Request::Read { .. }) {
            if !permitted.reads.allows(permitted.to.reads_per_second, now_us) {
                return Err(Status::TooOften);
            }
            permitted.reads.count(now_us);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    fn order(access: &mut Access, order: SensorOrder) {
        let message = order.encode();
        access.obey(message.label, message.words()).unwrap();
    }

    fn ask(access: &mut Access, client: usize, request: Request, now_us: u64) -> Result<(), Status> {
        let message = request.encode();
        access.check(client, message.label, message.words(), now_us)
    }

    #[test]
    fn only_what_is_permitted_and_no_oftener() {
        let mut access = Access::default();
        for client in 0..CLIENTS {
            for id in 0..SENSOR_COUNT {
                assert_eq!(ask(&mut access, client, Request::Read { id }, 0), Err(Status::NotPermitted));
                assert_eq!(ask(&mut access, client, Request::Info { id }, 0), Err(Status::NotPermitted));
            }
        }
        let permission = SensorPermission { reads_per_second: 2 };
        order(&mut access, SensorOrder::Permit { client: 1, id: 2, permission });
        for _ in 0..2 {
            assert_eq!(ask(&mut access, 1, Request::Read { id: 2 }, 5), Ok(()));
        }
        assert_eq!(ask(&mut access, 1, Request::Read { id: 2 }, 999_999), Err(Status::TooOften));
        assert_eq!(ask(&mut access, 1, Request::Info { id: 2 }, 999_999), Ok(()));
        assert_eq!(ask(&mut access, 1, Request::Read { id: 2 }, 1_000_000), Ok(()));
        assert_eq!(ask(&mut access, 0, Request::Read { id: 2 }, 1_000_000), Err(Status::NotPermitted));
        assert_eq!(ask(&mut access, CLIENTS, Request::Read { id: 2 }, 0), Err(Status::NotAClient));
        order(&mut access, SensorOrder::Revoke { client: 1 });
        assert_eq!(ask(&mut access, 1, Request::Read { id: 2 }, 2_000_000), Err(Status::NotPermitted));
    }

    proptest! {
        /// Whatever is asked by whom, nothing is answered that was not permitted before.
        #[test]
        fn any_message_without_a_permission_is_refused(
            client in 0usize..8,
            label in 0u64..40,
            words in proptest::collection::vec(prop_oneof![0u64..6, any::<u64>()], 0..5),
            now_us: u64,
        ) {
            let mut access = Access::default();
            for other in (0..CLIENTS).filter(|other| *other != client) {
                for id in 0..SENSOR_COUNT {
                    let permission = SensorPermission { reads_per_second: u32::MAX };
                    order(&mut access, SensorOrder::Permit { client: other, id, permission });
                }
            }
            prop_assert!(access.check(client, label, &words, now_us).is_err());
        }
    }
}
