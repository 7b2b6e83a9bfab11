// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The description with a board's changes.

use std::collections::BTreeSet;
use std::ops::Range;

use roxmltree::{Document, Node};
use toml::Spanned;

use super::file::{Board, DomainChange, IrqChange, RegionChange, Trigger};
use crate::diagnostics::{Diagnostic, Diagnostics};

/// `system.xml` for a board, or everything that is wrong with the board's file. `name` is the description's for messages.
///
/// # Errors
/// The findings, by place.
pub fn describe(name: &str, system: &str, board: &Board) -> Result<String, Vec<Diagnostic>> {
    let mut found = Diagnostics::new(&board.path.display().to_string(), &board.source);
    let document = match Document::parse(system) {
        Ok(document) => document,
        Err(error) => {
            found.error(0, format!("{name} is not well-formed XML: {error}"));
            return Err(found.finish());
        }
    };
    let mut change = Change { name, system, document: &document, edits: Vec::new(), found: &mut found };
    change.all(board);
    let edits = change.edits;
    if found.has_errors() {
        return Err(found.finish());
    }
    Ok(apply(system, edits))
}

/// Replaces ranges of a text that do not overlap.
fn apply(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let (mut result, mut at) = (String::new(), 0);
    for (range, new) in edits {
        result.push_str(text.get(at..range.start).unwrap_or(""));
        result.push_str(&new);
        at = range.end;
    }
    result.push_str(text.get(at..).unwrap_or(""));
    result
}

struct Change<'a, 'input, 'd> {
    name: &'a str,
    system: &'a str,
    document: &'a Document<'input>,
    edits: Vec<(Range<usize>, String)>,
    found: &'a mut Diagnostics<'d>,
}

type Element<'a, 'input> = Node<'a, 'input>;

impl<'a, 'input> Change<'a, 'input, '_> {
    fn all(&mut self, board: &Board) {
        let file = &board.file;
        for (name, change) in &file.regions {
            self.region(name, change);
        }
        for (name, change) in &file.domains {
            self.domain(name, change);
        }
        for (program, driver) in &file.drivers {
            let path = format!("{}.elf", program.get_ref());
            if !self.elements("program_image").any(|image| image.attribute("path") == Some(path.as_str())) {
                let message = format!("{} names no program '{}'", self.name, program.get_ref());
                self.found.error(program.span().start, message);
            }
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if driver.get_ref().is_empty() || !driver.get_ref().chars().all(plain) {
                self.found
                    .error(driver.span().start, "a driver is a cargo feature of its program: a-z, 0-9 and -");
            }
        }
        if !file.as_described {
            self.nothing_forgotten(board);
        }
    }

    fn elements(&self, tag: &'static str) -> impl Iterator<Item = Element<'a, 'input>> + use<'a, 'input> {
        self.document.descendants().filter(move |node| node.has_tag_name(tag))
    }

    fn named(&self, tag: &'static str, name: &str) -> Option<Element<'a, 'input>> {
        self.elements(tag).find(|node| node.attribute("name") == Some(name))
    }

    /// What the description has of a kind, for messages.
    fn names(&self, tag: &'static str) -> String {
        let names: Vec<&str> = self.elements(tag).filter_map(|node| node.attribute("name")).collect();
        names.join(", ")
    }

    fn region(&mut self, name: &Spanned<String>, change: &RegionChange) {
        let (at, name) = (name.span().start, name.get_ref().as_str());
        let element = self.named("memory_region", name);
        match (element, change) {
            (Some(_), RegionChange { new: true, .. }) => {
                self.found.error(at, format!("{} has a memory_region '{name}' already", self.name));
            }
            (None, RegionChange { new: true, absent: false, size: Some(size), phys_addr, .. }) => {
                let phys_addr =
                    phys_addr.map_or_else(String::new, |paddr| format!(" phys_addr=\"{paddr:#x}\""));
                self.add(
                    self.document.root_element(),
                    &format!("<memory_region name=\"{name}\" size=\"{size:#x}\"{phys_addr}/>"),
                );
            }
            (None, RegionChange { new: true, .. }) => {
                self.found
                    .error(at, format!("the new memory_region '{name}' needs a size, and cannot be absent"));
            }
            (None, _) => {
                let known = self.names("memory_region");
                self.found.error(at, format!("{} has no memory_region '{name}'; it has: {known}", self.name));
            }
            (
                Some(element),
                RegionChange { absent: true, size: None, phys_addr: None, uncached: false, .. },
            ) => {
                self.remove(element);
                let of_it = |node: &Element<'_, '_>| {
                    node.attribute("mr") == Some(name) || node.attribute("region_paddr") == Some(name)
                };
                let users: Vec<_> =
                    self.elements("map").chain(self.elements("setvar")).filter(of_it).collect();
                users.into_iter().for_each(|user| self.remove(user));
            }
            (Some(_), RegionChange { absent: true, .. }) => {
                self.found
                    .error(at, format!("'{name}' is absent and has an address or a size: which of both?"));
            }
            (Some(_), RegionChange { size: None, phys_addr: None, uncached: false, .. }) => {
                self.found.error(
                    at,
                    format!("nothing is said about '{name}': phys_addr, size, uncached or absent"),
                );
            }
            (Some(element), RegionChange { size, phys_addr, uncached, .. }) => {
                if *uncached {
                    let maps: Vec<_> =
                        self.elements("map").filter(|map| map.attribute("mr") == Some(name)).collect();
                    maps.into_iter().for_each(|map| self.set(map, "cached", "false"));
                }
                for (attribute, value) in [("size", size), ("phys_addr", phys_addr)] {
                    value.iter().for_each(|value| self.set(element, attribute, &format!("{value:#x}")));
                }
            }
        }
    }

    fn domain(&mut self, name: &Spanned<String>, change: &DomainChange) {
        let (at, name) = (name.span().start, name.get_ref().as_str());
        let Some(domain) = self.named("protection_domain", name) else {
            let known = self.names("protection_domain");
            self.found.error(at, format!("{} has no protection_domain '{name}'; it has: {known}", self.name));
            return;
        };
        for (symbol, irq) in &change.irqs {
            self.irq(domain, name, symbol, irq);
        }
        for map in &change.maps {
            let region = map.region.get_ref();
            if self.named("memory_region", region).is_some() {
                // What the description has, it gives to whom it wants.
                let message =
                    format!("'{region}' is a memory_region of {}: it alone maps its regions", self.name);
                self.found.error(map.region.span().start, message);
            }
            let symbol = &map.symbol;
            let text = format!(
                "<map mr=\"{region}\" vaddr=\"{:#x}\" perms=\"rw\" cached=\"false\" setvar_vaddr=\"{symbol}\" \
                 setvar_size=\"{symbol}_size\"/>",
                map.vaddr
            );
            self.add(domain, &text);
        }
    }

    fn irq(&mut self, domain: Element<'a, 'input>, name: &str, symbol: &Spanned<String>, change: &IrqChange) {
        let (at, symbol) = (symbol.span().start, symbol.get_ref().as_str());
        let irqs = || domain.children().filter(|node| node.has_tag_name("irq"));
        let Some(irq) = irqs().find(|irq| irq.attribute("setvar_id") == Some(symbol)) else {
            let known: Vec<&str> = irqs().filter_map(|irq| irq.attribute("setvar_id")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            self.found.error(at, format!("'{name}' has no interrupt '{symbol}'; it has: {known}"));
            return;
        };
        match change {
            IrqChange { absent: true, irq: None, trigger: None } => self.remove(irq),
            IrqChange { absent: false, irq: Some(number), trigger } => {
                self.set(irq, "irq", &number.to_string());
                match trigger {
                    Some(Trigger::Edge) => self.set(irq, "trigger", "edge"),
                    Some(Trigger::Level) => self.set(irq, "trigger", "level"),
                    None => {}
                }
            }
            _ => self.found.error(at, format!("'{symbol}' is either absent or has a number, irq")),
        }
    }

    /// Every device of the description must be spoken about.
    fn nothing_forgotten(&mut self, board: &Board) {
        let said = |name: &str| board.file.regions.keys().any(|key| key.get_ref() == name);
        let forgotten = self.elements("memory_region").filter(|region| region.has_attribute("phys_addr"));
        for region in forgotten.filter(|region| !said(region.attribute("name").unwrap_or(""))) {
            let message = format!(
                "[regions.{}] is missing: {}:{} has it at a fixed address; give its phys_addr here, or absent = true",
                region.attribute("name").unwrap_or(""),
                self.name,
                self.line_of(region)
            );
            self.found.error(0, message);
        }
        let said: BTreeSet<(&str, &str)> = board
            .file
            .domains
            .iter()
            .flat_map(|(name, domain)| {
                domain.irqs.keys().map(move |irq| (name.get_ref().as_str(), irq.get_ref().as_str()))
            })
            .collect();
        for irq in self.elements("irq") {
            let domain = irq.parent().and_then(|domain| domain.attribute("name")).unwrap_or("");
            let symbol = irq.attribute("setvar_id").unwrap_or("");
            if !said.contains(&(domain, symbol)) {
                let message = format!(
                    "[domains.{domain}.irqs.{symbol}] is missing: {}:{} has its number on another board; give it here, \
                     or absent = true",
                    self.name,
                    self.line_of(irq)
                );
                self.found.error(0, message);
            }
        }
    }

    fn line_of(&self, node: Element<'_, '_>) -> u32 {
        self.document.text_pos_at(node.range().start).row
    }

    /// Sets an attribute, which may not be there yet.
    fn set(&mut self, element: Element<'_, '_>, name: &str, value: &str) {
        match element.attribute_node(name) {
            Some(attribute) => self.edits.push((attribute.range_value(), value.to_owned())),
            None => {
                let start = element.range().start + 1 + element.tag_name().name().len();
                let end = element.attributes().map(|attribute| attribute.range().end).max().unwrap_or(start);
                self.edits.push((end..end, format!(" {name}=\"{value}\"")));
            }
        }
    }

    /// Takes an element out; its lines stay, blank.
    fn remove(&mut self, element: Element<'_, '_>) {
        let range = element.range();
        let text = self.system.get(range.clone()).unwrap_or("");
        self.edits.push((range, "\n".repeat(text.matches('\n').count())));
    }

    /// Adds an element as the last one of `parent`, on the line of its end tag.
    fn add(&mut self, parent: Element<'_, '_>, element: &str) {
        let range = parent.range();
        let text = self.system.get(range.clone()).unwrap_or("");
        let end = range.start + text.rfind("</").unwrap_or(text.len());
        self.edits.push((end..end, element.to_owned()));
    }
}
