// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What arrives at port 7700: second connections, noise, silence, and connections that break.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use cofferdam_client::{ClientError, Connection};
use cofferdam_management_protocol::{BUSY_FRAME, DeviceMessage, FRAME_BYTES_MAX, HostMessage, Refusal};

use super::tests;
use crate::context::{Context, STEP_LIMIT, patience};
use crate::harness::{Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "network",
    about: "second connections, noise, oversized frames and broken connections",
    system: System::Product,
    tests: tests![
        a_second_connection_is_told_busy,
        the_tool_waits_for_its_turn,
        noise_is_refused,
        an_oversized_frame_is_refused,
        a_malformed_command_is_refused,
        connections_that_come_and_go,
        a_half_closed_connection,
        a_silent_connection_is_let_go,
        the_greeting_is_stable_within_a_boot,
    ],
};

/// The status with which `cofferdam` says that the device is busy.
const BUSY: i32 = 5;

/// The device answers a command of the real tool: whatever was done to it, it is well.
fn is_well(context: &Context<'_>) -> Result<()> {
    let list = context.json(&["ls"])?;
    ensure!(list["apps"].is_array(), "unexpected: {list}");
    Ok(())
}

fn a_second_connection_is_told_busy(context: &mut Context<'_>) -> Result<()> {
    let first = context.connection()?;
    let second = Connection::open_once(&context.address()?, &patience()).map(|_| ());
    ensure!(matches!(second, Err(ClientError::Busy { .. })), "not busy: {second:?}");
    // The tool gives up after a while, with a status of its own.
    let finished = context.cofferdam(&["ls", "--wait", "1"])?;
    ensure!(finished.status.code() == Some(BUSY), "not busy: {finished}");
    ensure!(finished.stderr.contains("busy"), "it does not say why: {finished}");
    drop(first);
    is_well(context)
}

/// While one connection is open the tool waits and says so; when it closes, the tool gets its turn.
fn the_tool_waits_for_its_turn(context: &mut Context<'_>) -> Result<()> {
    let first = context.connection()?;
    let mut tool =
        context.cofferdam_command(&["ls"])?.stderr(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    let mut said = String::new();
    if let Some(stderr) = tool.stderr.take() {
        // It ends by itself after some seconds, so this cannot hang.
        BufReader::new(stderr).read_line(&mut said)?;
    }
    drop(first);
    let status = tool.wait()?;
    ensure!(said.contains("busy"), "it did not say that it waits: '{said}'");
    ensure!(status.success(), "it did not get its turn: {status}");
    Ok(())
}

/// What the device sends until it closes or until it refuses.
fn answer_to(context: &Context<'_>, bytes: &[u8]) -> Result<Option<DeviceMessage>> {
    let mut connection = context.connection()?;
    connection.send_bytes(bytes)?;
    match connection.receive() {
        Ok(message) => Ok(Some(message)),
        Err(ClientError::Lost(_)) => Ok(None),
        Err(error) => Err(error).context("the device neither answered nor closed"),
    }
}

/// Refused or cut off, but nothing else.
fn refused_or_closed(context: &Context<'_>, bytes: &[u8]) -> Result<()> {
    match answer_to(context, bytes)? {
        None | Some(DeviceMessage::Refused { .. }) => is_well(context),
        Some(other) => bail!("the answer to noise was {other:?}"),
    }
}

fn noise_is_refused(context: &mut Context<'_>) -> Result<()> {
    refused_or_closed(context, b"GET / HTTP/1.1\r\nHost: device\r\n\r\n")?;
    refused_or_closed(context, &[0xff; 10_000])?;
    refused_or_closed(context, &[0; 64])?;
    // A fixed sequence of bytes without pattern.
    let mut state = 0x1234_5678_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(50_000)
    .collect();
    for part in noise.chunks(10_000) {
        refused_or_closed(context, part)?;
    }
    Ok(())
}

fn an_oversized_frame_is_refused(context: &mut Context<'_>) -> Result<()> {
    for length in [u32::try_from(FRAME_BYTES_MAX)? + 1, u32::MAX] {
        refused_or_closed(context, &length.to_le_bytes())?;
    }
    Ok(())
}

fn a_malformed_command_is_refused(context: &mut Context<'_>) -> Result<()> {
    for command in [&b""[..], b"no COSE", &[0xd2; 100]] {
        let mut connection = context.connection()?;
        connection.send(&HostMessage::Command(command))?;
        let answer = connection.receive()?;
        let expected = Refusal::MalformedCommand.code();
        ensure!(matches!(answer, DeviceMessage::Refused { code, .. } if code == expected), "{answer:?}");
    }
    is_well(context)
}

/// Connections that are closed or reset at once, some with a few bytes of something. (Twenty, because QEMU makes
/// the host wait a second whenever two are under way.)
fn connections_that_come_and_go(context: &mut Context<'_>) -> Result<()> {
    let address = context.address()?;
    for number in 0..20_u8 {
        let mut stream = TcpStream::connect(&address)?;
        if number % 3 == 1 {
            // Whether it arrives is beside the point.
            let _ = stream.write_all(&[number; 3]);
        }
        if number % 3 == 2 {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
    is_well(context)
}

/// A host that closes its side after the greeting is let go of.
fn a_half_closed_connection(context: &mut Context<'_>) -> Result<()> {
    let deadline = Instant::now() + STEP_LIMIT;
    let mut stream = loop {
        let mut stream = TcpStream::connect(context.address()?)?;
        stream.set_read_timeout(Some(STEP_LIMIT))?;
        let mut begin = [0; 64];
        match stream.read(&mut begin) {
            // Longer than the busy message: the greeting. Else the connection before is still closing.
            Ok(count) if count > BUSY_FRAME.len() => break stream,
            other => ensure!(Instant::now() < deadline, "no greeting: {other:?}"),
        }
    };
    stream.shutdown(Shutdown::Write)?;
    match stream.read_to_end(&mut Vec::new()) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            bail!("the device does not let go of a connection that the host has closed")
        }
        _ => is_well(context), // closed or reset: both are an end
    }
}

/// Who connects and says nothing does not keep others out for ever.
fn a_silent_connection_is_let_go(context: &mut Context<'_>) -> Result<()> {
    let mut silent = context.connection()?;
    let outcome = silent.receive().map(|_| ());
    ensure!(matches!(outcome, Err(ClientError::Lost(_))), "not closed within {STEP_LIMIT:?}: {outcome:?}");
    is_well(context)
}

fn the_greeting_is_stable_within_a_boot(context: &mut Context<'_>) -> Result<()> {
    let first = context.connection()?.greeting().clone();
    let second = context.connection()?.greeting().clone();
    ensure!(first == second, "without a command in between nothing changes: {first:?}, {second:?}");
    ensure!(first.boot_nonce != [0; 16], "the nonce is not random");
    is_well(context)?;
    let third = context.connection()?.greeting().clone();
    ensure!(third.next_sequence > second.next_sequence, "a command uses its number up");
    ensure!(third.boot_nonce == first.boot_nonce, "the nonce belongs to the boot");
    let line = context.expect_from(0, "device ready")?;
    let nonce: String = first.boot_nonce.iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(line.text.contains(&nonce), "another nonce than on the console: {line}");
    Ok(())
}
