/* SPDX-License-Identifier: BSD-2-Clause */
/* db dw dd dq dps: memory in WinDbg's columns; ?? for what could not be read. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "view/common.h"
#include "view/debug.h"

#define LINE_BYTES 16

const char *text_tick(struct view *v, const struct view_debug *d, uint64_t va)
{
	if (d->pointer == 4 && va <= UINT32_MAX)
		return text_printf(v, "%08" PRIx64, va);
	return text_printf(v, "%08" PRIx64 "`%08" PRIx64, va >> 32, va & UINT32_MAX);
}

struct line {
	uint64_t va;
	uint8_t byte[LINE_BYTES];
	bool have[LINE_BYTES];
	size_t n; /* bytes asked */
};

/* Reads around holes: what lies behind a missing byte may be there. */
static void fill(const struct view_debug *d, struct line *l, struct view_result *r, bool *image)
{
	size_t at = 0;

	memset(l->have, 0, sizeof(l->have));
	while (at < l->n) {
		struct fs_error err = {0};
		bool from_image = false;
		size_t got = 0;
		enum fs_status st = d->read(d->fs, l->va + at, l->byte + at, l->n - at, &got,
					    &from_image, &err);

		memset(l->have + at, 1, got);
		*image |= from_image && got > 0;
		at += got;
		if (st == FS_OK)
			return;
		if (r->status == FS_OK) {
			r->status = st;
			r->err = err;
		}
		at++;
	}
}

static bool whole(const struct line *l, size_t at, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!l->have[at + i])
			return false;
	return true;
}

static uint64_t number(const struct line *l, size_t at, size_t n)
{
	uint8_t b[8] = {0};

	memcpy(b, l->byte + at, n);
	return load_u64(b);
}

static const char *cell(struct view *v, const struct view_debug *d, const struct line *l, size_t at,
			size_t n)
{
	static const char unknown[] = "????????????????";

	if (!whole(l, at, n))
		return n == 8 ? "????????`????????" : unknown + 16 - 2 * n;
	if (n == 8)
		return text_tick(v, &(struct view_debug){.fs = d->fs, .pointer = 8},
				 number(l, at, n));
	return text_printf(v, "%0*" PRIx64, (int)(2 * n), number(l, at, n));
}

static void put(char *dst, size_t size, size_t *n, const char *s)
{
	if (*n < size)
		*n += (size_t)snprintf(dst + *n, size - *n, "%s", s);
}

static void text_of(struct view *v, const struct view_debug *d, const struct line *l, size_t unit)
{
	char cells[128] = "", ascii[LINE_BYTES + 1] = "";
	size_t i, n = 0;

	for (i = 0; i < l->n; i += unit) {
		if (i)
			put(cells, sizeof(cells), &n, unit == 1 && i == 8 ? "-" : " ");
		put(cells, sizeof(cells), &n, cell(v, d, l, i, unit));
	}
	for (i = 0; unit == 1 && i < l->n; i++)
		ascii[i] = !l->have[i]				    ? '?'
			   : l->byte[i] >= ' ' && l->byte[i] < 0x7f ? (char)l->byte[i]
								    : '.';
	if (unit == 1)
		emit_line(v->e, "%s  %-47s  %s", text_tick(v, d, l->va), cells, ascii);
	else
		emit_line(v->e, "%s  %s", text_tick(v, d, l->va), cells);
}

static void pointer_line(struct view *v, const struct view_debug *d, const struct line *l)
{
	struct fs_symbol sym;
	bool have = whole(l, 0, d->pointer);
	uint64_t va = have ? number(l, 0, d->pointer) : 0;
	bool named = have && d->symbol_at(d->fs, va, &sym, NULL) == FS_OK && sym.text[0];

	emit_object_begin(v->e, NULL);
	emit_address(v->e, "address", l->va);
	if (have)
		emit_address(v->e, "value", va);
	else
		emit_null(v->e, "value");
	if (named)
		emit_string(v->e, "symbol", sym.text);
	emit_object_end(v->e);
	if (emit_is_text(v->e))
		emit_line(v->e, "%s  %s%s%s", text_tick(v, d, l->va),
			  have		    ? text_tick(v, d, va)
			  : d->pointer == 4 ? "????????"
					    : "????????`????????",
			  named ? " " : "", named ? sym.text : "");
}

static void json_line(struct view *v, const struct line *l, size_t unit)
{
	size_t i;

	for (i = 0; i < l->n; i += unit) {
		if (!whole(l, i, unit))
			emit_null(v->e, NULL);
		else if (unit == 8)
			emit_address(v->e, NULL, number(l, i, unit));
		else
			emit_uint(v->e, NULL, number(l, i, unit));
	}
}

struct view_result view_memory(struct view *v, const struct view_debug *d, enum view_unit unit,
			       uint64_t va, size_t count)
{
	size_t size = unit == UNIT_SYMBOL ? d->pointer : (size_t)unit;
	size_t step = unit == UNIT_SYMBOL ? size : LINE_BYTES, left = count, i;
	struct view_result r = {0};
	struct line l = {.va = va};
	bool image = false;

	emit_address(v->e, "address", va);
	emit_uint(v->e, "unit", size);
	emit_array_begin(v->e, "values");
	while (left > 0) {
		size_t n = left * size < step ? left * size : step;

		entity_begin(v);
		l.n = n;
		fill(d, &l, &r, &image);
		if (unit == UNIT_SYMBOL) {
			pointer_line(v, d, &l);
		} else {
			json_line(v, &l, size);
			if (emit_is_text(v->e))
				text_of(v, d, &l, size);
		}
		for (i = 0; i + size <= n; i += size)
			r.shown += whole(&l, i, size);
		left -= n / size;
		if (!add_u64(l.va, n, &l.va))
			break;
	}
	emit_array_end(v->e);
	if (image) {
		emit_bool(v->e, "from_image", true);
		if (emit_is_text(v->e))
			emit_paragraph(v->e, "Some of these bytes are not in the dump: they are "
					     "from the image file.");
	}
	return r;
}
