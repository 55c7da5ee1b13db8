/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From an address to an entity of the model. An address whose header is in the
 * dump and says that it is something else is not an entity (gap, corrupt). One
 * whose header is not in the dump is: its address was reached, its values are not.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/cursor.h"
#include "fltmgr/collect.h"

int32_t collect_gap(struct collect *c, const char *what, uint64_t va, enum fs_status reason,
		    const char *fmt, ...)
{
	char text[FS_ERROR_TEXT];
	struct fs_error err;
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	(void)fs_fail_at(&err, reason, va, "%s", text);
	return model_gap(c->b, what, &err);
}

/* One kind of entity: how it is found, added and told from others. */
struct kind {
	const char *what;
	const struct fpath *type; /* the word that says what it is */
	uint64_t mask, expected;
	int32_t (*find)(const struct model_builder *b, uint64_t va);
	enum fs_status (*add)(struct model_builder *b, uint64_t va, size_t *ret);
};

/* False when the word is there and wrong. */
static bool header_fits(struct collect *c, const struct kind *k, uint64_t va, const char *by)
{
	struct fobj o = {.va = va, .gap = -1};
	uint32_t offset = 0, word;
	uint8_t raw[4];

	if (path_trust(c, k->type, &offset) < TRUST_UNPROVED)
		return true;
	if (fobj_bytes(c, &o, offset, raw, sizeof(raw), k->type->what, NULL) != FS_OK)
		return true;
	word = load_u32(raw);
	if ((word & k->mask) == k->expected)
		return true;
	(void)collect_gap(c, k->type->what, va, FS_CORRUPT,
			  "%s leads to 0x%llx, which is no %s: %s is 0x%x, expected 0x%llx under "
			  "the mask 0x%llx",
			  by, (unsigned long long)va, k->what, k->type->what, word,
			  (unsigned long long)k->expected, (unsigned long long)k->mask);
	return false;
}

static bool reach(struct collect *c, const struct kind *k, uint64_t va, const char *by, size_t *ret)
{
	int32_t known = k->find(c->b, va);
	struct fs_error err;
	enum fs_status st;

	if (known >= 0) {
		*ret = (size_t)known;
		return true;
	}
	if (!vm_is_kernel_va(c->r.vm, va) || va % c->ptr) {
		(void)collect_gap(c, by, va, FS_CORRUPT, "%s leads to 0x%llx, no %s can be there",
				  by, (unsigned long long)va, k->what);
		return false;
	}
	if (!header_fits(c, k, va, by))
		return false;
	st = k->add(c->b, va, ret);
	if (st == FS_OK)
		return true;
	if (st == FS_NO_MEMORY) {
		c->out_of_memory = true;
		return false;
	}
	c->limited = true;
	(void)fs_fail(&err, st, "more %s objects than are kept", k->what);
	(void)model_gap(c->b, k->what, &err);
	return false;
}

bool reach_frame(struct collect *c, uint64_t va, const char *by, size_t *ret)
{
	const struct kind k = {
		.what = "FLTP_FRAME",
		.type = P2(FLTP_FRAME, Type, FLT_TYPE, Signature),
		.mask = 0xffff,
		.expected = FLTP_FRAME_SIGNATURE,
		.find = model_find_frame,
		.add = model_add_frame,
	};

	return reach(c, &k, va, by, ret);
}

bool reach_filter(struct collect *c, uint64_t va, const char *by, size_t *ret)
{
	const struct kind k = {
		.what = "FLT_FILTER",
		.type = P2(FLT_FILTER, Base, FLT_OBJECT, Flags),
		.mask = FLT_OBFL_TYPES,
		.expected = FLT_OBFL_TYPE_FILTER,
		.find = model_find_filter,
		.add = model_add_filter,
	};

	return reach(c, &k, va, by, ret);
}

bool reach_instance(struct collect *c, uint64_t va, const char *by, size_t *ret)
{
	const struct kind k = {
		.what = "FLT_INSTANCE",
		.type = P2(FLT_INSTANCE, Base, FLT_OBJECT, Flags),
		.mask = FLT_OBFL_TYPES,
		.expected = FLT_OBFL_TYPE_INSTANCE,
		.find = model_find_instance,
		.add = model_add_instance,
	};

	return reach(c, &k, va, by, ret);
}

bool reach_volume(struct collect *c, uint64_t va, const char *by, size_t *ret)
{
	const struct kind k = {
		.what = "FLT_VOLUME",
		.type = P2(FLT_VOLUME, Base, FLT_OBJECT, Flags),
		.mask = FLT_OBFL_TYPES,
		.expected = FLT_OBFL_TYPE_VOLUME,
		.find = model_find_volume,
		.add = model_add_volume,
	};

	return reach(c, &k, va, by, ret);
}
