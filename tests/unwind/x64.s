# SPDX-License-Identifier: BSD-2-Clause
# Frames that no compiler at hand makes, run like those of code.c: chained pieces, frame
# registers with an offset, machine frames.
	.intel_syntax noprefix
	.text

	.macro RUN name
	.globl	\name
	.section .drectve,"yn"
	.ascii	" /EXPORT:\name"
	.text
	.p2align 4
	.endm

# The stack grows page by page (Microsoft's __chkstk: rax is the size, nothing else changes).
	.globl	__chkstk
	.p2align 4
	.seh_proc __chkstk
__chkstk:
	push	rcx
	.seh_pushreg rcx
	push	rax
	.seh_pushreg rax
	.seh_endprologue
	lea	rcx, [rsp+24]
	cmp	rax, 0x1000
	jb	2f
1:	sub	rcx, 0x1000
	test	[rcx], rcx
	sub	rax, 0x1000
	cmp	rax, 0x1000
	ja	1b
2:	sub	rcx, rax
	test	[rcx], rcx
	pop	rax
	pop	rcx
	ret
	.seh_endproc

	.globl memcpy
	.p2align 4
memcpy:
	mov	rax, rcx
1:	test	r8, r8
	je	2f
	mov	r9b, [rdx]
	mov	[rcx], r9b
	inc	rcx
	inc	rdx
	dec	r8
	jmp	1b
2:	ret

	.globl memset
	.p2align 4
memset:
	mov	rax, rcx
1:	test	r8, r8
	je	2f
	mov	[rcx], dl
	inc	rcx
	dec	r8
	jmp	1b
2:	ret

# A leaf: no entry in .pdata, and it moves nothing.
	.p2align 4
s_leaf:
	lea	rax, [rcx+1]
	rep ret

# Saved by mov; a frame register with an offset; epilogue by lea.
	RUN run_s_frame
	.seh_proc run_s_frame
run_s_frame:
	push	rbp
	.seh_pushreg rbp
	push	r14
	.seh_pushreg r14
	sub	rsp, 0x58
	.seh_stackalloc 0x58
	lea	rbp, [rsp+0x30]
	.seh_setframe rbp, 0x30
	mov	[rsp+0x40], rbx
	.seh_savereg rbx, 0x40
	movaps	[rsp+0x20], xmm6
	.seh_savexmm xmm6, 0x20
	.seh_endprologue
	mov	rbx, 7
	sub	rsp, 0x100
	call	s_leaf
	mov	rbx, [rbp+0x10]
	movaps	xmm6, [rbp-0x10]
	lea	rsp, [rbp+0x28]
	pop	r14
	pop	rbp
	ret
	.seh_endproc

# As above with a frame that needs 32-bit offsets, and r13 as the frame register.
	RUN run_s_far
	.seh_proc run_s_far
run_s_far:
	push	r13
	.seh_pushreg r13
	sub	rsp, 0x900f0
	.seh_stackalloc 0x900f0
	lea	r13, [rsp+0x40]
	.seh_setframe r13, 0x40
	mov	[rsp+0x90000], rsi
	.seh_savereg rsi, 0x90000
	movaps	[rsp+0x80000-0x10], xmm7
	.seh_savexmm xmm7, 0x7fff0
	movaps	[rsp+0x90010], xmm8
	.seh_savexmm xmm8, 0x90010
	.seh_endprologue
	xor	esi, esi
	sub	rsp, 0x200
	call	s_leaf
	mov	rsi, [r13+0x8ffc0]
	lea	rsp, [r13+0x900b0]
	pop	r13
	ret	0
	.seh_endproc

# A piece of a function that saves one register more, chained to the function's first piece;
# it has the epilogue of both.
	RUN run_s_chained
	.seh_proc run_s_chained
run_s_chained:
	push	rdi
	.seh_pushreg rdi
	sub	rsp, 0x30
	.seh_stackalloc 0x30
	.seh_endprologue
	mov	edi, 3
1:	call	s_leaf
	dec	edi
	jnz	1b
	.seh_startchained
	mov	[rsp+0x48], rbx
	.seh_savereg rbx, 0x48
	.seh_endprologue
	mov	rbx, -1
	call	s_leaf
	nop
	mov	rbx, [rsp+0x48]
	add	rsp, 0x30
	pop	rdi
	ret
	.seh_endchained
	.seh_endproc

# A cold piece elsewhere: the jump to it is no epilogue, and its entry is chained by hand.
	RUN run_s_cold
	.seh_proc run_s_cold
run_s_cold:
	push	rbx
	.seh_pushreg rbx
	sub	rsp, 0x20
	.seh_stackalloc 0x20
	.seh_endprologue
	xor	ebx, ebx
	jmp	s_cold_piece
s_cold_back:
	call	s_leaf
	add	rsp, 0x20
	pop	rbx
	jmp	s_tail		# in tail position
s_cold_end:
	.seh_endproc

	.p2align 4
s_tail:
	mov	eax, 4
	ret

	.p2align 4
s_cold_piece:
	inc	rbx
	call	s_leaf
	jmp	s_cold_back
s_cold_piece_end:

	.section .pdata,"dr"
	.rva	s_cold_piece, s_cold_piece_end, x_cold_piece
	.section .xdata,"dr"
	.p2align 2
x_cold_piece:
	.byte	0x21, 0, 0, 0	# version 1, chained, no operations
	.rva	run_s_cold, s_cold_end, x_cold_parent
x_cold_parent:			# what .seh_proc made of run_s_cold, once more
	.byte	0x01, 5, 2, 0
	.byte	5, 0x32, 1, 0x30
	.p2align 2
	.text

# An interrupt: what the processor pushes, made by hand, from trap_enter to trap_entry; what
# iretq would do, from trap_leave to trap_back. In between the test looks.
	RUN run_s_trap
	.seh_proc run_s_trap
run_s_trap:
	push	rbx
	.seh_pushreg rbx
	sub	rsp, 0x30
	.seh_stackalloc 0x30
	.seh_endprologue
	mov	rbx, rsp
	.globl	trap_enter
trap_enter:
	push	0x18
	push	rbx
	pushfq
	push	0x10
	lea	rax, trap_back[rip]
	push	rax
	push	0		# error code
	jmp	trap_entry
	.globl	trap_back
trap_back:
	call	s_leaf
	add	rsp, 0x30
	pop	rbx
	ret
	.seh_endproc

	.section .drectve,"yn"
	.ascii	" /EXPORT:trap_enter /EXPORT:trap_back /EXPORT:trap_entry /EXPORT:trap_leave"
	.text
	.p2align 4
	.globl	trap_entry
	.seh_proc trap_entry
trap_entry:
	.seh_pushframe @code
	push	rbp
	.seh_pushreg rbp
	sub	rsp, 0x120
	.seh_stackalloc 0x120
	lea	rbp, [rsp+0x80]
	.seh_setframe rbp, 0x80
	.seh_endprologue
	sub	rsp, 0x40
	call	s_leaf
	call	s_leaf
	mov	rcx, [rbp+0xa8+0x8]	# the interrupted rip
	mov	rbp, [rbp+0xa0]
	.globl	trap_leave
trap_leave:
	mov	rsp, rbx
	jmp	rcx
	.seh_endproc
