// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Why a device says no. Codes are stable; texts name the reason and may be shown to people.

use core::fmt;

macro_rules! refusals {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $text:literal;)+) => {
        /// Why a device says no.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Refusal {
            $($(#[doc = $doc])+ $name = $code,)+
        }

        impl Refusal {
            /// Every refusal there is.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its stable number; never 0.
            #[must_use]
            pub const fn code(self) -> u16 {
                self as u16
            }

            /// The refusal with this number, if this version knows it.
            #[must_use]
            pub const fn from_code(code: u16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// Its reason in words.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

refusals! {
    // The connection.
    /// A message that this device does not understand.
    MalformedMessage = 1, "malformed message";
    /// A chunk without an install, or a command in the middle of one.
    OutOfTurn = 2, "message out of turn";

    // Who may command.
    /// The command's signature envelope has not the right form.
    MalformedCommand = 10, "malformed command";
    /// No trust anchor has the key that signed.
    UnknownKey = 11, "unknown key";
    /// The signature does not fit.
    BadSignature = 12, "bad signature";
    /// The command was signed for another device.
    OtherDevice = 13, "command for another device";
    /// The command was signed for another boot of this device.
    OtherBoot = 14, "command for another boot";
    /// The command's sequence number was used before, or lies ahead.
    WrongSequence = 15, "wrong command sequence (replayed or out of order)";
    /// The key's grant does not include this kind of command.
    NotAuthorised = 16, "key not authorised for this command";

    /// The app's signer was revoked, or may not grant any more what the app asks for.
    Revoked = 17, "permission revoked";

    // The upload.
    /// The package is longer than the device takes.
    TooLarge = 20, "too large";
    /// The package, or the upload, ends too early.
    Truncated = 21, "truncated";
    /// A chunk does not begin where the last one ended.
    ChunkOutOfOrder = 22, "chunk out of order";
    /// A chunk is too long, empty, or goes beyond the announced length.
    ChunkLength = 23, "chunk of wrong length";
    /// The uploaded bytes are not those that the command announced.
    UploadDigest = 24, "upload digest mismatch";

    // The package.
    /// The container has not the right form.
    MalformedPackage = 30, "malformed package";
    /// The manifest cannot be read or breaks a rule.
    BadManifest = 31, "manifest not acceptable";
    /// The module is not the signed one.
    DigestMismatch = 32, "digest mismatch";
    /// A newer sequence number was seen, or the same one with another module.
    Ratchet = 33, "ratchet: older than what this device has seen";
    /// The vendor or class is not this device's.
    OtherClass = 34, "package for another class of device";

    // Policy and admission.
    /// The package's signer may not grant what the manifest asks for.
    PermissionNotGranted = 40, "permission not granted to this signer";
    /// The manifest names a sensor or actuator that this device has not.
    UnknownResource = 41, "no such sensor or actuator";
    /// A manifest's figure is beyond what a slot offers.
    BeyondLimits = 42, "beyond the limits of a slot";
    /// The app would use more of its slot's time than it may.
    Utilisation = 43, "too much utilisation";
    /// The module is no valid Wasm, or uses what the deterministic profile leaves out.
    InvalidModule = 44, "invalid module";
    /// The module imports what the manifest does not permit or the host does not offer.
    ImportNotPermitted = 45, "import not permitted";
    /// The module does not export what its shape needs.
    MissingExport = 46, "missing export";
    /// The module's memory does not fit its manifest.
    ModuleMemory = 47, "module memory does not fit the manifest";
    /// A loop whose deadline is hard might miss it, this one or one that is installed.
    Deadline = 48, "a hard deadline cannot be kept";

    // The registry.
    /// All slots have an app.
    NoFreeSlot = 50, "no free slot";
    /// No app has this name.
    NoSuchApp = 51, "no such app";
    /// It runs already.
    AlreadyRunning = 52, "already running";
    /// It does not run.
    NotRunning = 53, "not running";
    /// The ratchet table is full of other components.
    RatchetTableFull = 54, "too many different components for the ratchet table";
    /// The device itself failed to do it.
    Internal = 55, "internal error";
    /// The device has a disk and cannot keep it there, so it is not done.
    Storage = 56, "cannot be kept on the disk";
    /// No version before is kept: there is none, or no disk.
    NoPrevious = 57, "no version to roll back to";
    /// There is no recording.
    NoRecording = 58, "no recording";

    // The list of keys.
    /// It has not the right form.
    MalformedKeyList = 60, "malformed key list";
    /// A newer list is in force, or this one.
    KeyListOlder = 61, "key list is not newer than the one in force";
    /// Too few root keys have signed it.
    KeyListQuorum = 62, "key list signed by too few root keys";
    /// Nobody could sign the list after it.
    KeyListLockout = 63, "key list would lock everybody out";
    /// The root keys changed too often since the image was made.
    KeyListChain = 64, "too many changes of root keys for this image";

    // The verifier.
    /// The protection domain that parses what comes in crashed, did not end in time or made no sense.
    Verifier = 70, "the verifier failed on this";

    // Swapping.
    /// The app, or another one, is being swapped.
    SwapUnderWay = 80, "a swap is under way";
    /// The new version cannot be compared with the one that runs, or none runs.
    NotSwappable = 81, "cannot be swapped in flight";
    /// The app was not swapped since wasm_manager began.
    NoSwap = 82, "no swap of this app";
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
