/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capstone behind one function, loaded by the first decoder. One instruction is decoded
 * at a time, so what capstone's SKIPDATA would do (4.0.2 knows no LSE atomics, no pointer
 * authentication, only some of CET) is done here: an unknown one becomes INSN_DATA.
 *
 * The x64 text is put together from the operands, because WinDbg's spelling (0A8h,
 * unsigned immediates, no "ptr" for lea) is none of capstone's syntaxes. Checked
 * against WinDbg listings of fltmgr and nt.
 */
#include "code/insn.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <capstone/capstone.h>

#include "base/cursor.h"
#include "base/shlib.h"
#include "code/insn_impl.h"

/* Its structures differ between major versions: the one whose header was compiled. */
#define TEXT_OF(x)   #x
#define NUMBER_OF(x) TEXT_OF(x)
#define CAPSTONE_SO  "libcapstone.so." NUMBER_OF(CS_API_MAJOR)
#define CAPSTONE_DEB "libcapstone" NUMBER_OF(CS_API_MAJOR)

struct capstone {
	__typeof__(cs_open) *open;
	__typeof__(cs_close) *close;
	__typeof__(cs_option) *option;
	__typeof__(cs_malloc) *malloc;
	__typeof__(cs_free) *free;
	__typeof__(cs_strerror) *strerror;
	__typeof__(cs_reg_name) *reg_name;
	__typeof__(cs_regs_access) *regs_access;
	__typeof__(cs_disasm_iter) *disasm_iter;
};

struct insn_decoder {
	struct capstone cs;
	csh handle;
	cs_insn *scratch;
	enum insn_machine machine;
};

static enum fs_status load(struct capstone *c, struct fs_error *err)
{
	const struct shlib_function f[] = {
		{"cs_open", &c->open},
		{"cs_close", &c->close},
		{"cs_option", &c->option},
		{"cs_malloc", &c->malloc},
		{"cs_free", &c->free},
		{"cs_strerror", &c->strerror},
		{"cs_reg_name", &c->reg_name},
		{"cs_regs_access", &c->regs_access},
		{"cs_disasm_iter", &c->disasm_iter},
	};

	return shlib_load(CAPSTONE_SO, CAPSTONE_DEB, f, sizeof(f) / sizeof(f[0]), err);
}

unsigned insn_stack_register(enum insn_machine m)
{
	return m == INSN_ARM64 ? 31 : 4;
}

enum fs_status insn_decoder_create(enum insn_machine m, struct insn_decoder **ret,
				   struct fs_error *err)
{
	struct insn_decoder *d = calloc(1, sizeof(*d));
	enum fs_status st;
	cs_err e;

	if (!d)
		return fs_fail(err, FS_NO_MEMORY, "disassembler: out of memory");
	d->machine = m;
	st = load(&d->cs, err);
	if (st != FS_OK) {
		free(d);
		return fs_prepend(err, st, "disassembler");
	}
	e = d->cs.open(m == INSN_ARM64 ? CS_ARCH_ARM64 : CS_ARCH_X86,
		    m == INSN_ARM64 ? CS_MODE_LITTLE_ENDIAN
		    : m == INSN_X64 ? CS_MODE_64
				    : CS_MODE_32,
		    &d->handle);
	if (e == CS_ERR_OK)
		e = d->cs.option(d->handle, CS_OPT_DETAIL, CS_OPT_ON);
	if (e == CS_ERR_OK)
		d->scratch = d->cs.malloc(d->handle);
	if (!d->scratch) {
		st = fs_fail(err, e == CS_ERR_OK ? FS_NO_MEMORY : FS_UNSUPPORTED,
			     "disassembler: capstone: %s", d->cs.strerror(e));
		insn_decoder_destroy(d);
		return st;
	}
	*ret = d;
	return FS_OK;
}

void insn_decoder_destroy(struct insn_decoder *d)
{
	if (!d)
		return;
	if (d->scratch)
		d->cs.free(d->scratch, 1);
	if (d->handle)
		d->cs.close(&d->handle);
	free(d);
}

__attribute__((format(printf, 2, 3))) static void add(char (*dst)[96], const char *fmt, ...)
{
	size_t n = strlen(*dst);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(*dst + n, sizeof(*dst) - n, fmt, ap);
	va_end(ap);
}

/* 9, 0Ah, 10h, 0C01C0010h: as MASM reads it back. */
static void add_number(char (*dst)[96], uint64_t v)
{
	char digits[20];

	if (v < 10) {
		add(dst, "%u", (unsigned)v);
		return;
	}
	snprintf(digits, sizeof(digits), "%" PRIX64, v);
	add(dst, "%s%sh", digits[0] > '9' ? "0" : "", digits);
}

static const char *reg_name(const struct insn_decoder *d, unsigned reg)
{
	const char *name = reg ? d->cs.reg_name(d->handle, reg) : NULL;

	return name ? name : "";
}

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(s, *list) == 0)
			return true;
	return false;
}

/* "qword ptr ", or nothing where WinDbg names no size. */
static const char *size_word(const struct insn_decoder *d, const struct insn *in, const cs_x86 *x,
			     unsigned size)
{
	static const char *const sizeless[] = {"lea",	     "prefetchw",  "prefetchnta",
					       "prefetcht0", "prefetcht1", "prefetcht2",
					       "invlpg",     NULL};
	unsigned i;

	if (is_one_of(in->mnemonic, sizeless))
		return "";
	switch (size) {
	case 1:
		return "byte ptr ";
	case 2:
		return "word ptr ";
	case 4:
		return "dword ptr ";
	case 6:
		return "fword ptr ";
	case 8:
		for (i = 0; i < x->op_count; i++)
			if (x->operands[i].type == X86_OP_REG &&
			    strncmp(reg_name(d, x->operands[i].reg), "xmm", 3) == 0)
				return "mmword ptr ";
		return "qword ptr ";
	case 10:
		return "tbyte ptr ";
	case 16:
		return "xmmword ptr ";
	case 32:
		return "ymmword ptr ";
	case 64:
		return "zmmword ptr ";
	default:
		return "";
	}
}

/* Up to where the address goes when it is relative to RIP. */
static void x86_memory_text(const struct insn_decoder *d, const struct insn *in, const cs_x86 *x,
			    const cs_x86_op *o, char (*dst)[96])
{
	const x86_op_mem *m = &o->mem;
	const char *base = reg_name(d, m->base), *index = reg_name(d, m->index);

	add(dst, "%s", size_word(d, in, x, o->size));
	if (m->segment)
		add(dst, "%s:", reg_name(d, m->segment));
	add(dst, "[");
	if (m->base == X86_REG_RIP)
		return;
	add(dst, "%s", base);
	if (*index)
		add(dst, "%s%s", *base ? "+" : "", index);
	if (*index && m->scale > 1)
		add(dst, "*%d", m->scale);
	if (!*base && !*index) {
		add_number(dst, (uint64_t)m->disp);
	} else if (m->disp) {
		add(dst, m->disp < 0 ? "-" : "+");
		add_number(dst, m->disp < 0 ? 0 - (uint64_t)m->disp : (uint64_t)m->disp);
	}
	add(dst, "]");
}

/* An immediate as wide as what it is used with. */
static uint64_t x86_immediate(const cs_x86 *x, const cs_x86_op *o)
{
	unsigned size = x->op_count > 1 ? x->operands[0].size : 8;

	return size >= 8 || size == 0 ? (uint64_t)o->imm
				      : (uint64_t)o->imm & ((UINT64_C(1) << 8 * size) - 1);
}

/* WinDbg writes the string instructions with the width on the operand alone. */
static void x86_mnemonic(struct insn *in, const cs_insn *ci)
{
	static const char *const strings[] = {"movs", "stos", "lods", "scas", "cmps", NULL};
	const char *last = strrchr(ci->mnemonic, ' ');
	size_t n, i;

	last = last ? last + 1 : ci->mnemonic;
	snprintf(in->mnemonic, sizeof(in->mnemonic), "%.*s", (int)sizeof(in->mnemonic) - 1,
		 ci->mnemonic);
	n = strlen(in->mnemonic);
	for (i = 0; strings[i]; i++)
		/* movsd is also an SSE move: that one has a 0F in its opcode */
		if (strncmp(last, strings[i], 4) == 0 && strlen(last) == 5 &&
		    ci->detail->x86.opcode[0] != 0x0f)
			in->mnemonic[n - 1] = '\0';
	if (strcmp(in->mnemonic, "movabs") == 0)
		strcpy(in->mnemonic, "mov");
	else if (strcmp(in->mnemonic, "int3") == 0) {
		strcpy(in->mnemonic, "int");
		strcpy(in->before, "3");
	}
}

/* Operands with the named address cut out; `after` is what follows it. */
static void x86_text(const struct insn_decoder *d, struct insn *in, const cs_x86 *x)
{
	char after[96] = "";
	char(*dst)[96] = &in->before;
	unsigned i;

	for (i = 0; i < x->op_count; i++) {
		const cs_x86_op *o = &x->operands[i];

		if (i)
			add(dst, ",");
		if (o->type == X86_OP_REG)
			add(dst, "%s", reg_name(d, o->reg));
		else if (o->type == X86_OP_MEM)
			x86_memory_text(d, in, x, o, dst);
		else if (o->type == X86_OP_IMM && !in->has_target)
			add_number(dst, x86_immediate(x, o));
		if (o->type == X86_OP_MEM && o->mem.base == X86_REG_RIP) {
			dst = &after;
			add(dst, "]");
		}
	}
	snprintf(in->after, sizeof(in->after), "%.*s", (int)sizeof(in->after) - 1, after);
}

static void note_writes(const struct insn_decoder *d, const cs_insn *ci, struct insn *in)
{
	cs_regs reads, writes;
	uint8_t nr = 0, nw = 0, i;

	if (d->cs.regs_access(d->handle, ci, reads, &nr, writes, &nw) != CS_ERR_OK)
		return;
	for (i = 0; i < nw; i++) {
		const char *name = reg_name(d, writes[i]);
		struct insn_reg r =
			in->machine == INSN_ARM64 ? insn_arm64_reg(name) : insn_x86_reg(name);

		if (r.reg < INSN_REGS)
			in->writes |= UINT64_C(1) << r.reg;
	}
}

static void x86_operand(const struct insn_decoder *d, struct insn *in, const cs_x86_op *o,
			struct insn_operand *ret)
{
	struct insn_reg r;

	ret->size = o->size;
	ret->written = (o->access & CS_AC_WRITE) != 0;
	if (o->type == X86_OP_REG) {
		r = insn_x86_reg(reg_name(d, o->reg));
		ret->kind = INSN_O_REG;
		ret->reg = r.reg;
		ret->high_byte = r.high_byte;
	} else if (o->type == X86_OP_IMM) {
		ret->kind = INSN_O_IMM;
		ret->imm = (uint64_t)o->imm;
	} else if (o->type == X86_OP_MEM) {
		ret->kind = INSN_O_MEM;
		ret->base = insn_x86_reg(reg_name(d, o->mem.base)).reg;
		ret->index = insn_x86_reg(reg_name(d, o->mem.index)).reg;
		ret->shift = o->mem.scale == 8 ? 3 : o->mem.scale == 4 ? 2 : o->mem.scale == 2;
		ret->disp = o->mem.disp;
		ret->segment = o->mem.segment != X86_REG_INVALID;
		if (o->mem.base == X86_REG_RIP) {
			in->has_ref = true;
			in->ref = in->va + in->size + (uint64_t)o->mem.disp;
		}
	}
}

static void x86_lower(const struct insn_decoder *d, const cs_insn *ci, struct insn *in)
{
	const cs_x86 *x = &ci->detail->x86;
	unsigned i;

	x86_mnemonic(in, ci);
	for (i = 0; i < x->op_count && i < 4; i++)
		x86_operand(d, in, &x->operands[i], &in->operand[in->operands++]);
	insn_x86_meaning(in);
	in->has_target = (in->op == INSN_CALL || in->op == INSN_JUMP || in->op == INSN_JUMP_IF) &&
			 in->operand[0].kind == INSN_O_IMM;
	if (in->has_target)
		in->target = in->operand[0].imm;
	if (in->op == INSN_JUMP_IF)
		in->operands = 0;
	x86_text(d, in, x);
}

static void arm64_operand(const struct insn_decoder *d, const cs_arm64_op *o,
			  struct insn_operand *ret)
{
	struct insn_reg r;

	ret->written = (o->access & CS_AC_WRITE) != 0;
	if (o->type == ARM64_OP_REG) {
		r = insn_arm64_reg(reg_name(d, o->reg));
		ret->kind = INSN_O_REG;
		ret->reg = r.reg;
		ret->size = r.size;
		/* a shifted or extended register is not the register's value */
		ret->index = o->shift.value || o->ext ? INSN_REG_OTHER : INSN_REG_NONE;
	} else if (o->type == ARM64_OP_IMM) {
		ret->kind = INSN_O_IMM;
		ret->imm = (uint64_t)o->imm << (o->shift.value & 63);
		ret->shift = o->shift.value & 63;
		ret->size = 8;
	} else if (o->type == ARM64_OP_MEM) {
		ret->kind = INSN_O_MEM;
		ret->base = insn_arm64_reg(reg_name(d, o->mem.base)).reg;
		ret->index = o->mem.index ? INSN_REG_OTHER : INSN_REG_NONE;
		ret->disp = o->mem.disp;
	}
}

static void arm64_lower(const struct insn_decoder *d, const cs_insn *ci, struct insn *in)
{
	const cs_arm64 *a = &ci->detail->arm64;
	unsigned i;

	snprintf(in->mnemonic, sizeof(in->mnemonic), "%.*s", (int)sizeof(in->mnemonic) - 1,
		 ci->mnemonic);
	for (i = 0; i < a->op_count && i < 4; i++)
		arm64_operand(d, &a->operands[i], &in->operand[in->operands++]);
	in->pre_index = a->writeback; /* insn_arm64_meaning tells the two apart */
	insn_arm64_meaning(in, ci->op_str);
	insn_arm64_text(in, ci->op_str);
}

bool insn_decode(struct insn_decoder *d, const uint8_t *bytes, size_t n, uint64_t va,
		 struct insn *ret)
{
	const uint8_t *p = bytes;
	size_t left = n < INSN_MAX_BYTES ? n : INSN_MAX_BYTES;
	uint64_t address = va;
	bool known;

	if (n == 0)
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->machine = d->machine;
	ret->va = va;
	known = d->cs.disasm_iter(d->handle, &p, &left, &address, d->scratch) &&
		d->scratch->size > 0 && d->scratch->size <= INSN_MAX_BYTES;
	ret->size = known ? d->scratch->size : d->machine == INSN_ARM64 ? 4 : 1;
	if (ret->size > n)
		ret->size = (unsigned)n;
	memcpy(ret->bytes, bytes, ret->size);
	if (!known) {
		ret->op = INSN_DATA;
		strcpy(ret->mnemonic, "???");
		return true;
	}
	ret->op = INSN_OTHER;
	note_writes(d, d->scratch, ret);
	if (d->machine == INSN_ARM64)
		arm64_lower(d, d->scratch, ret);
	else
		x86_lower(d, d->scratch, ret);
	return true;
}

bool insn_names_address(const struct insn *in, uint64_t *ret)
{
	if (!in->has_target && !in->has_ref)
		return false;
	*ret = in->has_target ? in->target : in->ref;
	return true;
}

bool insn_ends_flow(const struct insn *in)
{
	return in->op == INSN_JUMP || in->op == INSN_RETURN || in->op == INSN_TRAP;
}

size_t insn_operand_text(const struct insn *in, const char *name, char *dst, size_t dst_size)
{
	uint64_t va;
	int n;

	if (!insn_names_address(in, &va))
		n = snprintf(dst, dst_size, "%s", in->before);
	else
		n = snprintf(dst, dst_size, "%s%s%s%08x`%08x%s%s", in->before, name ? name : "",
			     name ? " (" : "", (unsigned)(va >> 32), (unsigned)va, name ? ")" : "",
			     in->after);
	return n < 0 ? 0 : (size_t)n;
}

size_t insn_bytes_text(const struct insn *in, char *dst, size_t dst_size)
{
	char text[2 * (INSN_MAX_BYTES + 1) + 1] = "";
	unsigned i;
	int n;

	if (in->machine == INSN_ARM64 && in->size == 4)
		snprintf(text, sizeof(text), "%08x", load_u32(in->bytes));
	else
		for (i = 0; i < in->size; i++)
			snprintf(text + (size_t)2 * i, 3, "%02x", in->bytes[i]);
	n = snprintf(dst, dst_size, "%s", text);
	return n < 0 ? 0 : (size_t)n;
}
