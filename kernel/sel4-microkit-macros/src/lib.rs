// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The `protection_domain` attribute of `sel4-microkit`.
