// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam keygen`

use std::path::Path;

use anyhow::{Context, Result};
use cofferdam_client::keys;
use serde_json::json;

use crate::arguments::Global;
use crate::failure::Usage;
use crate::output;

/// A trust anchor is public.
const ANCHOR_MODE: u32 = 0o644;

/// Makes `path`.key and `path`.toml; neither may exist.
pub fn run(path: &Path, global: &Global) -> Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !cofferdam_package::manifest::is_name(name) {
        let text =
            format!("'{name}' cannot name a key: use 1 to 32 of a-z, 0-9 and '-', beginning with a letter");
        return Err(Usage(text).into());
    }
    let secret_path = path.with_extension("key");
    let anchor_path = path.with_extension("toml");
    if anchor_path.exists() {
        return Err(keys::KeyError::Exists(anchor_path).into());
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let key = keys::generate()?;
    keys::save(&key, &secret_path)?;
    keys::write_new(
        &anchor_path,
        cofferdam_policy::file::development(name, &key.public()).as_bytes(),
        ANCHOR_MODE,
    )?;
    if global.json {
        return output::json(&json!({
            "key_id": key.key_id().to_string(),
            "secret": secret_path,
            "anchor": anchor_path,
        }));
    }
    output::line(&format!("made key {}", key.key_id()))?;
    output::line(&format!("  {}  the secret key: keep it to yourself", secret_path.display()))?;
    output::line(&format!(
        "  {}  the trust anchor: build it into images that shall trust this key",
        anchor_path.display()
    ))
}
