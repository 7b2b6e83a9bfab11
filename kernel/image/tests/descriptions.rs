// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Good and broken descriptions: every refusal with its place and its reason.

mod common;

use common::{GOOD, changed, errors, warnings};

/// Changes the good system in one place; exactly one error must come, at this place, with these words.
fn refused(from: &str, to: &str, place: &str, words: &str) {
    let found = errors(&changed(from, to));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(&format!("{place}: ")), "expected {place}, found {found:#?}");
    assert!(found[0].contains(words), "expected '{words}', found {found:#?}");
}

#[test]
fn the_good_system_is_accepted_without_a_word() {
    assert_eq!(errors(GOOD), [""; 0]);
    assert_eq!(warnings(GOOD), [""; 0]);
}

#[test]
fn xml_that_is_none() {
    refused("</system>", "</sistem>", "33:1", "not well-formed");
    assert!(errors("")[0].starts_with("1:1: not well-formed XML"));
    assert!(errors("<systems/>")[0].contains("must be 'system'"));
    assert!(errors("<system/>")[0].contains("no protection_domain"));
    assert!(errors("<!DOCTYPE a><system/>")[0].contains("not well-formed"));
    refused("<system>", "<system>hello", "1:9", "text 'hello' in 'system'");
}

#[test]
fn unknown_elements_and_attributes() {
    refused(
        "<irq ",
        "<iqr ",
        "11:5",
        "unknown element 'iqr' in 'protection_domain'; it takes: program_image, map, irq",
    );
    refused(
        "id=\"0\" trigger",
        "id=\"0\" color=\"red\" trigger",
        "11:26",
        "unknown attribute 'color' of 'irq'",
    );
    refused(
        "name=\"app_1\" priority=\"149\" id=\"4\"",
        "name=\"app_1\" priority=\"149\" id=\"4\" smc=\"true\"",
        "21:59",
        "does not forward SMC",
    );
    refused("size=\"0x2000\"", "size=\"0x2000\" prefill_path=\"a\"", "3:44", "not prefilled");
    refused(
        "path=\"manager.elf\"",
        "path=\"manager.elf\" path_for_symbols=\"m\"",
        "14:39",
        "keep the symbol table",
    );
    refused("irq=\"33\" id", "irq=\"33\" pin=\"2\" id", "11:19", "belongs to x86");
    refused(
        "  <channel>\n    <end pd=\"app_0\"",
        "  <domains/>\n  <channel>\n    <end pd=\"app_0\"",
        "29:3",
        "'domains' is not supported",
    );
    refused("<irq ", "<virtual_machine name=\"v\"/><irq ", "11:5", "need KERNEL=sdk");
    refused("<map mr=\"heap\"", "<cspace/><map mr=\"heap\"", "16:5", "'cspace' is not supported");
    refused("priority=\"200\"", "priority=\"200\" id=\"1\"", "6:51", "unknown attribute 'id'");
}

#[test]
fn missing_attributes_and_elements() {
    refused(
        "<memory_region name=\"ring\" size=\"0x2000\"/>",
        "<memory_region name=\"ring\"/>",
        "3:3",
        "lacks the attribute 'size'",
    );
    refused(" id=\"3\" setvar_id=\"app_0_child\"", "", "17:5", "lacks the attribute 'id'");
    refused("    <program_image path=\"driver.elf\"/>\n", "", "6:3", "no program_image");
    refused(
        "<program_image path=\"driver.elf\"/>",
        "<program_image path=\"driver.elf\"/><program_image path=\"b.elf\"/>",
        "7:39",
        "exactly one program_image",
    );
    refused("path=\"driver.elf\"", "path=\"\"", "7:20", "must be a text");
    refused(
        "    <end pd=\"driver\" id=\"1\" setvar_id=\"manager_channel\"/>\n",
        "",
        "25:3",
        "exactly two ends; this one has 1",
    );
    refused(
        "<setvar symbol=\"dma_paddr\" region_paddr=\"dma\"/>",
        "<setvar symbol=\"dma_paddr\"/>",
        "10:5",
        "lacks the attribute 'region_paddr'",
    );
}

#[test]
fn values_that_are_none() {
    refused("size=\"0x2000\"", "size=\"8k\"", "3:30", "size=\"8k\" is not a number");
    refused("size=\"0x2000\"", "size=\"0x10000000000000000\"", "3:30", "not a number of 64 bits");
    refused("priority=\"200\"", "priority=\"255\"", "6:36", "from 0 to 254");
    refused("priority=\"200\"", "priority=\"-1\"", "6:36", "from 0 to 254");
    refused("irq=\"33\" id=\"0\"", "irq=\"33\" id=\"62\"", "11:19", "from 0 to 61");
    refused("id=\"4\"", "id=\"0x40\"", "21:52", "number from 0 to 61");
    refused("pd=\"app_0\" id=\"2\"", "pd=\"app_0\" id=\"0x2\"", "30:21", "decimal number from 0 to 61");
    refused("irq=\"33\"", "irq=\"0x21\"", "11:10", "decimal number from 0 to 1019");
    refused("pp=\"true\"", "pp=\"yes\"", "26:30", "must be \"true\" or \"false\"");
    refused("trigger=\"edge\"", "trigger=\"rising\"", "11:26", "must be \"level\" or \"edge\"");
    refused("perms=\"r\"", "perms=\"w\"", "15:40", "lacks 'r'");
    refused("perms=\"r\"", "perms=\"rq\"", "15:40", "'q' is no right");
    refused("perms=\"r\"", "perms=\"\"", "15:40", "lacks 'r'");
    refused("stack_size=\"0x4000\"", "stack_size=\"0x4100\"", "13:52", "must be a multiple of 0x1000");
    refused("stack_size=\"0x4000\"", "stack_size=\"0\"", "13:52", "must be a multiple of 0x1000 from 0x1000");
    refused("stack_size=\"0x4000\"", "stack_size=\"0x1001000\"", "13:52", "to 0x1000000");
    refused("stack_size=\"0x4000\"", "cpu=\"1\"", "13:52", "runs on one core");
    refused("stack_size=\"0x4000\"", "passive=\"true\"", "13:3", "needs scheduling contexts");
    refused("stack_size=\"0x4000\"", "budget=\"0\"", "13:52", "budget must be above zero");
    refused("stack_size=\"0x4000\"", "budget=\"2000\" period=\"1000\"", "13:66", "shorter than the budget");
}

#[test]
fn names_that_are_taken() {
    refused(
        "<memory_region name=\"ring\"",
        "<memory_region name=\"uart\" size=\"0x1000\"/><memory_region name=\"ring\"",
        "3:18",
        "memory_region 'uart' exists already (line 2)",
    );
    refused(
        "name=\"app_1\"",
        "name=\"driver\"",
        "21:24",
        "protection_domain 'driver' exists already (line 6)",
    );
    refused("name=\"app_1\"", "name=\"monitor\"", "21:24", "taken by the fault handler");
    let long = format!("name=\"{}\"", "n".repeat(64));
    refused("name=\"app_1\"", &long, "21:24", "64 bytes; at most 63");
    refused("id=\"4\"", "id=\"3\"", "21:52", "child id 3 is taken (line 17)");
    refused(
        "pd=\"manager\" id=\"5\"",
        "pd=\"manager\" id=\"1\"",
        "31:23",
        "channel id 1 of 'manager' is taken (line 26)",
    );
    refused(
        "pd=\"driver\" id=\"1\"",
        "pd=\"driver\" id=\"0\"",
        "27:22",
        "channel id 0 of 'driver' is taken (line 11)",
    );
    refused("symbol=\"dma_paddr\"", "symbol=\"dma\"", "10:13", "setvar 'dma' exists already (line 9)");
    refused(
        "setvar_id=\"driver_channel\"",
        "setvar_id=\"ring\"",
        "26:55",
        "setvar 'ring' exists already (line 15)",
    );
    refused("setvar_id=\"driver_channel\"", "setvar_id=\"microkit_pps\"", "26:55", "belongs to the runtime");
}

#[test]
fn regions_that_cannot_be() {
    refused("size=\"0x2000\"", "size=\"0x2100\"", "3:30", "not a multiple of the page size 0x1000");
    refused("size=\"0x2000\"", "size=\"0\"", "3:30", "above zero");
    refused("page_size=\"0x1000\"", "page_size=\"0x2000\"", "4:43", "page_size 0x2000 does not exist");
    refused(
        "size=\"0x400000\"",
        "size=\"0x300000\" page_size=\"0x200000\"",
        "5:30",
        "not a multiple of the page size 0x200000",
    );
    refused(
        "phys_addr=\"0x09000000\"",
        "phys_addr=\"0x09000800\"",
        "2:44",
        "phys_addr 0x9000800 is not a multiple",
    );
    refused("phys_addr=\"0x09000000\"", "phys_addr=\"0x44000000\"", "2:44", "lies in RAM");
    refused("phys_addr=\"0x09000000\"", "phys_addr=\"0x08010000\"", "2:44", "belongs to the kernel (gic");
    refused(
        "phys_addr=\"0x09000000\"",
        "phys_addr=\"0x0b000000\"",
        "2:44",
        "is no device of qemu-virt-aarch64; it has: uart",
    );
    refused(
        "size=\"0x1000\" phys_addr=\"0x09000000\"",
        "size=\"0x1000\" phys_addr=\"0xfffffffffffff000\"",
        "2:44",
        "beyond 64 bits",
    );
    refused(
        "<memory_region name=\"ring\"",
        "<memory_region name=\"rtc\" size=\"0x1000\" phys_addr=\"0x09000000\"/><memory_region name=\"ring\"",
        "3:43",
        "overlaps 0x9000000-0x9001000 of 'uart' (line 2)",
    );
}

#[test]
fn mappings_that_cannot_be() {
    refused(
        "mr=\"ring\" vaddr=\"0x100000000\" perms=\"r\"",
        "mr=\"rink\" vaddr=\"0x100000000\" perms=\"r\"",
        "15:10",
        "memory_region 'rink' does not exist",
    );
    refused(
        "vaddr=\"0x300000000\"",
        "vaddr=\"0x300000800\"",
        "8:20",
        "not a multiple of 0x1000, the page size of 'uart' (line 2)",
    );
    refused(
        "vaddr=\"0x300000000\"",
        "vaddr=\"0x200003000\"",
        "9:19",
        "overlaps mapping of 'uart' at 0x200003000-0x200004000 (line 8)",
    );
    refused("vaddr=\"0x300000000\"", "vaddr=\"0xfffffff000\"", "8:20", "overlaps the IPC buffer");
    refused(
        "vaddr=\"0x300000000\"",
        "vaddr=\"0xffffffe000\"",
        "8:20",
        "overlaps the guard page above the stack",
    );
    refused("vaddr=\"0x300000000\"", "vaddr=\"0xffffffd000\"", "8:20", "overlaps the stack");
    refused(
        "vaddr=\"0x300000000\"",
        "vaddr=\"0xffffffb000\"",
        "8:20",
        "overlaps the guard page below the stack",
    );
    refused("vaddr=\"0x300000000\"", "vaddr=\"0x10000000000\"", "8:20", "beyond the end of user memory");
    refused("vaddr=\"0x300000000\"", "vaddr=\"0xfffffffffffff000\"", "8:20", "beyond the end of user memory");
    refused("region_paddr=\"dma\"", "region_paddr=\"dmb\"", "10:32", "memory_region 'dmb' does not exist");
}

#[test]
fn large_pages_are_chosen_where_every_address_allows_them() {
    // Chosen by the tool: a mapping that is not aligned makes the pages small.
    assert_eq!(
        errors(&changed("mr=\"heap\" vaddr=\"0x200000000\"", "mr=\"heap\" vaddr=\"0x200001000\"")),
        [""; 0]
    );
    // Demanded: it is an error.
    let demanded = changed("size=\"0x400000\"", "size=\"0x400000\" page_size=\"0x200000\"");
    assert_eq!(errors(&demanded), [""; 0]);
    let found =
        errors(&demanded.replace("mr=\"heap\" vaddr=\"0x200000000\"", "mr=\"heap\" vaddr=\"0x200001000\""));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("16:20: vaddr 0x200001000 is not a multiple of 0x200000"), "{found:?}");
}

#[test]
fn channels_that_cannot_be() {
    refused(
        "<end pd=\"driver\"",
        "<end pd=\"drivel\"",
        "27:10",
        "channel to nowhere: protection_domain 'drivel'",
    );
    refused(
        "name=\"driver\" priority=\"200\"",
        "name=\"driver\" priority=\"100\"",
        "26:5",
        "'manager' (priority 100) may not call 'driver' (priority 100)",
    );
    refused(
        "pd=\"driver\" id=\"1\"",
        "pd=\"driver\" id=\"1\" pp=\"true\"",
        "25:3",
        "calls can go one way only",
    );
}

#[test]
fn interrupts_that_cannot_be() {
    refused("irq=\"33\"", "irq=\"288\"", "11:10", "qemu-virt-aarch64 has 0 to 287");
    refused("irq=\"33\"", "irq=\"27\"", "11:10", "the kernel's timer");
    refused("irq=\"33\"", "irq=\"15\"", "11:10", "raised by software");
    refused("<irq ", "<irq irq=\"33\" id=\"7\"/><irq ", "11:32", "goes to 'driver' already (line 11)");
}

#[test]
fn at_most_63_protection_domains() {
    let one = |index| {
        format!("<protection_domain name=\"p{index}\"><program_image path=\"p.elf\"/></protection_domain>\n")
    };
    let system = |count: usize| format!("<system>\n{}</system>", (0..count).map(one).collect::<String>());
    assert_eq!(errors(&system(63)), [""; 0]);
    assert_eq!(errors(&system(64)), ["65:1: 64 protection domains; at most 63 are possible"]);
}

#[test]
fn every_error_is_reported_in_one_run() {
    let source = GOOD
        .replace("size=\"0x2000\"", "size=\"0x2100\"")
        .replace("priority=\"200\"", "priority=\"50\"")
        .replace("mr=\"heap\" vaddr", "mr=\"heat\" vaddr")
        .replace("pd=\"app_0\" id=\"2\"", "pd=\"app_9\" id=\"2\"");
    let lines: Vec<String> =
        errors(&source).iter().filter_map(|error| Some(error.split(':').next()?.to_owned())).collect();
    assert_eq!(lines, ["3", "16", "26", "30"]);
}

#[test]
fn doubtful_things_are_warnings() {
    let warned = |from: &str, to: &str, words: &str| {
        let source = changed(from, to);
        let found = warnings(&source);
        assert_eq!(errors(&source), [""; 0]);
        assert!(found.len() == 1 && found[0].contains(words), "{found:?}");
    };
    warned(
        "    <map mr=\"heap\" vaddr=\"0x200000000\" setvar_vaddr=\"heap\"/>\n",
        "",
        "'heap' is mapped nowhere",
    );
    warned("perms=\"r\"", "perms=\"rwx\"", "writable and executable");
    warned(" cached=\"false\"", "", "device registers and is mapped cached");
    warned("perms=\"r\"", "perms=\"r\" cached=\"false\"", "RAM mapped uncached");
    warned("region_paddr=\"dma\"", "region_paddr=\"uart\"", "which phys_addr fixes already");
    let channel = "  <channel>\n    <end pd=\"manager\" id=\"1\"";
    warned(channel, &channel.replace("<channel>", "<channel> hello"), "text 'hello' in 'channel'");
    warned("<system>", "<system version=\"2\">", "attribute 'version' of 'system' means nothing");
    let image = "<program_image path=\"driver.elf\"";
    warned(
        &format!("{image}/>"),
        &format!("{image}><map/></program_image>"),
        "element 'map' means nothing in 'program_image'",
    );
    warned("perms=\"r\"", "perms=\"rr\"", "names 'r' twice");
    let ring = "mr=\"ring\" vaddr=\"0x100000000\" perms=\"rw\"";
    warned(ring, &ring.replace("0x100000000", "0"), "vaddr 0 is the null pointer");
    let end = "pd=\"app_0\" id=\"2\"";
    let itself = "pd=\"manager\" id=\"2\"";
    warned(end, itself, "both ends are 'manager': it can only notify itself");
    warned(end, &format!("{end} notify=\"false\""), "neither end may call or notify");
}

#[test]
fn numbers_may_have_underscores_and_defaults_are_microkits() {
    assert_eq!(errors(&changed("size=\"0x400000\"", "size=\"0x40_0000\"")), [""; 0]);
    let checked = cofferdam_image::read("s", GOOD, &common::platform(), None);
    let (_, driver) = checked.system.domain("driver").unwrap();
    assert_eq!(driver.stack_size.value, 0x2000);
    assert_eq!((driver.budget_us.value, driver.period_us.value), (1000, 1000));
    let dma = &driver.maps[1];
    assert!(dma.cached && dma.rights.value.read && dma.rights.value.write && !dma.rights.value.execute);
}

proptest::proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*") {
        errors(&text);
    }

    #[test]
    fn a_damaged_description_never_panics(cut in 0..GOOD.len(), junk in "[ -~]{0,4}", skip in 0..8_usize) {
        let end = (cut + skip).min(GOOD.len());
        errors(&format!("{}{junk}{}", &GOOD[..cut], &GOOD[end..]));
    }
}
