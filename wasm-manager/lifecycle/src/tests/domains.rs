// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Figures of protection domains: what is counted here, and what others may say about whom.

use alloc::string::ToString;
use alloc::vec::Vec;

use cofferdam_domain_figures::{FIGURES_MAX, Kind, Writer};
use cofferdam_management_protocol::*;
use cofferdam_shared_memory::SharedRegion;

use super::world::*;
use crate::*;

fn domains(manager: &mut Manager<System>) -> Vec<DomainFigures> {
    match Host::connect(manager, 71, 1).command(manager, &Command::Domains) {
        DeviceMessage::Domains(domains) => domains,
        other => panic!("{other:?}"),
    }
}

fn of(manager: &mut Manager<System>, name: &str) -> DomainFigures {
    domains(manager).into_iter().find(|domain| domain.name == name).unwrap()
}

/// A page on which `author` tells everything of everybody.
fn page(author: Author, value: u64) -> FigurePage {
    let page = SharedRegion::leaked(0x1000);
    let mut writer = Writer::new(page).unwrap();
    for name in ["timer_driver", "wasm_manager", "gateway", "net_driver", "app_slot_0"] {
        for kind in Kind::ALL {
            let figure = writer.add(name, kind).unwrap();
            writer.set(figure, value);
        }
    }
    FigurePage { author, page }
}

#[test]
fn slots_are_counted_here() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    host.push(&mut manager, &package_with("app", 1, |app| app.restarts = 5));
    let nothing = of(&mut manager, "app_slot_0");
    assert_eq!((nothing.faults, nothing.restarts, nothing.budgets_used_up), (Some(0), Some(0), Some(0)));
    assert_eq!((nothing.log_lost_bytes, nothing.dropped), (None, None), "nobody knows");
    manager.slot_faulted(0, &"a fault");
    fail(&mut manager, 0);
    manager.slot_exhausted(0);
    manager.slot_exhausted(0);
    manager.slot_exhausted(99);
    let figures = of(&mut manager, "app_slot_0");
    assert_eq!((figures.faults, figures.restarts, figures.budgets_used_up), (Some(1), Some(2), Some(2)));
    // The app's own figure begins anew with the app, the slot's does not.
    manager.slot_exhausted(0);
    fail(&mut manager, 0);
    assert_eq!(of(&mut manager, "app_slot_0").budgets_used_up, Some(3));
    let DeviceMessage::Stats(stats) =
        Host::connect(&mut manager, 2, 1).command(&mut manager, &Command::Stats { name: "app" })
    else {
        panic!()
    };
    assert_eq!(stats.budgets_used_up, 0);
    assert_eq!(of(&mut manager, "app_slot_1").faults, Some(0), "a neighbour");
}

#[test]
fn each_page_is_believed_about_what_its_author_knows() {
    let mut manager = manager();
    manager.platform.figures = [
        page(Author::Supervisor, 1),
        page(Author::Console, 2),
        page(Author::Itself("net_driver"), 3),
        page(Author::Itself("gateway"), 4),
    ]
    .into();
    let figures = |name: &str| DomainFigures { name: name.to_string(), ..DomainFigures::default() };
    let supervised = |figures: DomainFigures| DomainFigures {
        faults: Some(1),
        restarts: Some(1),
        budgets_used_up: Some(1),
        log_lost_bytes: Some(2),
        ..figures
    };
    let queues = |value, figures: DomainFigures| DomainFigures {
        dropped: Some(value),
        held_up: Some(value),
        misbehaviour: Some(value),
        ..figures
    };
    let lost = Some(2);
    assert_eq!(
        of(&mut manager, "timer_driver"),
        DomainFigures { log_lost_bytes: lost, ..figures("timer_driver") }
    );
    assert_eq!(of(&mut manager, "wasm_manager"), queues(0, supervised(figures("wasm_manager"))));
    assert_eq!(of(&mut manager, "gateway"), queues(4, supervised(figures("gateway"))));
    let driver = DomainFigures { log_lost_bytes: lost, ..queues(3, figures("net_driver")) };
    assert_eq!(of(&mut manager, "net_driver"), driver);
    let slot = of(&mut manager, "app_slot_0");
    assert_eq!((slot.faults, slot.log_lost_bytes, slot.dropped), (Some(0), lost, None), "its parent knows");
    assert_eq!(domains(&mut manager).len(), 8);
}

#[test]
fn a_hostile_page_cannot_make_the_answer_too_long() {
    let mut manager = manager();
    let page = SharedRegion::leaked(0x1000);
    let mut writer = Writer::new(page).unwrap();
    for number in 0..FIGURES_MAX {
        let figure = writer.add(&alloc::format!("{number:024}"), Kind::LogLostBytes).unwrap();
        writer.set(figure, u64::MAX);
    }
    manager.platform.figures = [FigurePage { author: Author::Console, page }].into();
    assert_eq!(domains(&mut manager).len(), 32);
}

#[test]
fn logs_say_how_the_app_is() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    host.push(&mut manager, &package("exiter", 1));
    host.push(&mut manager, &package("app", 1));
    let state = |manager: &mut Manager<System>, name| match Host::connect(manager, 2, 1)
        .command(manager, &Command::Logs { name, since: 0 })
    {
        DeviceMessage::Logs(logs) => (logs.state, logs.reason),
        other => panic!("{other:?}"),
    };
    assert_eq!(state(&mut manager, "exiter"), (Some(AppState::Exited(3)), "".into()));
    assert_eq!(state(&mut manager, "app"), (Some(AppState::Running), "".into()));
    fail(&mut manager, 1);
    assert_eq!(state(&mut manager, "app"), (Some(AppState::Failed), "fuel exhausted".into()));
}
