/* SPDX-License-Identifier: BSD-2-Clause */
/* What several functions say together. */
#include "code/recover.h"

static const struct {
	const char *name;
	size_t offset;
} fields[] = {
#define FIELD(f)                                                                                   \
	{                                                                                          \
#f, offsetof(struct recover_offsets, f)                                            \
	}
	FIELD(frame_list),	     FIELD(frame_list_lock), FIELD(link_to_filters),
	FIELD(link_to_filters_lock), FIELD(primary_link),    FIELD(driver_object),
	FIELD(filter_name),	     FIELD(instance_list),   FIELD(instance_list_lock),
	FIELD(instance_filter_link), FIELD(rundown),
#undef FIELD
};

static struct recovered *field(struct recover_offsets *o, size_t i)
{
	return (void *)((char *)o + fields[i].offset);
}

enum fs_status recover_merge(struct recover_offsets *all, const struct recover_offsets *more,
			     struct fs_error *err)
{
	struct recover_offsets r = *all, m = *more;
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct recovered *a = field(&r, i), *b = field(&m, i);

		if (a->known && b->known && a->value != b->value)
			return fs_fail_at(err, FS_CORRUPT, b->at,
					  "offsets from code disagree: %s is 0x%llx by the "
					  "instruction at 0x%llx and 0x%llx by that at 0x%llx",
					  fields[i].name, (unsigned long long)a->value,
					  (unsigned long long)a->at, (unsigned long long)b->value,
					  (unsigned long long)b->at);
		if (!a->known)
			*a = *b;
	}
	if (r.walk != RECOVER_WALK_UNKNOWN && m.walk != RECOVER_WALK_UNKNOWN && r.walk != m.walk)
		return fs_fail_at(err, FS_CORRUPT, m.walk_at,
				  "offsets from code disagree: what the unload walk does after a "
				  "failed reference, at 0x%llx and 0x%llx",
				  (unsigned long long)r.walk_at, (unsigned long long)m.walk_at);
	/* an instance hangs on its filter by a link of its own: with the base's link it was a
	 * volume's list, which is walked the same way */
	if (r.instance_filter_link.known && r.primary_link.known &&
	    r.instance_filter_link.value == r.primary_link.value)
		return fs_fail_at(err, FS_CORRUPT, r.instance_filter_link.at,
				  "offsets from code: the list walked at 0x%llx links objects by "
				  "_FLT_OBJECT.PrimaryLink, so it is not a filter's instances",
				  (unsigned long long)r.instance_filter_link.at);
	if (r.walk == RECOVER_WALK_UNKNOWN) {
		r.walk = m.walk;
		r.walk_at = m.walk_at;
	}
	*all = r;
	return FS_OK;
}

struct recovered recover_in_frame(const struct recovered *r, uint64_t links)
{
	struct recovered f = *r;

	if (f.known)
		f.value += links;
	return f;
}
