/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What WinDbg printed on Windows 7 SP1 x64: the listings of the blog article about
 * cross-linked driver objects ("Unload", 22 January 2015), without its author's remarks.
 */
#ifndef SUPPORT_ARTICLE_CODE_H
#define SUPPORT_ARTICLE_CODE_H

#include <stdint.h>

struct article_line {
	uint64_t va;
	const char *bytes;
	const char *text;
};

#define ARTICLE_GLOBALS UINT64_C(0xfffff88001330200) /* FltGlobals */

/* fltmgr!FltpMiniFilterDriverUnload, all of it. */
static const struct article_line article_unload[] = {
	{UINT64_C(0xfffff88001344fb0), "488bc4", "mov rax,rsp"},
	{UINT64_C(0xfffff88001344fb3), "48895808", "mov qword ptr [rax+8],rbx"},
	{UINT64_C(0xfffff88001344fb7), "48896810", "mov qword ptr [rax+10h],rbp"},
	{UINT64_C(0xfffff88001344fbb), "48897018", "mov qword ptr [rax+18h],rsi"},
	{UINT64_C(0xfffff88001344fbf), "48897820", "mov qword ptr [rax+20h],rdi"},
	{UINT64_C(0xfffff88001344fc3), "4155", "push r13"},
	{UINT64_C(0xfffff88001344fc5), "4883ec20", "sub rsp,20h"},
	{UINT64_C(0xfffff88001344fc9), "488be9", "mov rbp,rcx"},
	{UINT64_C(0xfffff88001344fcc), "ff154611feff",
	 "call qword ptr [fltmgr!_imp_KeEnterCriticalRegion (fffff880`01326118)]"},
	{UINT64_C(0xfffff88001344fd2), "488d0d7fb2feff",
	 "lea rcx,[fltmgr!FltGlobals+0x58 (fffff880`01330258)]"},
	{UINT64_C(0xfffff88001344fd9), "b201", "mov dl,1"},
	{UINT64_C(0xfffff88001344fdb), "ff152f11feff",
	 "call qword ptr [fltmgr!_imp_ExAcquireResourceSharedLite (fffff880`01326110)]"},
	{UINT64_C(0xfffff88001344fe1), "488b3dd8b2feff",
	 "mov rdi,qword ptr [fltmgr!FltGlobals+0xc0 (fffff880`013302c0)]"},
	{UINT64_C(0xfffff88001344fe8), "4c8d2dd1b2feff",
	 "lea r13,[fltmgr!FltGlobals+0xc0 (fffff880`013302c0)]"},
	{UINT64_C(0xfffff88001344fef), "eb43",
	 "jmp fltmgr!FltpMiniFilterDriverUnload+0x84 (fffff880`01345034)"},
	{UINT64_C(0xfffff88001344ff1), "ff152111feff",
	 "call qword ptr [fltmgr!_imp_KeEnterCriticalRegion (fffff880`01326118)]"},
	{UINT64_C(0xfffff88001344ff7), "488d4f40", "lea rcx,[rdi+40h]"},
	{UINT64_C(0xfffff88001344ffb), "b201", "mov dl,1"},
	{UINT64_C(0xfffff88001344ffd), "ff150d11feff",
	 "call qword ptr [fltmgr!_imp_ExAcquireResourceSharedLite (fffff880`01326110)]"},
	{UINT64_C(0xfffff88001345003), "4c8d9fa8000000", "lea r11,[rdi+0A8h]"},
	{UINT64_C(0xfffff8800134500a), "498b03", "mov rax,qword ptr [r11]"},
	{UINT64_C(0xfffff8800134500d), "eb0d",
	 "jmp fltmgr!FltpMiniFilterDriverUnload+0x6c (fffff880`0134501c)"},
	{UINT64_C(0xfffff8800134500f), "488d70f0", "lea rsi,[rax-10h]"},
	{UINT64_C(0xfffff88001345013), "48396e50", "cmp qword ptr [rsi+50h],rbp"},
	{UINT64_C(0xfffff88001345017), "744e",
	 "je fltmgr!FltpMiniFilterDriverUnload+0xb7 (fffff880`01345067)"},
	{UINT64_C(0xfffff88001345019), "488b00", "mov rax,qword ptr [rax]"},
	{UINT64_C(0xfffff8800134501c), "493bc3", "cmp rax,r11"},
	{UINT64_C(0xfffff8800134501f), "75ee",
	 "jne fltmgr!FltpMiniFilterDriverUnload+0x5f (fffff880`0134500f)"},
	{UINT64_C(0xfffff88001345021), "488d4f40", "lea rcx,[rdi+40h]"},
	{UINT64_C(0xfffff88001345025), "ff15fd10feff",
	 "call qword ptr [fltmgr!_imp_ExReleaseResourceLite (fffff880`01326128)]"},
	{UINT64_C(0xfffff8800134502b), "ff15ef10feff",
	 "call qword ptr [fltmgr!_imp_KeLeaveCriticalRegion (fffff880`01326120)]"},
	{UINT64_C(0xfffff88001345031), "488b3f", "mov rdi,qword ptr [rdi]"},
	{UINT64_C(0xfffff88001345034), "493bfd", "cmp rdi,r13"},
	{UINT64_C(0xfffff88001345037), "75b8",
	 "jne fltmgr!FltpMiniFilterDriverUnload+0x41 (fffff880`01344ff1)"},
	{UINT64_C(0xfffff88001345039), "488d0d18b2feff",
	 "lea rcx,[fltmgr!FltGlobals+0x58 (fffff880`01330258)]"},
	{UINT64_C(0xfffff88001345040), "ff15e210feff",
	 "call qword ptr [fltmgr!_imp_ExReleaseResourceLite (fffff880`01326128)]"},
	{UINT64_C(0xfffff88001345046), "ff15d410feff",
	 "call qword ptr [fltmgr!_imp_KeLeaveCriticalRegion (fffff880`01326120)]"},
	{UINT64_C(0xfffff8800134504c), "488b5c2430", "mov rbx,qword ptr [rsp+30h]"},
	{UINT64_C(0xfffff88001345051), "488b6c2438", "mov rbp,qword ptr [rsp+38h]"},
	{UINT64_C(0xfffff88001345056), "488b742440", "mov rsi,qword ptr [rsp+40h]"},
	{UINT64_C(0xfffff8800134505b), "488b7c2448", "mov rdi,qword ptr [rsp+48h]"},
	{UINT64_C(0xfffff88001345060), "4883c420", "add rsp,20h"},
	{UINT64_C(0xfffff88001345064), "415d", "pop r13"},
	{UINT64_C(0xfffff88001345066), "c3", "ret"},
	{UINT64_C(0xfffff88001345067), "488bce", "mov rcx,rsi"},
	{UINT64_C(0xfffff8800134506a), "e8b136fdff",
	 "call fltmgr!FltObjectReference (fffff880`01318720)"},
	{UINT64_C(0xfffff8800134506f), "488d4f40", "lea rcx,[rdi+40h]"},
	{UINT64_C(0xfffff88001345073), "8bd8", "mov ebx,eax"},
	{UINT64_C(0xfffff88001345075), "ff15ad10feff",
	 "call qword ptr [fltmgr!_imp_ExReleaseResourceLite (fffff880`01326128)]"},
	{UINT64_C(0xfffff8800134507b), "ff159f10feff",
	 "call qword ptr [fltmgr!_imp_KeLeaveCriticalRegion (fffff880`01326120)]"},
	{UINT64_C(0xfffff88001345081), "488d0dd0b1feff",
	 "lea rcx,[fltmgr!FltGlobals+0x58 (fffff880`01330258)]"},
	{UINT64_C(0xfffff88001345088), "ff159a10feff",
	 "call qword ptr [fltmgr!_imp_ExReleaseResourceLite (fffff880`01326128)]"},
	{UINT64_C(0xfffff8800134508e), "ff158c10feff",
	 "call qword ptr [fltmgr!_imp_KeLeaveCriticalRegion (fffff880`01326120)]"},
	{UINT64_C(0xfffff88001345094), "85db", "test ebx,ebx"},
	{UINT64_C(0xfffff88001345096), "78b4",
	 "js fltmgr!FltpMiniFilterDriverUnload+0x9c (fffff880`0134504c)"},
	{UINT64_C(0xfffff88001345098), "41b001", "mov r8b,1"},
	{UINT64_C(0xfffff8800134509b), "ba01000000", "mov edx,1"},
	{UINT64_C(0xfffff880013450a0), "488bce", "mov rcx,rsi"},
	{UINT64_C(0xfffff880013450a3), "e868fcffff",
	 "call fltmgr!FltpDoUnloadFilter (fffff880`01344d10)"},
	{UINT64_C(0xfffff880013450a8), "eba2",
	 "jmp fltmgr!FltpMiniFilterDriverUnload+0x9c (fffff880`0134504c)"},
};

/* Lines of nt!IopCheckUnloadDriver and fltmgr!FltpDoUnloadFilter. */
static const struct article_line article_others[] = {
	{UINT64_C(0xfffff8000175c7bd), "8bc3", "mov eax,ebx"},
	{UINT64_C(0xfffff8000175c7bf), "eb49",
	 "jmp nt!IopCheckUnloadDriver+0xba (fffff800`0175c80a)"},
	{UINT64_C(0xfffff8000175c7c1), "c60601", "mov byte ptr [rsi],1"},
	{UINT64_C(0xfffff8000175c7c4), "eb1c",
	 "jmp nt!IopCheckUnloadDriver+0x92 (fffff800`0175c7e2)"},
	{UINT64_C(0xfffff8000175c7c6), "488b8138010000", "mov rax,qword ptr [rcx+138h]"},
	{UINT64_C(0xfffff8000175c7cd), "83482001", "or dword ptr [rax+20h],1"},
	{UINT64_C(0xfffff88001344d7f), "41bc10001cc0", "mov r12d,0C01C0010h"},
	{UINT64_C(0xfffff88001344d85), "e9e7000000",
	 "jmp fltmgr!FltpDoUnloadFilter+0x161 (fffff880`01344e71)"},
	{UINT64_C(0xfffff88001344d8a), "8bfa", "mov edi,edx"},
	{UINT64_C(0xfffff88001344d8c), "83e701", "and edi,1"},
	{UINT64_C(0xfffff88001344d8f), "7404",
	 "je fltmgr!FltpDoUnloadFilter+0x85 (fffff880`01344d95)"},
	{UINT64_C(0xfffff88001344d91), "83494801", "or dword ptr [rcx+48h],1"},
};

#endif
