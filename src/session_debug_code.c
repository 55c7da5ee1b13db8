/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions with names in them, and where a function begins and ends. */
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "code/function.h"
#include "code/insn.h"
#include "session.h"

/* No function of any kernel comes near: 16 MiB of .pdata are 1.4 million functions. */
#define PDATA_MAX (16u << 20)
#define CHAIN_MAX 32

static enum fs_status decoder(struct fltscope *fs, struct insn_decoder **ret, struct fs_error *err)
{
	switch (dump_info(fs->dump)->machine) {
	case DUMP_X64:
		return insn_decoder_create(INSN_X64, ret, err);
	case DUMP_X86:
		return insn_decoder_create(INSN_X86, ret, err);
	case DUMP_ARM64:
		return insn_decoder_create(INSN_ARM64, ret, err);
	case DUMP_MACHINE_UNKNOWN:
		break;
	}
	return fs_fail(err, FS_UNSUPPORTED, "code of this machine is not disassembled");
}

/* One instruction. What does not decode because its end could not be read is no
 * instruction that "???" would be true of: the reason is the read's. */
static enum fs_status decode(struct fltscope *fs, struct insn_decoder *d, uint64_t va,
			     struct insn *ret, struct fs_error *err)
{
	uint8_t bytes[INSN_MAX_BYTES];
	size_t n = 0;
	enum fs_status st = fltscope_read(fs, va, bytes, sizeof(bytes), &n, NULL, err);

	if (st != FS_OK && st != FS_NO_MEMORY && n > 0 && insn_decode(d, bytes, n, va, ret) &&
	    ret->op != INSN_DATA)
		return FS_OK;
	if (st != FS_OK)
		return st;
	(void)insn_decode(d, bytes, n, va, ret);
	return FS_OK;
}

static void show(struct fltscope *fs, const struct insn *in, struct fs_insn *ret)
{
	struct fs_symbol sym;
	uint64_t to;
	bool named = insn_names_address(in, &to) && fltscope_symbol_at(fs, to, &sym, NULL) == FS_OK;

	*ret = (struct fs_insn){.va = in->va, .size = (uint8_t)in->size};
	memcpy(ret->bytes, in->bytes, sizeof(ret->bytes));
	memcpy(ret->mnemonic, in->mnemonic, sizeof(in->mnemonic));
	(void)insn_operand_text(in, named && sym.text[0] ? sym.text : NULL, ret->operands,
				sizeof(ret->operands));
}

enum fs_status fltscope_disassemble(struct fltscope *fs, uint64_t va, size_t count, fs_insn_cb cb,
				    void *arg, struct fs_error *err)
{
	struct insn_decoder *d = NULL;
	enum fs_status st = decoder(fs, &d, err);
	struct fs_insn shown;
	struct insn in;
	size_t i;

	for (i = 0; st == FS_OK && i < count; i++) {
		st = decode(fs, d, va, &in, err);
		if (st != FS_OK)
			break;
		show(fs, &in, &shown);
		if (!cb(arg, &shown) || !add_u64(va, in.size, &va))
			break;
	}
	insn_decoder_destroy(d);
	return st;
}

/* --- bounds ---------------------------------------------------------------------- */

struct pdata {
	const struct module *m;
	uint32_t rva, n, step; /* step: bytes of an entry */
};

static enum fs_status get(struct fltscope *fs, uint64_t va, void *buf, size_t n,
			  struct fs_error *err)
{
	return fltscope_read(fs, va, buf, n, NULL, NULL, err);
}

/* The exception directory: number 3 of PE32+'s data directories (PE/COFF specification). */
static enum fs_status find_pdata(struct fltscope *fs, uint64_t va, struct pdata *ret,
				 struct fs_error *err)
{
	const struct module *m = module_at(&fs->modules, va);
	uint8_t b[144];
	uint32_t pe, size;
	enum fs_status st;

	if (!m)
		return fs_fail(err, FS_NOT_FOUND, "0x%llx is in no loaded module",
			       (unsigned long long)va);
	st = get(fs, m->base + 0x3c, b, 4, err);
	if (st != FS_OK)
		return st;
	pe = load_u32(b);
	if (pe > 0x1000)
		return fs_fail_at(err, FS_CORRUPT, m->base + 0x3c, "e_lfanew is 0x%x", pe);
	st = get(fs, m->base + pe + 24, b, sizeof(b), err);
	if (st != FS_OK)
		return st;
	if (load_u16(b) != 0x20b)
		return fs_fail(err, FS_UNSUPPORTED, "only 64-bit images tell where functions end");
	ret->m = m;
	ret->rva = load_u32(b + 136);
	size = load_u32(b + 140);
	ret->step = dump_info(fs->dump)->machine == DUMP_ARM64 ? 8 : 12;
	ret->n = size / ret->step;
	if (load_u32(b + 108) < 4 || !ret->rva || !ret->n)
		return fs_fail(err, FS_NOT_FOUND, "the image has no .pdata");
	if (size > PDATA_MAX || !range_ok(ret->rva, size, m->size))
		return fs_fail_at(err, FS_CORRUPT, m->base + pe + 160,
				  ".pdata: 0x%x bytes at 0x%x, outside the image", size, ret->rva);
	return FS_OK;
}

struct bounds {
	uint32_t begin, end, unwind; /* RVA */
};

static enum fs_status entry_at(struct fltscope *fs, const struct pdata *p, uint64_t rva,
			       struct bounds *ret, struct fs_error *err)
{
	uint8_t b[12], x[4];
	enum fs_status st = get(fs, p->m->base + rva, b, p->step, err);
	uint32_t words;

	if (st != FS_OK)
		return st;
	ret->begin = load_u32(b);
	if (p->step == 12) {
		ret->end = load_u32(b + 4);
		ret->unwind = load_u32(b + 8);
		return FS_OK;
	}
	/* "ARM64 exception handling": packed length in bits 2 to 12, else 18 bits in .xdata,
	 * both in words of 4 bytes. */
	ret->unwind = load_u32(b + 4);
	words = (ret->unwind >> 2) & 0x7ff;
	if ((ret->unwind & 3) == 0) {
		st = get(fs, p->m->base + ret->unwind, x, 4, err);
		if (st != FS_OK)
			return st;
		words = load_u32(x) & 0x3ffff;
	}
	ret->end = ret->begin + words * 4;
	return FS_OK;
}

/* A piece of a function that was split names the piece before it in its UNWIND_INFO
 * (x64 exception handling: UNW_FLAG_CHAININFO). */
static enum fs_status follow_chain(struct fltscope *fs, const struct pdata *p, struct bounds *b,
				   struct fs_error *err)
{
	unsigned i;

	for (i = 0; i < CHAIN_MAX && p->step == 12; i++) {
		uint8_t h[4];
		uint32_t at;
		enum fs_status st = get(fs, p->m->base + b->unwind, h, sizeof(h), err);

		if (st != FS_OK)
			return st;
		if (!(h[0] >> 3 & 4))
			return FS_OK;
		at = b->unwind + 4 + 2 * ((h[2] + 1u) & ~1u);
		if (!range_ok(at, 12, p->m->size))
			return fs_fail_at(err, FS_CORRUPT, p->m->base + b->unwind,
					  "chained UNWIND_INFO lies outside the image");
		st = entry_at(fs, p, at, b, err);
		if (st != FS_OK)
			return st;
	}
	return i < CHAIN_MAX ? FS_OK : fs_fail(err, FS_CORRUPT, "UNWIND_INFO is chained in a loop");
}

enum fs_status fltscope_function(struct fltscope *fs, uint64_t va, uint64_t *ret_begin,
				 uint64_t *ret_end, struct fs_error *err)
{
	struct pdata p = {0};
	struct bounds b = {0}, best = {0};
	uint32_t lo = 0, hi, rva;
	enum fs_status st = find_pdata(fs, va, &p, err);

	if (st != FS_OK)
		return st;
	rva = (uint32_t)(va - p.m->base);
	for (hi = p.n; lo < hi;) {
		uint32_t mid = lo + (hi - lo) / 2;

		st = entry_at(fs, &p, p.rva + (uint64_t)mid * p.step, &b, err);
		if (st != FS_OK)
			return st;
		if (b.begin <= rva) {
			best = b;
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	if (!lo || rva >= best.end)
		return fs_fail(err, FS_NOT_FOUND, "no function of .pdata has 0x%llx",
			       (unsigned long long)va);
	st = follow_chain(fs, &p, &best, err);
	if (st != FS_OK)
		return st;
	if (best.begin >= best.end || best.end > p.m->size)
		return fs_fail(err, FS_CORRUPT, ".pdata: a function from 0x%x to 0x%x", best.begin,
			       best.end);
	*ret_begin = p.m->base + best.begin;
	*ret_end = p.m->base + best.end;
	return FS_OK;
}

enum fs_status fltscope_disassemble_function(struct fltscope *fs, uint64_t va, fs_insn_cb cb,
					     void *arg, bool *ret_complete,
					     struct fs_error *ret_why, struct fs_error *err)
{
	const struct module *m = module_at(&fs->modules, va);
	uint64_t begin = 0, end = 0, entry = va;
	struct code_function fn = {0};
	struct insn_decoder *d = NULL;
	struct code_source s;
	struct fs_insn shown;
	struct insn in;
	enum fs_status st;
	size_t i;

	st = code_source_vm(fs->vm, m ? m->base : va, m ? m->base + m->size : va + CODE_NEAR, &s,
			    err);
	if (st == FS_OK && fltscope_function(fs, va, &begin, &end, NULL) == FS_OK)
		entry = begin;
	if (st == FS_OK)
		st = code_function_walk(&s, entry, begin, end, &fn, err);
	if (st == FS_OK)
		st = decoder(fs, &d, err);
	for (i = 0; st == FS_OK && i < fn.lines.n; i++) {
		st = decode(fs, d, fn.lines.v[i].va, &in, err);
		if (st != FS_OK)
			break;
		show(fs, &in, &shown);
		if (!cb(arg, &shown))
			break;
	}
	if (ret_complete)
		*ret_complete = fn.complete;
	if (ret_why)
		*ret_why = fn.why;
	insn_decoder_destroy(d);
	code_function_deinit(&fn);
	return st;
}
