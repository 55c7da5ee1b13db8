/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One machine instruction: its text as WinDbg prints it, and its operands as data.
 * insn.c is the only file that knows capstone. Pure functions over bytes.
 *
 *	struct insn_decoder *d;
 *	insn_decoder_create(INSN_X64, &d, err);
 *	insn_decode(d, bytes, n, va, &in);
 *	insn_operand_text(&in, "nt!Foo+0x10", buf, sizeof(buf));
 */
#ifndef CODE_INSN_H
#define CODE_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fltscope/error.h"

enum insn_machine { INSN_X64, INSN_X86, INSN_ARM64 };

#define INSN_MAX_BYTES 15 /* Intel SDM vol. 2, 2.3.11; an ARM64 instruction has 4 */

/* What an instruction does to its operands, as far as following values needs it. */
enum insn_op {
	INSN_DATA,  /* not an instruction, or one that the decoder does not know */
	INSN_OTHER, /* its written registers and memory hold something unknown afterwards */
	INSN_NOP,
	INSN_MOVE,    /* operand 0 = operand 1 (mov, ldr, str, adr, adrp) */
	INSN_MOVE_2,  /* ARM64 ldp, stp: operands 0 and 1, memory is operand 2 */
	INSN_ADDRESS, /* operand 0 = address of memory operand 1 (lea) */
	INSN_ADD,     /* operand 0 = operand 1 + operand 2 */
	INSN_SUB,
	INSN_AND,
	INSN_OR,
	INSN_XOR,
	INSN_SHIFT,   /* operand 0 = operand 1 >> operand 2; arithmetic when `keeps_sign` */
	INSN_INSERT,  /* ARM64 movk: 16 bits of operand 0, at `shift`, = operand 1 >> shift */
	INSN_SELECT,  /* operand 0 = condition ? operand 1 : operand 2 (cmov, csel) */
	INSN_SET,     /* operand 0 = condition ? 1 : 0 */
	INSN_COMPARE, /* flags of operand 0 - operand 1 */
	INSN_TEST,    /* flags of operand 0 & operand 1 */
	INSN_PUSH,
	INSN_POP,
	INSN_CALL,    /* direct when has_target, else through operand 0 */
	INSN_JUMP,    /* the same */
	INSN_JUMP_IF, /* on flags; with operands: flags of operand 0 & operand 1 (cbz, tbz) */
	INSN_RETURN,
	INSN_TRAP, /* does not go on: int 3, ud2, brk */
};

/* The condition of JUMP_IF, SELECT and SET, in the words of a comparison a ? b. */
enum insn_cond {
	INSN_EQ,
	INSN_NE,
	INSN_LT, /* signed */
	INSN_GE,
	INSN_GT,
	INSN_LE,
	INSN_BELOW, /* unsigned */
	INSN_ABOVE_EQ,
	INSN_ABOVE,
	INSN_BELOW_EQ,
	INSN_SIGN,
	INSN_NO_SIGN,
	INSN_COND_OTHER,
};

/* Whole registers. x64: 0 rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8..r15 (the order of
 * the encoding). ARM64: 0..30, 31 sp, 32 the zero register. */
enum {
	INSN_REGS = 33,
	INSN_REG_ZERO = 32,
	INSN_REG_PC = 0xfd,    /* in memory operands: insn.ref is the address */
	INSN_REG_OTHER = 0xfe, /* one that nobody here follows */
	INSN_REG_NONE = 0xff,
};
unsigned insn_stack_register(enum insn_machine m);

enum insn_operand_kind { INSN_O_NONE, INSN_O_REG, INSN_O_IMM, INSN_O_MEM };

struct insn_operand {
	enum insn_operand_kind kind;
	unsigned size;	/* bytes */
	unsigned reg;	/* of a REG */
	bool high_byte; /* ah, ch, dh, bh */
	uint64_t imm;	/* of an IMM, sign extended to 64 bits */
	/* base + (index << shift) + disp; not followed when `segment` */
	unsigned base, index, shift;
	int64_t disp;
	bool segment; /* gs: or fs: */
	bool written;
};

struct insn {
	enum insn_machine machine;
	uint64_t va;
	unsigned size; /* bytes; at least 1 */
	uint8_t bytes[INSN_MAX_BYTES + 1];
	enum insn_op op;
	enum insn_cond cond;
	/* The source of a narrower MOVE is sign or zero extended (movsxd, movzx, ldrsw). */
	bool extends;
	bool keeps_sign;
	bool pre_index,
		post_index; /* ARM64: the memory operand's base becomes its address (+ imm) */
	struct insn_operand operand[4];
	unsigned operands;
	uint64_t writes; /* bit r: whole register r is written, implied ones too */
	bool has_target; /* direct branch or call */
	uint64_t target; /* VA */
	bool has_ref;	 /* names memory relative to itself: RIP + disp, adr, adrp */
	uint64_t ref;	 /* VA */
	char mnemonic[24];
	char before[96], after[64]; /* operands around the named address; without one: `before` */
};

struct insn_decoder;

enum fs_status insn_decoder_create(enum insn_machine m, struct insn_decoder **ret,
				   struct fs_error *err);
void insn_decoder_destroy(struct insn_decoder *d);

/* The instruction at bytes[0]. What does not decode (also: is cut by the end) is one
 * INSN_DATA of one byte, on ARM64 of four or what is left, with the mnemonic "???" that
 * WinDbg prints. False only when n is 0. */
bool insn_decode(struct insn_decoder *d, const uint8_t *bytes, size_t n, uint64_t va,
		 struct insn *ret);

/* The VA that a reader wants named: branch target or reference. */
bool insn_names_address(const struct insn *in, uint64_t *ret);

/* Does control never come to the next instruction? */
bool insn_ends_flow(const struct insn *in);

/*
 * As WinDbg prints them: "qword ptr [fltmgr!FltGlobals+0xc0 (fffff880`013302c0)]" when
 * `name` is given, else the address alone. Always terminated; the length that the whole
 * text has is returned (like snprintf).
 */
size_t insn_operand_text(const struct insn *in, const char *name, char *dst, size_t dst_size);
/* "488b3dd8b2feff"; on ARM64 the 32-bit word, "a9bf7bfd". */
size_t insn_bytes_text(const struct insn *in, char *dst, size_t dst_size);

#endif
