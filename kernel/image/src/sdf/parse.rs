// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From XML to a [`System`]: the tree walk. What each element holds is in [`super::elements`].

use roxmltree::{Document, Node};

use super::elements::{self, Context};
use super::model::System;
use crate::diagnostics::{Diagnostics, Offset};

/// Reads a description. What could be understood is returned even when there were errors, so that the checks can go on
/// and one run reports all there is; `diagnostics` says whether it may be used.
pub fn parse(source: &str, diagnostics: &mut Diagnostics<'_>) -> System {
    let document = match Document::parse(source) {
        Ok(document) => document,
        Err(error) => {
            diagnostics.error(offset_of(source, error.pos()), format!("not well-formed XML: {error}"));
            return System::default();
        }
    };
    let mut system = System::default();
    let root = document.root_element();
    if root.tag_name().name() != "system" {
        let name = root.tag_name().name();
        diagnostics.error(root.range().start, format!("the root element is '{name}'; it must be 'system'"));
        return system;
    }
    for attribute in root.attributes() {
        let message = format!("attribute '{}' of 'system' means nothing", attribute.name());
        diagnostics.warning(attribute.range().start, message);
    }
    for node in children(root, diagnostics) {
        let mut context = Context { diagnostics, system: &mut system };
        match node.tag_name().name() {
            "memory_region" => elements::memory_region(node, &mut context),
            "protection_domain" => elements::protection_domain(node, None, &mut context),
            "channel" => elements::channel(node, &mut context),
            _ => elements::refuse(
                node,
                "system",
                &["memory_region", "protection_domain", "channel"],
                diagnostics,
            ),
        }
    }
    if system.domains.is_empty() && !diagnostics.has_errors() {
        diagnostics.error(root.range().start, "the system has no protection_domain; describe at least one");
    }
    system
}

/// The child elements; reports text between them, which means nothing in this format: as Microkit's tool, with an error
/// only between the elements of the system itself.
pub(super) fn children<'a, 'input>(
    node: Node<'a, 'input>,
    diagnostics: &mut Diagnostics<'_>,
) -> Vec<Node<'a, 'input>> {
    for child in node.children() {
        let text = child.text().map(str::trim).filter(|text| child.is_text() && !text.is_empty());
        if let Some(text) = text {
            let leading = child.text().map_or(0, |all| all.len() - all.trim_start().len());
            let start: String = text.chars().take(20).collect();
            let name = node.tag_name().name();
            let at = child.range().start + leading;
            let message =
                format!("text '{start}' in '{name}' means nothing; use attributes, or put it into a comment");
            if node.parent_element().is_none() {
                diagnostics.error(at, message);
            } else {
                diagnostics.warning(at, message);
            }
        }
    }
    node.children().filter(Node::is_element).collect()
}

fn offset_of(source: &str, position: roxmltree::TextPos) -> Offset {
    let mut offset = 0;
    for (number, line) in (1..).zip(source.split_inclusive('\n')) {
        if number == position.row {
            let column = (position.col as usize).saturating_sub(1);
            return offset + line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        }
        offset += line.len();
    }
    offset
}
