// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The commands that a Markdown file shows.
//!
//! In a block marked `console`, a line that begins with `$ ` is a command and the lines below it are the output
//! that it promises. A comment `# exit status N` behind a command promises a status other than 0.

use anyhow::{Context as _, Result, bail, ensure};

/// What opens and closes a block.
const FENCE: &str = "```";
/// The language of blocks with commands.
const CONSOLE: &str = "console";
/// What stands before a command.
const PROMPT: &str = "$ ";
/// What stands before the status of a command that is shown to fail.
const STATUS: &str = "# exit status ";
/// How commands of this project begin; elsewhere than in `console` blocks nobody would run them.
const BEGINNINGS: &[&str] =
    &[PROMPT, "make ", "cofferdam ", "build/", "toolchain/", "./", "source ", "export ", "cargo "];

/// A command and what it promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// File and line, for messages.
    pub place: String,
    /// The command line, without a comment about its status.
    pub command: String,
    /// The promised exit status.
    pub status: i32,
    /// The promised output; none if nothing is shown.
    pub output: Vec<String>,
}

/// A fenced block.
#[derive(Debug)]
pub struct Block {
    /// The line behind the opening fence, from 1.
    pub line: usize,
    /// What is written behind the opening fence.
    pub language: String,
    /// Its lines, without what the fence is indented by.
    pub lines: Vec<String>,
}

/// A Markdown file, taken apart.
#[derive(Debug)]
pub struct Document {
    /// For messages.
    name: String,
    blocks: Vec<Block>,
    /// Line number and text of what is between backquotes in prose.
    spans: Vec<(usize, String)>,
}

impl Document {
    /// Takes `text` apart.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut spans = Vec::new();
        let mut open: Option<(usize, Block)> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let indent = line.len() - line.trim_start().len();
            match (&mut open, line.trim_start().strip_prefix(FENCE)) {
                (None, Some(language)) => {
                    let language = language.trim().to_owned();
                    open = Some((indent, Block { line: number + 1, language, lines: Vec::new() }));
                }
                (None, None) => {
                    spans.extend(line.split('`').skip(1).step_by(2).map(|s| (number, s.to_owned())))
                }
                (Some(_), Some(_)) => blocks.extend(open.take().map(|(_, block)| block)),
                (Some((fence, block)), None) => {
                    block.lines.push(line.get(indent.min(*fence)..).unwrap_or_default().to_owned());
                }
            }
        }
        ensure!(open.is_none(), "{name}: the last block is not closed");
        Ok(Self { name: name.to_owned(), blocks, spans })
    }

    /// The commands in the order of the file. A command in a block of another language is an error: nothing
    /// would run it.
    pub fn commands(&self) -> Result<Vec<Shown>> {
        let mut commands = Vec::new();
        for block in &self.blocks {
            if block.language == CONSOLE {
                self.console(block, &mut commands)?;
            } else if block.language.is_empty() || ["sh", "bash", "shell"].contains(&block.language.as_str())
            {
                for (number, line) in (block.line..).zip(&block.lines) {
                    let hidden = BEGINNINGS.iter().any(|beginning| line.starts_with(beginning));
                    ensure!(
                        !hidden,
                        "{}:{number}: a command outside of a `console` block: {line}",
                        self.name
                    );
                }
            }
        }
        Ok(commands)
    }

    fn console(&self, block: &Block, commands: &mut Vec<Shown>) -> Result<()> {
        let begun_with = commands.len();
        for (number, line) in (block.line..).zip(&block.lines) {
            let place = format!("{}:{number}", self.name);
            if let Some(text) = line.strip_prefix(PROMPT) {
                let (command, status) = match text.split_once(STATUS) {
                    Some((command, status)) => {
                        (command, status.trim().parse().with_context(|| format!("{place}: {line}"))?)
                    }
                    None => (text, 0),
                };
                let command = command.trim().to_owned();
                commands.push(Shown { place, command, status, output: Vec::new() });
            } else {
                match commands.get_mut(begun_with..).and_then(<[Shown]>::last_mut) {
                    Some(command) => command.output.push(line.clone()),
                    None => bail!("{place}: output before the first command of a `console` block: {line}"),
                }
            }
        }
        Ok(())
    }

    /// What prose names between backquotes and begins with `beginning` and a space.
    pub fn named(&self, beginning: &str) -> Vec<Shown> {
        let begins = |text: &str| text.strip_prefix(beginning).is_some_and(|rest| rest.starts_with(' '));
        self.spans
            .iter()
            .filter(|(_, text)| begins(text))
            .map(|(number, text)| Shown {
                place: format!("{}:{number}", self.name),
                command: text.clone(),
                status: 0,
                output: Vec::new(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Run `make run` or `make help`, not `makefile`.\n\
        ```console\n$ one a\nout\n$ two   # exit status 3\n```\n\
        1. in a list:\n   ```console\n   $ three\n     indented\n   ```\n```rust\nlet x = `make x`;\n```\n";

    #[test]
    fn commands_come_with_their_output_and_status() {
        let commands = Document::parse("A.md", TEXT).unwrap().commands().unwrap();
        let seen: Vec<_> =
            commands.iter().map(|c| (c.command.as_str(), c.status, c.output.concat())).collect();
        assert_eq!(
            seen,
            [
                ("one a", 0, "out".to_owned()),
                ("two", 3, String::new()),
                ("three", 0, "  indented".to_owned())
            ]
        );
        assert_eq!(commands[1].place, "A.md:5");
    }

    #[test]
    fn prose_names_commands() {
        let document = Document::parse("A.md", TEXT).unwrap();
        let named: Vec<_> = document.named("make").into_iter().map(|shown| shown.command).collect();
        assert_eq!(named, ["make run", "make help"]);
    }

    #[test]
    fn nothing_is_left_out_silently() {
        for text in
            ["```\nmake run\n```\n", "```sh\n$ ls\n```\n", "```console\nout\n```\n", "```console\n$ a\n"]
        {
            let outcome = Document::parse("A.md", text).and_then(|document| document.commands());
            assert!(outcome.is_err(), "{text}");
        }
    }
}
