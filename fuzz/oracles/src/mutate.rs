// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Mutations without libFuzzer, for plain tests: simple, and the same each time.

/// A source of numbers that is the same each time (SplitMix64).
#[derive(Clone, Debug)]
pub struct Chance(pub u64);

impl Chance {
    /// The next number.
    #[allow(clippy::should_implement_trait)] // it never ends
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, or 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Changes `input` in one to four places.
pub fn mutate(input: &mut Vec<u8>, chance: &mut Chance) {
    for _ in 0..1 + chance.below(4) {
        let at = chance.below(input.len());
        match chance.below(7) {
            0 if !input.is_empty() => input[at] ^= 1 << chance.below(8),
            1 if !input.is_empty() => input[at] = chance.next() as u8,
            2 => input.insert(at, chance.next() as u8),
            3 if !input.is_empty() => drop(input.remove(at)),
            4 => input.truncate(at),
            5 => {
                let piece: Vec<u8> = input.iter().skip(at).take(1 + chance.below(16)).copied().collect();
                let to = chance.below(input.len());
                input.splice(to..to, piece);
            }
            _ => {
                let edge = [0, 1, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, u64::MAX, 1 << 63];
                let bytes = edge[chance.below(edge.len())].to_le_bytes();
                let count = [1, 2, 4, 8][chance.below(4)];
                for (to, from) in input.iter_mut().skip(at).zip(&bytes[..count]) {
                    *to = *from;
                }
            }
        }
    }
}
