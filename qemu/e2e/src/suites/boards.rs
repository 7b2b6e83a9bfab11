// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Boards that QEMU emulates boot to a running app.

use anyhow::{Result, ensure};
use cofferdam_qemu::Board;

use super::lifecycle::seconds;
use super::tests;
use crate::context::{Context, make};
use crate::harness::{Suite, System};

/// A Raspberry Pi 4. QEMU has no network card of it: the apps come with the image.
pub const RASPBERRY_PI_4: Suite = Suite {
    name: "boards-rpi4b",
    about: "the image of a Raspberry Pi 4 boots on QEMU's emulated one and runs the apps that it brings",
    system: System::Board(Board::RaspberryPi4),
    tests: tests![an_emulated_raspberry_pi_4_runs_preinstalled_apps],
};

/// The same with its console on the mini UART. Loader and initialiser print on the other port.
pub const RASPBERRY_PI_4_MINI_UART: Suite = Suite {
    name: "boards-rpi4b-mini-uart",
    about: "the same, and its console prints on the mini UART",
    system: System::Board(Board::RaspberryPi4MiniUart),
    tests: tests![the_mini_uart_of_an_emulated_raspberry_pi_4_prints],
};

/// More than the FIFO takes at once: the transmit interrupt goes on with it.
fn the_mini_uart_of_an_emulated_raspberry_pi_4_prints(context: &mut Context<'_>) -> Result<()> {
    context.expect("/hello: hello from a protection domain")?;
    context.expect("app hello exited with code 0")?;
    context.expect("/downhill: ").map(drop)
}

/// An i.MX 8M Plus EVK, with its own network card.
pub const IMX8MP_EVK: Suite = Suite {
    name: "boards-imx8mp",
    about: "the image of an i.MX 8M Plus EVK boots on QEMU's emulated one, and apps are pushed over its network card",
    system: System::Board(Board::Imx8mpEvk),
    tests: tests![
        an_app_is_pushed_over_the_network_card_of_an_emulated_imx8mp,
        a_long_package_comes_whole_over_that_card,
    ],
};

/// A command and a control loop: the loop is released by the GPT.
fn an_app_is_pushed_over_the_network_card_of_an_emulated_imx8mp(context: &mut Context<'_>) -> Result<()> {
    context.push("hello", "hello")?;
    context.expect("/hello: hello from a protection domain")?;
    context.until_state("hello", "exited")?;
    context.push("downhill", "downhill")?;
    context.until_activated("downhill", 50)?;
    context.expect("/downhill: speed ")?;
    context.done(&["stop", "downhill"])?;
    context.done(&["rm", "downhill"]).map(drop)
}

/// Some hundred full frames: more than the card has descriptors.
fn a_long_package_comes_whole_over_that_card(context: &mut Context<'_>) -> Result<()> {
    let (mut recipe, mut module) = context.settings.app("hello")?;
    recipe.name = "long".to_owned();
    // A custom section: its length in LEB128, its name, and bytes that mean nothing but differ.
    let content: Vec<u8> = [3, b'p', b'a', b'd']
        .into_iter()
        .chain((0..300_000_u32).map(|at| ((at * 7919) >> 3) as u8))
        .collect();
    module.push(0);
    let mut length = content.len();
    while length >= 0x80 {
        module.push(length as u8 | 0x80);
        length >>= 7;
    }
    module.push(length as u8);
    module.extend(content);
    let package = make(&recipe, &module, &context.settings.key)?;
    let file = context.file("long.cdam", &package)?;
    context.done(&["push", &file])?;
    context.until_state("long", "exited")
}

fn an_emulated_raspberry_pi_4_runs_preinstalled_apps(context: &mut Context<'_>) -> Result<()> {
    context.expect("initialiser: 1")?;
    for name in ["downhill", "hello"] {
        context.expect(&format!("installed {name}"))?;
    }
    context.expect("/hello: hello from a protection domain")?;
    context.expect("app hello exited with code 0")?;
    // It is the timer that wakes the control loop: its reports come a second of the device's own time apart.
    let first = context.expect("/downhill: ")?;
    let position = context.position();
    let later = context.expect_from(position, "/downhill: ")?;
    let passed = seconds(&later.text)? - seconds(&first.text)?;
    ensure!(passed > 0.5, "time stands still: {first}, then {later}");
    context.expect("no network: this image has no driver")?;
    context.expect("no entropy: this image has no driver").map(drop)
}
