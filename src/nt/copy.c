/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects of nt that are copied whole, since many of their fields are wanted. */
#include "nt/impl.h"

#include <stdio.h>

#include "base/checked.h"
#include "base/cursor.h"

size_t nt_type_span(const struct reader *r, enum type_id t)
{
	size_t span = 0;
	int f;

	for (f = 0; r->nt && f < F_COUNT; f++) {
		const struct field_decl *d = field_decl((enum field_id)f);
		const struct layout_field *lf;
		size_t end;

		if (d->module != LM_NT || d->type != t)
			continue;
		lf = layout_field(r->nt, (enum field_id)f);
		end = lf ? (size_t)lf->offset + (lf->size ? lf->size : 16) : 0;
		if (end > span)
			span = end;
	}
	return span < NT_OBJECT_MAX ? span : NT_OBJECT_MAX;
}

void nt_object_open(const struct reader *r, struct nt_object *o, uint64_t va, size_t size,
		    const char *what)
{
	struct fs_error err = {0};

	o->va = va;
	o->what = what;
	o->gap = -1;
	o->have = size < NT_OBJECT_MAX ? size : NT_OBJECT_MAX;
	if (o->have == 0 || vm_read(r->vm, va, o->bytes, o->have, what, &err) == FS_OK)
		return;
	/* what lies before the first byte that is not there was copied */
	o->have = err.has_address && err.address > va && err.address - va < o->have
			  ? (size_t)(err.address - va)
			  : 0;
}

static uint64_t load(const uint8_t *p, size_t size)
{
	uint64_t v = 0;

	while (size > 0)
		v = v << 8 | p[--size];
	return v;
}

struct fs_value nt_object_value(const struct reader *r, struct model_builder *b,
				struct nt_object *o, size_t base, enum field_id f)
{
	struct fs_value ret = model_none();
	struct fs_error err = {0};
	size_t size = obj_size(r, f), at;
	uint64_t va;
	enum fs_status st;

	if (size == 0)
		return ret;
	at = base + layout_field(r->nt, f)->offset;
	if (add_u64(o->va, at, &ret.at) && at + size <= o->have) {
		ret.v = load(o->bytes + at, size);
		ret.state = FS_READ;
		return ret;
	}
	/* a triage dump may have this part of it all the same */
	st = add_u64(o->va, base, &va)
		     ? obj_read(r, va, f, &ret.v, &err)
		     : fs_fail_at(&err, FS_CORRUPT, o->va, "past the end of the address space");
	if (st == FS_OK) {
		ret.state = FS_READ;
		return ret;
	}
	if (o->gap < 0) {
		char what[NT_WHAT];

		nt_what(f, what);
		o->gap = model_gap(b, what, &err);
	}
	ret.v = 0;
	ret.state = FS_MISSING;
	ret.gap = o->gap;
	return ret;
}
