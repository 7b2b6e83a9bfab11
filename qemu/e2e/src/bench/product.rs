// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Figures of the product as a whole: size, memory, boot, push.

use std::fs;
use std::ops::Range;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use cofferdam_client::Device;
use cofferdam_management_protocol::AppState;
use cofferdam_qemu::KernelKind;

use super::{Arguments, Measured, median};
use crate::context::Settings;
use crate::context::{Context, STEP_LIMIT, make, patience};
use crate::harness::{Suite, System};
use crate::suites::BENCH;

const MIB: f64 = 1024.0 * 1024.0;
/// What the goal calls 20 KB.
const PUSHED_BYTES: usize = 20_000;

/// Boots the product for a measurement.
pub fn boot_product<'a>(settings: &'a Settings, system: System) -> Result<Context<'a>> {
    Context::boot(&Suite { system, ..BENCH }, settings)
}

/// Size of the image file.
pub fn image_size(settings: &Settings, _: &Arguments) -> Result<Measured> {
    let path = &settings.image;
    let bytes = fs::metadata(path).with_context(|| format!("{}", path.display()))?.len();
    Ok(Measured { value: bytes as f64 / MIB, how: format!("length of {}: {bytes} bytes", path.display()) })
}

/// All memory is handed out at boot: what was handed out, with four apps loaded to see that they fit.
pub fn ram(settings: &Settings, _: &Arguments) -> Result<Measured> {
    let context = boot_product(settings, System::Product)?;
    for number in 1..=4 {
        context.push("downhill", &format!("app-{number}"))?;
    }
    let mut device = context.device()?;
    let running = device.list()?.iter().filter(|app| app.state == AppState::Running).count();
    ensure!(running == 4, "only {running} of four apps run");
    let heap_bytes = device.status()?.manager_heap_bytes;
    let (kib, source) = match settings.kernel {
        KernelKind::Crates => {
            let line = context.expect_from(0, "KiB of RAM in use")?;
            let kib = kib_in_use(&line.text).ok_or_else(|| anyhow!("no figure in: {line}"))?;
            (kib, "the initialiser's report at boot".to_owned())
        }
        KernelKind::Sdk => {
            let path = settings.image.with_extension("txt");
            let report = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
            let kib =
                kib_to_last_object(&report).ok_or_else(|| anyhow!("no objects in {}", path.display()))?;
            (kib, format!("from the kernel to the last object of {}", path.display()))
        }
    };
    Ok(Measured {
        value: kib / 1024.0,
        how: format!(
            "{source}: all memory that there will ever be is handed out then; four apps run in it, wasm_manager's heap then \
             holds {heap_bytes} bytes"
        ),
    })
}

/// RAM that the SDK's kernel uses on QEMU virt; the kernel lies at its start.
const SDK_RAM: Range<u64> = 0x6000_0000..0xc000_0000;

/// Objects lie one after the other behind the kernel; a line of the tool's report ends in `@ 0xADDRESS`.
fn kib_to_last_object(report: &str) -> Option<f64> {
    let address = |line: &str| u64::from_str_radix(line.rsplit_once("@ 0x")?.1.trim(), 16).ok();
    let last = report.lines().filter_map(address).filter(|address| SDK_RAM.contains(address)).max()?;
    Some((last - SDK_RAM.start) as f64 / 1024.0)
}

/// `… N protection domains, K KiB of RAM in use`
fn kib_in_use(line: &str) -> Option<f64> {
    line.split_once(" KiB of RAM in use")?.0.rsplit(' ').next()?.parse().ok()
}

/// Time from the start of the QEMU process to the line `device ready`.
pub fn boot(settings: &Settings, arguments: &Arguments) -> Result<Measured> {
    let mut seconds = Vec::new();
    for _ in 0..arguments.runs {
        let context = boot_product(settings, System::Product)?;
        seconds.push(context.expect_from(0, "device ready")?.at.as_secs_f64());
    }
    let value = median(seconds.clone()).ok_or_else(|| anyhow!("no run"))?;
    Ok(Measured {
        value,
        how: format!("host clock, QEMU's own start included; median of {}", list(&seconds, 2)),
    })
}

/// Time from opening the connection to the device's answer that the app was activated.
pub fn push(settings: &Settings, arguments: &Arguments) -> Result<Measured> {
    let context = boot_product(settings, System::Product)?;
    let (recipe, module) = settings.app("downhill")?;
    let module = padded(module, PUSHED_BYTES)?;
    let package = make(&recipe, &module, &settings.key)?;
    let address = context.address()?;
    let mut milliseconds = Vec::new();
    for _ in 0..arguments.runs {
        let begun = Instant::now();
        let mut device = Device::connect(&address, &settings.key, &patience(), &mut || {})?;
        let installed = device.install(&package, true, &mut |_| {})?;
        while device.stats(&installed.name)?.activations == 0 {
            if begun.elapsed() > STEP_LIMIT {
                bail!("no tick within {STEP_LIMIT:?}");
            }
        }
        milliseconds.push(begun.elapsed().as_secs_f64() * 1e3);
        device.remove(&installed.name)?;
    }
    let value = median(milliseconds.clone()).ok_or_else(|| anyhow!("no run"))?;
    Ok(Measured {
        value,
        how: format!(
            "host clock, from opening the connection to the device's answer that the app was activated; package of {} bytes \
             (downhill, padded by a custom section); median of {}",
            package.len(),
            list(&milliseconds, 0)
        ),
    })
}

/// `module` with a custom section that makes it `bytes` long, if it is shorter.
fn padded(mut module: Vec<u8>, bytes: usize) -> Result<Vec<u8>> {
    // Section id 0, its length in four LEB128 bytes, a name of no bytes.
    const HEAD_BYTES: usize = 6;
    let missing = bytes.saturating_sub(module.len());
    if missing <= HEAD_BYTES {
        return Ok(module);
    }
    let length = u32::try_from(missing - HEAD_BYTES + 1)?;
    let leb = |shift: u32, more: u8| ((length >> shift) & 0x7f) as u8 | more;
    module.extend([0, leb(0, 0x80), leb(7, 0x80), leb(14, 0x80), leb(21, 0), 0]);
    module.resize(bytes, 0);
    Ok(module)
}

fn list(values: &[f64], digits: usize) -> String {
    values.iter().map(|value| format!("{value:.digits$}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_read() {
        let line = "initialiser: 14 protection domains, 51234 KiB of RAM in use";
        assert_eq!(kib_in_use(line), Some(51234.0));
    }

    #[test]
    fn the_sdk_tools_report_is_read() {
        let report = "# Kernel Objects\n\t0 - CNode: 'a' @ 0x000060100000\n\t1 - Page(4 KiB): 'uart' @ 0x000009000000\n";
        assert_eq!(kib_to_last_object(report), Some(1024.0));
        assert_eq!(kib_to_last_object("nothing"), None);
    }

    #[test]
    fn a_padded_module_is_still_one() {
        let module = wat::parse_str("(module (func (export \"f\")))").unwrap();
        let long = padded(module.clone(), 20_000).unwrap();
        assert_eq!(long.len(), 20_000);
        // One custom section behind the module: id, length, and nothing left over.
        let section = &long[module.len()..];
        let length = (0..4).fold(0_usize, |sum, i| sum | usize::from(section[1 + i] & 0x7f) << (7 * i));
        assert_eq!((section[0], length + 5), (0, section.len()));
        assert_eq!(padded(module.clone(), 5).unwrap(), module);
    }
}
