// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How much of the processor an app may take.

/// Fuel that is burnt in a microsecond, taken low so that the utilisation comes out high: under QEMU wasmi
/// executes 170 to 220 Wasm instructions a microsecond, one unit of fuel each, and a Cortex-A53 some hundred.
/// Calls into the host burn fuel as well, at the host ABI's rates.
pub const FUEL_PER_US: u64 = 100;

/// Thousandths in a whole.
pub const PERMILLE: u32 = 1000;

/// What a kind of slot offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotClass {
    /// Most of the processor that one app may take, in thousandths.
    pub utilisation_permille_max: u32,
}

impl SlotClass {
    /// A slot beside others: an app may take half of the processor at most.
    pub const SHARED: Self = Self { utilisation_permille_max: 500 };
}

/// The share of the processor, in thousandths and rounded up, that an app takes if it burns all its fuel in
/// each activation.
#[must_use]
pub fn utilisation_permille(fuel_per_activation: u64, period_us: u64) -> u32 {
    if period_us == 0 {
        return u32::MAX;
    }
    let busy_us_times_1000 = u128::from(fuel_per_activation).saturating_mul(u128::from(PERMILLE));
    let available = u128::from(period_us).saturating_mul(u128::from(FUEL_PER_US));
    u32::try_from(busy_us_times_1000.div_ceil(available)).unwrap_or(u32::MAX)
}
