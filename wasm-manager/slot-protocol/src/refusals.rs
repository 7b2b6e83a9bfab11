// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a server's refusal is to an app.

use cofferdam_device_protocol::Status;
use cofferdam_host_abi::ErrorCode;

/// The error code with which a call of an app ends that a server has refused.
pub const fn error_code(status: Status) -> ErrorCode {
    match status {
        Status::UnknownDevice => ErrorCode::UndefinedDevice,
        Status::NotReady => ErrorCode::NotReady,
        Status::NotPermitted => ErrorCode::NotPermitted,
        Status::TooOften => ErrorCode::RateLimited,
        Status::NoLease => ErrorCode::NoLease,
        Status::HeldByAnother => ErrorCode::AlreadyInUse,
        Status::Interlocked => ErrorCode::Interlocked,
        Status::OutOfRange | Status::NotANumber | Status::BadDuration => ErrorCode::OutOfRange,
        _ => ErrorCode::DeviceFailure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_can_tell_what_it_may_do_something_about() {
        let known = (1..).map_while(Status::from_code).filter(|status| *status != Status::Ok);
        let own: std::vec::Vec<Status> =
            known.filter(|status| error_code(*status) == ErrorCode::DeviceFailure).collect();
        // These are between programs of the device.
        use Status::{BadLength, BadPermission, NotAClient, UnknownRequest};
        assert_eq!(own, [UnknownRequest, BadLength, NotAClient, BadPermission]);
    }
}
