// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The interpreter's settings: the deterministic profile, fuel, stacks.

use cofferdam_host_abi::Limits;
use wasmi::{CompilationMode, Config, Engine, OperatorCost};

use crate::fuel::GROW_FUEL;

/// An engine for one app.
pub(crate) fn engine(limits: &Limits) -> Engine {
    let mut config = Config::default();
    config
        .consume_fuel(true)
        .operator_cost(OperatorCost {
            memory_grow: GROW_FUEL,
            table_grow: GROW_FUEL,
            ..OperatorCost::default()
        })
        // Everything is translated at load: lazy translation would charge fuel and take time in whichever
        // tick first calls a function.
        .compilation_mode(CompilationMode::Eager)
        .ignore_custom_sections(true)
        // The deterministic profile together with the crate's features `deterministic` (one NaN) and without
        // `simd` and `memory64`. Several memories would make a pointer ambiguous.
        .wasm_multi_memory(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .set_max_stack_height(limits.value_stack_bytes.max(Limits::VALUE_STACK_INITIAL_BYTES) as usize)
        .set_min_stack_height(Limits::VALUE_STACK_INITIAL_BYTES as usize)
        .set_max_recursion_depth(limits.call_depth as usize)
        .set_max_cached_stacks(1);
    Engine::new(&config)
}
