// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Apps that are built into the image, for a device that nobody pushes to.
//!
//! They are verified and admitted as if they had come over the network: the image says that they are there, and nothing
//! about whether they may run. On a device with a disk the disk decides: what was installed once is found there, what
//! somebody removed stays removed, and what is newer there stays. Without one they are installed at each boot.

use cofferdam_management_protocol::Refusal;

use crate::install::MayBe;
use crate::manager::Manager;
use crate::platform::Platform;
use crate::refusal::Refused;

impl<P: Platform> Manager<P> {
    /// At boot, behind [`Self::restore`]: installs and starts the image's packages, in their order. One that is refused
    /// is told in the log and keeps no other out.
    ///
    /// If this is not the first life of wasm_manager since the boot, they are there already: without a disk nothing at
    /// all can be installed then, and with one the ratchet knows them.
    pub fn preinstall(&mut self, packages: &[&[u8]]) {
        if let Some(error) = self.kept.unreadable().filter(|_| !packages.is_empty()) {
            log::error!("the image's apps stay out: {error}");
            return;
        }
        for (number, package) in (1..).zip(packages) {
            let Err(refused) = self.preinstall_one(package) else { continue };
            // Only what is newer than the image's is met here, or the same number with another module.
            let level = if refused.code == Refusal::Ratchet { log::Level::Warn } else { log::Level::Error };
            log::log!(level, "package {number} of {} of the image stays out: {refused}", packages.len());
        }
        self.audit_flush();
    }

    fn preinstall_one(&mut self, package: &[u8]) -> Result<(), Refused> {
        let examined = self.examine(package, &MayBe::NoOlder)?;
        let manifest = &examined.manifest;
        if self.ratchet.has_seen(&manifest.common, manifest.sequence) {
            log::info!("the image's {} is known here: left as it is", manifest.common.name);
            return Ok(());
        }
        self.put(examined, package, true, None).map(drop)
    }
}
