/* SPDX-License-Identifier: BSD-2-Clause */
/* k kc kv: one stack. */
#include "view/stacks.h"

#include <inttypes.h>
#include <string.h>

#include "base/cursor.h"
#include "view/common.h"

static const char *how_name(enum fs_frame_how how)
{
	static const char *const names[] = {"context", "unwound", "trap", "scanned",
					    "frame-pointer"};

	return names[how];
}

const char *text_how(const struct fs_stack_frame *f)
{
	if (f->how == FS_FRAME_POINTER)
		return f->from_image ? "  (frame pointer, image file)" : "  (frame pointer)";
	return f->how == FS_FRAME_SCANNED
		       ? f->from_image ? "  (scanned, image file)" : "  (scanned)"
	       : f->from_image ? "  (image file)"
			       : "";
}

const char *text_site(struct view *v, const struct fs_code *c)
{
	return c->symbol ? c->symbol : text_printf(v, "0x%" PRIx64, c->va.v);
}

const char *image_of_thread(const struct view *v, const struct fs_thread *t)
{
	return t->process >= 0 ? plain(&v->m->processes[t->process].image) : NULL;
}

static void json_value(struct view *v, const char *key, const struct fs_value *val)
{
	if (fs_is_read(val))
		emit_address(v->e, key, val->v);
	else
		emit_null(v->e, key);
}

static void json_frame(struct view *v, const struct fs_stack_frame *f)
{
	emit_object_begin(v->e, NULL);
	emit_address(v->e, "sp", f->sp);
	json_value(v, "ip", &f->ip.va);
	emit_string(v->e, "symbol", f->ip.symbol);
	json_value(v, "ret", &f->ret);
	if (fs_is_read(&f->ret) && f->ret.at)
		emit_address(v->e, "ret_at", f->ret.at);
	emit_string(v->e, "how", how_name(f->how));
	if (f->from_image)
		emit_bool(v->e, "from_image", true);
	emit_object_end(v->e);
}

void json_kernel_stack(struct view *v, const struct fs_stack *s)
{
	size_t i;

	emit_array_begin(v->e, "stack");
	for (i = 0; i < s->n; i++)
		json_frame(v, &s->frame[i]);
	emit_array_end(v->e);
	emit_string(v->e, "stack_end", fs_stack_end_name(s->end));
	emit_string(v->e, "stack_why", s->why);
	if (s->unverified)
		emit_uint(v->e, "unverified_slots", s->unverified);
}

/* Eight digits an address, and arguments that were pushed, not kept in registers. */
static bool is_narrow(struct view *v)
{
	return strlen(text_ptr(v, 0)) == 8;
}

/* fffff880`01344fb0, as WinDbg prints addresses of 64 bits. */
static const char *tick(struct view *v, uint64_t va)
{
	if (is_narrow(v))
		return text_ptr(v, va);
	return text_printf(v, "%08" PRIx64 "`%08" PRIx64, va >> 32, va & UINT32_MAX);
}

/* The function alone, as kc has it. */
static const char *without_offset(struct view *v, const struct fs_code *c)
{
	const char *site = text_site(v, c), *plus = strrchr(site, '+');

	if (!strchr(site, '!') || !plus)
		return site;
	return text_printf(v, "%.*s", (int)(plus - site), site);
}

/* What stands where the first arguments may have been put: four, of 32 bits three, as WinDbg has
 * them. */
static const char *arguments(struct view *v, const struct view_stack *s,
			     const struct fs_stack_frame *f)
{
	size_t word = is_narrow(v) ? 4 : 8, n = 0;
	uint8_t b[32];

	if (!fs_is_read(&f->ret) || !f->ret.at ||
	    s->read(s->fs, f->ret.at + word, b, word == 4 ? 12 : 32, &n, NULL, NULL) != FS_OK)
		return ": (not in the dump)";
	if (word == 4)
		return text_printf(v, ": %s %s %s", tick(v, load_u32(b)), tick(v, load_u32(b + 4)),
				   tick(v, load_u32(b + 8)));
	return text_printf(v, ": %s %s %s %s", tick(v, load_u64(b)), tick(v, load_u64(b + 8)),
			   tick(v, load_u64(b + 16)), tick(v, load_u64(b + 24)));
}

static void head(struct view *v, enum view_k kind)
{
	int wide = is_narrow(v) ? 8 : 17;

	if (kind == VIEW_KC)
		emit_line(v->e, " # Call Site");
	else if (kind == VIEW_K)
		emit_line(v->e, " # %-*s %-*s Call Site", wide, "Child-SP", wide, "RetAddr");
	else
		emit_line(v->e, " # %-*s %-*s %-*s: Call Site", wide, "Child-SP", wide, "RetAddr",
			  is_narrow(v) ? 28 : 73, ": Args to Child");
}

static void frame_line(struct view *v, const struct view_stack *s, size_t i)
{
	const struct fs_stack_frame *f = &s->stack->frame[i];
	const char *ret = text_printf(v, "%-*s", is_narrow(v) ? 8 : 17,
				      fs_is_read(&f->ret) ? tick(v, f->ret.v) : "-");

	if (s->kind == VIEW_KC)
		emit_line(v->e, "%02zx %s%s", i, without_offset(v, &f->ip), text_how(f));
	else if (s->kind == VIEW_K)
		emit_line(v->e, "%02zx %s %s %s%s", i, tick(v, f->sp), ret, text_site(v, &f->ip),
			  text_how(f));
	else
		emit_line(v->e, "%02zx %s %s %-*s: %s%s", i, tick(v, f->sp), ret,
			  is_narrow(v) ? 28 : 73, arguments(v, s, f), text_site(v, &f->ip),
			  text_how(f));
}

static void text_stack(struct view *v, const struct view_stack *s)
{
	size_t i;

	head(v, s->kind);
	for (i = 0; i < s->stack->n; i++) {
		entity_begin(v);
		frame_line(v, s, i);
	}
	if (s->stack->why)
		emit_line(v->e, "(%s: %s)", fs_stack_end_name(s->stack->end), s->stack->why);
	if (s->stack->unverified)
		emit_line(v->e,
			  "(%zu slots point into modules whose code is not in the dump, so that "
			  "nothing tells a return address; -i gives it)",
			  s->stack->unverified);
}

void view_stack(struct view *v, const struct view_stack *s)
{
	const struct fs_thread *t = s->thread >= 0 ? &v->m->threads[s->thread] : NULL;

	if (t)
		emit_address(v->e, "thread", t->address);
	else
		emit_null(v->e, "thread");
	if (s->context)
		emit_address(v->e, "context", s->context);
	if (s->at) {
		emit_uint(v->e, "processor", (uint64_t)s->at->processor);
		emit_string(v->e, "registers_from", s->at->from);
	}
	if (t)
		emit_string(v->e, "process", image_of_thread(v, t));
	json_kernel_stack(v, s->stack);
	if (emit_is_text(v->e))
		text_stack(v, s);
}
