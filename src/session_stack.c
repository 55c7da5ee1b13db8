/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks: what the unwinder sees of this dump, and whose stacks are walked when. */
#include "session_stack.h"

#include <inttypes.h>
#include <stdlib.h>

#include "nt/nt.h"
#include "session_symbols.h"

#define SCN_EXECUTE 0x20000000u

static enum fs_status read_stack(void *ctx, uint64_t va, void *buf, size_t n, struct fs_error *err)
{
	struct session_stacks *s = ctx;

	return vm_read(s->fs->vm, va, buf, n, "kernel stack", err);
}

static enum fs_status read_image(void *ctx, uint64_t va, void *buf, size_t n, bool *from_image,
				 struct fs_error *err)
{
	struct session_stacks *s = ctx;
	bool file = false;
	enum fs_status st;

	if (!s->files)
		return vm_read(s->fs->vm, va, buf, n, "image", err);
	st = vm_read_any(s->fs->vm, va, buf, n, "image", &file, err);
	*from_image |= file;
	return st;
}

/* The headers of a module: the dump's, else its file's. */
static const struct stack_image *headers(struct session_stacks *s, const struct module *mod)
{
	size_t i = (size_t)(mod - s->fs->modules.list.v);
	struct stack_image *x = &s->image[i];
	const struct image_file *file;
	struct pe pe;

	if (x->tried)
		return x;
	x->tried = true;
	x->status = pe_read(s->fs->vm, mod, &pe, NULL);
	if (x->status && s->files) {
		file = session_image(s->fs, i);
		if (file) {
			pe = *image_file_pe(file);
			x->status = FS_OK;
			x->from_image = true;
		}
	}
	if (x->status)
		return x;
	x->pe = arena_alloc(&s->fs->arena, sizeof(*x->pe));
	if (x->pe)
		*x->pe = pe;
	else
		x->status = FS_NO_MEMORY;
	return x;
}

static enum fs_status find_image(void *ctx, uint64_t va, struct unwind_image *ret, bool *from_image,
				 struct fs_error *err)
{
	struct session_stacks *s = ctx;
	const struct module *mod = module_at(&s->fs->modules, va);
	const struct stack_image *x;

	if (!mod)
		return fs_fail(err, FS_NOT_FOUND, "0x%" PRIx64 " is in no loaded module", va);
	x = headers(s, mod);
	if (x->status)
		return fs_fail_at(err, x->status, mod->base,
				  "%s: its headers cannot be read, so its unwind data is not known",
				  mod->name ? mod->name : "a module");
	*from_image |= x->from_image;
	*ret = (struct unwind_image){mod->base, mod->size, x->pe->exception_rva,
				     x->pe->exception_size};
	return FS_OK;
}

static int executable(void *ctx, uint64_t va)
{
	struct session_stacks *s = ctx;
	const struct module *mod = module_at(&s->fs->modules, va);
	const struct stack_image *x;
	size_t i;

	if (!mod)
		return 0;
	x = headers(s, mod);
	if (x->status)
		return -1;
	for (i = 0; i < x->pe->nsections; i++) {
		const struct pe_section *c = &x->pe->section[i];

		if (va - mod->base >= c->rva && va - mod->base - c->rva < c->size)
			return (c->characteristics & SCN_EXECUTE) != 0;
	}
	return 0;
}

static bool is_kernel(void *ctx, uint64_t va)
{
	struct session_stacks *s = ctx;

	return vm_is_kernel_va(s->fs->vm, va);
}

static enum fs_status create(struct fltscope *fs, struct session_stacks *s, struct fs_error *err)
{
	struct unwind_memory mem = {s, read_stack, read_image, find_image, executable, is_kernel};
	enum dump_machine m = dump_info(fs->dump)->machine;
	size_t n = fs->modules.list.n;

	if (!fs->vm || (m != DUMP_X64 && m != DUMP_ARM64 && m != DUMP_X86))
		return fs_fail(err, FS_UNSUPPORTED, "stacks of this machine are not walked");
	s->image = calloc(n ? n : 1, sizeof(*s->image));
	if (!s->image)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	return unwind_create(m == DUMP_X64   ? UNWIND_X64
			     : m == DUMP_X86 ? UNWIND_X86
					     : UNWIND_ARM64,
			     &mem, &s->unwind, err);
}

enum fs_status session_unwinder(struct fltscope *fs, bool files, struct fs_error *err)
{
	struct session_stacks *s = fs->stacks;
	enum fs_status st;

	files = files && fs->symbols && fs->symbols->image_path;
	if (s && s->files == files)
		return FS_OK;
	session_stacks_end(fs);
	s = calloc(1, sizeof(*s));
	if (!s)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	s->fs = fs;
	s->files = files;
	fs->stacks = s;
	st = create(fs, s, err);
	if (st)
		session_stacks_end(fs);
	return st;
}

void session_stacks_end(struct fltscope *fs)
{
	struct session_stacks *s = fs->stacks;

	if (!s)
		return;
	unwind_destroy(s->unwind);
	free(s->image);
	free(s->names);
	free(s);
	fs->stacks = NULL;
}

/* --- names ------------------------------------------------------------------------- */

void session_stack_forget(struct fltscope *fs)
{
	struct session_stacks *s = fs->stacks;

	if (!s)
		return;
	free(s->names);
	s->names = NULL;
	s->nnames = s->names_cap = 0;
}

static struct stack_name *slot(struct stack_name *names, size_t cap, uint64_t ip)
{
	size_t i = (size_t)((ip ^ ip >> 17) * 0x9e3779b97f4a7c15ull >> 20) & (cap - 1);

	while (names[i].ip && names[i].ip != ip)
		i = (i + 1) & (cap - 1);
	return &names[i];
}

static bool grow(struct session_stacks *s)
{
	size_t cap = s->names_cap ? s->names_cap * 2 : 1024, i;
	struct stack_name *n = calloc(cap, sizeof(*n));

	if (!n)
		return false;
	for (i = 0; i < s->names_cap; i++)
		if (s->names[i].ip)
			*slot(n, cap, s->names[i].ip) = s->names[i];
	free(s->names);
	s->names = n;
	s->names_cap = cap;
	return true;
}

struct fs_code session_stack_code(struct fltscope *fs, uint64_t ip)
{
	struct session_stacks *s = fs->stacks;
	struct fs_value v = {.v = ip, .state = FS_READ, .gap = -1};
	struct stack_name *n;

	if (!ip || (s->nnames >= s->names_cap / 2 && !grow(s)))
		return nt_code(&fs->builder, &fs->modules, v);
	n = slot(s->names, s->names_cap, ip);
	if (!n->ip) {
		*n = (struct stack_name){ip, nt_code(&fs->builder, &fs->modules, v)};
		s->nnames++;
	}
	return n->code;
}

/* --- whose ---------------------------------------------------------------------------- */

static enum fs_status all(struct fltscope *fs, struct fs_error *err)
{
	struct fs_model *m = &fs->model;
	enum fs_status st = FS_OK;
	size_t i;

	for (i = 0; st == FS_OK && i < m->nthreads; i++) {
		if (fs->opts.progress && i % 256 == 0)
			fs->opts.progress(fs->opts.progress_arg, "walking stacks", i, m->nthreads);
		st = session_walk_thread(fs, i, err);
	}
	if (st == FS_OK && m->nthreads)
		m->stacks_looked = m->threads_looked;
	return st;
}

/* At the open: what is stuck shows in the stacks, and verdicts rest on the dump alone. */
enum fs_status session_stacks(struct fltscope *fs, struct fs_error *err)
{
	enum fs_status st;

	if (!fs->model.nthreads)
		return FS_OK;
	session_progress(fs, "walking stacks");
	st = session_unwinder(fs, false, err);
	if (st == FS_OK)
		st = all(fs, err);
	return st == FS_NO_MEMORY ? st : FS_OK;
}

/* Walked before, and neither a file nor a server could tell more now. */
static bool is_done(const struct fltscope *fs)
{
	const struct session_symbols *s = fs->symbols;

	return fs->model.stacks_looked != FS_LOOKED_NOT && s && !s->image_path && !s->finder;
}

enum fs_status fltscope_stacks(struct fltscope *fs, struct fs_error *err)
{
	enum fs_status st;

	if (is_done(fs))
		return FS_OK;
	st = session_unwinder(fs, true, err);

	session_stack_forget(fs);
	if (st == FS_OK)
		st = all(fs, err);
	return st;
}

enum fs_status fltscope_stack(struct fltscope *fs, size_t thread, struct fs_error *err)
{
	enum fs_status st;

	if (thread >= fs->model.nthreads)
		return fs_fail(err, FS_INVALID, "there is no thread %zu", thread);
	st = session_unwinder(fs, true, err);
	session_stack_forget(fs);
	return st == FS_OK ? session_walk_thread(fs, thread, err) : st;
}

static enum fs_status own_context(struct fltscope *fs, uint8_t b[CONTEXT_BYTES], size_t *ret_n,
				  struct fs_error *err)
{
	enum fs_status st = dump_context(fs->dump, b, CONTEXT_BYTES, ret_n, err);

	if (st == FS_NOT_FOUND)
		return fs_fail(err, st,
			       "the dump has no CONTEXT record: give a thread (`running` names those "
			       "that ran)");
	return st;
}

enum fs_status fltscope_context_stack(struct fltscope *fs, uint64_t va, struct fs_stack *ret,
				      struct fs_error *err)
{
	uint8_t b[CONTEXT_BYTES];
	size_t n = 0;
	enum fs_status st = session_unwinder(fs, true, err);

	if (st == FS_OK && !va)
		st = own_context(fs, b, &n, err);
	else if (st == FS_OK)
		st = vm_read(fs->vm, va, b, n = session_context_bytes(fs), "CONTEXT", err);
	session_stack_forget(fs);
	return st == FS_OK ? session_walk_context(fs, b, n, ret, err) : st;
}

int32_t fltscope_current_thread(struct fltscope *fs)
{
	struct unwind_regs regs;
	uint8_t b[CONTEXT_BYTES];
	size_t n = 0;
	int32_t t;

	if (dump_info(fs->dump)->current_thread.present) {
		t = fs_thread_at(&fs->model, dump_info(fs->dump)->current_thread.v);
		if (t >= 0)
			return t;
	}
	if (!fs->vm || dump_context(fs->dump, b, sizeof(b), &n, NULL) != FS_OK ||
	    !session_context_regs(fs, b, n, &regs))
		return -1;
	return fs_thread_of_stack(&fs->model, regs.sp);
}
