// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam.toml`: how an author describes an app, and the manifest that comes of it.
//!
//! Unknown keys are refused, so that a misspelt limit is an error and not the default. Whatever is wrong is named by file
//! and line ([`Recipe::place_of`]).

mod place;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use cofferdam_host_abi::Limits;
use cofferdam_package::manifest::{
    ALGORITHM_SHA256, ActuatorPermission, AfterRestarts, App, Common, Digest, List, MANIFEST_VERSION,
    Overrun, Permissions, Priority, Probation, Resource, Restart, Shape, Swap, Variable, class_id, vendor_id,
};
use cofferdam_package::{Manifest, ManifestError};
use serde::Deserialize;

pub use place::Place;
use place::Source;

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
    /// Whether it must not be missed.
    #[serde(default)]
    pub hard_deadline: bool,
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
    /// How it takes over from a running version.
    pub swap: Option<RecipeSwap>,
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
    /// Where it was read from.
    #[serde(skip)]
    source: Source,
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

/// See [`Swap`]; what is left out is [`Swap::DEFAULT`].
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeSwap {
    /// So long has it to agree before it takes over.
    pub agree_us: Option<u64>,
    /// So long after that can it lose authority again.
    pub watch_us: Option<u64>,
    /// How far a value may be off, in thousandths of an actuator's range.
    pub divergence_permille: Option<u32>,
    /// How many ticks in a row may be further off once it has taken over.
    pub divergent_ticks_max: Option<u32>,
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
    /// Sensors that it may read: names, or `{ name = "…", rate_hz = … }`.
    #[serde(default)]
    pub sensors: Vec<Resource>,
    /// Actuators by name, each with its range.
    #[serde(default)]
    pub actuators: BTreeMap<String, RecipeRange>,
    /// Topics that it may publish, like sensors.
    #[serde(default)]
    pub publish: Vec<Resource>,
    /// Topics that it may receive, like sensors.
    #[serde(default)]
    pub receive: Vec<Resource>,
}

/// A range of values, both ends included, and how often a second they may be set.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeRange {
    /// Lowest value.
    pub min: f64,
    /// Highest value.
    pub max: f64,
    /// Most writes a second.
    pub rate_hz: Option<u32>,
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
        /// Where.
        place: Place,
        /// Boxed because it is large.
        error: Box<toml::de::Error>,
    },
    /// A value breaks a rule of the manifest.
    Manifest {
        /// Where the value stands.
        place: Place,
        /// Which rule.
        error: ManifestError,
    },
}

impl fmt::Display for RecipeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, error } => write!(formatter, "cannot read {}: {error}", path.display()),
            Self::Parse { place, error } => write!(formatter, "{place}: {error}"),
            Self::Manifest { place, error } => write!(formatter, "{place}: {error}"),
        }
    }
}

impl std::error::Error for RecipeError {}

impl Recipe {
    /// Reads the recipe at `path`.
    pub fn load(path: &Path) -> Result<Self, RecipeError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| RecipeError::Read { path: path.to_owned(), error })?;
        let source = Source::new(path, text);
        let mut recipe: Self = toml::from_str(source.text()).map_err(|error| {
            let place = source.place(error.span().map(|span| span.start));
            RecipeError::Parse { place, error: Box::new(error) }
        })?;
        recipe.source = source;
        Ok(recipe)
    }

    /// Where an entry of the permissions stands in the file.
    pub fn place_of(&self, list: List, name: &str) -> Place {
        self.source.place_of(&["permissions", list.key()], Some(name))
    }

    /// Where a key stands in the file.
    pub fn place_of_key(&self, path: &[&str]) -> Place {
        self.source.place_of(path, None)
    }

    /// Where what a manifest's error is about stands in the file.
    fn place_of_error(&self, manifest: &Manifest, error: &ManifestError) -> Place {
        match error {
            ManifestError::Permission { list, index, .. } => {
                let permissions = &manifest.permissions;
                let name = match list {
                    List::Actuators => permissions.actuators.get(*index).map(|actuator| &actuator.name),
                    List::Sensors => permissions.sensors.get(*index).map(|sensor| &sensor.name),
                    List::Publish => permissions.publish().get(*index).map(|topic| &topic.name),
                    List::Receive => permissions.receive().get(*index).map(|topic| &topic.name),
                };
                self.place_of(*list, name.map_or("", |name| name))
            }
            ManifestError::Field(rule) => match rule.split(':').next().unwrap_or_default() {
                "period" => self.place_of_key(&["period_us"]),
                "deadline" => self.place_of_key(&["deadline_us"]),
                "size" => self.place_of_key(&["module"]),
                "topics" => self.place_of_key(&["permissions", "receive"]),
                field => self.place_of_key(&[field]),
            },
            ManifestError::Malformed | ManifestError::NotDeterministic | ManifestError::Version(_) => {
                self.source.place(None)
            }
        }
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
                hard_deadline: self.hard_deadline.then_some(true),
                swap: self.swap.map(|swap| {
                    let default = Swap::DEFAULT;
                    Swap {
                        agree_us: swap.agree_us.unwrap_or(default.agree_us),
                        watch_us: swap.watch_us.unwrap_or(default.watch_us),
                        divergence_permille: swap.divergence_permille.unwrap_or(default.divergence_permille),
                        divergent_ticks_max: swap.divergent_ticks_max.unwrap_or(default.divergent_ticks_max),
                    }
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
                        rate_hz: range.rate_hz,
                    })
                    .collect(),
                publish: listed(&self.permissions.publish),
                receive: listed(&self.permissions.receive),
            },
        };
        match manifest.check() {
            Ok(()) => Ok(manifest),
            Err(error) => {
                let place = self.place_of_error(&manifest, &error);
                Err(RecipeError::Manifest { place, error })
            }
        }
    }
}

/// An empty list is left out of the manifest.
fn listed(topics: &[Resource]) -> Option<Vec<Resource>> {
    (!topics.is_empty()).then(|| topics.to_vec())
}

#[cfg(test)]
mod tests;
