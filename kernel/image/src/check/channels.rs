// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Channels: both ends exist, identifiers are free, and calls go up in priority.

use std::collections::BTreeMap;

use crate::diagnostics::{Diagnostics, Offset};
use crate::sdf::System;
use crate::sdf::model::{Channel, End};

pub(super) fn check(system: &System, diagnostics: &mut Diagnostics<'_>) {
    // Interrupts and channels share the bits of one notification word.
    let mut taken: BTreeMap<(&str, u64), Offset> = BTreeMap::new();
    let interrupts = system.domains.iter().flat_map(|domain| {
        domain.irqs.iter().map(move |irq| ("interrupt", domain.name.value.as_str(), &irq.id))
    });
    let ends = system
        .channels
        .iter()
        .flat_map(|channel| &channel.ends)
        .map(|end| ("channel", end.domain.value.as_str(), &end.id));
    for (what, domain, id) in interrupts.chain(ends) {
        if let Some(first) = taken.get(&(domain, id.value)) {
            let line = diagnostics.line_of(*first);
            diagnostics.error(
                id.at,
                format!("{what} id {} of '{domain}' is taken ({line}); choose another", id.value),
            );
        } else {
            taken.insert((domain, id.value), id.at);
        }
    }
    for channel in &system.channels {
        ends_exist(system, channel, diagnostics);
        let [a, b] = &channel.ends;
        if a.calls && b.calls {
            diagnostics.error(channel.at, "both ends have pp=\"true\"; calls can go one way only");
        } else {
            call(system, a, b, diagnostics);
            call(system, b, a, diagnostics);
        }
        if !(a.calls || b.calls || a.notifies || b.notifies) {
            diagnostics.warning(channel.at, "neither end may call or notify the other; remove the channel");
        }
    }
}

fn ends_exist(system: &System, channel: &Channel, diagnostics: &mut Diagnostics<'_>) {
    for end in &channel.ends {
        if system.domain(&end.domain.value).is_none() {
            diagnostics.error(
                end.domain.at,
                format!("channel to nowhere: protection_domain '{}' does not exist", end.domain.value),
            );
        }
    }
    let [a, b] = &channel.ends;
    if a.domain.value == b.domain.value {
        let name = &a.domain.value;
        diagnostics.warning(b.domain.at, format!("both ends are '{name}': it can only notify itself"));
    }
}

fn call(system: &System, caller_end: &End, callee_end: &End, diagnostics: &mut Diagnostics<'_>) {
    if !caller_end.calls {
        return;
    }
    let find = |end: &End| system.domain(&end.domain.value).map(|(_, domain)| domain);
    let (Some(caller), Some(callee)) = (find(caller_end), find(callee_end)) else { return };
    let (Some(of_caller), Some(of_callee)) = (&caller.priority, &callee.priority) else { return };
    if of_callee.value <= of_caller.value {
        diagnostics.error(
            caller_end.at,
            format!(
                "'{}' (priority {}) may not call '{}' (priority {}): the callee's priority must be above its \
                 caller's, or a call could be held up by third parties",
                caller.name.value, of_caller.value, callee.name.value, of_callee.value
            ),
        );
    }
}
