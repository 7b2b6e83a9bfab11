// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The same descriptions for Microkit's own tool and for ours: what one refuses, the other refuses, but for the
//! differences that are named here with their reason. Needs an SDK: `MICROKIT_SDK=… cargo test`.

#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use cofferdam_image::diagnostics::Severity;
use common::{GOOD, changed, platform, programs, write_programs};

/// Who refuses a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nobody.
    Good,
    /// Both tools.
    Bad,
    /// Ours alone, for this reason.
    OursRefuses(&'static str),
}
use Verdict::{Bad, Good, OursRefuses};

/// The good system with one text replaced by another, and what the tools say of it.
const CASES: &[(&str, &str, Verdict)] = &[
    ("size=\"0x2000\"", "size=\"0x2000\"", Good),
    ("size=\"0x400000\"", "size=\"0x40_0000\"", Good),
    ("</system>", "</sistem>", Bad),
    (
        "  <channel>\n    <end pd=\"manager\" id=\"1\"",
        "  <channel> hello\n    <end pd=\"manager\" id=\"1\"",
        OursRefuses("text means nothing there"),
    ),
    ("<irq ", "<iqr ", Bad),
    ("id=\"0\" trigger", "id=\"0\" color=\"red\" trigger", Bad),
    ("<system>", "<system version=\"2\">", OursRefuses("an attribute that would mean nothing")),
    (
        "name=\"app_1\" priority=\"149\" id=\"4\"",
        "name=\"app_1\" priority=\"149\" id=\"4\" smc=\"true\"",
        OursRefuses("no SMC forwarding"),
    ),
    ("size=\"0x2000\"", "size=\"0x2000\" prefill_path=\"a\"", Bad),
    ("path=\"manager.elf\"", "path=\"manager.elf\" path_for_symbols=\"m\"", Bad),
    ("irq=\"33\" id", "irq=\"33\" pin=\"2\" id", Bad),
    ("  <channel>\n    <end pd=\"app_0\"", "  <domains/>\n  <channel>\n    <end pd=\"app_0\"", Bad),
    ("<irq ", "<virtual_machine name=\"v\"/><irq ", Bad),
    ("<map mr=\"heap\"", "<cspace/><map mr=\"heap\"", OursRefuses("no extra capabilities")),
    (
        "<program_image path=\"driver.elf\"/>",
        "<program_image path=\"driver.elf\"><map/></program_image>",
        OursRefuses("an element that would mean nothing"),
    ),
    ("priority=\"200\"", "priority=\"200\" id=\"1\"", Bad),
    ("<memory_region name=\"ring\" size=\"0x2000\"/>", "<memory_region name=\"ring\"/>", Bad),
    (" id=\"3\" setvar_id=\"app_0_child\"", "", Bad),
    ("    <program_image path=\"driver.elf\"/>\n", "", Bad),
    (
        "<program_image path=\"driver.elf\"/>",
        "<program_image path=\"driver.elf\"/><program_image path=\"b.elf\"/>",
        Bad,
    ),
    ("path=\"driver.elf\"", "path=\"\"", Bad),
    ("    <end pd=\"driver\" id=\"1\" setvar_id=\"manager_channel\"/>\n", "", Bad),
    ("<setvar symbol=\"dma_paddr\" region_paddr=\"dma\"/>", "<setvar symbol=\"dma_paddr\"/>", Bad),
    ("size=\"0x2000\"", "size=\"8k\"", Bad),
    ("size=\"0x2000\"", "size=\"0x10000000000000000\"", Bad),
    ("priority=\"200\"", "priority=\"255\"", Bad),
    ("priority=\"200\"", "priority=\"-1\"", Bad),
    ("irq=\"33\" id=\"0\"", "irq=\"33\" id=\"62\"", Bad),
    ("id=\"4\"", "id=\"0x4\"", Good),
    ("pp=\"true\"", "pp=\"yes\"", Bad),
    ("trigger=\"edge\"", "trigger=\"rising\"", Bad),
    ("perms=\"r\"", "perms=\"w\"", Bad),
    ("perms=\"r\"", "perms=\"rq\"", Bad),
    ("perms=\"r\"", "perms=\"rr\"", OursRefuses("a right named twice is a slip")),
    ("perms=\"r\"", "perms=\"\"", OursRefuses("page tables cannot express it")),
    ("stack_size=\"0x4000\"", "stack_size=\"0x4100\"", Bad),
    ("stack_size=\"0x4000\"", "stack_size=\"0\"", Bad),
    ("stack_size=\"0x4000\"", "stack_size=\"0x1001000\"", Bad),
    ("stack_size=\"0x4000\"", "cpu=\"1\"", Bad),
    ("stack_size=\"0x4000\"", "passive=\"true\"", OursRefuses("no scheduling contexts")),
    ("stack_size=\"0x4000\"", "budget=\"0\"", OursRefuses("a protection domain that never runs")),
    ("stack_size=\"0x4000\"", "budget=\"2000\" period=\"1000\"", Bad),
    (
        "<memory_region name=\"ring\"",
        "<memory_region name=\"uart\" size=\"0x1000\"/><memory_region name=\"ring\"",
        Bad,
    ),
    ("name=\"app_1\"", "name=\"driver\"", Bad),
    ("name=\"app_1\"", "name=\"monitor\"", Bad),
    ("id=\"4\"", "id=\"3\"", Bad),
    ("pd=\"manager\" id=\"5\"", "pd=\"manager\" id=\"1\"", Bad),
    ("pd=\"driver\" id=\"1\"", "pd=\"driver\" id=\"0\"", Bad),
    ("symbol=\"dma_paddr\"", "symbol=\"dma\"", Bad),
    ("setvar_id=\"driver_channel\"", "setvar_id=\"ring\"", Bad),
    ("setvar_id=\"driver_channel\"", "setvar_id=\"microkit_pps\"", OursRefuses("the runtime's own symbol")),
    ("size=\"0x2000\"", "size=\"0x2100\"", Bad),
    ("size=\"0x2000\"", "size=\"0\"", Bad),
    ("page_size=\"0x1000\"", "page_size=\"0x2000\"", Bad),
    ("size=\"0x400000\"", "size=\"0x300000\" page_size=\"0x200000\"", Bad),
    ("phys_addr=\"0x09000000\"", "phys_addr=\"0x09000800\"", Bad),
    ("phys_addr=\"0x09000000\"", "phys_addr=\"0x44000000\"", OursRefuses("RAM of our machine")),
    ("phys_addr=\"0x09000000\"", "phys_addr=\"0x08010000\"", Bad),
    ("phys_addr=\"0x09000000\"", "phys_addr=\"0x0b000000\"", OursRefuses("no device of the machine")),
    (
        "size=\"0x1000\" phys_addr=\"0x09000000\"",
        "size=\"0x1000\" phys_addr=\"0xfffffffffffff000\"",
        OursRefuses("beyond 64 bits"),
    ),
    (
        "<memory_region name=\"ring\"",
        "<memory_region name=\"rtc\" size=\"0x1000\" phys_addr=\"0x09000000\"/><memory_region name=\"ring\"",
        Bad,
    ),
    ("mr=\"ring\" vaddr=\"0x100000000\" perms=\"r\"", "mr=\"rink\" vaddr=\"0x100000000\" perms=\"r\"", Bad),
    ("vaddr=\"0x300000000\"", "vaddr=\"0x300000800\"", Bad),
    (
        "mr=\"ring\" vaddr=\"0x100000000\" perms=\"rw\"",
        "mr=\"ring\" vaddr=\"0\" perms=\"rw\"",
        OursRefuses("the null pointer"),
    ),
    ("vaddr=\"0x300000000\"", "vaddr=\"0x200003000\"", Bad),
    ("vaddr=\"0x300000000\"", "vaddr=\"0xfffffff000\"", Bad),
    ("vaddr=\"0x300000000\"", "vaddr=\"0xffffffe000\"", Bad),
    ("vaddr=\"0x300000000\"", "vaddr=\"0xffffffd000\"", Bad),
    ("vaddr=\"0x300000000\"", "vaddr=\"0xffffffb000\"", OursRefuses("the page that a stack overflow hits")),
    ("vaddr=\"0x300000000\"", "vaddr=\"0x800000000000\"", Bad),
    ("vaddr=\"0x300000000\"", "vaddr=\"0xfffffffffffff000\"", Bad),
    ("region_paddr=\"dma\"", "region_paddr=\"dmb\"", Bad),
    ("<end pd=\"driver\"", "<end pd=\"drivel\"", Bad),
    ("pd=\"app_0\" id=\"2\"", "pd=\"manager\" id=\"2\"", Bad),
    ("name=\"driver\" priority=\"200\"", "name=\"driver\" priority=\"100\"", Bad),
    ("pd=\"driver\" id=\"1\"", "pd=\"driver\" id=\"1\" pp=\"true\"", Bad),
    ("pd=\"app_0\" id=\"2\"", "pd=\"app_0\" id=\"2\" notify=\"false\"", OursRefuses("a channel for nothing")),
    ("irq=\"33\"", "irq=\"288\"", OursRefuses("no such interrupt")),
    ("irq=\"33\"", "irq=\"27\"", OursRefuses("our kernel's timer")),
    ("irq=\"33\"", "irq=\"15\"", OursRefuses("raised by software")),
    ("<irq ", "<irq irq=\"33\" id=\"7\"/><irq ", Bad),
    ("priority=\"200\"", "priority=\"0xc8\"", Good),
    ("irq=\"33\"", "irq=\"0x21\"", Bad),
    ("stack_size=\"0x4000\"", "stack_size=\"16384\"", Good),
    ("stack_size=\"0x4000\"", "budget=\"0x3e8\" period=\"2000\"", Good),
    ("stack_size=\"0x4000\"", "budget=\"500\"", Good),
    ("stack_size=\"0x4000\"", "period=\"5000\"", Good),
    ("stack_size=\"0x4000\"", "cpu=\"0\"", Good),
    ("stack_size=\"0x4000\"", "fpu=\"false\"", Good),
    ("stack_size=\"0x4000\"", "passive=\"false\"", Good),
    ("vaddr=\"0x300000000\"", "vaddr=\"12884901888\"", Good),
    ("page_size=\"0x1000\"", "page_size=\"4096\"", Good),
    ("perms=\"r\"", "perms=\"rx\"", Good),
    ("perms=\"r\"", "perms=\"xr\"", Good),
    ("perms=\"r\"", "perms=\"x\"", OursRefuses("page tables cannot express it")),
    ("trigger=\"edge\"", "trigger=\"level\"", Good),
    (" trigger=\"edge\"", "", Good),
    ("id=\"3\" setvar_id", "id=\"61\" setvar_id", Good),
    ("id=\"3\" setvar_id", "id=\"62\" setvar_id", OursRefuses("the runtime has children 0 to 61")),
    ("pd=\"app_0\" id=\"2\"", "pd=\"app_0\" id=\"61\"", Good),
    ("pd=\"app_0\" id=\"2\"", "pd=\"app_0\" id=\"62\"", Bad),
    ("pd=\"app_0\" id=\"2\"", "pd=\"app_0\" id=\"-1\"", Bad),
    ("pd=\"app_0\" id=\"2\"", "pd=\"app_0\" id=\"\"", Bad),
    ("pd=\"app_0\" id=\"2\"", "pd=\"app_0\" id=\"2\" pp=\"true\"", Bad),
    ("vaddr=\"0x300000000\"", "vaddr=\"0xfffff00000\"", Good),
    ("vaddr=\"0x300000000\"", "vaddr=\"0x10000000000\"", Bad),
    ("vaddr=\"0x300000000\"", "vaddr=\"0x200000\"", Bad),
    ("mr=\"ring\" vaddr=\"0x100000000\" perms=\"r\"", "mr=\"ring\" perms=\"r\"", Bad),
    ("<map mr=\"heap\"", "<map mr=\"ring\" vaddr=\"0x110000000\"/><map mr=\"heap\"", Good),
    ("size=\"0x400000\"", "size=\"0x40000000\" page_size=\"0x40000000\"", Bad),
    ("size=\"0x400000\"", "size=\"0x0\"", Bad),
    (
        "<setvar symbol=\"dma_paddr\" region_paddr=\"dma\"/>",
        "<setvar symbol=\"dma_paddr\" region_paddr=\"uart\"/>",
        Good,
    ),
    ("<program_image path=\"driver.elf\"/>", "<program_image/>", Bad),
    (
        "<memory_region name=\"ring\"",
        "<memory_region name=\"\" size=\"0x1000\"/><memory_region name=\"ring\"",
        OursRefuses("a name of nothing"),
    ),
    ("name=\"app_1\"", "name=\"\"", OursRefuses("a name of nothing")),
    ("cached=\"false\"", "cached=\"yes\"", Bad),
    ("cached=\"false\"", "cached=\"true\"", Good),
    ("<system>", "<system><!-- a comment -->", Good),
    ("id=\"0\" trigger", "id=\"1\" trigger", Bad),
];

/// Our tool, with the programs in `folder`.
fn errors(source: &str, folder: &Path) -> Vec<String> {
    let checked = cofferdam_image::read("system.xml", source, &platform(), Some(&[folder.to_owned()]));
    let errors = checked.findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(ToString::to_string).collect()
}

/// Whether Microkit's tool accepts it, and what it says.
fn microkit(folder: &Path, source: &str) -> (bool, String) {
    let sdk = PathBuf::from(std::env::var_os("MICROKIT_SDK").unwrap_or_default());
    let system = folder.join("system.xml");
    std::fs::write(&system, source).unwrap();
    let output = Command::new(sdk.join("bin/microkit"))
        .arg(&system)
        .args(["--board", "qemu_virt_aarch64", "--config", "release", "--search-path"])
        .arg(folder)
        .arg("--output")
        .arg(folder.join("image"))
        .arg("--report")
        .arg(folder.join("report"))
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    (output.status.success(), text)
}

#[test]
#[cfg_attr(not(microkit_sdk), ignore = "needs a Microkit SDK: set MICROKIT_SDK")]
fn both_tools_judge_alike() {
    let folder = tempfile::tempdir().unwrap();
    write_programs(folder.path(), &programs());
    let (accepted, text) = microkit(folder.path(), GOOD);
    assert!(accepted, "{text}");
    let mut surprises = Vec::new();
    for (from, to, expected) in CASES {
        let source = changed(from, to);
        let ours = errors(&source, folder.path());
        let (theirs, text) = microkit(folder.path(), &source);
        let as_expected = match expected {
            Good => ours.is_empty() && theirs,
            Bad => !ours.is_empty() && !theirs,
            OursRefuses(_) => !ours.is_empty() && theirs,
        };
        if !as_expected {
            surprises.push(format!(
                "{from} -> {to}: expected {expected:?}; ours: {ours:?}; theirs: {theirs} {text}"
            ));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}
