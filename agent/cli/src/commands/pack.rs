// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam pack` and `cofferdam sign`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cofferdam_client::keys;
use cofferdam_client::recipe::{RECIPE_FILE, Recipe};
use cofferdam_package::Manifest;
use cofferdam_policy::PolicyError;
use serde_json::json;

use crate::arguments::Global;
use crate::commands::inspect;
use crate::failure::Usage;
use crate::output;

/// Makes a package.
pub fn pack(
    recipe: &Path,
    module: Option<PathBuf>,
    package_path: Option<PathBuf>,
    anchor: Option<&Path>,
    global: &Global,
) -> Result<()> {
    let recipe_path = if recipe.is_dir() { recipe.join(RECIPE_FILE) } else { recipe.to_owned() };
    let recipe = Recipe::load(&recipe_path)?;
    let folder = recipe_path.parent().unwrap_or(Path::new(""));
    let module_path = module.unwrap_or_else(|| {
        folder.join(recipe.module.clone().unwrap_or_else(|| PathBuf::from(format!("{}.wasm", recipe.name))))
    });
    let module = fs::read(&module_path).with_context(|| {
        format!("cannot read the module {} (--module names another)", module_path.display())
    })?;
    if !module.starts_with(b"\0asm") {
        anyhow::bail!("{} is not a Wasm module", module_path.display());
    }
    let manifest = recipe.manifest(&module)?;
    if let Some(anchor) = anchor {
        check_grant(&recipe, &manifest, anchor)?;
    }
    let key = global.key.as_deref().map(keys::load).transpose()?;
    let package = match &key {
        Some(key) => cofferdam_package::create(manifest, &module, key),
        None => cofferdam_package::create_unsigned(manifest, &module),
    }
    .context("cannot make the package")?;
    let path = package_path.unwrap_or_else(|| PathBuf::from(format!("{}.cdam", recipe.name)));
    fs::write(&path, &package).with_context(|| format!("cannot write {}", path.display()))?;
    report(&path, package.len(), key.map(|key| key.key_id().to_string()), global)
}

/// Whether the signer may grant what the manifest asks for; else the line of the recipe that asks for too much.
fn check_grant(recipe: &Recipe, manifest: &Manifest, anchor: &Path) -> Result<()> {
    let anchor = inspect::load(anchor)?;
    let Err(error) = anchor.grant.permit(manifest) else { return Ok(()) };
    let place = match (error.line(), &error) {
        (Some(line), _) => recipe.place_of(line.list, &line.name),
        (None, PolicyError::Fuel { .. }) => recipe.place_of_key(&["fuel_per_activation"]),
        (None, PolicyError::Memory { .. }) => recipe.place_of_key(&["limits", "memory_pages"]),
        (None, PolicyError::Log { .. }) => recipe.place_of_key(&["limits", "log_bytes_per_second"]),
        (None, _) => recipe.place_of_key(&["name"]),
    };
    bail!("{place}: {} may not grant it: {error}", anchor.name)
}

/// Signs a package.
pub fn sign(package_path: &Path, output_path: Option<PathBuf>, global: &Global) -> Result<()> {
    let Some(key_path) = &global.key else {
        return Err(Usage("name the key to sign with: --key FILE or COFFERDAM_KEY".to_owned()).into());
    };
    let key = keys::load(key_path)?;
    let bytes = fs::read(package_path).with_context(|| format!("cannot read {}", package_path.display()))?;
    let package = cofferdam_package::open_unverified(&bytes)
        .with_context(|| format!("{} is no package", package_path.display()))?;
    if !package.digest_matches {
        anyhow::bail!(
            "{} is damaged: its module is not the one that its manifest names; pack it again",
            package_path.display()
        );
    }
    let signed = cofferdam_package::create(package.manifest, package.module, &key).context("cannot sign")?;
    let path = output_path.unwrap_or_else(|| package_path.to_owned());
    fs::write(&path, &signed).with_context(|| format!("cannot write {}", path.display()))?;
    report(&path, signed.len(), Some(key.key_id().to_string()), global)
}

fn report(path: &Path, bytes: usize, signer: Option<String>, global: &Global) -> Result<()> {
    if global.json {
        return output::json(&json!({ "package": path, "bytes": bytes, "signer": signer }));
    }
    let signed = match signer {
        Some(signer) => format!("signed by {signer}"),
        None => "not signed: no device takes it before `cofferdam sign`".to_owned(),
    };
    output::line(&format!("{}: {} bytes, {signed}", path.display(), output::number(bytes as u64)))
}
