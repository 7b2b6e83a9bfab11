// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The work that is timed. Deterministic: the same number of iterations gives the same checksum.

/// Elements of the sieve and bytes of the checksummed buffer.
const SIEVE: usize = 2048;
/// Rows and columns of the matrices.
const SIDE: usize = 12;
const BODIES: usize = 4;
/// Steps of the bodies for each iteration.
const STEPS: usize = 16;

/// Runs the kernel and folds all results into one number.
pub fn run(iterations: u32) -> u32 {
    let mut checksum = 0xffff_ffff;
    let mut bodies = Bodies::new();
    for iteration in 0..iterations {
        let sieve = sieve();
        checksum = crc32(checksum, &sieve);
        checksum ^= matrix(iteration ^ checksum);
        for _ in 0..STEPS {
            bodies.step();
        }
        checksum = crc32(checksum, &bodies.energy().to_bits().to_le_bytes());
    }
    checksum
}

fn sieve() -> [u8; SIEVE] {
    let mut composite = [0u8; SIEVE];
    for number in 2..SIEVE {
        if composite[number] == 0 {
            for multiple in (number * number..SIEVE).step_by(number) {
                composite[multiple] = 1;
            }
        }
    }
    composite
}

/// CRC-32 (IEEE), four bits at a time: table look-ups, shifts.
fn crc32(mut crc: u32, bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = {
        let mut table = [0; 16];
        let mut index = 0;
        while index < 16 {
            let mut value = index as u32;
            let mut bit = 0;
            while bit < 4 {
                value = if value & 1 == 1 { value >> 1 ^ 0xedb8_8320 } else { value >> 1 };
                bit += 1;
            }
            table[index] = value;
            index += 1;
        }
        table
    };
    for byte in bytes {
        crc ^= u32::from(*byte);
        crc = crc >> 4 ^ TABLE[(crc & 15) as usize];
        crc = crc >> 4 ^ TABLE[(crc & 15) as usize];
    }
    crc
}

fn matrix(seed: u32) -> u32 {
    let mut left = [[0u32; SIDE]; SIDE];
    let mut right = [[0u32; SIDE]; SIDE];
    let mut random = seed | 1;
    for cell in left.iter_mut().chain(right.iter_mut()).flatten() {
        // xorshift32
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        *cell = random;
    }
    let mut sum = 0u32;
    for row in &left {
        for column in 0..SIDE {
            let cell =
                row.iter().zip(&right).map(|(a, b)| a.wrapping_mul(b[column])).fold(0, u32::wrapping_add);
            sum = sum.rotate_left(1) ^ cell;
        }
    }
    sum
}

/// Four bodies of equal mass on a plane.
struct Bodies {
    place: [[f64; 2]; BODIES],
    speed: [[f64; 2]; BODIES],
}

impl Bodies {
    const STEP: f64 = 1.0 / 1024.0;

    fn new() -> Self {
        Self {
            place: [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.25], [0.125, -1.0]],
            speed: [[0.0, 0.5], [-0.5, 0.0], [0.0, -0.5], [0.5, 0.0]],
        }
    }

    fn step(&mut self) {
        for one in 0..BODIES {
            for other in 0..BODIES {
                if one != other {
                    let [dx, dy] = self.distance(one, other);
                    let squared = dx * dx + dy * dy + 0.01;
                    let pull = Self::STEP / (squared * square_root(squared));
                    self.speed[one][0] += dx * pull;
                    self.speed[one][1] += dy * pull;
                }
            }
        }
        for (place, speed) in self.place.iter_mut().zip(&self.speed) {
            place[0] += speed[0] * Self::STEP;
            place[1] += speed[1] * Self::STEP;
        }
    }

    fn distance(&self, one: usize, other: usize) -> [f64; 2] {
        [self.place[other][0] - self.place[one][0], self.place[other][1] - self.place[one][1]]
    }

    fn energy(&self) -> f64 {
        let mut energy = 0.0;
        for one in 0..BODIES {
            let [x, y] = self.speed[one];
            energy += (x * x + y * y) / 2.0;
            for other in 0..one {
                let [dx, dy] = self.distance(one, other);
                energy -= 1.0 / square_root(dx * dx + dy * dy + 0.01);
            }
        }
        energy
    }
}

/// Newton's iteration from a first guess by halving the exponent: core has no square root.
fn square_root(value: f64) -> f64 {
    let mut root = f64::from_bits((value.to_bits() >> 1) + 0x1ff8_0000_0000_0000);
    for _ in 0..4 {
        root = 0.5 * (root + value / root);
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc32(0xffff_ffff, b"123456789") ^ 0xffff_ffff, 0xcbf4_3926);
        assert_eq!(run(0), 0xffff_ffff);
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }

    #[test]
    fn energy_is_kept() {
        let mut bodies = Bodies::new();
        let before = bodies.energy();
        (0..1024).for_each(|_| bodies.step());
        assert!((bodies.energy() - before).abs() < 0.05 * before.abs());
    }

    #[test]
    fn square_roots_are_right() {
        for value in [0.01, 1.0, 2.0, 1234.5] {
            assert!((square_root(value) * square_root(value) - value).abs() < 1e-12 * value);
        }
    }
}
