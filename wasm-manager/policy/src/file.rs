// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Trust anchor files, `keys/NAME.toml`.
//!
//! ```toml
//! name = "example-supplier"
//! public_key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
//! root = false                               # default; whether it may sign key lists
//!
//! [grant]
//! commands = ["read", "control", "install"]
//! sign_packages = true
//! components = ["*"]                         # default; which apps: names, or beginnings and "*"
//! sensors = ["imu", { name = "barometer", rate_hz = 50 }]   # or ["*"]; rate_hz: most readings a second
//! publish = ["pose", "goal-*"]               # default none; which topics, patterns like components, with rates like sensors
//! receive = ["*"]                            # default none
//! fuel_per_second_max = 20000000             # optional; left out: no bound but the slot's
//! memory_pages_max = 16                      # optional; likewise
//! log_bytes_per_second_max = 2048            # optional; likewise
//!
//! [[grant.actuators]]
//! name = "motor-0"                           # or "*"
//! min = 0.0
//! max = 0.6
//! rate_hz = 500                              # optional: most writes a second
//! ```
//!
//! Beside them there may be `list.toml` about the list that they make together:
//!
//! ```toml
//! version = 0                                # default; a device never goes back to a lower one
//! threshold = 1                              # default; how many root keys must sign the next list
//! stop_revoked = false                       # default; whether apps that lose their permission stop at once
//! ```

use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, fs};

use cofferdam_device_protocol::{actuator_by_name, sensor_by_name};
use cofferdam_package::manifest::{Resource, class_id, vendor_id};
use serde::Deserialize;

use crate::anchors::{Anchor, TrustAnchors};
use crate::grant::{ALL, ActuatorGrant, Grant, Role};
use crate::list::{KeyList, LAYOUT};

/// The file of a folder that is about all its anchors, and no anchor itself.
pub const LIST_FILE: &str = "list.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnchorFile {
    name: String,
    public_key: String,
    #[serde(default)]
    root: bool,
    grant: GrantFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantFile {
    commands: Vec<Role>,
    sign_packages: bool,
    components: Option<Vec<String>>,
    #[serde(default)]
    sensors: Vec<Resource>,
    #[serde(default)]
    actuators: Vec<ActuatorGrant>,
    publish: Option<Vec<Resource>>,
    receive: Option<Vec<Resource>>,
    fuel_per_second_max: Option<u64>,
    memory_pages_max: Option<u32>,
    log_bytes_per_second_max: Option<u32>,
}

/// Reads one anchor.
///
/// # Errors
/// A text that says what is wrong and where.
pub fn parse(text: &str) -> Result<Anchor, String> {
    let file: AnchorFile = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut public_key = [0; 32];
    hex::decode_to_slice(&file.public_key, &mut public_key)
        .map_err(|_| "public_key must be 64 hexadecimal digits".to_string())?;
    let grant = file.grant;
    if let Some(name) = grant
        .sensors
        .iter()
        .map(|sensor| &sensor.name)
        .find(|name| *name != ALL && sensor_by_name(name).is_none())
    {
        return Err(format!("grant.sensors: this device has no sensor {name:?}"));
    }
    for actuator in &grant.actuators {
        if actuator.name != ALL && actuator_by_name(&actuator.name).is_none() {
            return Err(format!("grant.actuators: this device has no actuator {:?}", actuator.name));
        }
    }
    let grant = Grant {
        commands: grant.commands,
        sign_packages: grant.sign_packages,
        components: grant.components.unwrap_or_else(|| Vec::from([ALL.to_string()])),
        sensors: grant.sensors,
        actuators: grant.actuators,
        fuel_per_second_max: grant.fuel_per_second_max.unwrap_or(u64::MAX),
        memory_pages_max: grant.memory_pages_max.unwrap_or(u32::MAX),
        publish: grant.publish,
        receive: grant.receive,
        log_bytes_per_second_max: grant.log_bytes_per_second_max,
    };
    let anchor = Anchor { name: file.name, public_key, root: file.root, grant };
    TrustAnchors::new(Vec::from([anchor.clone()])).map_err(|error| error.to_string())?;
    Ok(anchor)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListFile {
    #[serde(default)]
    version: u64,
    #[serde(default = "one")]
    threshold: u8,
    #[serde(default)]
    stop_revoked: bool,
}

const fn one() -> u8 {
    1
}

/// The key list that a folder makes, for devices of this vendor and class. No folder, or an empty one, is a list
/// without keys. Whether it is acceptable is for [`KeyList::check`] to say.
///
/// # Errors
/// A text that names the file.
pub fn read_list(folder: &Path, vendor: &str, class: &str) -> Result<KeyList, String> {
    let anchors = read_folder(folder)?.into_iter().map(|(_, anchor)| anchor).collect();
    let path = folder.join(LIST_FILE);
    let file = match fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?,
        Err(_) if !path.exists() => ListFile { version: 0, threshold: one(), stop_revoked: false },
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let vendor_id = vendor_id(vendor);
    Ok(KeyList {
        layout: LAYOUT,
        version: file.version,
        vendor_id,
        class_id: class_id(&vendor_id, class),
        threshold: file.threshold,
        stop_revoked: file.stop_revoked,
        anchors,
    })
}

/// The file of an anchor that may do everything, for development.
#[must_use]
pub fn development(name: &str, public_key: &[u8; 32]) -> String {
    format!(
        "# SPDX-License-Identifier: Apache-2.0 OR MIT\n\
         # A trust anchor: devices built with this file obey the key. It grants everything; narrow it.\n\
         name = \"{name}\"\n\
         public_key = \"{}\"\n\
         root = true\n\
         \n\
         [grant]\n\
         commands = [\"read\", \"control\", \"install\"]\n\
         sign_packages = true\n\
         sensors = [\"*\"]\n\
         publish = [\"*\"]\n\
         receive = [\"*\"]\n\
         actuators = [{{ name = \"*\", min = -1e9, max = 1e9 }}]\n",
        hex::encode(public_key)
    )
}

/// Every `*.toml` of a folder, in the order of names; none if there is no such folder.
///
/// # Errors
/// A text that names the file.
pub fn read_folder(folder: &Path) -> Result<Vec<(PathBuf, Anchor)>, String> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.file_name().is_some_and(|name| name != LIST_FILE))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    let mut anchors = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let anchor = parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        anchors.push((path, anchor));
    }
    TrustAnchors::new(anchors.iter().map(|(_, anchor)| anchor.clone()).collect())
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(anchors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public() -> [u8; 32] {
        cofferdam_package::SigningKey::from_seed(&[1; 32]).public()
    }

    #[test]
    fn the_development_file_parses() {
        let anchor = parse(&development("dev", &public())).unwrap();
        assert_eq!((anchor.name.as_str(), anchor.public_key), ("dev", public()));
        assert!(anchor.grant.allows(Role::Install) && anchor.grant.sign_packages);
    }

    #[test]
    fn mistakes_are_named() {
        let good = development("dev", &public());
        for (from, to, says) in [
            ("sensors = [\"*\"]", "sensors = [\"radar\"]", "radar"),
            ("sensors = [\"*\"]", "sensors = [{ name = \"imu\", rate = 5 }]", "unknown field"),
            ("sensors = [\"*\"]", "sensors = [{ name = \"imu\", rate_hz = 0 }]", "rate_hz"),
            ("publish = [\"*\"]", "publish = [\"Goal\"]", "topic"),
            ("name = \"*\"", "name = \"wing\"", "wing"),
            ("sign_packages", "sing_packages", "unknown field"),
            ("max = 1e9", "max = nan", "finite"),
            ("name = \"dev\"", "name = \"D\"", "name"),
            ("[grant]", "[grant]\ncomponents = [\"a*b\"]", "component"),
            ("\"read\"", "\"fly\"", "unknown variant"),
        ] {
            let error = parse(&good.replace(from, to)).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        let error = parse(&development("dev", &[0; 32])).unwrap_err();
        assert!(error.contains("usable"), "{error}");
    }

    #[test]
    fn rates_topics_and_logs_are_granted() {
        let text = development("dev", &public())
            .replace("sensors = [\"*\"]", "sensors = [\"imu\", { name = \"barometer\", rate_hz = 50 }]")
            .replace("publish = [\"*\"]", "publish = [{ name = \"goal-*\", rate_hz = 20 }]")
            .replace("receive = [\"*\"]\n", "log_bytes_per_second_max = 512\n")
            .replace("max = 1e9", "max = 1e9, rate_hz = 100");
        let grant = parse(&text).unwrap().grant;
        let rated = |name: &str, rate_hz| Resource { name: name.into(), rate_hz: Some(rate_hz) };
        assert_eq!(grant.sensors, ["imu".into(), rated("barometer", 50)]);
        assert_eq!(grant.publish, Some(Vec::from([rated("goal-*", 20)])));
        assert_eq!((grant.receive, grant.log_bytes_per_second_max), (None, Some(512)));
        assert_eq!(grant.actuators[0].rate_hz, Some(100));
    }

    #[test]
    fn a_folder_is_a_list() {
        let folder = tempfile::tempdir().unwrap();
        let list = || read_list(folder.path(), "maker", "rig");
        fs::write(folder.path().join("dev.toml"), development("dev", &public())).unwrap();
        let first = list().unwrap();
        assert_eq!((first.version, first.threshold, first.anchors.len()), (0, 1, 1));
        assert!(first.anchors[0].root && first.check_image().is_ok());
        fs::write(folder.path().join(LIST_FILE), "version = 4\nthreshold = 2\nstop_revoked = true").unwrap();
        let second = list().unwrap();
        assert_eq!((second.version, second.threshold, second.stop_revoked), (4, 2, true));
        fs::write(folder.path().join(LIST_FILE), "treshold = 2").unwrap();
        assert!(list().unwrap_err().contains("list.toml"));
    }

    #[test]
    fn no_folder_is_no_anchors() {
        assert_eq!(read_folder(Path::new("/nonexistent")).unwrap().len(), 0);
    }
}
