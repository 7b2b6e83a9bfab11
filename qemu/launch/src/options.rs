// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What machine to start: the one place that knows QEMU's command line.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use crate::board::{Board, usual_qemu};
use crate::imx8mp;

/// The TCP port on which the device serves management.
pub const MANAGEMENT_PORT: u16 = 7700;

/// What QEMU calls the network.
pub(crate) const NETWORK: &str = "network";
/// The page of `system.xml`'s `virtio_net` region belongs to this transport.
const NETWORK_BUS: &str = "virtio-mmio-bus.31";
/// The page of `system.xml`'s `virtio_rng` region belongs to this transport.
const ENTROPY_BUS: &str = "virtio-mmio-bus.23";
/// The page of `system.xml`'s `virtio_blk` region belongs to this transport.
const DISK_BUS: &str = "virtio-mmio-bus.15";
/// The page of `system.xml`'s `virtio_console` region belongs to this transport.
const PLANT_BUS: &str = "virtio-mmio-bus.7";
/// What QEMU calls the link to a simulator.
pub(crate) const PLANT_CHARDEV: &str = "plant";
/// Room for sixteen packages, the most that the store manages.
const DISK_BYTES: u64 = 18 << 20;

/// Which kernel the image holds; decides how the image enters the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum KernelKind {
    /// Our own build of seL4 5.0.0: one ELF that QEMU starts at EL1.
    #[default]
    Crates,
    /// The Microkit SDK's kernel: a raw image that its loader starts at EL2.
    Sdk,
}

impl KernelKind {
    /// Where `toolchain/image.sh` puts the image of system `name`, below the build folder.
    pub fn image_path(self, name: &str) -> PathBuf {
        match self {
            Self::Crates => PathBuf::from(format!("image/{name}.elf")),
            Self::Sdk => PathBuf::from(format!("image/sdk/{name}.img")),
        }
    }

    /// How much RAM a machine for it has unless told otherwise, in MiB: what its images are built for.
    pub fn memory_mib(self) -> u32 {
        match self {
            Self::Crates => 256,
            Self::Sdk => 2048,
        }
    }
}

/// What drives the guest's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The host's clock.
    #[default]
    Host,
    /// One nanosecond for each executed instruction, and the host's clock while the guest idles: a busy host
    /// makes nothing late, yet the guest keeps pace with the network.
    Instructions,
    /// One nanosecond for each executed instruction, and no waiting while the guest idles: timings measured
    /// inside the guest repeat exactly, and time runs as fast as the host can.
    InstructionsOnly,
}

/// What to start.
#[derive(Clone, Debug)]
pub struct MachineOptions {
    /// The image to boot.
    pub image: PathBuf,
    /// How to boot it.
    pub kernel: KernelKind,
    /// The machine.
    pub board: Board,
    /// The program to start instead of the usual QEMU.
    pub qemu: Option<OsString>,
    /// RAM of the machine in MiB; `None` takes what the kernel kind needs.
    pub memory_mib: Option<u32>,
    /// With a network card whose port [`MANAGEMENT_PORT`] is forwarded from loopback.
    pub network: bool,
    /// What drives the guest's clock.
    pub clock: Clock,
    /// Where to keep a copy of the console, every line with its time.
    pub console_log: Option<PathBuf>,
    /// The file that is the machine's disk; `None` for a machine without one. [`make_disk`] makes it.
    pub disk: Option<PathBuf>,
    /// With a console to which a simulator of the vehicle can be attached, over a loopback port.
    pub plant: bool,
    /// Put behind all other arguments.
    pub extra_arguments: Vec<OsString>,
}

impl MachineOptions {
    /// The usual machine for `image`: our kernel, a network card, ordinary time.
    pub fn new(image: impl Into<PathBuf>) -> Self {
        Self::with_kernel(image, KernelKind::default())
    }

    /// The same for an image with this kernel.
    pub fn with_kernel(image: impl Into<PathBuf>, kernel: KernelKind) -> Self {
        Self {
            image: image.into(),
            kernel,
            board: Board::default(),
            qemu: None,
            memory_mib: None,
            network: true,
            clock: Clock::default(),
            console_log: None,
            disk: None,
            plant: false,
            extra_arguments: Vec::new(),
        }
    }

    /// The same for a board, on a QEMU that has it ([`crate::board_qemu`]).
    pub fn for_board(image: impl Into<PathBuf>, kernel: KernelKind, board: Board, qemu: OsString) -> Self {
        Self { board, qemu: Some(qemu), network: board.has_network(), ..Self::with_kernel(image, kernel) }
    }

    /// The program to start.
    pub(crate) fn program(&self) -> OsString {
        self.qemu.clone().unwrap_or_else(usual_qemu)
    }

    /// Writes what QEMU reads beside the image.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        if self.board == Board::Imx8mpEvk { imx8mp::write(&self.image) } else { Ok(()) }
    }

    /// QEMU's arguments. The console comes out of its standard error, the machine protocol goes through its
    /// standard input and output: no socket file is needed, so none can be left behind.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |items: &[&str]| arguments.extend(items.iter().map(OsString::from));
        add(&["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]);
        if self.board.has_second_serial() {
            add(&["-serial", "null"]);
        }
        add(&["-chardev", "file,id=console,path=/dev/stderr", "-serial", "chardev:console"]);
        add(&["-chardev", "stdio,id=monitor,signal=off", "-mon", "chardev=monitor,mode=control"]);
        match self.clock {
            Clock::Host => {}
            Clock::Instructions => add(&["-icount", "shift=0,sleep=on"]),
            Clock::InstructionsOnly => add(&["-icount", "shift=0,sleep=off"]),
        }
        match self.board {
            Board::QemuVirt => self.add_virt(&mut add),
            Board::RaspberryPi4 | Board::RaspberryPi4MiniUart | Board::Imx8mpEvk => {
                add(&["-machine", self.board.machine()]);
                if let Some(memory) = self.board.memory() {
                    add(&["-m", memory]);
                }
                // Its cores that have nothing to do would each take a processor of the host.
                if self.clock == Clock::Host {
                    add(&["-accel", "tcg,thread=single"]);
                }
                if self.network {
                    add(&["-nic", &format!("{},model=imx.enet", user_network())]);
                }
            }
        }
        match self.kernel {
            KernelKind::Crates => {
                arguments.push("-kernel".into());
                arguments.push(self.image.clone().into());
            }
            KernelKind::Sdk if self.board == Board::Imx8mpEvk => {
                let [enter, tree] = imx8mp::files(&self.image);
                let mut device = OsString::from("loader,force-raw=on,file=");
                device.push(&self.image);
                device.push(format!(",addr={}", self.board.sdk_loader_address()));
                arguments.extend(["-kernel".into(), enter.into(), "-dtb".into(), tree.into()]);
                arguments.extend(["-device".into(), device]);
            }
            KernelKind::Sdk => {
                let mut device = OsString::from("loader,file=");
                device.push(&self.image);
                device.push(format!(",addr={},cpu-num=0", self.board.sdk_loader_address()));
                arguments.push("-device".into());
                arguments.push(device);
            }
        }
        arguments.extend(self.extra_arguments.iter().cloned());
        arguments
    }

    /// QEMU virt, with each virtio device on a page of its own.
    fn add_virt(&self, add: &mut impl FnMut(&[&str])) {
        let machine = match self.kernel {
            KernelKind::Crates => "virt",
            KernelKind::Sdk => "virt,virtualization=on",
        };
        let memory = format!("{}M", self.memory_mib.unwrap_or(self.kernel.memory_mib()));
        add(&["-machine", machine, "-cpu", "cortex-a53", "-m", &memory]);
        add(&["-global", "virtio-mmio.force-legacy=false"]);
        add(&["-object", "rng-random,id=entropy,filename=/dev/urandom"]);
        add(&["-device", &format!("virtio-rng-device,rng=entropy,bus={ENTROPY_BUS}")]);
        if self.network {
            add(&[
                "-netdev",
                &user_network(),
                "-device",
                &format!("virtio-net-device,netdev={NETWORK},bus={NETWORK_BUS}"),
            ]);
        }
        if let Some(disk) = &self.disk {
            // A comma in a name is written twice. The guest's flush is the host's fdatasync.
            let file = disk.to_string_lossy().replace(',', ",,");
            add(&[
                "-drive",
                &format!("if=none,id=disk,format=raw,cache=writeback,file={file}"),
                "-device",
                &format!("virtio-blk-device,drive=disk,bus={DISK_BUS}"),
            ]);
        }
        if self.plant {
            // A simulator may come and go. Its frames are small, and each is waited for.
            let listen = "host=127.0.0.1,port=0,server=on,wait=off,nodelay=on";
            add(&[
                "-chardev",
                &format!("socket,id={PLANT_CHARDEV},{listen}"),
                "-device",
                &format!("virtio-serial-device,bus={PLANT_BUS}"),
                "-device",
                &format!("virtconsole,chardev={PLANT_CHARDEV}"),
            ]);
        }
    }
}

/// Makes a blank disk if there is no file `path`; what is there stays as it is.
pub fn make_disk(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        // Zeros that take no room until they are written.
        Ok(file) => file.set_len(DISK_BYTES),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// A network that leads to us alone: the guest reaches nothing else (restrict), and the host's system picks a free port (0) that
/// leads to the management port.
fn user_network() -> String {
    format!("user,id={NETWORK},restrict=on,hostfwd=tcp:127.0.0.1:0-:{MANAGEMENT_PORT}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(options: &MachineOptions) -> String {
        options.arguments().iter().map(|a| a.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn our_kernel_is_an_elf_in_a_small_machine() {
        let text = text(&MachineOptions::new("a.elf"));
        assert!(text.contains("-machine virt -cpu cortex-a53 -m 256M"), "{text}");
        assert!(text.ends_with("-kernel a.elf"), "{text}");
        assert!(text.contains("hostfwd=tcp:127.0.0.1:0-:7700"), "{text}");
        assert!(!text.contains("-icount"), "{text}");
    }

    #[test]
    fn the_sdk_image_is_loaded_raw() {
        let text = text(&MachineOptions::with_kernel("loader.img", KernelKind::Sdk));
        assert!(text.contains("virt,virtualization=on"), "{text}");
        assert!(text.contains("-device loader,file=loader.img,addr=0x70000000,cpu-num=0"), "{text}");
    }

    #[test]
    fn a_board_has_its_machine_and_no_virtio() {
        let options = MachineOptions::for_board(
            "kernel8.img",
            KernelKind::Crates,
            Board::RaspberryPi4,
            "qemu10".into(),
        );
        let text = text(&options);
        assert!(text.contains("-machine raspi4b") && text.ends_with("-kernel kernel8.img"), "{text}");
        assert!(!text.contains("virtio") && !text.contains("netdev"), "{text}");
        assert_eq!(options.program(), "qemu10");
    }

    #[test]
    fn a_machine_can_be_without_network() {
        let text = text(&MachineOptions { network: false, ..MachineOptions::new("a.elf") });
        assert!(!text.contains("netdev"), "{text}");
    }

    #[test]
    fn a_disk_is_on_its_bus_and_its_name_may_hold_a_comma() {
        let text = text(&MachineOptions { disk: Some("a,b.img".into()), ..MachineOptions::new("a.elf") });
        assert!(
            text.contains(
                "cache=writeback,file=a,,b.img -device virtio-blk-device,drive=disk,bus=virtio-mmio-bus.15"
            ),
            "{text}"
        );
        assert!(!self::text(&MachineOptions::new("a.elf")).contains("virtio-blk"));
    }

    #[test]
    fn a_simulator_is_let_in_on_request() {
        assert!(!text(&MachineOptions::new("a.elf")).contains("virtconsole"));
        let text = text(&MachineOptions { plant: true, ..MachineOptions::new("a.elf") });
        assert!(text.contains("virtio-serial-device,bus=virtio-mmio-bus.7"), "{text}");
        assert!(text.contains("host=127.0.0.1,port=0,server=on,wait=off"), "{text}");
    }

    #[test]
    fn a_disk_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.img");
        make_disk(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), DISK_BYTES);
        std::fs::write(&path, b"mine").unwrap();
        make_disk(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    }
}
