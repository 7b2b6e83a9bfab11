// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The fuel of an activation, handed to the interpreter in portions.
//!
//! Why portions: the interpreter goes from instruction to instruction by tail calls, which its compiler
//! makes for all of them but `memory.grow` and `table.grow` (`check-dispatch.sh` looks). Each execution of
//! these two keeps a frame on the native stack until the interpreter returns. So they cost much fuel
//! ([`GROW_FUEL`]), and the interpreter returns after each portion and is resumed at once: that bounds the
//! frames, whatever the module does and however much fuel it has.

use cofferdam_host_abi::Limits;

/// Fuel for `memory.grow` and `table.grow`, beside that for the bytes: the most that can be set.
pub(crate) const GROW_FUEL: u8 = u8::MAX;
/// The larger of the two frames, generously.
const GROW_FRAME_BYTES: u64 = 208;
/// What may go into such frames: of the 256 KiB that `system.xml` gives a slot, and a desktop more.
const GROW_STACK_BYTES: u64 = 176 * 1024;

const _: () = assert!(Limits::FUEL_PORTION / GROW_FUEL as u64 * GROW_FRAME_BYTES <= GROW_STACK_BYTES);

/// What is left of an activation's fuel.
#[derive(Debug, Default)]
pub(crate) struct FuelTank {
    reserve: u64,
    /// What host calls cost beyond what was left; paid before anything else.
    debt: u64,
}

impl FuelTank {
    /// Begins an activation with this much.
    pub(crate) fn begin(&mut self, fuel: u64) {
        self.reserve = fuel;
        self.pay();
    }

    /// What the interpreter has not been handed.
    pub(crate) const fn reserve(&self) -> u64 {
        self.reserve
    }

    /// The next portion for the interpreter.
    pub(crate) fn take_portion(&mut self) -> u64 {
        let portion = self.reserve.min(Limits::FUEL_PORTION);
        self.reserve -= portion;
        portion
    }

    /// What the interpreter has left of its portion.
    pub(crate) fn give_back(&mut self, left: u64) {
        self.reserve = self.reserve.saturating_add(left);
        self.pay();
    }

    /// A host call cost more than the interpreter had.
    pub(crate) fn owe(&mut self, fuel: u64) {
        self.debt = self.debt.saturating_add(fuel);
    }

    fn pay(&mut self) {
        let paid = self.debt.min(self.reserve);
        self.debt -= paid;
        self.reserve -= paid;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debts_are_paid_first() {
        let mut tank = FuelTank::default();
        tank.begin(1000);
        assert_eq!(tank.take_portion(), 1000);
        tank.owe(1500);
        tank.give_back(0);
        assert_eq!(tank.reserve(), 0);
        tank.begin(1000);
        assert_eq!(tank.reserve(), 0);
        tank.begin(1000);
        assert_eq!(tank.reserve(), 500);
    }

    #[test]
    fn portions_add_up() {
        let mut tank = FuelTank::default();
        tank.begin(2 * Limits::FUEL_PORTION + 5);
        assert_eq!(tank.take_portion(), Limits::FUEL_PORTION);
        tank.give_back(10);
        assert_eq!(tank.take_portion(), Limits::FUEL_PORTION);
        assert_eq!(tank.take_portion(), 15);
    }
}
