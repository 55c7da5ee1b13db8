/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What mnemonics and register names mean: Intel SDM vol. 2 and the Arm ARM (DDI 0487).
 * An instruction that is in no table stays INSN_OTHER, whose effect nobody relies on.
 */
#include "code/insn_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

struct insn_reg insn_x86_reg(const char *name)
{
	static const char *const table[16][4] = {
		{"rax", "eax", "ax", "al"},	 {"rcx", "ecx", "cx", "cl"},
		{"rdx", "edx", "dx", "dl"},	 {"rbx", "ebx", "bx", "bl"},
		{"rsp", "esp", "sp", "spl"},	 {"rbp", "ebp", "bp", "bpl"},
		{"rsi", "esi", "si", "sil"},	 {"rdi", "edi", "di", "dil"},
		{"r8", "r8d", "r8w", "r8b"},	 {"r9", "r9d", "r9w", "r9b"},
		{"r10", "r10d", "r10w", "r10b"}, {"r11", "r11d", "r11w", "r11b"},
		{"r12", "r12d", "r12w", "r12b"}, {"r13", "r13d", "r13w", "r13b"},
		{"r14", "r14d", "r14w", "r14b"}, {"r15", "r15d", "r15w", "r15b"},
	};
	static const char *const high[4] = {"ah", "ch", "dh", "bh"};
	unsigned r, s;

	if (*name == '\0')
		return (struct insn_reg){INSN_REG_NONE, 0, false};
	if (strcmp(name, "rip") == 0)
		return (struct insn_reg){INSN_REG_PC, 8, false};
	for (r = 0; r < 16; r++)
		for (s = 0; s < 4; s++)
			if (strcmp(name, table[r][s]) == 0)
				return (struct insn_reg){r, 8u >> s, false};
	for (r = 0; r < 4; r++)
		if (strcmp(name, high[r]) == 0)
			return (struct insn_reg){r, 1, true};
	return (struct insn_reg){INSN_REG_OTHER, 0, false};
}

struct insn_reg insn_arm64_reg(const char *name)
{
	unsigned size = *name == 'w' ? 4 : 8;
	char *end;
	unsigned long n;

	if (*name == '\0')
		return (struct insn_reg){INSN_REG_NONE, 0, false};
	if (strcmp(name, "sp") == 0 || strcmp(name, "wsp") == 0)
		return (struct insn_reg){31, size, false};
	if (strcmp(name, "xzr") == 0 || strcmp(name, "wzr") == 0)
		return (struct insn_reg){INSN_REG_ZERO, size, false};
	if (*name == 'x' || *name == 'w') {
		n = strtoul(name + 1, &end, 10);
		if (end != name + 1 && *end == '\0' && n < 31)
			return (struct insn_reg){(unsigned)n, size, false};
	}
	return (struct insn_reg){INSN_REG_OTHER, 0, false};
}

struct meaning {
	const char *mnemonic;
	enum insn_op op;
};

static enum insn_op look_up(const struct meaning *table, size_t n, const char *mnemonic)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(table[i].mnemonic, mnemonic) == 0)
			return table[i].op;
	return INSN_OTHER;
}

static const struct meaning x86_table[] = {
	{"mov", INSN_MOVE},	   {"movzx", INSN_MOVE},   {"movsx", INSN_MOVE},
	{"movsxd", INSN_MOVE},	   {"lea", INSN_ADDRESS},  {"add", INSN_ADD},
	{"sub", INSN_SUB},	   {"inc", INSN_ADD},	   {"dec", INSN_SUB},
	{"and", INSN_AND},	   {"or", INSN_OR},	   {"xor", INSN_XOR},
	{"shr", INSN_SHIFT},	   {"sar", INSN_SHIFT},	   {"cmp", INSN_COMPARE},
	{"test", INSN_TEST},	   {"push", INSN_PUSH},	   {"pop", INSN_POP},
	{"call", INSN_CALL},	   {"jmp", INSN_JUMP},	   {"ret", INSN_RETURN},
	{"repz ret", INSN_RETURN}, {"iretq", INSN_RETURN}, {"iretd", INSN_RETURN},
	{"ud2", INSN_TRAP},	   {"nop", INSN_NOP},	   {"endbr64", INSN_NOP},
	{"endbr32", INSN_NOP},	   {"pause", INSN_NOP},	   {"prefetchw", INSN_NOP},
	{"prefetchnta", INSN_NOP}, {"mfence", INSN_NOP},   {"lfence", INSN_NOP},
	{"sfence", INSN_NOP},
};

/* je, sete, cmove: what comes after j, set or cmov. False: no condition. */
static bool x86_cond(const char *suffix, enum insn_cond *ret)
{
	static const struct {
		char suffix[3];
		enum insn_cond cond;
	} table[] = {
		{"e", INSN_EQ},		 {"ne", INSN_NE},	  {"l", INSN_LT},
		{"ge", INSN_GE},	 {"g", INSN_GT},	  {"le", INSN_LE},
		{"b", INSN_BELOW},	 {"ae", INSN_ABOVE_EQ},	  {"a", INSN_ABOVE},
		{"be", INSN_BELOW_EQ},	 {"s", INSN_SIGN},	  {"ns", INSN_NO_SIGN},
		{"o", INSN_COND_OTHER},	 {"no", INSN_COND_OTHER}, {"p", INSN_COND_OTHER},
		{"np", INSN_COND_OTHER},
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].suffix, suffix) == 0) {
			*ret = table[i].cond;
			return true;
		}
	return false;
}

static void x86_conditional(struct insn *in, const char *m)
{
	enum insn_op op = in->op;
	enum insn_cond cond = INSN_COND_OTHER;

	if (strncmp(m, "cmov", 4) == 0 && x86_cond(m + 4, &cond))
		op = INSN_SELECT;
	else if (strncmp(m, "set", 3) == 0 && x86_cond(m + 3, &cond))
		op = INSN_SET;
	else if (m[0] == 'j' &&
		 (x86_cond(m + 1, &cond) || strcmp(m, "jrcxz") == 0 || strcmp(m, "jecxz") == 0))
		op = INSN_JUMP_IF;
	else if (strncmp(m, "loop", 4) == 0)
		op = INSN_JUMP_IF;
	in->op = op;
	in->cond = cond;
	if (op == INSN_SELECT && in->operands == 2) {
		in->operand[2] = in->operand[0];
		in->operands = 3;
	}
}

/* dst op= src becomes dst = dst op src. */
static void three_operands(struct insn *in)
{
	if (in->operands == 1) { /* inc, dec */
		in->operand[1] = (struct insn_operand){.kind = INSN_O_IMM, .imm = 1, .size = 1};
		in->operands = 2;
	}
	in->operand[2] = in->operand[1];
	in->operand[1] = in->operand[0];
	in->operands = 3;
}

void insn_x86_meaning(struct insn *in)
{
	const char *m = in->mnemonic;

	if (strncmp(m, "bnd ", 4) == 0 || strncmp(m, "notrack ", 8) == 0)
		m = strchr(m, ' ') + 1;
	in->op = look_up(x86_table, sizeof(x86_table) / sizeof(x86_table[0]), m);
	if (in->op == INSN_OTHER)
		x86_conditional(in, m);
	/* int 3 stops; int 29h is __fastfail (Microsoft: intrinsics reference) */
	if (strcmp(m, "int") == 0 && (in->operands == 0 || (in->operand[0].kind == INSN_O_IMM &&
							    in->operand[0].imm == 0x29)))
		in->op = INSN_TRAP;
	if (in->op == INSN_NOP || in->op == INSN_COMPARE || in->op == INSN_TEST)
		in->writes = 0;
	if (in->op == INSN_MOVE)
		in->extends = m[3] != '\0';
	in->keeps_sign = strcmp(m, "sar") == 0;
	if (in->op >= INSN_ADD && in->op <= INSN_SHIFT && in->operands >= 1 && in->operands <= 2)
		three_operands(in);
}

static const struct meaning arm64_table[] = {
	{"mov", INSN_MOVE},	{"movz", INSN_MOVE},	{"movn", INSN_MOVE},
	{"ldr", INSN_MOVE},	{"ldur", INSN_MOVE},	{"ldrb", INSN_MOVE},
	{"ldurb", INSN_MOVE},	{"ldrh", INSN_MOVE},	{"ldurh", INSN_MOVE},
	{"ldrsw", INSN_MOVE},	{"ldursw", INSN_MOVE},	{"ldrsb", INSN_MOVE},
	{"ldrsh", INSN_MOVE},	{"str", INSN_MOVE},	{"stur", INSN_MOVE},
	{"strb", INSN_MOVE},	{"sturb", INSN_MOVE},	{"strh", INSN_MOVE},
	{"sturh", INSN_MOVE},	{"adr", INSN_MOVE},	{"adrp", INSN_MOVE},
	{"ldp", INSN_MOVE_2},	{"stp", INSN_MOVE_2},	{"add", INSN_ADD},
	{"sub", INSN_SUB},	{"and", INSN_AND},	{"orr", INSN_OR},
	{"eor", INSN_XOR},	{"lsr", INSN_SHIFT},	{"asr", INSN_SHIFT},
	{"movk", INSN_INSERT},	{"csel", INSN_SELECT},	{"cset", INSN_SET},
	{"cmp", INSN_COMPARE},	{"tst", INSN_TEST},	{"bl", INSN_CALL},
	{"blr", INSN_CALL},	{"b", INSN_JUMP},	{"br", INSN_JUMP},
	{"ret", INSN_RETURN},	{"brk", INSN_TRAP},	{"hint", INSN_NOP},
	{"nop", INSN_NOP},	{"dmb", INSN_NOP},	{"prfm", INSN_NOP},
	{"cbz", INSN_JUMP_IF},	{"cbnz", INSN_JUMP_IF}, {"tbz", INSN_JUMP_IF},
	{"tbnz", INSN_JUMP_IF},
};

static enum insn_cond arm64_cond(const char *name)
{
	static const struct {
		char name[3];
		enum insn_cond cond;
	} table[] = {
		{"eq", INSN_EQ},       {"ne", INSN_NE},	      {"lt", INSN_LT},
		{"ge", INSN_GE},       {"gt", INSN_GT},	      {"le", INSN_LE},
		{"lo", INSN_BELOW},    {"hs", INSN_ABOVE_EQ}, {"hi", INSN_ABOVE},
		{"ls", INSN_BELOW_EQ}, {"mi", INSN_SIGN},     {"pl", INSN_NO_SIGN},
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0)
			return table[i].cond;
	return INSN_COND_OTHER;
}

/* cbz and tbz are a test of a register under a mask. */
static void arm64_test_and_branch(struct insn *in)
{
	bool one_bit = in->mnemonic[0] == 't', nonzero = in->mnemonic[2] == 'n';
	uint64_t mask = UINT64_MAX, bit;

	in->target = in->operand[in->operands - 1].imm;
	if (one_bit) {
		bit = in->operand[1].imm & 63;
		if (bit == 8u * in->operand[0].size - 1) {
			in->cond = nonzero ? INSN_SIGN : INSN_NO_SIGN;
		} else {
			mask = UINT64_C(1) << bit;
			in->cond = nonzero ? INSN_NE : INSN_EQ;
		}
	} else {
		nonzero = in->mnemonic[1] == 'b' && in->mnemonic[2] == 'n';
		in->cond = nonzero ? INSN_NE : INSN_EQ;
	}
	in->operand[1] = (struct insn_operand){.kind = INSN_O_IMM, .imm = mask, .size = 8};
	in->operands = 2;
}

static void arm64_branch(struct insn *in)
{
	if (in->op == INSN_JUMP_IF && in->operands > 0 && in->operand[0].kind == INSN_O_REG) {
		in->has_target = true;
		arm64_test_and_branch(in);
		return;
	}
	in->has_target = in->operands > 0 && in->operand[0].kind == INSN_O_IMM;
	in->target = in->has_target ? in->operand[0].imm : 0;
	if (in->op == INSN_JUMP_IF)
		in->operands = 0;
}

/* Bytes that a load or store moves; 0: as wide as its register. */
static unsigned arm64_width(const char *m)
{
	size_t n = strlen(m);

	if (strncmp(m, "ld", 2) != 0 && strncmp(m, "st", 2) != 0)
		return 0;
	return m[n - 1] == 'b' ? 1 : m[n - 1] == 'h' ? 2 : m[n - 1] == 'w' ? 4 : 0;
}

static void arm64_memory(struct insn *in)
{
	bool store = strncmp(in->mnemonic, "st", 2) == 0;
	unsigned at = in->op == INSN_MOVE_2 ? 2 : 1, width = arm64_width(in->mnemonic);
	struct insn_operand t;

	if (in->operands <= at || in->operand[at].kind != INSN_O_MEM) {
		if (in->op == INSN_MOVE_2)
			in->op = INSN_OTHER;
		return;
	}
	in->extends = width != 0 && !store;
	in->operand[at].size = width ? width : in->operand[0].size;
	in->operand[at].written = store;
	if (in->operands > at + 1) {
		in->post_index = in->pre_index;
		in->pre_index = false;
	}
	if (in->op == INSN_MOVE && store) {
		t = in->operand[0];
		in->operand[0] = in->operand[1];
		in->operand[1] = t;
		if (width)
			in->operand[1].size = width;
	}
}

void insn_arm64_meaning(struct insn *in, const char *operands)
{
	const char *last = strrchr(operands, ' ');

	in->op = look_up(arm64_table, sizeof(arm64_table) / sizeof(arm64_table[0]), in->mnemonic);
	if (strncmp(in->mnemonic, "b.", 2) == 0) {
		in->op = INSN_JUMP_IF;
		in->cond = arm64_cond(in->mnemonic + 2);
	}
	if ((in->op == INSN_SELECT || in->op == INSN_SET) && last)
		in->cond = arm64_cond(last + 1);
	in->keeps_sign = strcmp(in->mnemonic, "asr") == 0;
	if (in->op == INSN_CALL || in->op == INSN_JUMP || in->op == INSN_JUMP_IF)
		arm64_branch(in);
	if (in->op == INSN_MOVE && strcmp(in->mnemonic, "movn") == 0)
		in->operand[1].imm = ~in->operand[1].imm;
	if (in->mnemonic[0] == 'a' && in->op == INSN_MOVE) { /* adr, adrp */
		in->has_ref = in->operands == 2 && in->operand[1].kind == INSN_O_IMM;
		in->ref = in->operand[1].imm;
	}
	if (in->op == INSN_MOVE || in->op == INSN_MOVE_2)
		arm64_memory(in);
	if (in->op == INSN_NOP || in->op == INSN_COMPARE || in->op == INSN_TEST ||
	    in->op == INSN_JUMP_IF)
		in->writes = 0; /* capstone 4.0.2 says that cmp writes its first operand */
}

/* "x29, x30, [sp, #-0x20]!" to "fp,lr,[sp,#-0x20]!". */
static void arm64_spelling(const char *src, size_t n, char *dst, size_t size)
{
	size_t i, out = 0;

	for (i = 0; i < n && out + 1 < size; i++) {
		bool word = i == 0 || strchr(" [,{", src[i - 1]) != NULL;

		if (src[i] == ' ' && i > 0 && src[i - 1] == ',')
			continue;
		if (word && i + 3 <= n &&
		    (memcmp(src + i, "x29", 3) == 0 || memcmp(src + i, "x30", 3) == 0)) {
			if (out + 2 >= size)
				break;
			memcpy(dst + out, src[i + 2] == '9' ? "fp" : "lr", 2);
			out += 2;
			i += 2;
			continue;
		}
		dst[out++] = src[i];
	}
	dst[out] = '\0';
}

void insn_arm64_text(struct insn *in, const char *operands)
{
	size_t n = strlen(operands);
	const char *hash = strrchr(operands, '#');

	/* the address of a branch or of adr is the last operand */
	if ((in->has_target || in->has_ref) && hash)
		n = (size_t)(hash - operands);
	arm64_spelling(operands, n, in->before, sizeof(in->before));
}
