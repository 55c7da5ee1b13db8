/* SPDX-License-Identifier: BSD-2-Clause */
#include "read/object.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/checked.h"
#include "base/cursor.h"

const struct layout *reader_layout(const struct reader *r, enum field_id f)
{
	return field_decl(f)->module == LM_NT ? r->nt : r->fltmgr;
}

/* NULL: FS_UNSUPPORTED, in words that tell "is not there" from "is not known". */
static const struct layout_field *find_field(const struct reader *r, enum field_id f,
					     struct fs_error *err)
{
	const struct layout *l = reader_layout(r, f);
	const struct layout_field *lf = l ? layout_field(l, f) : NULL;

	if (lf)
		return lf;
	if (!l)
		(void)fs_fail(err, FS_UNSUPPORTED, "%s: no %s layout was chosen",
			      field_decl(f)->full, field_decl(f)->module == LM_NT ? "nt" : "fltmgr");
	else if (layout_field_absent(l, f))
		(void)fs_fail(err, FS_UNSUPPORTED, "this build has no %s (layout %s)",
			      field_decl(f)->full, layout_id(l));
	else
		(void)fs_fail(err, FS_UNSUPPORTED,
			      "where this build has %s is not known (layout %s)",
			      field_decl(f)->full, layout_id(l));
	return NULL;
}

static enum fs_status address_of(uint64_t addr, enum field_id f, const struct layout_field *lf,
				 uint64_t *ret_va, struct fs_error *err)
{

	if (add_u64(addr, lf->offset, ret_va))
		return FS_OK;
	(void)fs_fail_at(err, FS_CORRUPT, addr,
			 "%s: an object at 0x%" PRIx64
			 " would reach past the end of the address space",
			 field_decl(f)->full, addr);
	return FS_CORRUPT;
}

enum fs_status obj_field(const struct reader *r, uint64_t addr, enum field_id f, uint64_t *ret_va,
			 struct fs_error *err)
{
	const struct layout_field *lf = find_field(r, f, err);

	return lf ? address_of(addr, f, lf, ret_va, err) : FS_UNSUPPORTED;
}

/* Bytes of a scalar. The layout's size wins over the table's: on some builds a
 * field is narrower, and reading on would take its neighbour in. */
static size_t scalar_size(const struct reader *r, enum field_id f, const struct layout_field *lf)
{
	size_t size;

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
		size = vm_pointer_size(r->vm);
		break;
	case FK_PTR:
		return vm_pointer_size(r->vm);
	default:
		return 0;
	}
	if (lf->size == 1 || lf->size == 2 || lf->size == 4 || lf->size == 8)
		size = lf->size;
	return size;
}

size_t obj_size(const struct reader *r, enum field_id f)
{
	const struct layout *l = reader_layout(r, f);
	const struct layout_field *lf = l ? layout_field(l, f) : NULL;

	return lf ? scalar_size(r, f, lf) : 0;
}

enum fs_status obj_read(const struct reader *r, uint64_t addr, enum field_id f, uint64_t *ret,
			struct fs_error *err)
{
	const struct layout_field *lf = find_field(r, f, err);
	uint8_t b[8] = {0};
	enum fs_status st;
	uint64_t va;
	size_t size;

	if (!lf)
		return FS_UNSUPPORTED;
	size = scalar_size(r, f, lf);
	if (size == 0)
		return fs_fail(err, FS_INVALID, "%s is no scalar", field_decl(f)->full);
	st = address_of(addr, f, lf, &va, err);
	if (st == FS_OK)
		st = vm_read(r->vm, va, b, size, field_decl(f)->full, err);
	if (st == FS_OK)
		*ret = load_u64(b); /* the bytes beyond size are zero */
	return st;
}

/* LIST_ENTRY (wdm.h): two pointers, Flink first, on every build. */
enum fs_status obj_links(const struct reader *r, uint64_t addr, enum field_id f,
			 struct list_links *ret, struct fs_error *err)
{
	const size_t ptr = vm_pointer_size(r->vm);
	struct list_links links;
	uint8_t b[16];
	enum fs_status st;

	if (field_decl(f)->kind != FK_LIST)
		return fs_fail(err, FS_INVALID, "%s is no LIST_ENTRY", field_decl(f)->full);
	st = obj_field(r, addr, f, &links.self, err);
	if (st == FS_OK)
		st = vm_read(r->vm, links.self, b, 2 * ptr, field_decl(f)->full, err);
	if (st != FS_OK)
		return st;
	links.flink = ptr == 8 ? load_u64(b) : load_u32(b);
	links.blink = ptr == 8 ? load_u64(b + 8) : load_u32(b + 4);
	*ret = links;
	return FS_OK;
}

enum fs_status obj_read2(const struct reader *r, uint64_t addr, enum field_id f, enum field_id g,
			 uint64_t *ret, struct fs_error *err)
{
	enum fs_status st;
	uint64_t va;

	st = obj_field(r, addr, f, &va, err);
	if (st != FS_OK)
		return st;
	st = obj_read(r, va, g, ret, err);
	return st == FS_OK ? st : fs_prepend(err, st, "%s", field_decl(f)->full);
}
