// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a device would have an app do, asked on a desk.

use cofferdam_admission::{SlotClass, admit};
use cofferdam_device_protocol::permission::Permissions;
use cofferdam_management_protocol::Refusal;
use cofferdam_package::{KeyId, Manifest};
use cofferdam_policy::Grant;
use cofferdam_slot_protocol::Orders;

use crate::install::{Texts, app};
use crate::refusal::Refused;

/// The orders by which a slot would run `module`, and what it could touch, if its signer may grant everything. Nothing here says
/// that anybody signed it.
///
/// # Errors
/// What a device would say against it.
pub fn on_a_desk(manifest: Manifest, module: &[u8]) -> Result<(Orders, Permissions), Refused> {
    let permitted = Grant::everything().permit(&manifest)?;
    let admitted = admit(&manifest, module, &SlotClass::SHARED)?;
    let texts = Texts::of(&manifest.app).map_err(|_| Refusal::Internal)?;
    let app = app(manifest, KeyId([0; KeyId::BYTES]), &admitted, &permitted, &texts);
    Ok((app.orders, app.permissions))
}
