/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiboot entry of the test guest (README.md): 32-bit protected mode to long mode, on this
 * processor and on a second one that is started. What it does there is in guest.c.
 */
#define LOW_MIB	   64	     /* identity map: this much from 0 and from 4 GiB */
#define TRAMPOLINE 0x8000    /* where the second processor begins */
#define CR0_PE	   1
#define CR0_PG	   (1 << 31)
#define CR4_PAE	   (1 << 5)
#define CR4_LA57   (1 << 12)
#define EFER	   0xc0000080
#define EFER_LME   (1 << 8)
#define EFER_NXE   (1 << 11)

	.section .multiboot, "a"
	.long 0x1badb002, 0x3, -(0x1badb002 + 0x3) /* pages aligned, memory map wanted */

	.text
	.code32
	.globl _start
_start:
	cld
	movl	%ebx, multiboot_info
	movl	$boot_stack_end, %esp

	/* boot_pml4[0] -> boot_pdpt; pdpt[0] and [4] -> page directories of 2 MiB pages */
	movl	$boot_pdpt + 3, boot_pml4
	movl	$boot_pml4 + 3, boot_pml5
	movl	$boot_pd0 + 3, boot_pdpt
	movl	$boot_pd4 + 3, boot_pdpt + 4 * 8
	xorl	%ecx, %ecx
1:	movl	%ecx, %eax
	shll	$21, %eax
	orl	$0x83, %eax
	movl	%eax, boot_pd0(, %ecx, 8)
	movl	%eax, boot_pd4(, %ecx, 8)
	movl	$1, boot_pd4 + 4(, %ecx, 8)
	incl	%ecx
	cmpl	$LOW_MIB / 2, %ecx
	jne	1b

	/* the command line says "la57" or not */
	movl	$boot_pml4, boot_cr3
	movl	$CR4_PAE, boot_cr4
	movl	16(%ebx), %esi
	testl	%esi, %esi
	jz	3f
2:	movl	(%esi), %eax
	testb	%al, %al
	jz	3f
	incl	%esi
	cmpl	$0x3735616c, %eax /* "la57" */
	jne	2b
	movl	$boot_pml5, boot_cr3
	movl	$CR4_PAE | CR4_LA57, boot_cr4
3:	lgdt	gdt_pointer
	movl	boot_cr4, %eax
	movl	%eax, %cr4
	movl	boot_cr3, %eax
	movl	%eax, %cr3
	movl	$EFER, %ecx
	movl	$EFER_LME | EFER_NXE, %eax
	xorl	%edx, %edx
	wrmsr
	movl	%cr0, %eax
	orl	$CR0_PG, %eax
	movl	%eax, %cr0
	ljmpl	$0x10, $long_mode

	.code64
long_mode:
	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	movq	$boot_stack_end, %rsp
	call	guest_main
1:	hlt
	jmp	1b

	/* Copied to TRAMPOLINE: from real mode straight to long mode. */
	.code16
	.globl trampoline, trampoline_end
trampoline:
	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	lgdtl	TRAMPOLINE + (tr_gdt - trampoline)
	movl	TRAMPOLINE + (tr_cr4 - trampoline), %eax
	movl	%eax, %cr4
	movl	TRAMPOLINE + (tr_cr3 - trampoline), %eax
	movl	%eax, %cr3
	movl	$EFER, %ecx
	movl	$EFER_LME | EFER_NXE, %eax
	xorl	%edx, %edx
	wrmsr
	movl	$CR0_PE | CR0_PG, %eax
	movl	%eax, %cr0
	ljmpl	$0x10, $second_long_mode
	.balign 8
	.globl tr_cr3, tr_cr4, tr_gdt
tr_cr3:	.long 0
tr_cr4:	.long 0
tr_gdt:	.word gdt_end - gdt - 1
	.long gdt
trampoline_end:

	.code64
second_long_mode:
	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movq	$second_stack_end, %rsp
	call	second_main
1:	hlt
	jmp	1b

	.data
	.balign 8
gdt:	.quad 0
	.quad 0x00cf9a000000ffff /* 08: 32-bit code */
	.quad 0x00af9a000000ffff /* 10: 64-bit code */
	.quad 0x00cf92000000ffff /* 18: data */
gdt_end:
gdt_pointer:
	.word gdt_end - gdt - 1
	.long gdt
	.globl multiboot_info, boot_cr3, boot_cr4
multiboot_info: .long 0
boot_cr3: .long 0
boot_cr4: .long 0

	.bss
	.balign 4096
boot_pml5: .skip 4096
	.globl boot_pml4
boot_pml4: .skip 4096
boot_pdpt: .skip 4096
boot_pd0: .skip 4096
boot_pd4: .skip 4096
	.skip 16384
boot_stack_end:
	.skip 8192
second_stack_end:
