/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Compiled (never run) by build.rs against the kernel's own user-level headers; each line of the
 * resulting assembly that begins with "->" carries one number into Rust.
 */
#include <stddef.h>
#include <sel4/sel4.h>

#define NUMBER(name, value) __asm__ volatile("\n->" #name " %0" : : "i"((long)(value)))
#define SYSCALL(name) NUMBER(SYSCALL_##name, seL4_Sys##name)
#define LABEL(name) NUMBER(LABEL_##name, name)
#define FLAG(name) NUMBER(name, 1)

void numbers(void)
{
#ifdef CONFIG_KERNEL_MCS
    FLAG(KERNEL_MCS);
    SYSCALL(Wait);
    SYSCALL(NBWait);
    SYSCALL(NBSendRecv);
    SYSCALL(NBSendWait);
    LABEL(TCBSetTimeoutEndpoint);
    NUMBER(FAULT_Timeout, seL4_Fault_Timeout);
    NUMBER(TIMEOUT_DATA, seL4_Timeout_Data);
#else
    SYSCALL(Reply);
#endif
    SYSCALL(Call);
    SYSCALL(ReplyRecv);
    SYSCALL(Send);
    SYSCALL(NBSend);
    SYSCALL(Recv);
    SYSCALL(NBRecv);
    SYSCALL(Yield);
    /* Releases differ in which of the two options makes the kernel print. */
#if defined(CONFIG_PRINTING) || (defined(CONFIG_DEBUG_BUILD) && !defined(CONFIG_KERNEL_MCS))
    FLAG(PRINTING);
    SYSCALL(DebugPutChar);
#endif

    NUMBER(MESSAGE_WORDS_MAX, seL4_MsgMaxLength);
    NUMBER(IPC_BUFFER_MSG_OFFSET, offsetof(seL4_IPCBuffer, msg));
    NUMBER(IPC_BUFFER_CAPS_OFFSET, offsetof(seL4_IPCBuffer, caps_or_badges));

    /* Invocations that protection domains make. */
    LABEL(IRQAckIRQ);
    LABEL(TCBSuspend);
    LABEL(TCBResume);
    LABEL(TCBWriteRegisters);

    /* What the kernel's own encoder makes of label, unwrapped, extra capabilities and length, for the tests. */
    NUMBER(SAMPLE_MESSAGE_INFO, seL4_MessageInfo_new(0x54321, 5, 2, 97).words[0]);

    NUMBER(FAULT_NullFault, seL4_Fault_NullFault);
    NUMBER(FAULT_CapFault, seL4_Fault_CapFault);
    NUMBER(FAULT_UnknownSyscall, seL4_Fault_UnknownSyscall);
    NUMBER(FAULT_UserException, seL4_Fault_UserException);
    NUMBER(FAULT_VMFault, seL4_Fault_VMFault);
    NUMBER(VM_FAULT_IP, seL4_VMFault_IP);
    NUMBER(VM_FAULT_ADDR, seL4_VMFault_Addr);
    NUMBER(VM_FAULT_PREFETCH, seL4_VMFault_PrefetchFault);
    NUMBER(VM_FAULT_FSR, seL4_VMFault_FSR);
    NUMBER(CAP_FAULT_IP, seL4_CapFault_IP);
    NUMBER(CAP_FAULT_ADDR, seL4_CapFault_Addr);
    NUMBER(CAP_FAULT_IN_RECV, seL4_CapFault_InRecvPhase);
    NUMBER(UNKNOWN_SYSCALL_IP, seL4_UnknownSyscall_FaultIP);
    NUMBER(UNKNOWN_SYSCALL_NUMBER, seL4_UnknownSyscall_Syscall);
    NUMBER(USER_EXCEPTION_IP, seL4_UserException_FaultIP);
    NUMBER(USER_EXCEPTION_NUMBER, seL4_UserException_Number);
    NUMBER(USER_EXCEPTION_CODE, seL4_UserException_Code);

    NUMBER(ERROR_InvalidArgument, seL4_InvalidArgument);
    NUMBER(ERROR_InvalidCapability, seL4_InvalidCapability);
    NUMBER(ERROR_IllegalOperation, seL4_IllegalOperation);
    NUMBER(ERROR_RangeError, seL4_RangeError);
    NUMBER(ERROR_AlignmentError, seL4_AlignmentError);
    NUMBER(ERROR_FailedLookup, seL4_FailedLookup);
    NUMBER(ERROR_TruncatedMessage, seL4_TruncatedMessage);
    NUMBER(ERROR_DeleteFirst, seL4_DeleteFirst);
    NUMBER(ERROR_RevokeFirst, seL4_RevokeFirst);
    NUMBER(ERROR_NotEnoughMemory, seL4_NotEnoughMemory);

#ifndef CONFIG_KERNEL_MCS
    /* Invocations of the initialiser, which exists for the classic kernel alone. */
    LABEL(UntypedRetype);
    LABEL(TCBConfigure);
    LABEL(TCBSetPriority);
    LABEL(TCBSetMCPriority);
    LABEL(TCBBindNotification);
    LABEL(CNodeCopy);
    LABEL(CNodeMint);
    LABEL(CNodeMove);
    LABEL(CNodeDelete);
    LABEL(CNodeRevoke);
    LABEL(IRQIssueIRQHandler);
    LABEL(IRQSetIRQHandler);
    LABEL(ARMPageUpperDirectoryMap);
    LABEL(ARMPageDirectoryMap);
    LABEL(ARMPageTableMap);
    LABEL(ARMPageMap);
    LABEL(ARMPageUnmap);
    LABEL(ARMPageCleanInvalidate_Data);
    LABEL(ARMPageUnify_Instruction);
    LABEL(ARMPageGetAddress);
    LABEL(ARMASIDControlMakePool);
    LABEL(ARMASIDPoolAssign);

    NUMBER(OBJECT_Untyped, seL4_UntypedObject);
    NUMBER(OBJECT_TCB, seL4_TCBObject);
    NUMBER(OBJECT_Endpoint, seL4_EndpointObject);
    NUMBER(OBJECT_Notification, seL4_NotificationObject);
    NUMBER(OBJECT_CapTable, seL4_CapTableObject);
    NUMBER(OBJECT_SmallPage, seL4_ARM_SmallPageObject);
    NUMBER(OBJECT_LargePage, seL4_ARM_LargePageObject);
    NUMBER(OBJECT_PageTable, seL4_ARM_PageTableObject);
    NUMBER(OBJECT_PageDirectory, seL4_ARM_PageDirectoryObject);
    NUMBER(OBJECT_PageUpperDirectory, seL4_ARM_PageUpperDirectoryObject);
    NUMBER(OBJECT_PageGlobalDirectory, seL4_ARM_PageGlobalDirectoryObject);

    NUMBER(BITS_TCB, seL4_TCBBits);
    NUMBER(BITS_Endpoint, seL4_EndpointBits);
    NUMBER(BITS_Notification, seL4_NotificationBits);
    NUMBER(BITS_Slot, seL4_SlotBits);
    NUMBER(BITS_SmallPage, seL4_PageBits);
    NUMBER(BITS_LargePage, seL4_LargePageBits);
    NUMBER(BITS_PageTable, seL4_PageTableBits);
    NUMBER(BITS_PageDirectory, seL4_PageDirBits);
    NUMBER(BITS_PageUpperDirectory, seL4_PUDBits);
    NUMBER(BITS_PageGlobalDirectory, seL4_PGDBits);
    NUMBER(BITS_ASIDPool, seL4_ASIDPoolBits);
    NUMBER(RETYPE_FAN_OUT_MAX, CONFIG_RETYPE_FAN_OUT_LIMIT);

    NUMBER(SLOT_InitThreadTCB, seL4_CapInitThreadTCB);
    NUMBER(SLOT_InitThreadCNode, seL4_CapInitThreadCNode);
    NUMBER(SLOT_InitThreadVSpace, seL4_CapInitThreadVSpace);
    NUMBER(SLOT_IRQControl, seL4_CapIRQControl);
    NUMBER(SLOT_ASIDControl, seL4_CapASIDControl);
    NUMBER(SLOT_InitThreadASIDPool, seL4_CapInitThreadASIDPool);
    NUMBER(SLOT_BootInfoFrame, seL4_CapBootInfoFrame);

    NUMBER(BOOTINFO_IPC_BUFFER_OFFSET, offsetof(seL4_BootInfo, ipcBuffer));
    NUMBER(BOOTINFO_EMPTY_OFFSET, offsetof(seL4_BootInfo, empty));
    NUMBER(BOOTINFO_USER_IMAGE_FRAMES_OFFSET, offsetof(seL4_BootInfo, userImageFrames));
    NUMBER(BOOTINFO_CNODE_SIZE_BITS_OFFSET, offsetof(seL4_BootInfo, initThreadCNodeSizeBits));
    NUMBER(BOOTINFO_UNTYPED_OFFSET, offsetof(seL4_BootInfo, untyped));
    NUMBER(BOOTINFO_UNTYPED_LIST_OFFSET, offsetof(seL4_BootInfo, untypedList));
    NUMBER(UNTYPED_DESC_BYTES, sizeof(seL4_UntypedDesc));
    NUMBER(UNTYPED_DESC_SIZE_BITS_OFFSET, offsetof(seL4_UntypedDesc, sizeBits));
    NUMBER(UNTYPED_DESC_IS_DEVICE_OFFSET, offsetof(seL4_UntypedDesc, isDevice));

    NUMBER(RIGHTS_WRITE, seL4_CanWrite.words[0]);
    NUMBER(RIGHTS_READ, seL4_CanRead.words[0]);
    NUMBER(RIGHTS_GRANT, seL4_CanGrant.words[0]);
    NUMBER(RIGHTS_ALL, seL4_AllRights.words[0]);
    NUMBER(VM_CACHEABLE, seL4_ARM_PageCacheable);
    NUMBER(VM_PARITY, seL4_ARM_ParityEnabled);
    NUMBER(VM_EXECUTE_NEVER, seL4_ARM_ExecuteNever);
#endif
}
