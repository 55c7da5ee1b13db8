/* SPDX-License-Identifier: BSD-2-Clause */
/* The loaded modules: nt's loader list, or what a triage dump kept of it. */
#include "module/collect.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "read/ustr.h"

void modules_gap(struct modules *m, const char *what, const struct fs_error *err)
{
	struct module_gap *g = vec_push(&m->gaps);

	/* Without memory for the words the kind and the address still stand. */
	if (!g)
		return;
	*g = (struct module_gap){what, err->has_address ? err->address : 0, err->status, NULL};
	g->text = arena_strdup(&m->arena, err->text);
	if (!g->text)
		g->text = "";
}

/* A USTR of the entry: NULL, and a gap, when it cannot be read. */
static const char *read_name(const struct reader *r, uint64_t entry, enum field_id f,
			     const char *what, struct modules *m)
{
	struct fs_error err;
	struct ustr u = {0};

	if (obj_ustr(r, entry, f, &m->arena, &u, &err)) {
		modules_gap(m, what, &err);
		return NULL;
	}
	return u.text && u.text[0] ? u.text : NULL;
}

static bool read_u32(const struct reader *r, uint64_t entry, enum field_id f, uint32_t *ret)
{
	uint64_t v;

	if (obj_read(r, entry, f, &v, NULL))
		return false;
	*ret = (uint32_t)v;
	return true;
}

static enum fs_status add_entry(const struct reader *r, uint64_t entry, struct modules *m,
				struct fs_error *err)
{
	struct module mod = {.ldr = entry};
	struct module *p;
	struct fs_error e;
	uint64_t size = 0;

	if (obj_read(r, entry, F_KLDR_DATA_TABLE_ENTRY_DllBase, &mod.base, &e)) {
		modules_gap(m, "_KLDR_DATA_TABLE_ENTRY.DllBase", &e);
		m->complete = false;
		return FS_OK;
	}
	if (obj_read(r, entry, F_KLDR_DATA_TABLE_ENTRY_SizeOfImage, &size, &e)) {
		modules_gap(m, "_KLDR_DATA_TABLE_ENTRY.SizeOfImage", &e);
		m->complete = false;
	}
	mod.size = (uint32_t)size;
	if (obj_read(r, entry, F_KLDR_DATA_TABLE_ENTRY_EntryPoint, &mod.entry, &e))
		modules_gap(m, "_KLDR_DATA_TABLE_ENTRY.EntryPoint", &e);
	mod.path = read_name(r, entry, F_KLDR_DATA_TABLE_ENTRY_FullDllName,
			     "_KLDR_DATA_TABLE_ENTRY.FullDllName", m);
	mod.name = read_name(r, entry, F_KLDR_DATA_TABLE_ENTRY_BaseDllName,
			     "_KLDR_DATA_TABLE_ENTRY.BaseDllName", m);
	if (!mod.name && mod.path)
		mod.name = path_base(mod.path);
	mod.timestamp_read =
		read_u32(r, entry, F_KLDR_DATA_TABLE_ENTRY_TimeDateStamp, &mod.timestamp);
	(void)read_u32(r, entry, F_KLDR_DATA_TABLE_ENTRY_CheckSum, &mod.checksum);
	p = vec_push(&m->list);
	if (!p)
		return fs_fail(err, FS_NO_MEMORY, "loaded modules: out of memory");
	*p = mod;
	return FS_OK;
}

/* The words for a walk that did not come round. */
static void tell_walk(struct modules *m)
{
	const struct list_walk *w = &m->walk;
	struct fs_error e;

	if (w->stop != FS_STOP_CLOSED) {
		enum fs_status why = w->stop == FS_STOP_UNREADABLE ? w->why
				     : w->stop == FS_STOP_LIMIT	   ? FS_LIMIT
								   : FS_CORRUPT;

		(void)fs_fail_at(&e, why, w->stop_at,
				 "PsLoadedModuleList stops after %zu entries (%s); %zu reached "
				 "from its end",
				 w->forward, fs_stop_name(w->stop), w->backward);
		modules_gap(m, "PsLoadedModuleList", &e);
	}
	if (w->broken_at) {
		(void)fs_fail_at(&e, FS_CORRUPT, w->broken_at,
				 "PsLoadedModuleList: Blink is 0x%llx, expected 0x%llx",
				 (unsigned long long)w->broken_blink,
				 (unsigned long long)w->broken_expected);
		modules_gap(m, "PsLoadedModuleList", &e);
	}
}

static enum fs_status read_list(const struct reader *r, struct modules *m, struct fs_error *err)
{
	const struct dump_info *info = dump_info(vm_dump(r->vm));
	const struct layout_field *links;
	enum fs_status st;
	size_t i;

	if (!info->ps_loaded_module_list.present)
		return fs_fail(err, FS_NOT_FOUND,
			       "loaded modules: %s",
			       info->dump_type
				       ? "the dump's header has no PsLoadedModuleList"
				       : "PsLoadedModuleList was not found");
	links = r->nt ? layout_field(r->nt, F_KLDR_DATA_TABLE_ENTRY_InLoadOrderLinks) : NULL;
	if (!links)
		return fs_fail(err, FS_UNSUPPORTED,
			       "loaded modules: the layout has no "
			       "_KLDR_DATA_TABLE_ENTRY.InLoadOrderLinks");
	st = list_walk(r->vm, info->ps_loaded_module_list.v, MODULE_LIMIT, "PsLoadedModuleList",
		       &m->walk, err);
	if (st)
		return st;
	m->complete = m->walk.stop == FS_STOP_CLOSED;
	tell_walk(m);
	for (i = 0; i < m->walk.entries.n; i++) {
		st = add_entry(r, m->walk.entries.v[i].link - links->offset, m, err);
		if (st)
			return st;
		if (i == 0)
			m->first_read = m->walk.entries.v[0].by_forward && m->list.n == 1;
	}
	return FS_OK;
}

static enum fs_status add_driver(struct dump *d, size_t i, struct modules *m, struct fs_error *err)
{
	struct dump_driver drv = {0};
	struct module *p;
	struct fs_error e;
	enum fs_status st = dump_driver(d, i, &drv, &e);

	if (st) {
		modules_gap(m, "triage driver list", &e);
		m->complete = false;
		return FS_OK;
	}
	p = vec_push(&m->list);
	if (!p)
		return fs_fail(err, FS_NO_MEMORY, "loaded modules: out of memory");
	*p = (struct module){.base = drv.base,
			     .entry = drv.entry,
			     .size = drv.size,
			     .timestamp = drv.timestamp,
			     .checksum = drv.checksum,
			     .timestamp_read = true};
	if (!drv.name_read) {
		(void)fs_fail_at(&e, FS_CORRUPT, drv.base,
				 "triage driver list: the name of entry %zu cannot be read", i);
		modules_gap(m, "triage driver list", &e);
		return FS_OK;
	}
	p->path = arena_strdup(&m->arena, drv.name);
	if (!p->path)
		return fs_fail(err, FS_NO_MEMORY, "loaded modules: out of memory");
	if (p->path[0])
		p->name = path_base(p->path);
	/* Base names are what most triage dumps hold. */
	if (p->name == p->path)
		p->path = NULL;
	return FS_OK;
}

static enum fs_status read_triage(struct dump *d, struct modules *m, struct fs_error *err)
{
	size_t i, n = dump_driver_count(d);
	enum fs_status st;

	if (n == 0)
		return fs_fail(err, FS_NOT_FOUND,
			       "loaded modules: the triage dump has no driver list");
	m->complete = n <= MODULE_LIMIT;
	if (!m->complete) {
		struct fs_error e;

		(void)fs_fail(&e, FS_LIMIT, "triage driver list: %zu entries, %d are read", n,
			      MODULE_LIMIT);
		modules_gap(m, "triage driver list", &e);
		n = MODULE_LIMIT;
	}
	for (i = 0; i < n; i++) {
		st = add_driver(d, i, m, err);
		if (st)
			return st;
		if (i == 0)
			m->first_read = m->list.n == 1;
	}
	return modules_read_triage_unloaded(d, m, err);
}

enum fs_status modules_read(const struct reader *r, struct modules *ret, struct fs_error *err)
{
	struct dump *d = vm_dump(r->vm);
	enum fs_status st;

	memset(ret, 0, sizeof(*ret));
	ret->nt = -1;
	st = dump_is_virtual(d) ? read_triage(d, ret, err) : read_list(r, ret, err);
	if (!st)
		st = modules_index(ret, err);
	if (st)
		modules_deinit(ret);
	return st;
}

void modules_deinit(struct modules *m)
{
	vec_free(&m->list);
	vec_free(&m->unloaded);
	vec_free(&m->gaps);
	vec_free(&m->ranges);
	list_walk_deinit(&m->walk);
	arena_deinit(&m->arena);
	memset(m, 0, sizeof(*m));
	m->nt = -1;
}
