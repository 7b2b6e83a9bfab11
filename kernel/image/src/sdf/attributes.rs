// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Attributes of one element: which are known, and their values.

use roxmltree::{Attribute, Node};

use super::model::{At, Rights};
use crate::diagnostics::{Diagnostics, Offset};

/// An attribute that Microkit knows and this kernel cannot give.
pub struct Unsupported {
    /// Its name.
    pub name: &'static str,
    /// Why not, and what to do.
    pub reason: &'static str,
}

/// The attributes of an element, every one of which is known.
pub struct Attributes<'a, 'input> {
    node: Node<'a, 'input>,
}

impl<'a, 'input> Attributes<'a, 'input> {
    /// Reports every attribute that is neither in `known` nor supported.
    pub fn new(
        node: Node<'a, 'input>,
        known: &[&str],
        unsupported: &[Unsupported],
        diagnostics: &mut Diagnostics<'_>,
    ) -> Self {
        let element = node.tag_name().name();
        for attribute in node.attributes() {
            let (name, at) = (attribute.name(), attribute.range().start);
            if attribute.namespace().is_none() && known.contains(&name) {
                continue;
            }
            match unsupported.iter().find(|refused| refused.name == name) {
                Some(refused) => {
                    diagnostics.error(at, format!("attribute '{name}' of '{element}': {}", refused.reason));
                }
                None => diagnostics.error(
                    at,
                    format!("unknown attribute '{name}' of '{element}'; it takes: {}", known.join(", ")),
                ),
            }
        }
        Self { node }
    }

    /// Where the element stands.
    pub fn at(&self) -> Offset {
        self.node.range().start
    }

    fn find(&self, name: &str) -> Option<Attribute<'a, 'input>> {
        self.node.attribute_node(name)
    }

    /// Whether an attribute is written.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// A text that may be missing, but not empty.
    pub fn text(&self, name: &str, diagnostics: &mut Diagnostics<'_>) -> Option<At<String>> {
        let attribute = self.find(name)?;
        let at = attribute.range().start;
        if attribute.value().is_empty() || attribute.value().contains(char::is_control) {
            diagnostics.error(at, format!("attribute '{name}' must be a text without control characters"));
            return None;
        }
        Some(At { value: attribute.value().to_owned(), at })
    }

    /// A text that must be there.
    pub fn required_text(&self, name: &str, diagnostics: &mut Diagnostics<'_>) -> Option<At<String>> {
        self.require(name, diagnostics).and_then(|()| self.text(name, diagnostics))
    }

    /// A number, decimal or hexadecimal (`0x`), underscores allowed, that may be missing.
    pub fn number(&self, name: &str, diagnostics: &mut Diagnostics<'_>) -> Option<At<u64>> {
        let attribute = self.find(name)?;
        let at = attribute.range().start;
        match parse(attribute.value()) {
            Some(value) => Some(At { value, at }),
            None => {
                let value = attribute.value();
                diagnostics.error(
                    at,
                    format!("{name}=\"{value}\" is not a number of 64 bits; write 4096 or 0x1000"),
                );
                None
            }
        }
    }

    /// A number that must be there.
    pub fn required_number(&self, name: &str, diagnostics: &mut Diagnostics<'_>) -> Option<At<u64>> {
        self.require(name, diagnostics).and_then(|()| self.number(name, diagnostics))
    }

    /// A number from 0 to `greatest`, written as in [`Self::number`], that may be missing.
    pub fn number_to(&self, name: &str, greatest: u64, diagnostics: &mut Diagnostics<'_>) -> Option<At<u64>> {
        self.bounded(name, "", parse, greatest, diagnostics)
    }

    /// The same, and it must be there.
    pub fn required_number_to(
        &self,
        name: &str,
        greatest: u64,
        diagnostics: &mut Diagnostics<'_>,
    ) -> Option<At<u64>> {
        self.require(name, diagnostics).and_then(|()| self.number_to(name, greatest, diagnostics))
    }

    /// A decimal number from 0 to `greatest` that must be there: Microkit takes the identifiers of channels and
    /// interrupts, and the numbers of interrupts, in no other form.
    pub fn required_decimal(
        &self,
        name: &str,
        greatest: u64,
        diagnostics: &mut Diagnostics<'_>,
    ) -> Option<At<u64>> {
        let parse = |text: &str| text.parse().ok().filter(|_| !text.starts_with('+'));
        self.require(name, diagnostics)
            .and_then(|()| self.bounded(name, "decimal ", parse, greatest, diagnostics))
    }

    fn bounded(
        &self,
        name: &str,
        kind: &str,
        parse: impl Fn(&str) -> Option<u64>,
        greatest: u64,
        diagnostics: &mut Diagnostics<'_>,
    ) -> Option<At<u64>> {
        let attribute = self.find(name)?;
        let at = attribute.range().start;
        let text = attribute.value();
        let parsed = parse(text).filter(|value| *value <= greatest);
        if parsed.is_none() {
            diagnostics.error(
                at,
                format!("{name}=\"{text}\" is out of range; it must be a {kind}number from 0 to {greatest}"),
            );
        }
        parsed.map(|value| At { value, at })
    }

    /// `true` or `false`.
    pub fn boolean(&self, name: &str, default: bool, diagnostics: &mut Diagnostics<'_>) -> bool {
        let Some(attribute) = self.find(name) else { return default };
        match attribute.value() {
            "true" => true,
            "false" => false,
            other => {
                let at = attribute.range().start;
                diagnostics.error(at, format!("{name}=\"{other}\" must be \"true\" or \"false\""));
                default
            }
        }
    }

    /// The rights of a mapping; read-write when missing, as in Microkit.
    pub fn rights(&self, name: &str, diagnostics: &mut Diagnostics<'_>) -> At<Rights> {
        let mut rights = At { value: Rights { read: true, write: true, execute: false }, at: self.at() };
        let Some(attribute) = self.find(name) else { return rights };
        let (text, at) = (attribute.value(), attribute.range().start);
        rights.at = at;
        let mut given = Rights { read: false, write: false, execute: false };
        for letter in text.chars() {
            let right = match letter {
                'r' => &mut given.read,
                'w' => &mut given.write,
                'x' => &mut given.execute,
                other => {
                    diagnostics
                        .error(at, format!("{name}=\"{text}\": '{other}' is no right; use r, w and x"));
                    return rights;
                }
            };
            if std::mem::replace(right, true) {
                diagnostics.warning(at, format!("{name}=\"{text}\" names '{letter}' twice"));
            }
        }
        if !given.read {
            diagnostics.error(
                at,
                format!(
                    "{name}=\"{text}\" lacks 'r': page tables cannot express memory that is only written or executed"
                ),
            );
            return rights;
        }
        rights.value = given;
        rights
    }

    /// One of two words; the first is the default.
    pub fn choice(&self, name: &str, words: [&str; 2], diagnostics: &mut Diagnostics<'_>) -> bool {
        let Some(attribute) = self.find(name) else { return false };
        let [first, second] = words;
        if attribute.value() != first && attribute.value() != second {
            let (value, at) = (attribute.value(), attribute.range().start);
            diagnostics.error(at, format!("{name}=\"{value}\" must be \"{first}\" or \"{second}\""));
        }
        attribute.value() == second
    }

    fn require(&self, name: &str, diagnostics: &mut Diagnostics<'_>) -> Option<()> {
        if !self.has(name) {
            let element = self.node.tag_name().name();
            diagnostics.error(self.at(), format!("'{element}' lacks the attribute '{name}'"));
            return None;
        }
        Some(())
    }
}

/// A number, decimal or hexadecimal (`0x`), underscores allowed.
fn parse(text: &str) -> Option<u64> {
    let digits = text.replace('_', "");
    match digits.strip_prefix("0x") {
        Some(hex) if !hex.starts_with('+') => u64::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None if digits.starts_with('+') => None,
        None => digits.parse().ok(),
    }
}
