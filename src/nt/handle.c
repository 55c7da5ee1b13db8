/* SPDX-License-Identifier: BSD-2-Clause */
/* See handles.h. What an entry holds is told by the layout. */
#include "nt/handles.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "nt/impl.h"

enum { TABLE_PAGE = 4096 };

/* How the object's address stands in an entry. */
struct decode {
	bool plain;	      /* Windows 7: a pointer with attributes in its low 3 bits */
	unsigned shift, bits; /* else bits of the word, of an address without its low bits */
	unsigned ptr;	      /* bytes of a pointer; an entry is two such words */
	uint64_t body;	      /* offset of the body behind the header */
};

/* Objects stand on 16 bytes, on 8 where pointers have 4. */
static unsigned low_bits(const struct decode *d)
{
	return d->ptr == 8 ? 4 : 3;
}

static size_t per_page(const struct decode *d)
{
	return TABLE_PAGE / (2 * d->ptr);
}

static uint64_t word_in(const struct decode *d, const uint8_t *b)
{
	return d->ptr == 8 ? load_u64(b) : load_u32(b);
}

struct table {
	struct nt_handle_walk *w;
	struct decode d;
	uint64_t limit; /* handle values at or above it were never given out */
	uint64_t count;
	bool partly;
};

/* "bits:44@20"; on 32 bits "bits:29@3" */
static bool parse_bits(const char *s, unsigned ptr, unsigned *ret_bits, unsigned *ret_shift)
{
	char *end;
	unsigned long n, at;

	if (strncmp(s, "bits:", 5) != 0)
		return false;
	n = strtoul(s + 5, &end, 10);
	if (*end != '@')
		return false;
	at = strtoul(end + 1, NULL, 10);
	if (n < 4ul * ptr || n > 8ul * ptr - 3 || at + n > 8ul * ptr)
		return false;
	*ret_bits = (unsigned)n;
	*ret_shift = (unsigned)at;
	return true;
}

static bool how_to_decode(const struct reader *r, struct decode *ret)
{
	const struct layout_field *body = r->nt ? layout_field(r->nt, F_OBJECT_HEADER_Body) : NULL;
	struct layout_field_info f;

	if (!body)
		return false;
	*ret = (struct decode){.body = body->offset, .ptr = vm_pointer_size(r->vm)};
	/* With 57-bit addresses Windows runs another kernel, whose entries have more bits
	 * (System Informer's kphdyn.xml: ObDecodeShift 11 of ntkrla57.exe). */
	if (vm_levels(r->vm) == 5) {
		ret->bits = 53;
		ret->shift = 11;
		return layout_find_path(r->nt, NULL, "_HANDLE_TABLE_ENTRY", "ObjectPointerBits",
					&f);
	}
	if (layout_find_path(r->nt, NULL, "_HANDLE_TABLE_ENTRY", "ObjectPointerBits", &f))
		return parse_bits(f.type, ret->ptr, &ret->bits, &ret->shift);
	ret->plain = true;
	return layout_field(r->nt, F_HANDLE_TABLE_ENTRY_Object) != NULL;
}

static uint64_t object_header(const struct decode *d, uint64_t low)
{
	const unsigned below = low_bits(d);
	uint64_t v;

	if (d->plain)
		return low & ~7ull;
	v = low >> d->shift;
	if (d->bits + d->shift < 64)
		v &= (1ull << d->bits) - 1;
	if (d->ptr == 4)
		return v << below & UINT32_MAX;
	/* the low bits are 0, those above are 1 in the kernel's half */
	return v ? v << below | ~0ull << (d->bits + below) : 0;
}

static void take_entry(struct table *t, const uint8_t *b, uint64_t va, uint64_t value)
{
	struct nt_handle h = {.value = value, .entry = va};

	h.header = object_header(&t->d, word_in(&t->d, b));
	if (!vm_is_kernel_va(t->w->r->vm, h.header) || h.header % (2 * t->d.ptr) ||
	    !add_u64(h.header, t->d.body, &h.object))
		return; /* free */
	h.access = load_u32(b + t->d.ptr) & 0x1ffffff;
	h.access_at = va + t->d.ptr;
	h.access_known = true;
	t->count++;
	t->w->visit(t->w->arg, &h);
}

/* One page of the table: false when it could not be read. */
static bool read_page(struct table *t, uint64_t va, uint8_t b[TABLE_PAGE], const char *what)
{
	struct fs_error err = {0};

	if (t->w->left < TABLE_PAGE) {
		t->partly = true;
		t->w->left = 0;
		return false;
	}
	t->w->left -= TABLE_PAGE;
	if (va % 16 == 0 && vm_is_kernel_va(t->w->r->vm, va) &&
	    vm_read(t->w->r->vm, va, b, TABLE_PAGE, what, &err) == FS_OK)
		return true;
	if (!err.status)
		(void)fs_fail_at(&err, FS_CORRUPT, va, "%s: 0x%" PRIx64 " is no page of a table",
				 what, va);
	model_gap(t->w->b, what, &err);
	t->partly = true;
	return false;
}

static void walk_leaf(struct table *t, uint64_t va, uint64_t first)
{
	const size_t size = 2 * (size_t)t->d.ptr;
	uint8_t b[TABLE_PAGE];
	size_t i;

	if (!read_page(t, va, b, "HANDLE_TABLE_ENTRY"))
		return;
	for (i = 1; i < per_page(&t->d) && (first + i) * 4 < t->limit; i++)
		take_entry(t, b + i * size, va + i * size, (first + i) * 4);
}

/* A table of pointers to those of the next level; level 1 points at pages of entries. */
static void walk_level(struct table *t, uint64_t va, unsigned level, uint64_t first)
{
	const size_t pointers = TABLE_PAGE / t->d.ptr;
	const uint64_t each = per_page(&t->d) * (level == 1 ? 1 : (uint64_t)pointers);
	uint8_t b[TABLE_PAGE];
	size_t i;

	if (!read_page(t, va, b, "HANDLE_TABLE.TableCode"))
		return;
	for (i = 0; i < pointers; i++) {
		uint64_t next = word_in(&t->d, b + i * t->d.ptr), at = first + i * each;

		/* they are filled from the front, as far as handles were given out */
		if (next == 0 || at * 4 >= t->limit)
			break;
		if (level == 1)
			walk_leaf(t, next, at);
		else
			walk_level(t, next, level - 1, at);
	}
}

enum fs_looked nt_walk_handles(struct nt_handle_walk *w, uint64_t va, uint64_t *ret_count)
{
	struct table t = {.w = w, .limit = UINT64_MAX};
	struct fs_value code, limit;
	unsigned level;

	if (!how_to_decode(w->r, &t.d) || !vm_is_kernel_va(w->r->vm, va))
		return FS_LOOKED_NOT;
	code = nt_value(w->r, w->b, va, F_HANDLE_TABLE_TableCode);
	if (!fs_is_read(&code))
		return FS_LOOKED_NOT;
	limit = nt_value(w->r, w->b, va, F_HANDLE_TABLE_NextHandleNeedingPool);
	if (fs_is_read(&limit))
		t.limit = limit.v;
	level = (unsigned)(code.v & 3);
	if (level == 3) {
		struct fs_error err = {0};

		(void)fs_fail_at(&err, FS_CORRUPT, code.at,
				 "HANDLE_TABLE.TableCode is 0x%" PRIx64 ", whose level is 3",
				 code.v);
		model_gap(w->b, "HANDLE_TABLE.TableCode", &err);
		return FS_LOOKED_NOT;
	}
	if (level == 0)
		walk_leaf(&t, code.v, 0);
	else
		walk_level(&t, code.v & ~7ull, level, 0);
	*ret_count = t.count;
	return t.partly ? FS_LOOKED_PARTLY : FS_LOOKED_WHOLE;
}
