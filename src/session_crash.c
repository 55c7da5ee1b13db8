/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the machine stood: the header's CONTEXT and exception record, and those that the bug
 * check's parameters point to. A record counts only if it tells of the same as the parameters.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "nt/nt.h"
#include "session.h"

/* CONTEXT and EXCEPTION_RECORD of winnt.h; the program counter of KTRAP_FRAME stands there in
 * every public PDB of nt (facts: layouts). */
struct offsets {
	unsigned ptr;
	unsigned sp, pc;	     /* CONTEXT */
	unsigned trap_pc, trap_sp;   /* KTRAP_FRAME; trap_sp 0: not of kernel mode's */
	unsigned address, count, info; /* EXCEPTION_RECORD */
	const char *names[4];	       /* of sp, pc, trap_pc, trap_sp */
};
static const struct offsets x64 = {
	8, 0x98, 0xf8, 0x168, 0x180, 0x10, 0x18, 0x20,
	{"CONTEXT.Rsp", "CONTEXT.Rip", "KTRAP_FRAME.Rip", "KTRAP_FRAME.Rsp"}};
static const struct offsets arm64 = {
	8, 0x100, 0x108, 0x148, 0x98, 0x10, 0x18, 0x20,
	{"CONTEXT.Sp", "CONTEXT.Pc", "KTRAP_FRAME.Pc", "KTRAP_FRAME.Sp"}};
/* a trap from kernel mode does not push esp there */
static const struct offsets x86 = {
	4, 0xc4, 0xb8, 0x68, 0, 0xc, 0x10, 0x14,
	{"CONTEXT.Esp", "CONTEXT.Eip", "KTRAP_FRAME.Eip", NULL}};

enum { RECORD_FLAGS = 4, RECORD_PARAMETERS_MAX = 15, CONTEXT_BYTES = 0x110 };

static const struct offsets *offsets_of(const struct fltscope *fs)
{
	switch (dump_info(fs->dump)->machine) {
	case DUMP_X64:
		return &x64;
	case DUMP_ARM64:
		return &arm64;
	case DUMP_X86:
		return &x86;
	default:
		return NULL;
	}
}

static uint64_t word(const uint8_t *b, unsigned ptr)
{
	return ptr == 4 ? load_u32(b) : load_u64(b);
}

/* n bytes of the member at `offset` of a structure, whose address a parameter gives. */
static struct fs_value field(struct fltscope *fs, const char *what, uint64_t record,
			     unsigned offset, unsigned n)
{
	struct fs_error err = {0};
	struct fs_value ret;
	uint8_t b[8] = {0};
	enum fs_status st;
	uint64_t va = record;

	if (add_u64(record, offset, &va))
		st = vm_read(fs->vm, va, b, n, what, &err);
	else
		st = fs_fail_at(&err, FS_CORRUPT, record,
				"%s: a structure at 0x%" PRIx64
				" would reach past the end of the address space",
				what, record);

	ret = model_value(&fs->builder, what, st, load_u64(b), &err);
	ret.at = va;
	return ret;
}

static struct fs_code code_at(struct fltscope *fs, struct fs_value va)
{
	return nt_code(&fs->builder, &fs->modules, va);
}

/* --- the header ------------------------------------------------------------------- */

static void header(struct fltscope *fs, const struct offsets *o)
{
	const struct dump_info *info = dump_info(fs->dump);
	struct fs_value ip = model_none(), code = model_none(), at = model_none();
	struct fs_dump *d = &fs->model.dump;
	const char *record = o == &x86 ? "EXCEPTION_RECORD32" : "EXCEPTION_RECORD64";
	uint8_t b[CONTEXT_BYTES];
	size_t n = 0;

	d->stack_pointer = model_none();
	if (o && dump_context(fs->dump, b, sizeof(b), &n, NULL) == FS_OK && n == sizeof(b)) {
		ip = model_value(&fs->builder, "CONTEXT", FS_OK, word(b + o->pc, o->ptr), NULL);
		d->stack_pointer = model_value(&fs->builder, "CONTEXT", FS_OK,
					       word(b + o->sp, o->ptr), NULL);
	}
	if (info->exception_code.present)
		code = model_value(&fs->builder, record, FS_OK, info->exception_code.v, NULL);
	if (info->exception_address.present && info->exception_code.present)
		at = model_value(&fs->builder, record, FS_OK, info->exception_address.v, NULL);
	d->exception_code = code;
	d->instruction = code_at(fs, ip);
	d->exception_address = code_at(fs, at);
}

/* --- what the parameters point to ---------------------------------------------------- */

static const struct fs_value *parameter(const struct fs_dump *d, enum fs_argument_kind kind)
{
	size_t i;

	for (i = 0; d->crash.argument && i < 4; i++)
		if (d->crash.argument[i].kind == kind && fs_is_read(&d->bugcheck_parameter[i]))
			return &d->bugcheck_parameter[i];
	return NULL;
}

static const char *sentence(struct fltscope *fs, const char *what, uint64_t has, uint64_t told)
{
	char text[160];

	(void)snprintf(text, sizeof(text),
		       "its %s is 0x%" PRIx64 ", the bug check's argument is 0x%" PRIx64, what, has,
		       told);
	return model_text(&fs->builder, text);
}

/* Does the record tell of the exception that the parameters tell of? */
static const char *misfit(struct fltscope *fs, const struct fs_exception *e)
{
	const struct fs_dump *d = &fs->model.dump;
	const struct fs_value *code = parameter(d, FS_ARG_EXCEPTION_CODE);
	const struct fs_value *at = parameter(d, FS_ARG_INSTRUCTION);

	if (fs_is_read(&e->code) && code && (uint32_t)code->v != (uint32_t)e->code.v)
		return sentence(fs, "ExceptionCode", e->code.v, (uint32_t)code->v);
	if (fs_is_read(&e->at.va) && at && at->v != e->at.va.v)
		return sentence(fs, "ExceptionAddress", e->at.va.v, at->v);
	/* every status that is raised is a warning or an error */
	if (fs_is_read(&e->code) && !(e->code.v >> 31))
		return "its ExceptionCode is no code of an exception";
	return NULL;
}

static void read_exception(struct fltscope *fs, const struct offsets *o, uint64_t va)
{
	struct fs_exception *e = &fs->model.dump.crash.exception;
	struct fs_value n;

	e->record = va;
	e->code = field(fs, "EXCEPTION_RECORD.ExceptionCode", va, 0, 4);
	e->flags = field(fs, "EXCEPTION_RECORD.ExceptionFlags", va, RECORD_FLAGS, 4);
	e->at = code_at(fs, field(fs, "EXCEPTION_RECORD.ExceptionAddress", va, o->address, o->ptr));
	n = field(fs, "EXCEPTION_RECORD.NumberParameters", va, o->count, 4);
	if (fs_is_read(&n) && n.v >= 2 && n.v <= RECORD_PARAMETERS_MAX) {
		e->parameter[0] = field(fs, "EXCEPTION_RECORD.ExceptionInformation", va, o->info,
					o->ptr);
		e->parameter[1] = field(fs, "EXCEPTION_RECORD.ExceptionInformation", va,
					o->info + o->ptr, o->ptr);
	}
	e->misfit = misfit(fs, e);
}

static void read_stood(struct fltscope *fs, const struct offsets *o, bool context, uint64_t va,
		       struct fs_stood *ret)
{
	unsigned sp = context ? o->sp : o->trap_sp;

	ret->record = va;
	ret->instruction = code_at(fs, field(fs, o->names[context ? 1 : 2], va,
					     context ? o->pc : o->trap_pc, o->ptr));
	if (sp)
		ret->stack_pointer = field(fs, o->names[context ? 0 : 3], va, sp, o->ptr);
}

/* Where records stand only if an exception led here: both, and of one place; else the
 * parameters are something else. */
static bool is_exception(struct fltscope *fs, const struct offsets *o, uint64_t record,
			 uint64_t context)
{
	uint64_t at_va, pc_va, at, pc;
	uint32_t code;

	return record && context && add_u64(record, o->address, &at_va) &&
	       add_u64(context, o->pc, &pc_va) &&
	       vm_read_u32(fs->vm, record, &code, "EXCEPTION_RECORD", NULL) == FS_OK &&
	       code >> 31 &&
	       vm_read_ptr(fs->vm, at_va, &at, "EXCEPTION_RECORD", NULL) == FS_OK &&
	       vm_read_ptr(fs->vm, pc_va, &pc, "CONTEXT", NULL) == FS_OK && at == pc;
}

static void read_records(struct fltscope *fs, const struct offsets *o, bool sure)
{
	struct fs_crash *c = &fs->model.dump.crash;
	const struct fs_dump *d = &fs->model.dump;
	const struct fs_value *record = parameter(d, FS_ARG_EXCEPTION_RECORD);
	const struct fs_value *context = parameter(d, FS_ARG_CONTEXT);
	const struct fs_value *trap = parameter(d, FS_ARG_TRAP_FRAME);

	if (!sure && !(record && context && is_exception(fs, o, record->v, context->v)))
		return;
	if (record && record->v)
		read_exception(fs, o, record->v);
	if (trap && trap->v)
		read_stood(fs, o, false, trap->v, &c->trap_frame);
	if (context && context->v)
		read_stood(fs, o, true, context->v, &c->context);
}

/* --- the instruction that faulted ------------------------------------------------------ */

static void take_fault(struct fs_crash *c, const struct fs_code *at, const char *by)
{
	if (!c->fault_by && fs_is_read(&at->va)) {
		c->fault = *at;
		c->fault_by = by;
	}
}

static void find_fault(struct fs_crash *c, const struct fs_dump *d)
{
	static const char *const by[] = {"argument 1", "argument 2", "argument 3", "argument 4"};
	size_t i;

	if (c->exception.record && !c->exception.misfit)
		take_fault(c, &c->exception.at, "exception record");
	/* what says where it happened outright, before what may have been saved later */
	for (i = 0; i < 4; i++)
		if (c->argument[i].kind == FS_ARG_INSTRUCTION &&
		    fs_has(&d->bugcheck_parameter[i], UINT64_MAX))
			take_fault(c, &c->argument_code[i], by[i]);
	take_fault(c, &c->trap_frame.instruction, "trap frame");
	take_fault(c, &c->context.instruction, "context record");
}

static void nothing_read(struct fs_crash *c)
{
	const struct fs_code none = {.va = model_none(), .module = -1};
	size_t i;

	*c = (struct fs_crash){.fault = none};
	for (i = 0; i < 4; i++)
		c->argument_code[i] = none;
	c->exception = (struct fs_exception){.code = model_none(),
					     .flags = model_none(),
					     .at = none,
					     .parameter = {model_none(), model_none()}};
	c->context = c->trap_frame =
		(struct fs_stood){.instruction = none, .stack_pointer = model_none()};
}

void session_crash(struct fltscope *fs)
{
	const struct offsets *o = offsets_of(fs);
	struct fs_dump *d = &fs->model.dump;
	struct fs_crash *c = &d->crash;
	bool sure = true;
	size_t i;

	header(fs, o);
	nothing_read(c);
	if (!o || !fs_is_read(&d->bugcheck))
		return;
	c->argument = fs_bugcheck_arguments(
		d->bugcheck.v, fs_is_read(&d->bugcheck_parameter[0]) ? d->bugcheck_parameter[0].v : 0,
		&sure);
	if (!c->argument)
		return;
	for (i = 0; i < 4; i++)
		if (c->argument[i].kind == FS_ARG_INSTRUCTION || c->argument[i].kind == FS_ARG_CODE)
			c->argument_code[i] = code_at(fs, d->bugcheck_parameter[i]);
	read_records(fs, o, sure);
	find_fault(c, d);
}
