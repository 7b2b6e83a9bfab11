// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Signed commands: COSE_Sign1 over an envelope in CBOR.

use std::sync::LazyLock;

use cofferdam_management_protocol::Command;
use cofferdam_package::{CommandEnvelope, sign_command, verify_command};

use crate::package::{find_key, trusted};

static VALID: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let commands = [Command::Status, Command::Stop { name: "app" }];
    let signed = commands.iter().enumerate().map(|(at, command)| {
        let command = command.encode().unwrap();
        let envelope = CommandEnvelope {
            device_id: "bench",
            nonce: [at as u8; 16],
            sequence: at as u64 * 1000,
            command: &command,
        };
        sign_command(&envelope, &trusted())
    });
    signed.collect()
});

/// Nothing is accepted but the commands that were signed, and a package is no command.
pub fn run(input: &[u8]) -> bool {
    let Ok(command) = verify_command(input, find_key) else {
        assert!(VALID.iter().all(|valid| valid != input), "a valid command was refused");
        return false;
    };
    assert!(VALID.iter().any(|valid| valid == input), "WRONG ACCEPTANCE: nobody signed this command");
    assert_eq!(command.signer, trusted().key_id());
    assert!(Command::decode(command.envelope.command).is_ok());
    true
}

/// Two commands, and the signed part of a package, which is none.
pub fn seeds() -> Vec<Vec<u8>> {
    let package = crate::package::seeds().swap_remove(0);
    // array(2), then a byte string with a length of two bytes.
    VALID.iter().cloned().chain([package[4..].to_vec()]).collect()
}
