// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Reads a platform's facts (`kernel/overlay/PLATFORM/platform.toml`) on the host.
//!
//! The file is the one home of a machine's addresses. Build scripts turn it into Rust constants with
//! [`Platform::rust_constants`]; host tools look facts up by name. (The kernel's build reads the same file with
//! `kernel/build/generate-headers.py`.)

use std::{collections::BTreeMap, env, fmt, fs, path::Path};

/// The facts of one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    name: String,
    facts: BTreeMap<String, u64>,
}

/// Why a platform's facts cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlatformError {
    /// The file cannot be read.
    Unreadable(String),
    /// The file is not TOML.
    Syntax(String),
    /// A value is neither a number nor a hexadecimal number in a string.
    Value {
        /// The fact's name.
        name: String,
        /// What stands there.
        found: String,
    },
    /// The file does not have this fact.
    Missing {
        /// The platform.
        platform: String,
        /// The fact that was asked for.
        name: String,
    },
}

impl fmt::Display for PlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(reason) => f.write_str(reason),
            Self::Syntax(reason) => write!(f, "platform file: {reason}"),
            Self::Value { name, found } => write!(f, "platform file: {name} = {found} is not a number"),
            Self::Missing { platform, name } => write!(f, "platform '{platform}' does not say its {name}"),
        }
    }
}

impl std::error::Error for PlatformError {}

impl Platform {
    /// Reads `OVERLAYS/NAME/platform.toml`.
    ///
    /// # Errors
    /// When the file is missing or malformed.
    pub fn read(overlays: &Path, name: &str) -> Result<Self, PlatformError> {
        let path = overlays.join(name).join("platform.toml");
        let text = fs::read_to_string(&path)
            .map_err(|error| PlatformError::Unreadable(format!("{}: {error}", path.display())))?;
        Self::parse(name, &text)
    }

    /// The platform that a build script builds for: `PLATFORM` or `qemu-virt-aarch64`. Tells cargo to run the script
    /// again when the choice or the file changes.
    ///
    /// # Errors
    /// When the file is missing or malformed.
    pub fn of_build(overlays: &Path) -> Result<Self, PlatformError> {
        println!("cargo::rerun-if-env-changed=PLATFORM");
        let name = env::var("PLATFORM").unwrap_or_else(|_| "qemu-virt-aarch64".into());
        println!("cargo::rerun-if-changed={}", overlays.join(&name).join("platform.toml").display());
        Self::read(overlays, &name)
    }

    /// Parses the text of a platform file.
    ///
    /// # Errors
    /// When it is not flat TOML with numbers only.
    pub fn parse(name: &str, text: &str) -> Result<Self, PlatformError> {
        let table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| PlatformError::Syntax(error.to_string()))?;
        let facts = table
            .into_iter()
            .map(|(name, value)| match number(&value) {
                Some(number) => Ok((name, number)),
                None => Err(PlatformError::Value { name, found: value.to_string() }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { name: name.into(), facts })
    }

    /// The platform's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One fact.
    ///
    /// # Errors
    /// When the platform does not say it.
    pub fn get(&self, name: &str) -> Result<u64, PlatformError> {
        let missing = || PlatformError::Missing { platform: self.name.clone(), name: name.into() };
        self.facts.get(name).copied().ok_or_else(missing)
    }

    /// Every fact, by name.
    pub fn facts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.facts.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// Every fact as a documented Rust constant of type `u64`.
    #[must_use]
    pub fn rust_constants(&self) -> String {
        let line = |(name, value): (&String, &u64)| {
            format!("/// `{name}` of {}.\npub const {}: u64 = {value:#x};\n", self.name, name.to_uppercase())
        };
        self.facts.iter().map(line).collect()
    }
}

fn number(value: &toml::Value) -> Option<u64> {
    match value {
        toml::Value::Integer(number) => u64::try_from(*number).ok(),
        toml::Value::String(text) => u64::from_str_radix(text.strip_prefix("0x")?, 16).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Each fact comes back, however its number is written, and as a constant of the same value.
        #[test]
        fn every_number_is_read(facts in prop::collection::btree_map("[a-z][a-z_]{0,12}", any::<(u64, bool)>(), 0..9)) {
            let line = |(name, (value, in_text)): (&String, &(u64, bool))| match i64::try_from(*value) {
                Ok(value) if !in_text => format!("{name} = {value}\n"),
                _ => format!("{name} = \"{value:#x}\"\n"),
            };
            let text: String = facts.iter().map(line).collect();
            let platform = Platform::parse("x", &text).unwrap();
            for (name, (value, _)) in &facts {
                prop_assert_eq!(platform.get(name), Ok(*value));
                let constant = format!("pub const {}: u64 = {value:#x};", name.to_uppercase());
                prop_assert!(platform.rust_constants().contains(&constant));
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,80}", line in "[a-z_]{1,5} = [-0-9a-fx\"\\[\\]{}.]{0,12}") {
            drop(Platform::parse("x", &text));
            if let Err(error) = Platform::parse("x", &line) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }

    fn overlays() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../overlay"))
    }

    #[test]
    fn the_platforms_are_consistent() {
        for name in ["qemu-virt-aarch64", "rpi4b"] {
            let platform = Platform::read(overlays(), name).unwrap();
            let fact = |name| platform.get(name).unwrap();
            assert!(fact("ram_start") <= fact("loader_start"));
            assert!(fact("loader_start") < fact("loader_end"));
            assert!(fact("loader_end") <= fact("kernel_physical_base"));
            assert!(fact("kernel_physical_base") < fact("ram_end"));
            assert_eq!(fact("kernel_physical_base") % (2 << 20), 0);
            assert_eq!(fact("kernel_virtual_base") % (2 << 20), 0);
        }
    }

    #[test]
    fn big_numbers_may_be_strings() {
        let platform = Platform::parse("x", "a = \"0xffffff8000000000\"\nb = 7").unwrap();
        assert_eq!(platform.get("a"), Ok(0xffff_ff80_0000_0000));
        assert!(platform.rust_constants().contains("pub const B: u64 = 0x7;"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = Platform::parse("x", "uart = true").unwrap_err();
        assert_eq!(error.to_string(), "platform file: uart = true is not a number");
        let error = Platform::parse("x", "").unwrap().get("uart").unwrap_err();
        assert_eq!(error.to_string(), "platform 'x' does not say its uart");
        assert!(matches!(Platform::read(overlays(), "no-such"), Err(PlatformError::Unreadable(_))));
    }
}
