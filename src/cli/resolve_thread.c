/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads and processes by what a user typed. Numbers are hexadecimal, as kd reads them. */
#include "cli/resolve.h"

#include <string.h>

#include "base/str.h"

int32_t resolve_thread(const struct fs_model *m, const char *arg)
{
	uint64_t v;
	int32_t found;
	size_t i;

	if (!parse_address(arg, &v))
		return -1;
	found = fs_thread_at(m, v);
	for (i = 0; found < 0 && i < m->nthreads; i++)
		if (fs_is_read(&m->threads[i].tid) && m->threads[i].tid.v == v)
			found = (int32_t)i;
	return found;
}

bool process_matches(const struct fs_process *p, const char *arg)
{
	const char *image = p->image.state == FS_READ ? path_base(p->image.s) : NULL;
	size_t len = strlen(arg);
	uint64_t n;

	if (image &&
	    (str_ieq(image, arg) || (str_istarts(image, arg) && str_ieq(image + len, ".exe"))))
		return true;
	return parse_address(arg, &n) &&
	       (p->address == n || (fs_is_read(&p->pid) && p->pid.v == n));
}
