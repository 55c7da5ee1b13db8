/* SPDX-License-Identifier: BSD-2-Clause */
/* The bug check, as .bugcheck, .exr, .cxr and !analyze tell it: its arguments by name, the records
 * they point to, and the instruction and module that faulted. */
#include "view/common.h"

#include <inttypes.h>

#include "base/str.h"

/* "fffff804`…  amdppm+0x334c" */
static const char *place(struct view *v, const struct fs_code *c)
{
	return text_printf(v, "%s%s%s", text_ptr(v, c->va.v), c->symbol ? "  " : "",
			   c->symbol ? c->symbol : "");
}

static const char *place_or_reason(struct view *v, const struct fs_code *c)
{
	return fs_is_read(&c->va) ? place(v, c) : text_value(v, &c->va, NUM_PTR);
}

static const char *status(struct view *v, const struct fs_value *code)
{
	const char *name = fs_is_read(code) ? fs_exception_name(code->v) : NULL;

	if (!fs_is_read(code))
		return text_value(v, code, NUM_PTR_0X);
	return text_printf(v, "0x%08" PRIx64 "%s%s%s", code->v & UINT32_MAX, name ? " (" : "",
			   name ? name : "", name ? ")" : "");
}

static const char *argument_note(struct view *v, size_t i)
{
	const struct fs_crash *c = &v->m->dump.crash;
	const struct fs_value *p = &v->m->dump.bugcheck_parameter[i];
	const char *name = fs_is_read(p) ? fs_exception_name(p->v) : NULL;

	if (c->argument[i].kind == FS_ARG_EXCEPTION_CODE && name)
		return text_printf(v, "  %s", name);
	if (fs_is_read(&c->argument_code[i].va) && c->argument_code[i].symbol)
		return text_printf(v, "  %s", c->argument_code[i].symbol);
	return "";
}

static void argument_rows(struct view *v)
{
	static const char *const label[] = {"   Arg1", "   Arg2", "   Arg3", "   Arg4"};
	const struct fs_dump *d = &v->m->dump;
	size_t i;

	for (i = 0; d->crash.argument && i < 4; i++)
		emit_row(v->e, label[i], "%s  %s%s",
			 text_value(v, &d->bugcheck_parameter[i], NUM_PTR_0X),
			 d->crash.argument[i].name, argument_note(v, i));
}

/* An access violation and an in-page error say what was touched, and how. */
static const char *touched(const struct fs_exception *e)
{
	uint64_t how = e->parameter[0].v;

	if (!fs_is_read(&e->code) || !fs_is_read(&e->parameter[0]) || !fs_is_read(&e->parameter[1]) ||
	    ((uint32_t)e->code.v != 0xc0000005u && (uint32_t)e->code.v != 0xc0000006u))
		return NULL;
	return how == 0 ? "read" : how == 1 ? "write" : how == 8 ? "execute" : NULL;
}

static void stood_row(struct view *v, const char *label, const struct fs_stood *s)
{
	if (s->record)
		emit_row(v->e, label, "%s: at %s", text_ptr(v, s->record),
			 place_or_reason(v, &s->instruction));
}

static void record_rows(struct view *v)
{
	const struct fs_crash *c = &v->m->dump.crash;
	const struct fs_exception *e = &c->exception;

	if (e->record)
		emit_row(v->e, "Exception record", "%s: %s at %s", text_ptr(v, e->record),
			 status(v, &e->code), place_or_reason(v, &e->at));
	if (e->record && touched(e))
		emit_row(v->e, "", "attempt to %s %s", touched(e), text_ptr(v, e->parameter[1].v));
	if (e->misfit)
		emit_row(v->e, "", "it is not this bug check's: %s", e->misfit);
	stood_row(v, "Trap frame", &c->trap_frame);
	stood_row(v, "Context record", &c->context);
}

static const struct fs_module *module_of(const struct view *v, const struct fs_code *c)
{
	return c->module >= 0 && (size_t)c->module < v->m->nmodules ? &v->m->modules[c->module]
								    : NULL;
}

static void fault_rows(struct view *v)
{
	const struct fs_crash *c = &v->m->dump.crash;
	const struct fs_module *mod;

	if (!c->fault_by)
		return;
	mod = module_of(v, &c->fault);
	emit_row(v->e, "Faulting instruction", "%s (by %s%s)", place(v, &c->fault),
		 str_istarts(c->fault_by, "argument") ? "" : "the ", c->fault_by);
	emit_row(v->e, "Faulting module", "%s",
		 mod		     ? (mod->name ? mod->name : text_ptr(v, mod->base))
		 : c->fault.unloaded ? "none that is loaded: it lies where an unloaded one was"
		 : v->m->modules_whole
			 ? "none: it lies in no module"
			 : "not known: it lies in none that was read, and not all were");
}

void crash_rows(struct view *v)
{
	const struct fs_dump *d = &v->m->dump;

	argument_rows(v);
	record_rows(v);
	fault_rows(v);
	if (fs_is_read(&d->instruction.va))
		emit_row(v->e, "Instruction", "%s", place(v, &d->instruction));
	if (fs_is_read(&d->stack_pointer))
		emit_row(v->e, "Stack pointer", "%s", text_ptr(v, d->stack_pointer.v));
	if (fs_is_read(&d->exception_code))
		emit_row(v->e, "Header's exception", "%s at %s", status(v, &d->exception_code),
			 fs_is_read(&d->exception_address.va) ? place(v, &d->exception_address)
							      : "(not known)");
}

/* --- machine formats ------------------------------------------------------------------- */

static void json_arguments(struct view *v)
{
	const struct fs_dump *d = &v->m->dump;
	size_t i;

	if (!d->crash.argument)
		return;
	emit_array_begin(v->e, "arguments");
	for (i = 0; i < 4; i++) {
		emit_object_begin(v->e, NULL);
		emit_string(v->e, "name", d->crash.argument[i].name);
		show_value(v, NULL, "value", NULL, &d->bugcheck_parameter[i], NUM_PTR);
		if (fs_is_read(&d->crash.argument_code[i].va) && d->crash.argument_code[i].symbol)
			emit_string(v->e, "symbol", d->crash.argument_code[i].symbol);
		emit_object_end(v->e);
	}
	emit_array_end(v->e);
}

static void json_exception(struct view *v)
{
	const struct fs_exception *e = &v->m->dump.crash.exception;

	if (!e->record)
		return;
	emit_object_begin(v->e, "exception");
	emit_address(v->e, "record", e->record);
	show_value(v, NULL, "code", NULL, &e->code, NUM_PTR);
	if (fs_is_read(&e->code) && fs_exception_name(e->code.v))
		emit_string(v->e, "name", fs_exception_name(e->code.v));
	show_value(v, NULL, "flags", NULL, &e->flags, NUM_PTR);
	show_code(v, NULL, "address", NULL, &e->at);
	if (touched(e)) {
		emit_string(v->e, "operation", touched(e));
		emit_address(v->e, "accessed", e->parameter[1].v);
	}
	if (e->misfit)
		emit_string(v->e, "misfit", e->misfit);
	emit_object_end(v->e);
}

static void json_stood(struct view *v, const char *key, const struct fs_stood *s)
{
	if (!s->record)
		return;
	emit_object_begin(v->e, key);
	emit_address(v->e, "record", s->record);
	show_code(v, NULL, "instruction", NULL, &s->instruction);
	show_value(v, NULL, "stack_pointer", NULL, &s->stack_pointer, NUM_PTR);
	emit_object_end(v->e);
}

static void json_fault(struct view *v)
{
	const struct fs_crash *c = &v->m->dump.crash;
	const struct fs_module *mod = module_of(v, &c->fault);

	if (!c->fault_by)
		return;
	emit_object_begin(v->e, "faulting");
	show_code(v, NULL, "instruction", NULL, &c->fault);
	emit_string(v->e, "by", c->fault_by);
	if (mod && mod->name)
		emit_string(v->e, "module", mod->name);
	if (mod)
		emit_address(v->e, "base", mod->base);
	emit_object_end(v->e);
}

void json_crash(struct view *v)
{
	const struct fs_dump *d = &v->m->dump;

	if (!fs_is_read(&d->instruction.va) && !fs_is_read(&d->exception_code) &&
	    !d->crash.argument)
		return;
	emit_object_begin(v->e, "crash");
	json_arguments(v);
	json_exception(v);
	json_stood(v, "trap_frame", &d->crash.trap_frame);
	json_stood(v, "context", &d->crash.context);
	json_fault(v);
	if (fs_is_read(&d->instruction.va))
		show_code(v, NULL, "instruction", NULL, &d->instruction);
	show_value(v, NULL, "stack_pointer", NULL, &d->stack_pointer, NUM_PTR);
	if (fs_is_read(&d->exception_code)) {
		emit_object_begin(v->e, "header_exception");
		show_value(v, NULL, "code", NULL, &d->exception_code, NUM_PTR);
		if (fs_is_read(&d->exception_address.va))
			show_code(v, NULL, "address", NULL, &d->exception_address);
		emit_object_end(v->e);
	}
	emit_object_end(v->e);
}
