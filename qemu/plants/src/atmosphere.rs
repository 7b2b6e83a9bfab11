// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The International Standard Atmosphere below 11 km (ISO 2533).

use crate::GRAVITY;

/// Pressure at sea level, Pa.
pub const SEA_LEVEL_PA: f64 = 101_325.0;
/// Temperature at sea level, K.
pub const SEA_LEVEL_K: f64 = 288.15;
/// What a metre of height takes from the temperature, K.
const LAPSE_K_PER_M: f64 = 0.006_5;
/// Gas constant of dry air, J/(kg K).
const AIR_J_PER_KG_K: f64 = 287.052_87;

/// Temperature at this height, K.
pub fn temperature_k(height_m: f64) -> f64 {
    SEA_LEVEL_K - LAPSE_K_PER_M * height_m
}

/// Pressure at this height, Pa.
pub fn pressure_pa(height_m: f64) -> f64 {
    let exponent = GRAVITY / (LAPSE_K_PER_M * AIR_J_PER_KG_K);
    SEA_LEVEL_PA * libm::pow(temperature_k(height_m) / SEA_LEVEL_K, exponent)
}

/// The height at which there is this pressure, m.
pub fn height_m(pressure_pa: f64) -> f64 {
    let exponent = LAPSE_K_PER_M * AIR_J_PER_KG_K / GRAVITY;
    (1.0 - libm::pow(pressure_pa / SEA_LEVEL_PA, exponent)) * SEA_LEVEL_K / LAPSE_K_PER_M
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_s_own_table() {
        for (height, pressure, kelvin) in
            [(0.0, 101_325.0, 288.15), (1_000.0, 89_874.6, 281.65), (5_000.0, 54_019.9, 255.65)]
        {
            assert!((pressure_pa(height) - pressure).abs() < 1.0, "{height} m: {}", pressure_pa(height));
            assert!((temperature_k(height) - kelvin).abs() < 1e-9);
            assert!((height_m(pressure_pa(height)) - height).abs() < 1e-6);
        }
    }
}
