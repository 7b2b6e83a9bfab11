// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the conformance test's parent tells its child to do, and the words of the region that they share.

/// Words of the region, by index.
pub mod word {
    /// The order, see [`super::Order`].
    pub const ORDER: usize = 0;
    /// How often the child has been entered.
    pub const ENTRIES: usize = 1;
    /// How many words of .data were not as the program has them.
    pub const WRONG_DATA: usize = 2;
    /// How many words of .bss were not zero.
    pub const WRONG_BSS: usize = 3;
    /// Where the stack is: some address in its highest page.
    pub const STACK: usize = 4;
    /// What came of the order.
    pub const RESULT: usize = 5;
}

/// The address that nobody maps.
pub const UNMAPPED: u64 = 0x6666_0000;
/// The number that no system call has.
pub const UNKNOWN_SYSTEM_CALL: i64 = -1000;
/// A function in machine code, `mov x0, #42; ret`, and what it returns.
pub const FUNCTION: (u64, u64) = (0xd65f_03c0_d280_0540, 42);
/// Another, `mov x0, #43; ret`.
pub const OTHER_FUNCTION: (u64, u64) = (0xd65f_03c0_d280_0560, 43);

/// What the child is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Order {
    Wait = 0,
    Panic,
    WriteUnmapped,
    ReadNull,
    OverflowStack,
    ReadAboveStack,
    WriteConstant,
    WriteOwnCode,
    ExecuteData,
    ExecuteStack,
    ReadReadable,
    WriteReadable,
    ExecuteReadable,
    WriteWritable,
    ExecuteWritable,
    ExecuteRunnable,
    WriteRunnable,
    WriteAndExecute,
    UnknownSystemCall,
    Hang,
}

impl Order {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 20] = [
        Self::Wait,
        Self::Panic,
        Self::WriteUnmapped,
        Self::ReadNull,
        Self::OverflowStack,
        Self::ReadAboveStack,
        Self::WriteConstant,
        Self::WriteOwnCode,
        Self::ExecuteData,
        Self::ExecuteStack,
        Self::ReadReadable,
        Self::WriteReadable,
        Self::ExecuteReadable,
        Self::WriteWritable,
        Self::ExecuteWritable,
        Self::ExecuteRunnable,
        Self::WriteRunnable,
        Self::WriteAndExecute,
        Self::UnknownSystemCall,
        Self::Hang,
    ];

    /// The order with this number.
    pub fn from_word(word: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|order| *order as u64 == word)
    }
}
