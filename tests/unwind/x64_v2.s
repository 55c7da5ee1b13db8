# SPDX-License-Identifier: BSD-2-Clause
# What no assembler at hand writes: UNWIND_INFO of version 2 and indirect entries, by hand as
# Windows has them (llvm-readobj 14 does not survive them, so they are an image of their own).
	.intel_syntax noprefix
	.text

	.macro RUN name
	.globl	\name
	.section .drectve,"yn"
	.ascii	" /EXPORT:\name"
	.text
	.p2align 4
	.endm

	.section .pdata,"dr"
	.rva	s_indirect_far, s_indirect_far_end
	.long	e_indirect@IMGREL+1
	.rva	run_v2, v2_end, x_v2
	.rva	run_v2_two, v2_two_end, x_v2_two
	.rva	v2_piece, v2_piece_end, x_v2_piece
	.rva	s_indirect, s_indirect_end, x_indirect
	.text

	.p2align 4
s_leaf:
	lea	rax, [rcx+1]
	ret

# A region that stands for another function (bit 0 of its entry).
	RUN run_s_indirect
	.seh_proc run_s_indirect
run_s_indirect:
	sub	rsp, 0x28
	.seh_stackalloc 0x28
	.seh_endprologue
	call	s_indirect
	add	rsp, 0x28
	ret
	.seh_endproc
	.p2align 4
s_indirect:
	push	rsi
	push	r12
	sub	rsp, 0x28
s_indirect_body:
	call	s_leaf
	jmp	s_indirect_far
s_indirect_back:
	add	rsp, 0x28
	pop	r12
	pop	rsi
	ret
s_indirect_end:
	.p2align 4
s_indirect_far:
	mov	r12d, 5
	call	s_leaf
	call	s_leaf
	jmp	s_indirect_back
s_indirect_far_end:
	.section .xdata,"dr"
	.p2align 2
x_indirect:
	.byte	0x01, 7, 3, 0
	.byte	7, 0x42, 3, 0xc0, 1, 0x60, 0, 0
e_indirect:
	.rva	s_indirect, s_indirect_end, x_indirect
	.text

# Version 2: epilogues are told by the data, which this code would not give away. One
# epilogue, at the end.
	RUN run_v2
run_v2:
	push	rbx
	push	r15
	push	rdi
	sub	rsp, 0x20
	call	s_leaf
	call	v2_callee
	add	rsp, 0x20
v2_epilog:
	pop	rdi
	pop	r15
	pop	rbx
	ret
v2_end:
	.section .xdata,"dr"
	.p2align 2
x_v2:
	.byte	0x02, 8, 6, 0
	.byte	v2_end-v2_epilog, 0x16, 0, 0x06
	.byte	8, 0x32, 4, 0x70, 3, 0xf0, 1, 0x30
	.text

v2_callee:	# a leaf with an epilogue's look in its middle
	nop
	ret

# Two epilogues, none at the end, and the pushes in the parent of a chained piece.
	RUN run_v2_two
run_v2_two:
	push	rbp
	push	r12
	sub	rsp, 0x28
	call	s_leaf
	xor	r12d, r12d
	test	ecx, ecx
	je	1f
	add	rsp, 0x28
v2_two_first:
	pop	r12
	pop	rbp
	ret
1:	call	v2_piece_call
	add	rsp, 0x28
v2_two_second:
	pop	r12
	pop	rbp
	ret
	nop
	int3
v2_two_end:
	.section .xdata,"dr"
	.p2align 2
x_v2_two:
	.byte	0x02, 7, 7, 0
	.byte	4, 0x06, v2_two_end-v2_two_first, 0x06
	.byte	v2_two_end-v2_two_second, 0x06, 0, 0x06
	.byte	7, 0x42, 3, 0xc0, 1, 0x50, 0, 0
	.text

v2_piece_call:
	jmp	v2_piece
	.p2align 4
v2_piece:
	sub	rsp, 0x18
	call	s_leaf
	add	rsp, 0x18
v2_piece_epilog:
	ret
v2_piece_end:
	.section .xdata,"dr"
	.p2align 2
x_v2_piece:
	.byte	0x02, 4, 3, 0
	.byte	v2_piece_end-v2_piece_epilog, 0x16, 0, 0x06
	.byte	4, 0x22, 0, 0
