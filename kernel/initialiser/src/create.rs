// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Creates protection domains.

use cofferdam_system_spec::SystemSpec;
use cofferdam_system_spec::environment::{PAGE_BYTES, slot};
use cofferdam_system_spec::layout::{
    CAPABILITY_ENDPOINT, CAPABILITY_NOTIFICATION, EXECUTE, Map, Region, Segment, WRITE,
};
use cofferdam_system_spec::reader::DomainView;
use sel4::{
    AsidPool, BootInfo, CNode, CPtr, CapRights, IrqControl, ObjectType, Page, SlotPath, Tcb, TcbConfig,
    VmAttributes, badge, initial_slot, objects,
};

use crate::allocate::{RegionPages, Regions, is_large};
use crate::failure::{Context, Failure, Reason};
use crate::memory::Memory;
use crate::monitor;
use crate::space::Space;

/// Most protection domains of a system (Microkit's limit).
const DOMAINS_MAX: usize = 63;
/// The kernel objects of one protection domain.
#[derive(Clone, Copy)]
pub(crate) struct Domain {
    tcb: CPtr,
    cnode: CNode,
    vspace: CPtr,
    notification: CPtr,
    /// 0 if it has none.
    endpoint: CPtr,
}

/// Creates all protection domains, without starting any.
pub(crate) fn protection_domains(
    spec: &SystemSpec<'_>,
    boot_info: &BootInfo,
    mut regions: Regions,
    monitor: CPtr,
    memory: &mut Memory,
) -> Result<heapless::Vec<Domain, DOMAINS_MAX>, Failure> {
    let mut domains = heapless::Vec::new();
    for view in spec.protection_domains() {
        let domain = domain_objects(&view, memory).doing("making the kernel objects", view.name())?;
        domains.push(domain).map_err(|_| Reason::TooMany).doing("listing", view.name())?;
    }
    let image_frames = boot_info.user_image_frames();
    for view in spec.protection_domains() {
        let Some(domain) = domains.get(view.index as usize).copied() else { continue };
        let name = view.name();
        let mut space = Space::new(domain.vspace);
        AsidPool(initial_slot::ASID_POOL)
            .assign(domain.vspace)
            .doing("giving an address space identifier", name)?;
        for segment in view.segments() {
            let first_page = image_frames.start
                + (spec.header.payload_vaddr - spec.header.image_vaddr + segment.payload_offset) / PAGE_BYTES;
            map_segment(&mut space, segment, first_page, memory).doing("mapping a program segment", name)?;
        }
        for map in view.maps() {
            let (Some(region), Some(pages)) = (spec.region(map), regions.get_mut(map.region as usize)) else {
                continue;
            };
            map_region(&mut space, map, region, pages, memory).doing("mapping a memory region", name)?;
        }
        let record = view.record;
        map_fresh(&mut space, record.initial_sp - record.stack_bytes, record.stack_bytes, memory)
            .doing("mapping the stack", name)?;
        let buffer_page = map_fresh(&mut space, record.ipc_buffer_vaddr, PAGE_BYTES, memory)
            .doing("mapping the IPC buffer", name)?;
        fill_cspace(&view, &domain, &domains, monitor).doing("filling the capability space", name)?;
        for irq in view.irqs() {
            connect_interrupt(&domain, irq.number, irq.id, memory).doing("connecting an interrupt", name)?;
        }
        let config = TcbConfig {
            fault_endpoint: slot::FAULT,
            priority: record.priority as u8,
            max_controlled_priority: record.priority as u8,
            cspace: domain.cnode,
            vspace: domain.vspace,
            ipc_buffer: record.ipc_buffer_vaddr,
            ipc_buffer_page: buffer_page,
        };
        Tcb(domain.tcb).configure(&config).doing("configuring the thread", name)?;
        Tcb(domain.tcb).bind_notification(domain.notification).doing("binding the notification", name)?;
    }
    Ok(domains)
}

/// Lets all protection domains run.
pub(crate) fn start(spec: &SystemSpec<'_>, domains: &[Domain]) -> Result<(), Failure> {
    for (view, domain) in spec.protection_domains().zip(domains) {
        let record = view.record;
        Tcb(domain.tcb).write_entry(record.entry, record.initial_sp, true).doing("starting", view.name())?;
    }
    Ok(())
}

fn domain_objects(view: &DomainView<'_>, memory: &mut Memory) -> Result<Domain, Reason> {
    let cnode = memory.object(ObjectType::CNode(slot::CNODE_SIZE_BITS))?;
    Ok(Domain {
        tcb: memory.object(ObjectType::Tcb)?,
        cnode: CNode { cptr: cnode, size_bits: slot::CNODE_SIZE_BITS },
        vspace: memory.object(ObjectType::PageGlobalDirectory)?,
        notification: memory.object(ObjectType::Notification)?,
        endpoint: if view.has_endpoint() { memory.object(ObjectType::Endpoint)? } else { 0 },
    })
}

/// Maps a segment: pages of the payload, shared with nobody unless read-only, then fresh ones.
fn map_segment(
    space: &mut Space,
    segment: &Segment,
    first_page: CPtr,
    memory: &mut Memory,
) -> Result<(), Reason> {
    let ready = segment.file_bytes.div_ceil(PAGE_BYTES);
    let attributes = VmAttributes { cached: true, executable: segment.rights & EXECUTE != 0 };
    for index in 0..segment.memory_bytes / PAGE_BYTES {
        let page = if index < ready {
            let copy = memory.slot()?;
            objects::copy(SlotPath::own(copy), SlotPath::own(first_page + index), CapRights::ALL)?;
            copy
        } else {
            memory.object(ObjectType::SmallPage)?
        };
        let vaddr = segment.vaddr + index * PAGE_BYTES;
        space.map(memory, Page(page), false, vaddr, rights(segment.rights), attributes)?;
        if attributes.executable {
            Page(page).unify_instructions(0, PAGE_BYTES)?;
        }
    }
    Ok(())
}

fn map_region(
    space: &mut Space,
    map: &Map,
    region: &Region,
    pages: &mut RegionPages,
    memory: &mut Memory,
) -> Result<(), Reason> {
    let attributes = VmAttributes { cached: map.cached != 0, executable: map.rights & EXECUTE != 0 };
    for index in 0..region.size_bytes / region.page_bytes {
        let original = pages.first + index;
        let page = if pages.mapped {
            let copy = memory.slot()?;
            objects::copy(SlotPath::own(copy), SlotPath::own(original), CapRights::ALL)?;
            copy
        } else {
            original
        };
        let vaddr = map.vaddr + index * region.page_bytes;
        space.map(memory, Page(page), is_large(region), vaddr, rights(map.rights), attributes)?;
    }
    pages.mapped = true;
    Ok(())
}

/// Maps fresh pages to read and write; gives the first.
fn map_fresh(space: &mut Space, vaddr: u64, bytes: u64, memory: &mut Memory) -> Result<CPtr, Reason> {
    let count = bytes / PAGE_BYTES;
    let first = memory.objects(ObjectType::SmallPage, count)?;
    let attributes = VmAttributes { cached: true, executable: false };
    for index in 0..count {
        space.map(
            memory,
            Page(first + index),
            false,
            vaddr + index * PAGE_BYTES,
            rights(WRITE),
            attributes,
        )?;
    }
    Ok(first)
}

/// Microkit's slots.
fn fill_cspace(
    view: &DomainView<'_>,
    domain: &Domain,
    domains: &[Domain],
    monitor: CPtr,
) -> Result<(), sel4::Error> {
    let cnode = domain.cnode;
    let input = if domain.endpoint != 0 { domain.endpoint } else { domain.notification };
    cnode.copy(slot::INPUT, SlotPath::own(input), CapRights::READ)?;
    cnode.copy(slot::VSPACE, SlotPath::own(domain.vspace), CapRights::ALL)?;

    let call_rights = CapRights::WRITE.with(CapRights::GRANT);
    let parent = view.parent().and_then(|index| domains.get(index as usize));
    let (handler, fault_badge) = match parent {
        Some(parent) => (parent.endpoint, badge::fault(view.record.child_id as u8)),
        None => (monitor, monitor::badge(view.index)),
    };
    cnode.mint(slot::FAULT, SlotPath::own(handler), call_rights, fault_badge)?;

    for capability in view.capabilities() {
        let Some(target) = domains.get(capability.target as usize) else { continue };
        let place = u64::from(capability.slot);
        // The description's badge is Microkit's, which this kernel cannot hold (see `sel4::badge`).
        let channel = capability.peer();
        match capability.kind {
            CAPABILITY_NOTIFICATION => {
                let source = SlotPath::own(target.notification);
                cnode.mint(place, source, CapRights::WRITE, badge::notification(channel))?;
            }
            CAPABILITY_ENDPOINT => {
                let source = SlotPath::own(target.endpoint);
                cnode.mint(place, source, call_rights, badge::protected(channel))?;
            }
            _ => cnode.copy(place, SlotPath::own(target.tcb), CapRights::ALL)?,
        }
    }
    Ok(())
}

fn connect_interrupt(domain: &Domain, number: u32, id: u32, memory: &mut Memory) -> Result<(), Reason> {
    let handler = IrqControl(initial_slot::IRQ_CONTROL).get(number, memory.slot()?)?;
    let notification = memory.slot()?;
    objects::mint(
        SlotPath::own(notification),
        SlotPath::own(domain.notification),
        CapRights::WRITE,
        badge::notification(id as u8),
    )?;
    handler.set_notification(notification)?;
    domain.cnode.copy(slot::IRQ_HANDLER + u64::from(id), SlotPath::own(handler.0), CapRights::ALL)?;
    Ok(())
}

/// Every mapping can be read: this architecture has no other.
fn rights(rights: u32) -> CapRights {
    if rights & WRITE != 0 { CapRights::READ.with(CapRights::WRITE) } else { CapRights::READ }
}
