/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions about the handles of a model. */
#include "fltscope/model.h"

const struct fs_handle *fs_handle_to(const struct fs_model *m, const struct fs_handle *after,
				     enum fs_handle_kind kind, uint64_t target)
{
	size_t i = after ? (size_t)(after - m->handles) + 1 : 0;

	for (; i < m->nhandles; i++)
		if (m->handles[i].kind == kind && (!target || m->handles[i].target == target))
			return &m->handles[i];
	return NULL;
}

const char *fs_handle_kind_name(enum fs_handle_kind k)
{
	static const char *const names[] = {"driver", "device", "filter",     "instance",
					    "frame",  "port",	"server-port"};

	return (size_t)k < sizeof(names) / sizeof(names[0]) ? names[k] : "unknown";
}
