/* SPDX-License-Identifier: BSD-2-Clause */
/* Between insn.c (capstone) and insn_meaning.c (what its words mean). Private to src/code. */
#ifndef CODE_INSN_IMPL_H
#define CODE_INSN_IMPL_H

#include "code/insn.h"

/* The whole register that a name means, and how many bytes of it. */
struct insn_reg {
	unsigned reg;
	unsigned size;
	bool high_byte;
};
struct insn_reg insn_x86_reg(const char *name);
struct insn_reg insn_arm64_reg(const char *name);

/* From mnemonic and operands as written to op, cond and operands as insn.h numbers them. */
void insn_x86_meaning(struct insn *in);
void insn_arm64_meaning(struct insn *in, const char *operands);

/* Capstone's operand text of an ARM64 instruction in WinDbg's spelling, into before and after. */
void insn_arm64_text(struct insn *in, const char *operands);

#endif
