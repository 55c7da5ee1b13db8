/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/layout_lint.h"

/* Where a field lies, in bits, so that bit fields are ranges like all others. */
struct range {
	uint64_t begin, end;
};

struct context {
	struct lint *lint;
	const struct layout *l;
	size_t type;
	struct layout_type_info info;
};

__attribute__((format(printf, 2, 3))) static void complain(struct lint *lint, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	lint->complaints++;
	lint->say(lint->arg, text);
}

static bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static struct range range_of(const struct layout_field_info *f)
{
	unsigned bits, pos;

	if (sscanf(f->type, "bits:%u@%u", &bits, &pos) == 2)
		return (struct range){f->offset * 8ull + pos, f->offset * 8ull + pos + bits};
	return (struct range){f->offset * 8ull, (f->offset + (uint64_t)f->size) * 8};
}

/* Length of the parent's name in "Parent.Member", 0 at the top. */
static size_t parent_len(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? (size_t)(dot - name) : 0;
}

static bool find_parent(const struct context *c, const struct layout_field_info *f,
			struct layout_field_info *ret)
{
	size_t len = parent_len(f->name);

	for (size_t i = 0; i < c->info.fields; i++) {
		*ret = layout_field_at(c->l, c->type, i);
		if (strlen(ret->name) == len && strncmp(ret->name, f->name, len) == 0)
			return true;
	}
	return false;
}

static bool same_parent(const char *a, const char *b)
{
	size_t len = parent_len(a);

	return len == parent_len(b) && strncmp(a, b, len) == 0;
}

/* Does a declared overlay hold both? `ret_used` marks it. */
static bool overlaid(const struct context *c, struct range a, struct range b, bool *used)
{
	for (size_t i = 0; i < layout_overlay_count(c->l, c->type); i++) {
		struct layout_overlay o = layout_overlay(c->l, c->type, i);
		uint64_t begin = o.offset * 8ull, end = begin + o.size * 8ull;

		if (a.begin >= begin && b.begin >= begin && a.end <= end && b.end <= end) {
			used[i] = true;
			return true;
		}
	}
	return false;
}

static void lint_overlap(const struct context *c, size_t i, bool *used)
{
	struct layout_field_info f = layout_field_at(c->l, c->type, i), parent;
	struct range a = range_of(&f);

	if (parent_len(f.name) ? find_parent(c, &f, &parent) && starts(parent.type, "union{")
			       : c->info.is_union)
		return;
	for (size_t k = i + 1; k < c->info.fields; k++) {
		struct layout_field_info g = layout_field_at(c->l, c->type, k);
		struct range b = range_of(&g);

		if (a.begin < b.end && b.begin < a.end && same_parent(f.name, g.name) &&
		    !overlaid(c, a, b, used))
			complain(c->lint, "%s: %s.%s and %s overlap outside a union",
				 layout_id(c->l), c->info.name, f.name, g.name);
	}
}

static void lint_parent(const struct context *c, const struct layout_field_info *f)
{
	struct layout_field_info parent;
	struct range a = range_of(f), b;

	if (!parent_len(f->name))
		return;
	if (!find_parent(c, f, &parent) ||
	    (!starts(parent.type, "struct{") && !starts(parent.type, "union{"))) {
		complain(c->lint, "%s: %s.%s is in no unnamed struct or union", layout_id(c->l),
			 c->info.name, f->name);
		return;
	}
	b = range_of(&parent);
	if (a.begin < b.begin || a.end > b.end)
		complain(c->lint, "%s: %s.%s lies outside %s", layout_id(c->l), c->info.name,
			 f->name, parent.name);
}

static uint32_t pointer_size(const struct layout *l)
{
	return strcmp(layout_machine(l), "x86") == 0 ? 4 : 8;
}

/* What the compiler would align a member to; 1 when that is not to be seen here. */
static uint32_t alignment(const struct layout *l, const char *type)
{
	uint32_t ptr = pointer_size(l);

	if (starts(type, "ptr") || starts(type, "fptr") || starts(type, "_LIST_ENTRY") ||
	    starts(type, "_UNICODE_STRING"))
		return ptr;
	if (starts(type, "u16") || starts(type, "i16"))
		return 2;
	if (starts(type, "u32") || starts(type, "i32") || starts(type, "enum:"))
		return 4;
	if (starts(type, "u64") || starts(type, "i64"))
		return 8;
	return 1;
}

static void lint_field(const struct context *c, const struct layout_field_info *f)
{
	size_t len = strlen(f->type);
	bool empty_array = len > 3 && strcmp(f->type + len - 3, "[0]") == 0;

	if (f->size == 0 && !empty_array)
		complain(c->lint, "%s: %s.%s: the size of %s is not known", layout_id(c->l),
			 c->info.name, f->name, f->type);
	if (c->info.size && f->offset + (uint64_t)f->size > c->info.size)
		complain(c->lint, "%s: %s.%s ends outside the type", layout_id(c->l), c->info.name,
			 f->name);
	if (f->offset % alignment(c->l, f->type))
		complain(c->lint, "%s: %s.%s at 0x%x is not aligned as %s on %s", layout_id(c->l),
			 c->info.name, f->name, f->offset, f->type, layout_machine(c->l));
	lint_parent(c, f);
}

static void lint_type(struct lint *lint, const struct layout *l, size_t type)
{
	struct context c = {lint, l, type, layout_type_at(l, type)};
	size_t overlays = layout_overlay_count(l, type);
	bool *used = calloc(overlays + 1, sizeof(*used));

	if (!used) {
		complain(lint, "out of memory");
		return;
	}
	for (size_t i = 0; i < c.info.fields; i++) {
		struct layout_field_info f = layout_field_at(l, type, i);

		lint_field(&c, &f);
		lint_overlap(&c, i, used);
	}
	for (size_t i = 0; i < overlays; i++) {
		if (!used[i])
			complain(lint,
				 "%s: %s: the overlay at 0x%x holds no two members that overlap",
				 layout_id(l), c.info.name, layout_overlay(l, type, i).offset);
	}
	free(used);
}

static const char *type_of(const struct layout *l, const struct field_decl *d)
{
	size_t type;

	if (layout_find_type(l, d->type_name, &type)) {
		size_t n = layout_type_at(l, type).fields;

		for (size_t i = 0; i < n; i++) {
			struct layout_field_info f = layout_field_at(l, type, i);

			if (strcmp(f.name, d->name) == 0)
				return f.type;
		}
	}
	return "";
}

static bool fits_kind(const struct field_decl *d, const char *type, uint32_t size, uint32_t ptr)
{
	switch (d->kind) {
	case FK_U8:
		return size == 1;
	case FK_U16:
		return size == 2;
	case FK_U32:
		return size == 4;
	case FK_U64:
		return size == 8;
	case FK_WORD:
		return size == ptr;
	case FK_PTR:
		return starts(type, "ptr") || starts(type, "fptr");
	case FK_USTR:
		return strcmp(type, "_UNICODE_STRING") == 0;
	case FK_LIST:
		return strcmp(type, "_LIST_ENTRY") == 0;
	case FK_STRUCT:
		return true;
	}
	return false;
}

static void lint_decl(struct lint *lint, const struct layout *l, enum field_id id)
{
	const struct field_decl *d = field_decl(id);
	const struct layout_field *f = layout_field(l, id);
	size_t type;

	if (d->module != layout_module(l))
		return;
	/* build 0 has what no build moved: only of what it lists it must say all */
	if (layout_build(l) == 0 && !layout_find_type(l, d->type_name, &type))
		return;
	if (!f && !layout_field_absent(l, id) && !layout_field_unknown(l, id))
		complain(lint, "%s: %s.%s is neither there nor `absent` nor `unknown`",
			 layout_id(l), d->type_name, d->name);
	if (f && !fits_kind(d, type_of(l, d), f->size, pointer_size(l)))
		complain(lint, "%s: %s.%s: type %s is not what fields.def reads", layout_id(l),
			 d->type_name, d->name, type_of(l, d));
	if (layout_field_absent(l, id) && layout_field_unknown(l, id))
		complain(lint, "%s: %s.%s is both `absent` and `unknown`", layout_id(l),
			 d->type_name, d->name);
}

static void lint_head(struct lint *lint, const struct layout *l, const char *file)
{
	const char *dir = layout_module(l) == LM_NT ? "nt" : "fltmgr";
	uint32_t list = strcmp(layout_machine(l), "x86") == 0 ? 8 : 16, size;
	char want[128], prefix[64];
	size_t type;

	snprintf(want, sizeof(want), "%s/%u-%s.layout", dir, (unsigned)layout_build(l),
		 layout_machine(l));
	if (layout_build(l) == 0)
		snprintf(want, sizeof(want), "%s/stable-%s.layout", dir, layout_machine(l));
	/* or, of one image alone, with its service build: 7601.24540-x64 */
	snprintf(prefix, sizeof(prefix), "%s/%u.", dir, (unsigned)layout_build(l));
	if (strcmp(want, file) != 0 && (!starts(file, prefix) || layout_image_count(l) == 0))
		complain(lint, "%s: by what it says its name should be %s", file, want);
	if (!layout_provenance(l)[0])
		complain(lint, "%s: no comment says where it comes from", file);
	/* the pointer size shows in these two */
	if (layout_size_of(l, "_LIST_ENTRY", &size) && size && size != list)
		complain(lint, "%s: a _LIST_ENTRY of %u bytes on %s", file, size,
			 layout_machine(l));
	if (layout_find_type(l, "_UNICODE_STRING", &type) && layout_type_at(l, type).size != list)
		complain(lint, "%s: a _UNICODE_STRING of %u bytes on %s", file,
			 layout_type_at(l, type).size, layout_machine(l));
}

void lint_layout(struct lint *lint, const struct layout *l, const char *file)
{
	lint_head(lint, l, file);
	for (size_t i = 0; i < layout_types(l); i++)
		lint_type(lint, l, i);
	for (unsigned id = 0; id < F_COUNT; id++)
		lint_decl(lint, l, (enum field_id)id);
}
