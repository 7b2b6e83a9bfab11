// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Key files: the secret one, which stays with whoever signs.
//!
//! A secret key file is TOML with the 32-byte seed in hexadecimal. It is made for its owner's eyes only
//! (mode 0600), is never overwritten, and is not read when others could have read it.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use cofferdam_package::SigningKey;
use cofferdam_package::key::KEY_BYTES;
use serde::Deserialize;

/// Read and write for the owner alone.
const SECRET_MODE: u32 = 0o600;
/// The permission bits of everybody else.
const OTHERS_MODE: u32 = 0o077;

/// Why a key file cannot be made or used.
#[derive(Debug)]
pub enum KeyError {
    /// There is a file already.
    Exists(PathBuf),
    /// Reading or writing failed.
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Others may read the secret key.
    TooOpen {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a key file.
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The system gives no random numbers.
    Random(getrandom::Error),
}

impl fmt::Display for KeyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(path) => write!(
                formatter,
                "{} exists already and is not overwritten; choose another name, or move it away if nothing \
                 was signed with it",
                path.display()
            ),
            Self::File { path, error } => write!(formatter, "{}: {error}", path.display()),
            Self::TooOpen { path, mode } => write!(
                formatter,
                "others can read the secret key {0} (mode {mode:04o}); run: chmod 600 {0}",
                path.display()
            ),
            Self::Malformed { path, what } => {
                write!(formatter, "{} is not a secret key file: {what}", path.display())
            }
            Self::Random(error) => write!(formatter, "the system gives no random numbers: {error}"),
        }
    }
}

impl std::error::Error for KeyError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretFile {
    secret_key: String,
}

/// A new key from the system's random numbers.
pub fn generate() -> Result<SigningKey, KeyError> {
    let mut seed = [0; KEY_BYTES];
    getrandom::fill(&mut seed).map_err(KeyError::Random)?;
    Ok(SigningKey::from_seed(&seed))
}

/// Writes `key` to `path`, which must not exist.
pub fn save(key: &SigningKey, path: &Path) -> Result<(), KeyError> {
    let text = format!(
        "# The secret key {}. Whoever has this file can sign in your name: keep it to yourself.\n\
         secret_key = \"{}\"\n",
        key.key_id(),
        hex::encode(key.seed())
    );
    write_new(path, text.as_bytes(), SECRET_MODE)
}

/// Writes a file that must not exist yet.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeyError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => KeyError::File { path: path.to_owned(), error },
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(bytes).map_err(failed)
}

/// Reads the secret key at `path`.
pub fn load(path: &Path) -> Result<SigningKey, KeyError> {
    let failed = |error| KeyError::File { path: path.to_owned(), error };
    let mode = std::fs::metadata(path).map_err(failed)?.permissions().mode() & 0o7777;
    if mode & OTHERS_MODE != 0 {
        return Err(KeyError::TooOpen { path: path.to_owned(), mode });
    }
    let malformed = |what: &str| KeyError::Malformed { path: path.to_owned(), what: what.to_owned() };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let file: SecretFile = toml::from_str(&text).map_err(|error| malformed(error.message()))?;
    let mut seed = [0; KEY_BYTES];
    hex::decode_to_slice(file.secret_key.trim(), &mut seed)
        .map_err(|_| malformed("secret_key must be 64 hexadecimal digits"))?;
    Ok(SigningKey::from_seed(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs::Permissions;

    #[test]
    fn a_saved_key_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        let key = generate().unwrap();
        save(&key, &path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, SECRET_MODE);
        assert_eq!(load(&path).unwrap().public(), key.public());
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        save(&generate().unwrap(), &path).unwrap();
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(save(&generate().unwrap(), &path), Err(KeyError::Exists(_))));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_key_that_others_can_read_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        save(&generate().unwrap(), &path).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let Err(error) = load(&path) else { panic!("it was read") };
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..120), seed in any::<[u8; KEY_BYTES]>()) {
            let folder = tempfile::tempdir().unwrap();
            let (any, good) = (folder.path().join("any"), folder.path().join("good"));
            write_new(&any, &bytes, SECRET_MODE).unwrap();
            prop_assert!(load(&any).is_err());
            let text = format!("secret_key = '{}'", hex::encode(seed));
            write_new(&good, text.as_bytes(), SECRET_MODE).unwrap();
            prop_assert_eq!(load(&good).unwrap().seed(), seed);
        }
    }

    #[test]
    fn what_is_no_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("a", "secret_key = 'ab'"), ("b", "key = 'ab'"), ("c", "\u{0}")] {
            let path = folder.path().join(name);
            write_new(&path, text.as_bytes(), SECRET_MODE).unwrap();
            assert!(matches!(load(&path), Err(KeyError::Malformed { .. })), "{text}");
        }
        assert!(matches!(load(&folder.path().join("none")), Err(KeyError::File { .. })));
    }
}
