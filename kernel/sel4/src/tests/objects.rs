// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Invocations that put a system together: their words, and the capabilities that go along.

use std::vec::Vec;

use super::calls::traps;
use crate::desk::{Trap, silence};
use crate::ipc_buffer::caps;
use crate::{
    AsidControl, CNode, CPtr, CapRights, Error, MessageInfo, ObjectType, Page, PagingStructure, Received,
    SlotPath, Tcb, TcbConfig, Untyped, VmAttributes, constants, initial_slot,
};

/// The one invocation of `program`: label, words, and capabilities that go along.
fn invocation(program: impl FnOnce() -> Result<(), Error>) -> (CPtr, u64, Vec<u64>, Vec<CPtr>) {
    let (seen, result) = traps(|_: &Trap| silence(), program);
    assert_eq!(result, Ok(()));
    let [(trap, words)] = seen.as_slice() else { panic!("not one invocation: {seen:?}") };
    let extra = (trap.info >> 7 & 3) as usize;
    let label = MessageInfo::from_word(trap.info).label();
    (trap.capability, label, words.clone(), caps().into_iter().take(extra).collect())
}

#[test]
fn retyping_fills_the_root_tasks_own_cnode() {
    let (untyped, label, words, caps) = invocation(|| Untyped(40).retype(ObjectType::CNode(10), 300, 7));
    assert_eq!((untyped, label), (40, constants::LABEL_UntypedRetype));
    assert_eq!(words, [constants::OBJECT_CapTable, 10, 0, 0, 300, 7]);
    assert_eq!(caps, [initial_slot::CNODE]);
}

#[test]
fn a_thread_gets_priorities_spaces_and_buffer() {
    let config = TcbConfig {
        fault_endpoint: 2,
        priority: 130,
        max_controlled_priority: 200,
        cspace: CNode { cptr: 500, size_bits: 10 },
        vspace: 501,
        ipc_buffer: 0x7fff_f000,
        ipc_buffer_page: 502,
    };
    let (tcb, label, words, caps) = invocation(|| Tcb(9).configure(&config));
    assert_eq!((tcb, label), (9, constants::LABEL_TCBConfigure));
    // 54 guard bits, all zero, so that a slot's number is its address.
    assert_eq!(words, [2, 200 << 8 | 130, 54 << 2, 0, 0x7fff_f000]);
    assert_eq!(caps, [500, 501, 502]);
}

#[test]
fn a_capability_is_minted_from_the_own_cnode_into_another() {
    let cnode = CNode { cptr: 77, size_bits: 10 };
    let rights = CapRights::WRITE.with(CapRights::GRANT);
    let (root, label, words, caps) = invocation(|| cnode.mint(74, SlotPath::own(12), rights, 0xabc));
    assert_eq!((root, label), (77, constants::LABEL_CNodeMint));
    assert_eq!(words, [74, 10, 12, 64, constants::RIGHTS_WRITE | constants::RIGHTS_GRANT, 0xabc]);
    assert_eq!(caps, [initial_slot::CNODE]);
}

#[test]
fn data_is_not_executable_and_devices_are_not_cached() {
    let map = |cached, executable| {
        let attributes = VmAttributes { cached, executable };
        let (_, label, words, caps) = invocation(|| Page(5).map(6, 0x1000, CapRights::READ, attributes));
        assert_eq!(
            (label, words[0], words[1]),
            (constants::LABEL_ARMPageMap, 0x1000, constants::RIGHTS_READ)
        );
        assert_eq!(caps, [6]);
        words[2]
    };
    let cached = constants::VM_CACHEABLE | constants::VM_PARITY;
    assert_eq!(map(true, true), cached);
    assert_eq!(map(true, false), cached | constants::VM_EXECUTE_NEVER);
    assert_eq!(map(false, false), constants::VM_EXECUTE_NEVER);
}

#[test]
fn each_paging_structure_has_its_invocation() {
    let mut labels: Vec<u64> = [
        PagingStructure::PageTable(3),
        PagingStructure::PageDirectory(3),
        PagingStructure::PageUpperDirectory(3),
    ]
    .into_iter()
    .map(|structure| {
        let (cptr, label, words, caps) = invocation(|| structure.map(8, 0x4000_0000));
        assert_eq!((cptr, words[0], caps.as_slice()), (3, 0x4000_0000, [8].as_slice()));
        label
    })
    .collect();
    labels.dedup();
    assert_eq!(labels.len(), 3);
}

#[test]
fn an_address_space_pool_comes_from_untyped_memory() {
    let (control, label, words, caps) = invocation(|| AsidControl(6).make_pool(Untyped(90), 91).map(|_| ()));
    assert_eq!((control, label), (6, constants::LABEL_ARMASIDControlMakePool));
    assert_eq!(
        (words.as_slice(), caps.as_slice()),
        ([91, 64].as_slice(), [90, initial_slot::CNODE].as_slice())
    );
}

#[test]
fn a_physical_address_comes_from_the_answer() {
    let answer =
        |_: &Trap| (Received { info: MessageInfo::new(0, 0, 0, 1), badge: 0 }, [0x6010_0000, 0, 0, 0]);
    assert_eq!(traps(answer, || Page(5).physical_address()).1, Ok(0x6010_0000));
}

#[test]
fn sizes_of_objects_with_a_parameter_follow_it() {
    assert_eq!(ObjectType::Untyped(17).size_bits(), 17);
    assert_eq!(ObjectType::CNode(10).size_bits() - ObjectType::CNode(4).size_bits(), 6);
    assert_eq!(ObjectType::LargePage.size_bits() - ObjectType::SmallPage.size_bits(), 9);
}
