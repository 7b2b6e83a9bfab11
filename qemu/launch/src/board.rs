// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Which machines there are, and which QEMU has them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::options::KernelKind;

/// Names another QEMU program than `qemu-system-aarch64` on PATH.
pub const QEMU_ENVIRONMENT_VARIABLE: &str = "COFFERDAM_QEMU";

/// The QEMU that everything but boards runs on.
pub(crate) fn usual_qemu() -> OsString {
    std::env::var_os(QEMU_ENVIRONMENT_VARIABLE).unwrap_or_else(|| "qemu-system-aarch64".into())
}

/// Which machine the image is for (`boards/`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Board {
    /// QEMU's own machine for AArch64.
    #[default]
    #[value(name = "qemu-virt-aarch64")]
    QemuVirt,
    /// A Raspberry Pi 4 with 2 GiB. QEMU models no network card of it.
    #[value(name = "rpi4b")]
    RaspberryPi4,
    /// The same, with its console on the mini UART.
    #[value(name = "rpi4b_mini_uart")]
    RaspberryPi4MiniUart,
    /// NXP's i.MX 8M Plus EVK, with its network card.
    #[value(name = "imx8mp_evk")]
    Imx8mpEvk,
}

impl Board {
    /// The board's folder under `boards/`.
    pub fn name(self) -> &'static str {
        match self {
            Self::QemuVirt => "qemu-virt-aarch64",
            Self::RaspberryPi4 => "rpi4b",
            Self::RaspberryPi4MiniUart => "rpi4b_mini_uart",
            Self::Imx8mpEvk => "imx8mp_evk",
        }
    }

    /// QEMU's name of the machine.
    pub(crate) fn machine(self) -> &'static str {
        match self {
            Self::QemuVirt => "virt",
            Self::RaspberryPi4 | Self::RaspberryPi4MiniUart => "raspi4b",
            Self::Imx8mpEvk => "imx8mp-evk",
        }
    }

    /// Whether its console is its second serial port; else it is the first.
    pub(crate) fn has_second_serial(self) -> bool {
        matches!(self, Self::RaspberryPi4MiniUart | Self::Imx8mpEvk)
    }

    /// How much memory the machine has to be given; QEMU knows for the others.
    pub(crate) fn memory(self) -> Option<&'static str> {
        // What the SDK's kernel is built for. QEMU takes of the host's what is touched.
        (self == Self::Imx8mpEvk).then_some("6G")
    }

    /// Whether QEMU can put it on a network.
    pub fn has_network(self) -> bool {
        match self {
            Self::QemuVirt | Self::Imx8mpEvk => true,
            Self::RaspberryPi4 | Self::RaspberryPi4MiniUart => false,
        }
    }

    /// Where the SDK's loader is linked to run.
    pub(crate) fn sdk_loader_address(self) -> &'static str {
        match self {
            Self::QemuVirt => "0x70000000",
            Self::RaspberryPi4 | Self::RaspberryPi4MiniUart => "0x10000000",
            Self::Imx8mpEvk => "0x41000000",
        }
    }

    /// Where `toolchain/image.sh` puts the board's image of system `name`, below the build folder.
    pub fn image_path(self, kernel: KernelKind, name: &str) -> PathBuf {
        match (self, kernel) {
            (Self::QemuVirt, _) => kernel.image_path(name),
            (board, KernelKind::Crates) => PathBuf::from(format!("image/{}/{name}.img", board.name())),
            (board, KernelKind::Sdk) => PathBuf::from(format!("image/sdk/{}/{name}.img", board.name())),
        }
    }
}

/// A QEMU that has the boards: the one that `toolchain/board-qemu.sh` unpacked below `build`, or the usual one if that has
/// them; `None` if there is none.
pub fn board_qemu(build: &Path) -> Option<OsString> {
    let unpacked = build.join("debian/qemu/usr/bin/qemu-system-aarch64");
    [unpacked.into_os_string(), usual_qemu()].into_iter().find(|program| {
        let output = Command::new(program).args(["-machine", "help"]).output();
        output.is_ok_and(|output| {
            let machines = String::from_utf8_lossy(&output.stdout).into_owned();
            machines.lines().any(|line| line.starts_with("raspi4b "))
        })
    })
}
