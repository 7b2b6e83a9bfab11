// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract of sensor_hub and actuator_guard: devices, units, ranges, messages.
#![no_std]
