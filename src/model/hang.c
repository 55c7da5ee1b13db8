/* SPDX-License-Identifier: BSD-2-Clause */
/* Which threads are inside a filter, by their stacks alone. */
#include "fltscope/hang.h"

#include <string.h>

#include "base/str.h"

static int32_t module_of(const struct fs_stack *s, size_t i)
{
	return s->frame[i].ip.module;
}

/* The kernel and its HAL come and go on every stack. */
static bool is_kernel(const struct fs_model *m, int32_t module)
{
	const char *name = module >= 0 ? m->modules[module].name : NULL;

	return module == 0 ||
	       (name && (strcmp(name, "hal.dll") == 0 || strcmp(name, "ntoskrnl.exe") == 0));
}

static int32_t filter_in(const struct fs_model *m, int32_t module)
{
	size_t i, k;

	for (i = 0; i < m->nfilters; i++)
		for (k = 0; k < FS_CB_COUNT; k++)
			if (m->filters[i].callback[k].module == module)
				return (int32_t)i;
	for (i = 0; i < m->nfilters; i++)
		for (k = 0; k < m->filters[i].noperations; k++)
			if (m->filters[i].operations[k].pre.module == module ||
			    m->filters[i].operations[k].post.module == module)
				return (int32_t)i;
	return -1;
}

static enum fs_hang_call call_of(const struct fs_stack_frame *f)
{
	const char *s = f->ip.symbol;

	if (s && strstr(s, "!FltpPerformPre"))
		return FS_HANG_PRE;
	if (s && strstr(s, "!FltpPerformPost"))
		return FS_HANG_POST;
	return FS_HANG_CALLBACK;
}

/* FltMgr passes operations on to file systems, too, on older builds by a jump through
 * IofCallDriver that leaves no frame. FLT_VOLUME.CDODriverName says which they are. */
static bool is_file_system(const struct fs_model *m, int32_t module)
{
	const char *name = m->modules[module].name;
	size_t i, n = name ? strcspn(name, ".") : 0;

	for (i = 0; i < m->nvolumes && n; i++) {
		const struct fs_string *s = &m->volumes[i].cdo_driver_name;
		const char *last = s->state == FS_READ ? strrchr(s->s, '\\') : NULL;

		if (last && strlen(last + 1) == n && str_istarts(name, last + 1))
			return true;
	}
	return false;
}

static bool is_filter(const struct fs_model *m, int32_t module)
{
	return module >= 0 && module != m->fltmgr_module && !is_kernel(m, module);
}

bool fs_hang_of(const struct fs_model *m, size_t thread, struct fs_hang_thread *ret)
{
	const struct fs_thread *t = &m->threads[thread];
	const struct fs_stack *s = &t->stack;
	size_t i, k;

	if (m->fltmgr_module < 0)
		return false;
	for (i = 0; i + 1 < s->n; i++)
		if (is_filter(m, module_of(s, i)) && module_of(s, i + 1) == m->fltmgr_module &&
		    !is_file_system(m, module_of(s, i)))
			break;
	if (i + 1 >= s->n)
		return false;
	*ret = (struct fs_hang_thread){
		.thread = thread,
		.called = i,
		.module = module_of(s, i),
		.filter = filter_in(m, module_of(s, i)),
		.call = call_of(&s->frame[i + 1]),
		.waits = fs_is_read(&t->state) && t->state.v == FS_THREAD_WAITING,
		.lock = fs_lock_waited_for(m, (int32_t)thread),
		.proved = true,
	};
	for (k = 0; k < i && !is_filter(m, module_of(s, k)) && module_of(s, k) != m->fltmgr_module;
	     k++)
		;
	ret->blocked = k;
	ret->blocked_in = module_of(s, k);
	for (k = 0; k <= i + 1; k++)
		ret->proved &= fs_frame_proves(&s->frame[k]);
	return true;
}
