// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the project promises about its own `system.xml` (DESIGN.md sections 1 and 7), checked on the file itself.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use cofferdam_image::sdf::System;

fn system() -> System {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../system.xml");
    let source = std::fs::read_to_string(path).unwrap();
    let checked = cofferdam_image::read("system.xml", &source, &common::platform(), None);
    let findings: Vec<String> = checked.findings.iter().map(ToString::to_string).collect();
    assert_eq!(findings, [""; 0]);
    checked.system
}

fn priority(system: &System, name: &str) -> u64 {
    system.domain(name).unwrap().1.priority.as_ref().unwrap().value
}

const SLOTS: [&str; 4] = ["app_slot_0", "app_slot_1", "app_slot_2", "app_slot_3"];

#[test]
fn callees_outrank_their_callers() {
    let system = system();
    let mut calls = 0;
    for channel in &system.channels {
        let [a, b] = &channel.ends;
        for (caller, callee) in [(a, b), (b, a)].into_iter().filter(|(caller, _)| caller.calls) {
            calls += 1;
            assert!(priority(&system, &callee.domain.value) > priority(&system, &caller.domain.value));
        }
    }
    assert!(calls > 0);
}

#[test]
fn priorities_fall_in_the_order_of_the_design() {
    let system = system();
    let order = [
        "timer_driver",
        "actuator_guard",
        "sensor_hub",
        "plant_link",
        "topic_hub",
        "app_slot_0",
        "app_slot_1",
        "app_slot_2",
        "app_slot_3",
        "store_driver",
        "wasm_manager",
        "console",
        "net_driver",
        "gateway",
    ];
    let priorities: Vec<u64> = order.iter().map(|name| priority(&system, name)).collect();
    assert!(priorities.windows(2).all(|pair| pair[0] > pair[1]), "{priorities:?}");
}

#[test]
fn every_region_has_one_writer() {
    let system = system();
    for region in &system.regions {
        let writers: Vec<&str> = system
            .maps_of(&region.name.value)
            .filter(|(_, map)| map.rights.value.write)
            .map(|(domain, _)| domain.name.value.as_str())
            .collect();
        assert_eq!(writers.len(), 1, "{} is written by {writers:?}", region.name.value);
    }
}

#[test]
fn nothing_shared_is_executable() {
    let system = system();
    assert!(system.domains.iter().flat_map(|domain| &domain.maps).all(|map| !map.rights.value.execute));
}

#[test]
fn memory_of_devices_is_mapped_once() {
    let system = system();
    for name in [
        "net_dma",
        "rng_dma",
        "blk_dma",
        "plant_dma",
        "uart",
        "virtio_net",
        "virtio_rng",
        "virtio_blk",
        "virtio_console",
    ] {
        assert_eq!(system.maps_of(name).count(), 1, "{name}");
    }
}

#[test]
fn slots_reach_only_what_their_class_may_touch() {
    let system = system();
    for slot in SLOTS {
        let mut peers: Vec<&str> = system
            .channels
            .iter()
            .filter_map(|channel| {
                let [a, b] = &channel.ends;
                [(a, b), (b, a)].into_iter().find(|(own, _)| own.domain.value == slot).map(|(_, peer)| peer)
            })
            .map(|peer| peer.domain.value.as_str())
            .collect();
        peers.sort_unstable();
        assert_eq!(
            peers,
            ["actuator_guard", "console", "sensor_hub", "timer_driver", "topic_hub", "wasm_manager"],
            "{slot}"
        );
    }
    let (manager, _) = system.domain("wasm_manager").unwrap();
    let children: Vec<&str> =
        system.children(manager).map(|(_, child, _)| child.name.value.as_str()).collect();
    assert_eq!(children[..SLOTS.len()], SLOTS);
    assert_eq!(children[SLOTS.len()..], ["verifier"]);
}

/// Who parses bytes of strangers has what it parses, read-only, and its verdict.
#[test]
fn the_verifier_holds_nothing() {
    let system = system();
    let (index, verifier) = system.domain("verifier").unwrap();
    assert_eq!(system.children(index).count(), 0);
    assert!(verifier.irqs.is_empty());
    let maps: Vec<(&str, bool)> =
        verifier.maps.iter().map(|map| (map.region.value.as_str(), map.rights.value.write)).collect();
    assert_eq!(maps, [("staging", false), ("verdict", true), ("verifier_heap", true)]);
    let others = |region| system.maps_of(region).filter(|(domain, _)| domain.name.value != "verifier");
    let shared: Vec<(&str, bool)> = ["staging", "verdict", "verifier_heap"]
        .into_iter()
        .flat_map(others)
        .map(|(domain, map)| (domain.name.value.as_str(), map.rights.value.write))
        .collect();
    assert_eq!(shared, [("wasm_manager", true), ("wasm_manager", false)]);
    let ends: Vec<(&str, bool, bool)> = system
        .channels
        .iter()
        .filter_map(|channel| {
            let [a, b] = &channel.ends;
            [(a, b), (b, a)].into_iter().find(|(own, _)| own.domain.value == "verifier")
        })
        .map(|(own, peer)| (peer.domain.value.as_str(), own.calls, peer.calls))
        .collect();
    assert_eq!(ends, [("wasm_manager", false, false)]);
    assert!(priority(&system, "verifier") < priority(&system, "wasm_manager"), "it can be stopped");
    assert!(priority(&system, "verifier") > priority(&system, "net_driver"), "a flood does not stop it");
    let source = include_str!("../../../protection-domains/verifier/src/main.rs");
    let written = source.lines().find_map(|line| line.strip_prefix("const STACK_BYTES: usize = 0x")).unwrap();
    let stack_bytes = u64::from_str_radix(written.trim_end_matches(';'), 16).unwrap();
    assert_eq!(verifier.stack_size.value, stack_bytes);
}

/// Who starts wasm_manager and gateway again has nothing else: not their memory, and no channel but to say what it did.
#[test]
fn the_supervisor_holds_its_children_alone() {
    let system = system();
    let (index, supervisor) = system.domain("supervisor").unwrap();
    let children: Vec<&str> = system.children(index).map(|(_, child, _)| child.name.value.as_str()).collect();
    assert_eq!(children, ["wasm_manager", "gateway"]);
    let maps: Vec<&str> = supervisor.maps.iter().map(|map| map.region.value.as_str()).collect();
    assert_eq!(maps, ["log_supervisor", "figures_supervisor"]);
    let ends = system.channels.iter().flat_map(|channel| {
        let [a, b] = &channel.ends;
        [(a, b), (b, a)]
    });
    let peers: Vec<&str> = ends
        .filter(|(own, _)| own.domain.value == "supervisor")
        .map(|(_, peer)| peer.domain.value.as_str())
        .collect();
    assert_eq!(peers, ["console"]);
}

/// What carries messages between slots has none of their memory, and calls nobody.
#[test]
fn topics_go_through_calls_alone() {
    let system = system();
    let (_, hub) = system.domain("topic_hub").unwrap();
    let maps: Vec<&str> = hub.maps.iter().map(|map| map.region.value.as_str()).collect();
    assert_eq!(maps, ["log_topic_hub"]);
    let ends = system.channels.iter().flat_map(|channel| &channel.ends);
    assert!(ends.filter(|end| end.domain.value == "topic_hub").all(|end| !end.calls));
}

/// The kernel names who has used up a budget by its place in the description, which no setvar can carry: parents have it
/// written down.
#[test]
fn children_stand_where_their_parents_look_for_them() {
    let manager = include_str!("../../../protection-domains/wasm_manager/src/slots.rs");
    let supervisor = include_str!("../../../protection-domains/supervisor/src/main.rs");
    let written = |source: &str, name: &str| -> usize {
        let start = format!("const {name}: u64 = ");
        let line = source.lines().find_map(|line| line.strip_prefix(start.as_str())).unwrap();
        line.trim_end_matches(';').parse().unwrap()
    };
    let system = system();
    let place = |name: &str| system.domain(name).unwrap().0;
    let first = written(manager, "SLOT_0_INDEX");
    assert_eq!(SLOTS.map(place), [first, first + 1, first + 2, first + 3]);
    assert_eq!(place("wasm_manager"), written(supervisor, "WASM_MANAGER_INDEX"));
    assert_eq!(place("gateway"), written(supervisor, "GATEWAY_INDEX"));
}

#[test]
fn two_slots_share_no_memory() {
    let system = system();
    for region in &system.regions {
        let slots = system
            .maps_of(&region.name.value)
            .filter(|(domain, _)| domain.name.value.starts_with("app_slot"));
        assert!(slots.count() <= 1, "{}", region.name.value);
    }
}

#[test]
fn the_guard_depends_on_no_app_and_not_on_the_manager() {
    let system = system();
    for channel in &system.channels {
        let [a, b] = &channel.ends;
        for (own, peer) in
            [(a, b), (b, a)].into_iter().filter(|(own, _)| own.domain.value == "actuator_guard")
        {
            assert!(!own.calls || peer.domain.value == "timer_driver");
            // wasm_manager tells it what slots may touch; the guard never asks it and waits for nothing of it.
            assert!(peer.domain.value != "wasm_manager" || (peer.calls && !own.calls));
        }
    }
}

/// What one event of each server above the slots may take, in µs (kernel/README.md, Budgets).
const SERVERS_US: u64 = 100;

/// How late slot `number` may begin: all that is above it, as often as it fits in. None if that is all the time there is.
/// A slot above takes its budget, `times` over: twice if it calls servers without end, which work no longer for it than it
/// takes to ask them.
fn release_delay_us(system: &System, number: usize, times: u64) -> Option<u64> {
    let above: Vec<_> = SLOTS.iter().take(number).map(|name| system.domain(name).unwrap().1).collect();
    let mut delay_us = SERVERS_US;
    loop {
        let slots =
            above.iter().map(|slot| delay_us.div_ceil(slot.period_us.value) * slot.budget_us.value * times);
        let longer_us = SERVERS_US + slots.sum::<u64>();
        if longer_us == delay_us {
            return Some(delay_us);
        }
        if longer_us > 1_000_000 {
            return None;
        }
        delay_us = longer_us;
    }
}

#[test]
fn loops_begin_in_time_whatever_other_slots_do() {
    let system = system();
    let delays = |times| [0, 1, 2, 3].map(|number| release_delay_us(&system, number, times));
    // As published in kernel/README.md; the suite `timing` holds slots 1 and 2 to it.
    assert_eq!(delays(1), [Some(100), Some(200), Some(300), Some(500)]);
    assert_eq!(delays(2), [Some(100), Some(300), Some(500), None]);
}

#[test]
fn slots_that_spin_leave_a_fifth_of_the_time() {
    let system = system();
    let permille = |name: &str| {
        let (_, domain) = system.domain(name).unwrap();
        domain.budget_us.value * 1000 / domain.period_us.value
    };
    assert_eq!(SLOTS.map(permille), [200; 4]);
    // Nobody can take the network's time for good, but for the lowest.
    assert!(["wasm_manager", "console", "net_driver"].iter().all(|name| permille(name) < 1000));
}

/// An app's shortest period; a slot that gets its budget back later would throttle it.
#[test]
fn fast_slots_have_their_budget_back_at_each_release() {
    let system = system();
    for slot in ["app_slot_0", "app_slot_1"] {
        assert_eq!(system.domain(slot).unwrap().1.period_us.value, 500, "{slot}");
    }
}

/// Admission computes responses with the slots' budgets and with what servers may take.
#[test]
fn admission_knows_budgets_and_servers() {
    let system = system();
    let source = include_str!("../../../wasm-manager/lifecycle/src/schedule.rs").replace('_', "");
    let (_, table) = source.split_once("pub const BUDGETS").unwrap();
    let (table, _) = table.split_once("];").unwrap();
    let written: Vec<&str> =
        table.lines().map(str::trim).filter(|line| line.starts_with("Budget {")).collect();
    let expected = SLOTS.map(|name| {
        let (_, slot) = system.domain(name).unwrap();
        format!("Budget {{ budgetus: {}, periodus: {} }},", slot.budget_us.value, slot.period_us.value)
    });
    assert_eq!(written, expected);
    assert!(source.contains(&format!("onceus: {SERVERS_US},")));
}
