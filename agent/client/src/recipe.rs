// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam.toml`: how an author describes an app, and the manifest that comes of it.
//!
//! Unknown keys are refused, so that a misspelt limit is an error and not the default.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use cofferdam_host_abi::Limits;
use cofferdam_package::manifest::{
    ALGORITHM_SHA256, ActuatorPermission, AfterRestarts, App, Common, Digest, MANIFEST_VERSION, Overrun,
    Permissions, Priority, Probation, Restart, Shape, Variable, class_id, vendor_id,
};
use cofferdam_package::{Manifest, ManifestError};
use serde::Deserialize;

/// The file's usual name.
pub const RECIPE_FILE: &str = "cofferdam.toml";
/// Vendor of whoever names none.
pub const DEFAULT_VENDOR: &str = "cofferdam.example";
/// Class of devices when none is named.
pub const DEFAULT_CLASS: &str = "vehicle";

/// What `cofferdam.toml` holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Component name.
    pub name: String,
    /// Version for people.
    pub version: String,
    /// The anti-rollback number.
    pub sequence: u64,
    /// One line for people.
    pub description: Option<String>,
    /// Who makes it, as a domain name.
    #[serde(default = "default_vendor")]
    pub vendor: String,
    /// For which class of devices.
    #[serde(default = "default_class")]
    pub class: String,
    /// Reactor or command.
    pub shape: RecipeShape,
    /// Time between activations.
    #[serde(default = "default_period_us")]
    pub period_us: u64,
    /// Time within which an activation should be done; the period unless given.
    pub deadline_us: Option<u64>,
    /// Fuel for one activation.
    #[serde(default = "default_fuel")]
    pub fuel_per_activation: u64,
    /// Fuel for start and init together.
    #[serde(default = "default_init_fuel")]
    pub init_fuel: u64,
    /// Restarts after a failure.
    #[serde(default)]
    pub restarts: u8,
    /// When they come and for how long they count.
    pub restart: Option<RecipeRestart>,
    /// How an update has to prove itself.
    pub probation: Option<RecipeProbation>,
    /// Which slots it prefers.
    #[serde(default)]
    pub priority: RecipePriority,
    /// What happens when an activation is not done at its deadline.
    #[serde(default)]
    pub overrun: RecipeOverrun,
    /// Arguments of the program, without its name.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Its environment.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Where the module lies, from the recipe's folder; `pack` also takes it as an argument.
    pub module: Option<PathBuf>,
    /// Bounds that differ from the defaults.
    #[serde(default)]
    pub limits: RecipeLimits,
    /// What it may touch.
    #[serde(default)]
    pub permissions: RecipePermissions,
}

/// See [`Shape`].
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecipeShape {
    /// Ticked once a period.
    Reactor,
    /// Runs to completion.
    Command,
}

/// See [`Priority`].
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecipePriority {
    /// The highest free slot.
    #[default]
    Control,
    /// The lowest free slot.
    Background,
}

/// See [`Overrun`].
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecipeOverrun {
    /// Count it and go on.
    #[default]
    Skip,
    /// Stop the app.
    Stop,
}

/// See [`Restart`].
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeRestart {
    /// Time to the first restart.
    #[serde(default)]
    pub delay_us: u64,
    /// Longest time to a restart; `delay_us` unless given, so that it does not grow.
    pub delay_max_us: Option<u64>,
    /// So long does a restart count.
    pub window_us: u64,
    /// What happens when there are no more.
    #[serde(default)]
    pub then: RecipeAfterRestarts,
}

/// See [`AfterRestarts`].
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecipeAfterRestarts {
    /// The app stays stopped.
    #[default]
    Stop,
    /// The version before comes back.
    Rollback,
}

/// See [`Probation`].
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeProbation {
    /// For how long it has to run.
    pub time_us: u64,
    /// How many deadlines it may miss meanwhile.
    #[serde(default)]
    pub missed_deadlines_max: u32,
}

/// Bounds; what is left out is [`Limits::DEFAULT`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeLimits {
    /// Linear memory in pages of 64 KiB.
    pub memory_pages: Option<u32>,
    /// Value stack.
    pub value_stack_bytes: Option<u32>,
    /// Nesting of calls.
    pub call_depth: Option<u32>,
    /// Host calls in one activation.
    pub host_calls_per_activation: Option<u32>,
    /// Log output.
    pub log_bytes_per_second: Option<u32>,
    /// Seed of the app's random numbers.
    pub random_seed: Option<u64>,
}

/// What the app may touch.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipePermissions {
    /// Sensors by name.
    #[serde(default)]
    pub sensors: Vec<String>,
    /// Actuators by name, each with its range.
    #[serde(default)]
    pub actuators: BTreeMap<String, RecipeRange>,
}

/// A range of values, both ends included.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeRange {
    /// Lowest value.
    pub min: f64,
    /// Highest value.
    pub max: f64,
}

fn default_vendor() -> String {
    DEFAULT_VENDOR.to_owned()
}

fn default_class() -> String {
    DEFAULT_CLASS.to_owned()
}

fn default_period_us() -> u64 {
    Limits::PERIOD_US_DEFAULT
}

fn default_fuel() -> u64 {
    Limits::DEFAULT.fuel_per_activation
}

fn default_init_fuel() -> u64 {
    Limits::DEFAULT.init_fuel
}

/// Why a recipe cannot be used.
#[derive(Debug)]
pub enum RecipeError {
    /// The file cannot be read.
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The text is no recipe; the message names line and key.
    Parse {
        /// Which file.
        path: PathBuf,
        /// Boxed because it is large.
        error: Box<toml::de::Error>,
    },
    /// A value breaks a rule of the manifest.
    Manifest(ManifestError),
}

impl fmt::Display for RecipeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, error } => write!(formatter, "cannot read {}: {error}", path.display()),
            Self::Parse { path, error } => write!(formatter, "{}: {error}", path.display()),
            Self::Manifest(error) => write!(formatter, "{RECIPE_FILE}: {error}"),
        }
    }
}

impl std::error::Error for RecipeError {}

impl Recipe {
    /// Reads the recipe at `path`.
    pub fn load(path: &Path) -> Result<Self, RecipeError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| RecipeError::Read { path: path.to_owned(), error })?;
        toml::from_str(&text)
            .map_err(|error| RecipeError::Parse { path: path.to_owned(), error: Box::new(error) })
    }

    /// The manifest for `module`.
    pub fn manifest(&self, module: &[u8]) -> Result<Manifest, RecipeError> {
        let default = Limits::DEFAULT;
        let limits = &self.limits;
        let vendor_id = vendor_id(&self.vendor);
        let manifest = Manifest {
            manifest_version: MANIFEST_VERSION,
            sequence: self.sequence,
            common: Common {
                name: self.name.clone(),
                vendor_id,
                class_id: class_id(&vendor_id, &self.class),
                digest: Digest { algorithm: ALGORITHM_SHA256, bytes: cofferdam_package::sha256(module) },
                size_bytes: u32::try_from(module.len()).unwrap_or(u32::MAX),
            },
            app: App {
                version: self.version.clone(),
                description: self.description.clone(),
                shape: match self.shape {
                    RecipeShape::Reactor => Shape::Reactor,
                    RecipeShape::Command => Shape::Command,
                },
                period_us: self.period_us,
                deadline_us: self.deadline_us.unwrap_or(self.period_us),
                fuel_per_activation: self.fuel_per_activation,
                init_fuel: self.init_fuel,
                memory_pages: limits.memory_pages.unwrap_or(default.memory_pages),
                value_stack_bytes: limits.value_stack_bytes.unwrap_or(default.value_stack_bytes),
                call_depth: limits.call_depth.unwrap_or(default.call_depth),
                host_calls_per_activation: limits
                    .host_calls_per_activation
                    .unwrap_or(default.host_calls_per_activation),
                log_bytes_per_second: limits.log_bytes_per_second.unwrap_or(default.log_bytes_per_second),
                random_seed: limits.random_seed.unwrap_or(0),
                restarts: self.restarts,
                priority: match self.priority {
                    RecipePriority::Control => Priority::Control,
                    RecipePriority::Background => Priority::Background,
                },
                overrun: match self.overrun {
                    RecipeOverrun::Skip => Overrun::Skip,
                    RecipeOverrun::Stop => Overrun::Stop,
                },
                arguments: (!self.arguments.is_empty()).then(|| self.arguments.clone()),
                environment: (!self.environment.is_empty()).then(|| {
                    let variable = |(name, value): (&String, &String)| Variable {
                        name: name.clone(),
                        value: value.clone(),
                    };
                    self.environment.iter().map(variable).collect()
                }),
                restart: self.restart.map(|restart| Restart {
                    delay_us: restart.delay_us,
                    delay_max_us: restart.delay_max_us.unwrap_or(restart.delay_us),
                    window_us: restart.window_us,
                    then: match restart.then {
                        RecipeAfterRestarts::Stop => AfterRestarts::Stop,
                        RecipeAfterRestarts::Rollback => AfterRestarts::RollBack,
                    },
                }),
                probation: self.probation.map(|probation| Probation {
                    time_us: probation.time_us,
                    missed_deadlines_max: probation.missed_deadlines_max,
                }),
            },
            permissions: Permissions {
                sensors: self.permissions.sensors.clone(),
                actuators: self
                    .permissions
                    .actuators
                    .iter()
                    .map(|(name, range)| ActuatorPermission {
                        name: name.clone(),
                        min: range.min,
                        max: range.max,
                    })
                    .collect(),
            },
        };
        manifest.check().map_err(RecipeError::Manifest)?;
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    const SMALL: &str = "name = 'hello'\nversion = '1.0.0'\nsequence = 3\nshape = 'command'\n";

    fn parse(text: &str) -> Result<Recipe, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn what_is_left_out_has_the_default() {
        let manifest = parse(SMALL).unwrap().manifest(b"\0asm").unwrap();
        assert_eq!(manifest.app.period_us, Limits::PERIOD_US_DEFAULT);
        assert_eq!(manifest.app.deadline_us, manifest.app.period_us);
        assert_eq!(manifest.app.memory_pages, Limits::DEFAULT.memory_pages);
        assert_eq!(manifest.permissions, Permissions::default());
        assert_eq!(manifest.sequence, 3);
    }

    #[test]
    fn permissions_are_taken_over() {
        let text = format!(
            "{SMALL}[limits]\nmemory_pages = 2\n[permissions]\nsensors = ['imu']\n\
             [permissions.actuators]\nbrake = {{ min = 0.0, max = 0.5 }}\n"
        );
        let manifest = parse(&text).unwrap().manifest(b"\0asm").unwrap();
        assert_eq!(manifest.app.memory_pages, 2);
        assert_eq!(manifest.permissions.sensors, ["imu"]);
        let [brake] = &manifest.permissions.actuators[..] else { panic!("one actuator") };
        assert_eq!((brake.name.as_str(), brake.min, brake.max), ("brake", 0.0, 0.5));
    }

    #[test]
    fn arguments_and_environment_are_taken_over() {
        let text = format!("{SMALL}arguments = ['-n', '3']\n[environment]\nMODE = 'fast'\nA = ''\n");
        let app = parse(&text).unwrap().manifest(b"\0asm").unwrap().app;
        assert_eq!(app.arguments(), ["-n", "3"]);
        let environment: Vec<_> = app.environment().iter().map(|v| (&v.name[..], &v.value[..])).collect();
        assert_eq!(environment, [("A", ""), ("MODE", "fast")]);
        let none = parse(SMALL).unwrap().manifest(b"\0asm").unwrap().app;
        assert_eq!((none.arguments, none.environment), (None, None));
        let bad = parse(&format!("{SMALL}[environment]\n'TWO WORDS' = ''\n")).unwrap();
        let error = bad.manifest(b"\0asm").unwrap_err().to_string();
        assert!(error.contains("environment: names"), "{error}");
    }

    #[test]
    fn restart_and_probation_are_taken_over() {
        let text = format!(
            "{SMALL}restarts = 3\n[restart]\ndelay_us = 100\ndelay_max_us = 400\nwindow_us = 9_000\n\
             then = 'rollback'\n[probation]\ntime_us = 5_000\nmissed_deadlines_max = 2\n"
        );
        let app = parse(&text).unwrap().manifest(b"\0asm").unwrap().app;
        let then = AfterRestarts::RollBack;
        assert_eq!(app.restart, Some(Restart { delay_us: 100, delay_max_us: 400, window_us: 9000, then }));
        assert_eq!(app.probation, Some(Probation { time_us: 5000, missed_deadlines_max: 2 }));
        let short = parse(&format!("{SMALL}[restart]\nwindow_us = 9_000\n")).unwrap();
        let restart = short.manifest(b"\0asm").unwrap().app.restart.unwrap();
        assert_eq!((restart.delay_us, restart.delay_max_us, restart.then), (0, 0, AfterRestarts::Stop));
        let bad = parse(&format!("{SMALL}[probation]\ntime_us = 0\n")).unwrap();
        let error = bad.manifest(b"\0asm").unwrap_err().to_string();
        assert!(error.contains("probation: time"), "{error}");
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        let error = parse(&format!("{SMALL}[limits]\nmemory_page = 2\n")).unwrap_err();
        assert!(error.to_string().contains("memory_page"), "{error}");
    }

    proptest! {
        /// Whatever an author writes: no panic, and what becomes a manifest is one that a device accepts as such.
        #[test]
        fn a_manifest_comes_back_as_it_is(
            name in "[a-z][a-z0-9-]{0,33}|.{0,8}",
            version in "[0-9.a-z]{1,33}|.{0,8}",
            sequence in 0..=i64::MAX,
            (period_us, fuel) in (-10i64..20_000_000, any::<u32>()),
            (pages, restarts) in (0u32..80, 0u8..20),
            (min, max) in (-1.0..1.0, 0.0..2.0),
            module in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
            let text = format!(
                "name = {}\nversion = {}\nsequence = {sequence}\nshape = 'reactor'\nperiod_us = {period_us}\n\
                 fuel_per_activation = {fuel}\nrestarts = {restarts}\n[limits]\nmemory_pages = {pages}\n\
                 [permissions]\nsensors = ['imu']\n[permissions.actuators]\nbrake = {{ min = {min:?}, max = {max:?} }}\n",
                quoted(&name), quoted(&version),
            );
            if let Ok(manifest) = parse(&text).map(|recipe| recipe.manifest(&module))
                && let Ok(manifest) = manifest
            {
                prop_assert_eq!(Manifest::decode(&manifest.encode()), Ok(manifest));
            }
        }

        #[test]
        fn no_text_does_harm(text in "(?s).{0,200}") {
            let _ = parse(&text).map(|recipe| recipe.manifest(b"\0asm"));
            let _ = parse(&format!("{SMALL}{text}")).map(|recipe| recipe.manifest(b"\0asm"));
        }
    }

    #[test]
    fn a_bad_value_is_refused() {
        let recipe = parse(&SMALL.replace("hello", "Hello World")).unwrap();
        assert!(matches!(recipe.manifest(b"\0asm"), Err(RecipeError::Manifest(ManifestError::Field(_)))));
    }
}
