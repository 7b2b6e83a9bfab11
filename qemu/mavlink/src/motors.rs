// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What outputs do, as the controls of HIL_ACTUATOR_CONTROLS. Motors are counted as PX4 counts those of an X: front right, rear left,
//! front left, rear right; each from 0 to 1.

use cofferdam_device_protocol::ACTUATOR_COUNT;
use cofferdam_device_protocol::actuator::Output;
use mavlink::dialects::common::{HIL_ACTUATOR_CONTROLS_DATA, HilActuatorControlsFlags, MavModeFlag};

/// Our motor at each place of theirs.
const ORDER: [usize; 4] = [1, 2, 0, 3];

/// Whether somebody holds a motor: that is what arming is here.
pub fn armed(outputs: &[Output; ACTUATOR_COUNT]) -> bool {
    outputs.iter().take(ORDER.len()).any(|motor| motor.holder.is_some())
}

/// The message that says what the outputs do.
pub fn controls(
    time_usec: u64,
    lockstep: bool,
    outputs: &[Output; ACTUATOR_COUNT],
) -> HIL_ACTUATOR_CONTROLS_DATA {
    let mut controls = [0.0; 16];
    for (control, motor) in controls.iter_mut().zip(ORDER) {
        *control = outputs.get(motor).map_or(0.0, |output| output.value as f32);
    }
    let armed = if armed(outputs) { MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED } else { MavModeFlag::empty() };
    let flags = match lockstep {
        true => HilActuatorControlsFlags::HIL_ACTUATOR_CONTROLS_FLAGS_LOCKSTEP,
        false => HilActuatorControlsFlags::empty(),
    };
    HIL_ACTUATOR_CONTROLS_DATA {
        time_usec,
        flags,
        controls,
        mode: armed | MavModeFlag::MAV_MODE_FLAG_HIL_ENABLED,
    }
}

/// The outputs that a message tells; each at rest if it is no number.
pub fn outputs(told: &HIL_ACTUATOR_CONTROLS_DATA) -> [Output; ACTUATOR_COUNT] {
    let holder = told.mode.contains(MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED).then_some(0);
    let mut outputs = [Output::AT_REST; ACTUATOR_COUNT];
    for (control, motor) in told.controls.iter().zip(ORDER) {
        if let Some(output) = outputs.get_mut(motor) {
            let value = f64::from(*control).clamp(0.0, 1.0);
            *output = Output { value: if value.is_nan() { 0.0 } else { value }, holder };
        }
    }
    outputs
}

#[cfg(test)]
mod tests {
    use cofferdam_simulator::testing::outputs as told;

    use super::*;

    #[test]
    fn each_motor_is_where_it_is() {
        let own = told([0.125, 0.25, 0.375, 0.5], Some(0));
        let said = controls(7, true, &own);
        assert_eq!(
            said.controls[..5],
            [0.25, 0.375, 0.125, 0.5, 0.0],
            "front right, rear left, front left, rear right"
        );
        assert_eq!((said.time_usec, said.flags.bits(), said.mode.bits()), (7, 1, 128 + 32));
        assert_eq!(outputs(&said), own);
    }

    #[test]
    fn nobody_s_motors_are_not_armed() {
        let own = told([0.5; 4], None);
        let said = controls(0, false, &own);
        assert_eq!((said.flags.bits(), said.mode.bits()), (0, 32));
        assert_eq!(outputs(&said), own);
        let odd = HIL_ACTUATOR_CONTROLS_DATA { controls: [f32::NAN; 16], ..said };
        assert_eq!(outputs(&odd), told([0.0; 4], None));
        let odd = HIL_ACTUATOR_CONTROLS_DATA { controls: [-1.0; 16], ..said };
        assert_eq!(outputs(&odd), told([0.0; 4], None));
    }
}
