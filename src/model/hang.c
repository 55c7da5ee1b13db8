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

/* EX_RUNDOWN_WAIT_BLOCK: {Count, KEVENT}, Count as wide as a pointer (facts: "How to read a wait"). */
static bool waits_for_rundown(const struct fs_model *m, const struct fs_thread *t,
			      enum fs_rundown_state state, uint64_t block)
{
	const uint64_t event = block + fs_pointer_size(&m->dump);

	return state == FS_RUNDOWN_WAITING && block && event > block &&
	       fs_thread_waits_for(t, event);
}

static bool waits_for_object(const struct fs_model *m, const struct fs_thread *t,
			     const struct fs_object *o)
{
	return waits_for_rundown(m, t, o->rundown.state, o->rundown.wait_block);
}

static struct fs_hang_rundown rundown_is(const struct fs_model *m, const char *of, uint64_t address,
					 int32_t filter)
{
	return (struct fs_hang_rundown){
		address, of, filter,
		filter >= 0 && fs_has(&m->filters[filter].object.flags.value, FS_OBJ_DRAINING)};
}

static struct fs_hang_rundown rundown_of(const struct fs_model *m, const struct fs_thread *t)
{
	size_t i;

	for (i = 0; i < m->nfilters; i++)
		if (waits_for_object(m, t, &m->filters[i].object))
			return rundown_is(m, "FLT_FILTER", m->filters[i].address, (int32_t)i);
	for (i = 0; i < m->ninstances; i++) {
		const struct fs_instance *in = &m->instances[i];

		if (waits_for_object(m, t, &in->object) ||
		    (in->holders && waits_for_rundown(m, t, in->holders->operations.state,
						       in->holders->operations.wait_block)))
			return rundown_is(m, "FLT_INSTANCE", in->address, in->filter);
	}
	for (i = 0; i < m->nvolumes; i++)
		if (waits_for_object(m, t, &m->volumes[i].object))
			return rundown_is(m, "FLT_VOLUME", m->volumes[i].address, -1);
	return rundown_is(m, NULL, 0, -1);
}

/* From fltmgr into a driver that is no file system. */
static bool called_at(const struct fs_model *m, const struct fs_stack *s, size_t i)
{
	return is_filter(m, module_of(s, i)) && module_of(s, i + 1) == m->fltmgr_module &&
	       !is_file_system(m, module_of(s, i));
}

/* A filter's own code that called fltmgr and waits there; s->n: none. Threads of a driver that wait
 * in its own code are none: every driver has such, and they are idle. */
static size_t own_call(const struct fs_model *m, const struct fs_stack *s)
{
	size_t i;

	for (i = 0; i < s->n && is_kernel(m, module_of(s, i)); i++)
		;
	for (; i < s->n && module_of(s, i) == m->fltmgr_module; i++)
		if (i + 1 < s->n && is_filter(m, module_of(s, i + 1)) &&
		    filter_in(m, module_of(s, i + 1)) >= 0)
			return i + 1;
	return s->n;
}

bool fs_hang_next(const struct fs_model *m, size_t thread, size_t from, struct fs_hang_thread *ret)
{
	const struct fs_thread *t = &m->threads[thread];
	const struct fs_stack *s = &t->stack;
	size_t first, i, k;
	bool own = false;

	if (m->fltmgr_module < 0)
		return false;
	for (first = 0; first + 1 < s->n && !called_at(m, s, first); first++)
		;
	for (i = from; i + 1 < s->n && !called_at(m, s, i); i++)
		;
	if (first + 1 >= s->n && from == 0) {
		i = first = own_call(m, s);
		own = true;
	}
	if (i >= s->n || (!own && i + 1 >= s->n))
		return false;
	*ret = (struct fs_hang_thread){
		.thread = thread,
		.called = i,
		.module = module_of(s, i),
		.inner = module_of(s, first),
		.filter = filter_in(m, module_of(s, i)),
		.call = own ? FS_HANG_OWN : call_of(&s->frame[i + 1]),
		.waits = fs_is_read(&t->state) && t->state.v == FS_THREAD_WAITING,
		.rundown = rundown_of(m, t),
		.lock = fs_lock_waited_for(m, (int32_t)thread),
		.proved = true,
	};
	for (k = 0; k < i && !is_filter(m, module_of(s, k)) && module_of(s, k) != m->fltmgr_module;
	     k++)
		;
	ret->blocked = k;
	ret->blocked_in = module_of(s, k);
	for (k = 0; k <= i + !own; k++)
		ret->proved &= fs_frame_proves(&s->frame[k]);
	return !own || ret->waits;
}

bool fs_hang_of(const struct fs_model *m, size_t thread, struct fs_hang_thread *ret)
{
	return fs_hang_next(m, thread, 0, ret);
}
