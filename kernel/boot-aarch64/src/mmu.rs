// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Switches on MMU and caches at EL1.

use aarch64_cpu::{
    asm::barrier,
    registers::{
        ID_AA64MMFR0_EL1, MAIR_EL1, ReadWriteable as _, Readable as _, SCTLR_EL1, TCR_EL1, TTBR0_EL1,
        TTBR1_EL1, Writeable as _,
    },
};

use crate::{
    memory,
    tables::{Half, Tables},
};

/// Switches on MMU and caches.
///
/// # Safety
/// `tables` maps the running program with its stack, and whatever else it still uses, to the same addresses; and the
/// program is the only one running, at EL1, with the MMU off.
pub unsafe fn enable(tables: &'static Tables) {
    // SAFETY: the tables are memory of the running program. Lines that a cache may hold from before its reset must
    // not hide what was just written past it.
    unsafe { memory::discard_cached(tables) };

    // Index by index as seL4 expects (its tables use 0, 3 and 4, and it never writes this register).
    MAIR_EL1.write(
        MAIR_EL1::Attr0_Device::nonGathering_nonReordering_noEarlyWriteAck
            + MAIR_EL1::Attr1_Device::nonGathering_nonReordering_EarlyWriteAck
            + MAIR_EL1::Attr2_Device::Gathering_Reordering_EarlyWriteAck
            + MAIR_EL1::Attr3_Normal_Outer::NonCacheable
            + MAIR_EL1::Attr3_Normal_Inner::NonCacheable
            + MAIR_EL1::Attr4_Normal_Outer::WriteBack_NonTransient_ReadWriteAlloc
            + MAIR_EL1::Attr4_Normal_Inner::WriteBack_NonTransient_ReadWriteAlloc,
    );
    TCR_EL1.write(
        TCR_EL1::T0SZ.val(16)
            + TCR_EL1::TG0::KiB_4
            + TCR_EL1::SH0::Inner
            + TCR_EL1::ORGN0::WriteBack_ReadAlloc_WriteAlloc_Cacheable
            + TCR_EL1::IRGN0::WriteBack_ReadAlloc_WriteAlloc_Cacheable
            + TCR_EL1::T1SZ.val(16)
            + TCR_EL1::TG1::KiB_4
            + TCR_EL1::SH1::Inner
            + TCR_EL1::ORGN1::WriteBack_ReadAlloc_WriteAlloc_Cacheable
            + TCR_EL1::IRGN1::WriteBack_ReadAlloc_WriteAlloc_Cacheable
            + TCR_EL1::AS::ASID16Bits
            // As many physical bits as the core has; 48 at most with this granule.
            + TCR_EL1::IPS.val(ID_AA64MMFR0_EL1.read(ID_AA64MMFR0_EL1::PARange).min(5)),
    );
    TTBR0_EL1.set(tables.root(Half::Low));
    TTBR1_EL1.set(tables.root(Half::High));
    // SAFETY: nothing cached from before is needed; the caller vouches for what the new tables map.
    unsafe { memory::forget_translations() };
    SCTLR_EL1.modify(SCTLR_EL1::M::Enable + SCTLR_EL1::C::Cacheable + SCTLR_EL1::I::Cacheable);
    barrier::isb(barrier::SY);
}
