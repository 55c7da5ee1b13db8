// SPDX-License-Identifier: BSD-2-Clause
// ARM64 frames that no compiler at hand makes, with their packed words by hand, and what a C
// program for Windows expects of its surroundings.
	.text

	.macro RUN name
	.globl	\name
	.section .drectve,"yn"
	.ascii	" /EXPORT:\name"
	.text
	.p2align 2
\name:
	.endm

	// flag 1 (function) or 2 (fragment), registers and frame as "Packed unwind data" has them
	.macro PACKED name, flag, regf, regi, h, cr, frame
\name\()_end:
	.section .pdata,"dr"
	.rva	\name
	.long	\flag | ((\name\()_end-\name)/4)<<2 | \regf<<13 | \regi<<16 | \h<<20 | \cr<<21 | (\frame/16)<<23
	.text
	.endm

	.globl	__chkstk
	.p2align 2
__chkstk:		// x15 is the size in units of 16
	sub	x16, sp, x15, lsl #4
	ldrb	w17, [x16]
	ret

	.globl	memcpy
	.p2align 2
memcpy:
	mov	x9, x0
1:	cbz	x2, 2f
	ldrb	w10, [x1], #1
	strb	w10, [x9], #1
	sub	x2, x2, #1
	b	1b
2:	ret

	.globl	memset
	.p2align 2
memset:
	mov	x9, x0
1:	cbz	x2, 2f
	strb	w1, [x9], #1
	sub	x2, x2, #1
	b	1b
2:	ret

	.p2align 2
s_leaf:
	add	x0, x0, #1
	ret

	RUN run_p_chained	// CR 3
	stp	x19, x20, [sp, #-16]!
	stp	x29, x30, [sp, #-48]!
	mov	x29, sp
	mov	x19, #7
	bl	s_leaf
	bl	p_unchained
	ldp	x29, x30, [sp], #48
	ldp	x19, x20, [sp], #16
	ret
	PACKED run_p_chained, 1, 0, 2, 0, 3, 64

	.p2align 2
p_unchained:			// CR 1, one register: no stp decrements
	sub	sp, sp, #16
	stp	x19, x30, [sp]
	sub	sp, sp, #32
	mov	x19, #1
	bl	s_leaf
	add	sp, sp, #32
	ldp	x19, x30, [sp]
	add	sp, sp, #16
	ret
	PACKED p_unchained, 1, 0, 1, 0, 1, 48

	RUN run_p_signed	// CR 2: the return address is signed
	hint	#27		// pacibsp
	stp	x19, x20, [sp, #-32]!
	str	x21, [sp, #16]
	stp	x29, x30, [sp, #-16]!
	mov	x29, sp
	mov	x21, #3
	bl	s_leaf
	bl	p_homes
	ldp	x29, x30, [sp], #16
	ldr	x21, [sp, #16]
	ldp	x19, x20, [sp], #32
	hint	#31		// autibsp
	ret
	PACKED run_p_signed, 1, 0, 3, 0, 2, 48

	.p2align 2
p_homes:			// arguments are stored; an odd number of vector registers
	str	x30, [sp, #-96]!
	stp	d8, d9, [sp, #8]
	str	d10, [sp, #24]
	stp	x0, x1, [sp, #32]
	stp	x2, x3, [sp, #48]
	stp	x4, x5, [sp, #64]
	stp	x6, x7, [sp, #80]
	sub	sp, sp, #16
	bl	s_leaf
	bl	p_large
	add	sp, sp, #16
	ldr	d10, [sp, #24]
	ldp	d8, d9, [sp, #8]
	ldr	x30, [sp], #96
	ret
	PACKED p_homes, 1, 2, 0, 1, 1, 112

	.p2align 2
p_large:			// more locals than one sub takes off, more than a pre-index does
	stp	x19, x20, [sp, #-32]!
	stp	d8, d9, [sp, #16]
	sub	sp, sp, #4080
	sub	sp, sp, #16
	stp	x29, x30, [sp]
	mov	x29, sp
	bl	s_leaf
	bl	p_medium
	ldp	x29, x30, [sp]
	add	sp, sp, #16
	add	sp, sp, #4080
	ldp	d8, d9, [sp, #16]
	ldp	x19, x20, [sp], #32
	ret
	PACKED p_large, 1, 1, 2, 0, 3, 4128

	.p2align 2
p_medium:
	stp	x19, x20, [sp, #-80]!
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	sub	sp, sp, #528
	stp	x29, x30, [sp]
	mov	x29, sp
	b	p_piece
p_medium_back:
	ldp	x29, x30, [sp]
	add	sp, sp, #528
	ldp	x27, x28, [sp, #64]
	ldp	x25, x26, [sp, #48]
	ldp	x23, x24, [sp, #32]
	ldp	x21, x22, [sp, #16]
	ldp	x19, x20, [sp], #80
	ret
	PACKED p_medium, 1, 0, 10, 0, 3, 608

	.p2align 2
p_piece:			// a piece of p_medium: its prologue is p_medium's
	bl	s_leaf
	mov	x28, #9
	b	p_medium_back
	PACKED p_piece, 2, 0, 10, 0, 3, 608
