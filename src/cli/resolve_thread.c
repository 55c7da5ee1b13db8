/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads and processes by what a user typed, or has read in an answer: numbers are hexadecimal, as
 * kd reads and writes them, 0n4712 is decimal. */
#include "cli/resolve.h"

#include <string.h>

#include "base/str.h"

/* WinDbg's Cid: "1584.1588". */
static bool parse_cid(const char *arg, uint64_t *ret_pid, uint64_t *ret_tid)
{
	const char *dot = strchr(arg, '.');
	char pid[24];
	size_t n = dot ? (size_t)(dot - arg) : 0;

	if (!n || n >= sizeof(pid))
		return false;
	memcpy(pid, arg, n);
	pid[n] = 0;
	return parse_number(pid, ret_pid) && parse_number(dot + 1, ret_tid);
}

/* The thread of that ID, in that process when it is given; -1 none, -2 several. */
static int32_t by_id(const struct fs_model *m, uint64_t tid, const uint64_t *pid)
{
	int32_t found = -1;
	size_t i;

	for (i = 0; i < m->nthreads; i++) {
		const struct fs_thread *t = &m->threads[i];

		if (fs_is_read(&t->tid) && t->tid.v == tid &&
		    (!pid || (fs_is_read(&t->pid) && t->pid.v == *pid)))
			found = found == -1 ? (int32_t)i : -2;
	}
	return found;
}

int32_t resolve_thread(const struct fs_model *m, const char *arg)
{
	uint64_t v, pid;
	int32_t found;

	if (parse_cid(arg, &pid, &v))
		return by_id(m, v, &pid);
	if (!parse_number(arg, &v))
		return -1;
	if (!v) /* every processor's idle thread has it */
		return -2;
	found = fs_thread_at(m, v);
	return found >= 0 ? found : by_id(m, v, NULL);
}

bool process_matches(const struct fs_model *m, const struct fs_process *p, const char *arg)
{
	const char *image = p->image.state == FS_READ ? path_base(p->image.s) : NULL;
	size_t len = strlen(arg);
	uint64_t n, tid;

	if (image &&
	    (str_ieq(image, arg) || (str_istarts(image, arg) && str_ieq(image + len, ".exe"))))
		return true;
	if (parse_cid(arg, &n, &tid))
		return fs_is_read(&p->pid) && p->pid.v == n && by_id(m, tid, &n) != -1;
	return parse_number(arg, &n) && (p->address == n || (fs_is_read(&p->pid) && p->pid.v == n));
}
