/* SPDX-License-Identifier: BSD-2-Clause */
/* One object of the dump: its fields as model values. */
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "fltmgr/collect.h"
#include "nt/nt.h"
#include "read/ustr.h"

struct fs_value value_gap(int32_t gap, uint64_t at)
{
	return (struct fs_value){.at = at, .state = FS_MISSING, .gap = gap};
}

/* What contradicts the image's own layout is damage, and prove.c has weighed that
 * before it says PROOF_FAILED; an inferred offset (#I) is no better known for
 * standing in the image's own layout. */
static enum trust field_trust(const struct collect *c, enum field_id f,
			      const struct layout_field *lf)
{
	enum fs_layout_source source = c->choice->source;

	if (field_decl(f)->module != LM_FLTMGR)
		return TRUST_FULL;
	switch (c->choice->proof.field[f]) {
	case PROOF_FAILED:
		return TRUST_FAILED;
	case PROOF_HELD:
		return TRUST_FULL;
	case PROOF_NONE:
		break;
	}
	if (source == FS_LAYOUT_EXACT || source == FS_LAYOUT_PDB || source == FS_LAYOUT_USER)
		return lf->origin == FO_INFERRED ? TRUST_UNPROVED : TRUST_FULL;
	return TRUST_UNPROVED;
}

enum trust path_trust(const struct collect *c, const struct fpath *p, uint32_t *ret_offset)
{
	const struct layout_field *f = layout_field(reader_layout(&c->r, p->f), p->f), *g;
	enum trust tf, tg;

	if (!f)
		return TRUST_ABSENT;
	tf = field_trust(c, p->f, f);
	if (!p->nested) {
		*ret_offset = f->offset;
		return tf;
	}
	g = layout_field(reader_layout(&c->r, p->g), p->g);
	if (!g || __builtin_add_overflow(f->offset, g->offset, ret_offset))
		return TRUST_ABSENT;
	tg = field_trust(c, p->g, g);
	return tf < tg ? tf : tg;
}

/* The bytes from the first to the last known field, when the size is not known. */
static size_t object_extent(struct collect *c, enum type_id type)
{
	size_t end = layout_type_size(c->r.fltmgr, type);
	int f;

	if (end || c->extent[type])
		return end ? end : c->extent[type] - 1;
	for (f = 0; f < F_COUNT; f++) {
		const struct layout_field *lf;

		if (field_decl((enum field_id)f)->type != type)
			continue;
		lf = layout_field(c->r.fltmgr, (enum field_id)f);
		if (lf && (size_t)lf->offset + lf->size > end)
			end = (size_t)lf->offset + lf->size;
	}
	c->extent[type] = end + 1;
	return end;
}

void fobj_open(struct collect *c, struct fobj *o, uint64_t va, enum type_id type, const char *what)
{
	size_t size = object_extent(c, type);
	struct fs_error err;
	uint64_t end, run_va, run_size;

	o->va = va;
	o->what = what;
	o->size = 0;
	o->gone = false;
	o->gap = -1;
	if (!size || !add_u64(va, size, &end))
		return;
	if (size <= sizeof(o->bytes) && vm_read(c->r.vm, va, o->bytes, size, what, &err) == FS_OK) {
		o->size = size;
		return;
	}
	/* Nothing of it at all: one gap speaks for the object, not one for each field. */
	if (vm_next_range(c->r.vm, va, end, &run_va, &run_size) && run_va < end)
		return;
	if (vm_read(c->r.vm, va, o->bytes, 1, what, &err) == FS_OK)
		return;
	o->gone = true;
	o->gap = model_gap(c->b, what, &err);
}

enum fs_status fobj_bytes(struct collect *c, const struct fobj *o, uint32_t offset, void *buf,
			  size_t n, const char *what, struct fs_error *err)
{
	uint64_t va;

	if (range_ok(offset, n, o->size)) {
		memcpy(buf, o->bytes + offset, n);
		return FS_OK;
	}
	if (!add_u64(o->va, offset, &va))
		return fs_fail_at(err, FS_CORRUPT, o->va, "%s lies past the end of memory", what);
	return vm_read(c->r.vm, va, buf, n, what, err);
}

/* What stands in for a value that must not or cannot be read; false: read it. */
static bool withheld(struct collect *c, const struct fobj *o, const struct fpath *p,
		     enum trust trust, uint32_t offset, struct fs_value *ret)
{
	enum field_id f = p->f;

	if (trust == TRUST_ABSENT) {
		*ret = model_none();
		return true;
	}
	if (trust == TRUST_FAILED) {
		/* One gap for the field, not one for each object: the reason is the offset. */
		if (p->nested && c->choice->proof.field[f] != PROOF_FAILED)
			f = p->g;
		if (c->failed_gap[f] < 0) {
			struct fs_error err;

			(void)fs_fail(&err, FS_UNSUPPORTED,
				      "%s: offset contradicted on the live structures",
				      field_decl(f)->full);
			c->failed_gap[f] = model_gap(c->b, p->what, &err);
		}
		*ret = value_gap(c->failed_gap[f], 0);
		return true;
	}
	if (o->gone) {
		*ret = value_gap(o->gap, o->va + offset);
		return true;
	}
	return false;
}

/* The gap of a value that could not be read. Page tables lose whole pages: the values of one
 * object on one page have one gap. Triage ranges end anywhere: there each has its own. */
int32_t fobj_gap(struct collect *c, const struct fobj *o, const char *what,
		 const struct fs_error *err)
{
	uint64_t page = err->address & ~(uint64_t)(DUMP_PAGE_SIZE - 1);

	if (vm_levels(c->r.vm) == 0 || !err->has_address || err->address < o->va ||
	    err->address - o->va >= FOBJ_MAX)
		return model_gap(c->b, what, err);
	if (c->missing.object != o->va || c->missing.page != page) {
		c->missing.object = o->va;
		c->missing.page = page;
		c->missing.gap = model_gap(c->b, o->what, err);
	}
	return c->missing.gap;
}

static struct fs_value read_scalar(struct collect *c, const struct fobj *o, const char *what,
				   uint32_t offset, size_t size, bool unproved)
{
	uint8_t raw[8] = {0};
	struct fs_error err;

	if (fobj_bytes(c, o, offset, raw, size, what, &err) != FS_OK)
		return value_gap(fobj_gap(c, o, what, &err), o->va + offset);
	return (struct fs_value){.v = load_u64(raw),
				 .at = o->va + offset,
				 .state = FS_READ,
				 .unproved = unproved,
				 .gap = -1};
}

/* Bytes of a scalar. As in obj_read, the layout's size wins over the table's: on
 * some builds a field is narrower. Pointers, and structures read as a word, are
 * as wide as the machine's pointers. */
static size_t scalar_size(const struct collect *c, enum field_id f)
{
	const struct layout_field *lf = layout_field(reader_layout(&c->r, f), f);
	size_t size = c->ptr;

	switch (field_decl(f)->kind) {
	case FK_U8:
		size = 1;
		break;
	case FK_U16:
		size = 2;
		break;
	case FK_U32:
		size = 4;
		break;
	case FK_U64:
		size = 8;
		break;
	case FK_WORD:
	case FK_PTR:
	case FK_USTR:
	case FK_LIST:
	case FK_STRUCT:
		return size;
	}
	if (lf && (lf->size == 1 || lf->size == 2 || lf->size == 4 || lf->size == 8))
		size = lf->size;
	return size;
}

struct fs_value fobj_value(struct collect *c, const struct fobj *o, const struct fpath *p)
{
	uint32_t offset = 0;
	enum trust trust = path_trust(c, p, &offset);
	struct fs_value v;

	if (withheld(c, o, p, trust, offset, &v))
		return v;
	return read_scalar(c, o, p->what, offset, scalar_size(c, p->nested ? p->g : p->f),
			   trust == TRUST_UNPROVED);
}

struct fs_value fobj_pointer_at(struct collect *c, const struct fobj *o, const struct fpath *p,
				size_t i)
{
	uint32_t offset = 0;
	enum trust trust = path_trust(c, p, &offset);
	struct fs_value v;

	if (withheld(c, o, p, trust, offset, &v))
		return v;
	return read_scalar(c, o, p->what, offset + (uint32_t)(i * c->ptr), c->ptr,
			   trust == TRUST_UNPROVED);
}

struct fs_links fobj_links(struct collect *c, const struct fobj *o, const struct fpath *p)
{
	uint32_t offset = 0;
	enum trust trust = path_trust(c, p, &offset);
	struct fs_links l;

	if (withheld(c, o, p, trust, offset, &l.flink)) {
		l.blink = l.flink;
		return l;
	}
	l.flink = read_scalar(c, o, p->what, offset, c->ptr, trust == TRUST_UNPROVED);
	l.blink = read_scalar(c, o, p->what, offset + (uint32_t)c->ptr, c->ptr,
			      trust == TRUST_UNPROVED);
	return l;
}

struct fs_string fobj_string(struct collect *c, const struct fobj *o, const struct fpath *p)
{
	uint32_t offset = 0;
	enum trust trust = path_trust(c, p, &offset);
	struct fs_string s = {.gap = -1};
	struct ustr u = {0};
	struct fs_error err;
	struct fs_value v;
	enum fs_status st;

	if (withheld(c, o, p, trust, offset, &v)) {
		s.state = v.state;
		s.gap = v.gap;
		return s;
	}
	st = ustr_read(&c->r, o->va + offset, p->what, c->b->arena, &u, &err);
	/* A descriptor of zeros is an empty string, which is no failure. */
	s.descriptor_read = st == FS_OK || u.length || u.maximum_length || u.buffer;
	s.buffer = u.buffer;
	s.length = u.length;
	if (st != FS_OK) {
		s.state = FS_MISSING;
		s.gap = fobj_gap(c, o, p->what, &err);
		return s;
	}
	s.s = u.text;
	s.state = FS_READ;
	s.unproved = trust == TRUST_UNPROVED;
	return s;
}

struct fs_code fobj_code(struct collect *c, const struct fobj *o, const struct fpath *p)
{
	return nt_code(c->b, c->m, fobj_value(c, o, p));
}

uint64_t fobj_field_va(const struct collect *c, const struct fobj *o, const struct fpath *p)
{
	uint32_t offset = 0;
	uint64_t va;

	if (path_trust(c, p, &offset) < TRUST_UNPROVED || !add_u64(o->va, offset, &va))
		return 0;
	return va;
}
