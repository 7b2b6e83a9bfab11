// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Arguments and environment, from the app's orders. The first argument is the app's name.

use core::iter::once;

use super::Answer;
use crate::guest::{BadPointer, offset};
use crate::state::Call;

/// Bytes of a pointer, a count and a size.
const WORD_BYTES: u32 = 4;

pub(super) fn arguments_sizes<H>(call: &mut Call<'_, H>, count: i32, bytes: i32) -> Answer {
    let orders = &call.state.orders;
    let name_bytes = orders.name.as_str().len().saturating_add(1);
    let texts = orders.arguments.count().saturating_add(1);
    let length = orders.arguments.bytes().len().saturating_add(name_bytes);
    sizes(call, count, bytes, texts, length)
}

pub(super) fn arguments<H>(call: &mut Call<'_, H>, list: i32, buffer: i32) -> Answer {
    let name = call.state.orders.name;
    let arguments = call.state.orders.arguments;
    let texts = once([name.as_str().as_bytes(), &[0]]).chain(arguments.iter().map(|text| [text, &[]]));
    hand_out(call, list, buffer, texts)
}

pub(super) fn environment_sizes<H>(call: &mut Call<'_, H>, count: i32, bytes: i32) -> Answer {
    let environment = &call.state.orders.environment;
    let (texts, length) = (environment.count(), environment.bytes().len());
    sizes(call, count, bytes, texts, length)
}

pub(super) fn environment<H>(call: &mut Call<'_, H>, list: i32, buffer: i32) -> Answer {
    let environment = call.state.orders.environment;
    hand_out(call, list, buffer, environment.iter().map(|text| [text, &[]]))
}

fn sizes<H>(call: &mut Call<'_, H>, count: i32, bytes: i32, texts: u32, length: usize) -> Answer {
    let length = u32::try_from(length).map_err(|_| BadPointer)?;
    call.check(bytes, WORD_BYTES as i32)?;
    call.write(count, &texts.to_le_bytes())?;
    call.write(bytes, &length.to_le_bytes())?;
    Ok(())
}

/// Writes texts, each in two parts, one behind the other, and the list of where each begins.
fn hand_out<'t, H>(
    call: &mut Call<'_, H>,
    list: i32,
    buffer: i32,
    texts: impl Iterator<Item = [&'t [u8]; 2]> + Clone,
) -> Answer {
    // All or nothing: both places are looked at before anything is written.
    let (count, bytes) =
        texts.clone().flatten().enumerate().fold((0u32, 0u32), |(count, bytes), (part, text)| {
            let begins = u32::from(part % 2 == 0);
            (count.saturating_add(begins), bytes.saturating_add(text.len() as u32))
        });
    call.check(list, count.saturating_mul(WORD_BYTES) as i32)?;
    call.check(buffer, bytes as i32)?;
    let (mut entry, mut at) = (list, buffer);
    for text in texts {
        call.write(entry, &at.to_le_bytes())?;
        entry = offset(entry, WORD_BYTES)?;
        for part in text {
            call.write(at, part)?;
            at = offset(at, part.len() as u32)?;
        }
    }
    Ok(())
}
