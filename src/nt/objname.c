/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Object headers. OBJECT_HEADER lies before the object (its Body is the object
 * itself); before it, from Windows 7 on, lie optional headers, one per bit of
 * InfoMask, the lowest bit nearest: 1 creator info, 2 name info, 4 handle info,
 * 8 quota info, and more. So the name info is at header - sizeof(name info),
 * less the creator info where bit 1 is set. (nt has a table indexed with
 * InfoMask masked to the wanted bit and those below; volatility3's NameInfo
 * reads that table, volatility 2 subtracts the sizes in this order. The sizes
 * are in the layouts.)
 */
#include "nt/impl.h"

enum { INFO_CREATOR = 1, INFO_NAME = 2 };

enum fs_status nt_object_header(const struct reader *r, uint64_t object, uint64_t *ret,
				struct fs_error *err)
{
	const struct layout_field *body = r->nt ? layout_field(r->nt, F_OBJECT_HEADER_Body) : NULL;

	if (!body)
		return fs_fail(err, FS_UNSUPPORTED, "the layout has no _OBJECT_HEADER.Body");
	if (object < body->offset)
		return fs_fail_at(err, FS_CORRUPT, object, "no object has its header below 0");
	*ret = object - body->offset;
	return FS_OK;
}

static enum fs_status find_name_info(const struct reader *r, uint64_t object, uint64_t *ret,
				     struct fs_error *err)
{
	uint64_t header = 0, mask = 0, before;
	uint32_t creator;
	enum fs_status st = nt_object_header(r, object, &header, err);

	if (!st)
		st = obj_read(r, header, F_OBJECT_HEADER_InfoMask, &mask, err);
	if (st)
		return st;
	if (!(mask & INFO_NAME))
		return fs_fail_at(err, FS_NOT_FOUND, header, "the object has no name");
	before = layout_type_size(r->nt, T_OBJECT_HEADER_NAME_INFO);
	creator = layout_type_size(r->nt, T_OBJECT_HEADER_CREATOR_INFO);
	if (before == 0 || creator == 0)
		return fs_fail(err, FS_UNSUPPORTED,
			       "the layout has no size of _OBJECT_HEADER_NAME_INFO or "
			       "_OBJECT_HEADER_CREATOR_INFO");
	if (mask & INFO_CREATOR)
		before += creator;
	if (header < before)
		return fs_fail_at(err, FS_CORRUPT, header, "no object has its name below 0");
	*ret = header - before;
	return FS_OK;
}

enum fs_status nt_object_name(const struct reader *r, uint64_t object, struct model_builder *b,
			      struct fs_string *ret)
{
	struct fs_error err = {0};
	uint64_t info = 0;
	enum fs_status st = find_name_info(r, object, &info, &err);

	*ret = (struct fs_string){.gap = -1};
	if (!st) {
		*ret = nt_string(r, b, info, F_OBJECT_HEADER_NAME_INFO_Name);
		if (ret->state == FS_READ)
			return FS_OK;
		return ret->gap >= 0 ? b->model->gaps[ret->gap].reason : FS_UNSUPPORTED;
	}
	if (st == FS_NOT_FOUND || (st == FS_UNSUPPORTED && !err.has_address))
		return st;
	ret->state = FS_MISSING;
	ret->gap = model_gap(b, "OBJECT_HEADER.InfoMask", &err);
	return st;
}
