// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Numbers on the wire: commands, states, reasons. Zero is never a valid one.

use core::fmt;

macro_rules! codes {
    ($(#[$enum_doc:meta])* $enum:ident { $($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)* }) => {
        $(#[$enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum $enum { $($(#[$doc])* $name = $code,)* }

        impl $enum {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The one with this number.
            pub const fn from_code(code: u32) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }

            /// Its number.
            pub const fn code(self) -> u32 {
                self as u32
            }
        }

        impl fmt::Display for $enum {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text,)* })
            }
        }
    };
}

codes! {
    /// What the slot is to do.
    Command {
        /// Run nothing.
        Idle = 1, "idle";
        /// Load and run the module.
        Run = 2, "run";
    }
}

codes! {
    /// What happens when an activation is not over at its deadline.
    Overrun {
        /// Count it and go on; releases that were missed are skipped.
        Skip = 1, "skip";
        /// Stop the app.
        Stop = 2, "stop";
    }
}

codes! {
    /// Where an app is in its life.
    AppState {
        /// The slot runs nothing.
        Idle = 1, "idle";
        /// The module is being translated and instantiated.
        Loading = 2, "loading";
        /// Activations are under way.
        Running = 3, "running";
        /// A command came to its end; its exit code is in the status.
        Exited = 4, "exited";
        /// The app was stopped; why is in the status.
        Stopped = 5, "stopped";
    }
}

codes! {
    /// Why an app was stopped.
    StopReason {
        /// The slot could not make sense of its orders.
        BadOrders = 1, "orders not understood";
        /// The module is malformed, uses an excluded feature or exceeds a bound.
        ModuleRejected = 2, "module rejected";
        /// An import that the host does not provide, or not with this signature.
        ImportUnknown = 3, "unknown import";
        /// A required export is missing.
        ExportMissing = 4, "missing export";
        /// A required export has another signature.
        ExportSignature = 5, "export with wrong signature";
        /// Memory, tables or segments could not be set up.
        InstantiationFailed = 6, "instantiation failed";
        /// The activation used up its fuel.
        FuelExhausted = 7, "fuel exhausted";
        /// Calls nested too deeply, or the value stack is full.
        StackExhausted = 8, "stack exhausted";
        /// Too many host calls in one activation.
        HostCallsExhausted = 9, "too many host calls";
        /// The activation was not over at its deadline and the manifest says stop.
        DeadlineMissed = 10, "deadline missed";
        /// Trap: `unreachable` executed, which is also how a panic or an abort ends.
        Unreachable = 11, "unreachable executed";
        /// Trap: access outside of memory.
        MemoryOutOfBounds = 12, "memory access out of bounds";
        /// Trap: access outside of a table.
        TableOutOfBounds = 13, "table access out of bounds";
        /// Trap: an indirect call to an empty table element.
        IndirectCallToNull = 14, "indirect call to null";
        /// Trap: an indirect call to a function of another type.
        IndirectCallType = 15, "indirect call type mismatch";
        /// Trap: integer division by zero.
        DivisionByZero = 16, "integer division by zero";
        /// Trap: integer overflow.
        IntegerOverflow = 17, "integer overflow";
        /// Trap: a float that no integer can hold.
        ConversionToInteger = 18, "invalid conversion to integer";
        /// Trap of another kind; the detail says which.
        OtherTrap = 19, "trap";
        /// The slot itself failed, not the app.
        Internal = 20, "slot failure";
        /// The protection domain faulted; the manager sets this, not the slot.
        SlotFault = 21, "slot faulted";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_pinned_and_come_back() {
        assert_eq!(AppState::Running.code(), 3);
        assert_eq!(StopReason::FuelExhausted.code(), 7);
        assert_eq!(StopReason::Unreachable.code(), 11);
        assert_eq!(StopReason::SlotFault.code(), 21);
        for reason in StopReason::ALL {
            assert_eq!(StopReason::from_code(reason.code()), Some(*reason));
        }
        assert_eq!(AppState::from_code(0), None);
        assert_eq!(Command::from_code(0), None);
    }
}
