/* SPDX-License-Identifier: BSD-2-Clause */
#include "fltmgr/handle.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/vec.h"
#include "nt/handles.h"

enum { IO_TYPE_FILE = 5 };	  /* wdm.h */
/* Type words of a FLT_CCB: F108 to F10D, by what it is about (facts: fltkd-commands.md; in the
 * memory that the real code left, a client's port has F10D). Data tells it all the same. */
#define FLT_CCB_FIRST 0xf108u
#define FLT_CCB_LAST  0xf10du
#define HANDLES_MAX	  65536u
/* Enough of a FILE_OBJECT for what is wanted of it. */
#define FILE_BYTES 0x40u

/* A port and the filter that made it. */
struct port {
	uint64_t address;
	int32_t filter;
};
typedef VEC(struct port) port_vec;

struct matcher {
	const struct reader *r;
	struct model_builder *b;
	port_vec servers, clients; /* sorted */
	bool *of_filter;	   /* by driver index: it is a filter's driver */
	int32_t process;
	bool partly;
	VEC(struct fs_handle) found;
};

static int by_address(const void *a, const void *b)
{
	const struct port *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static const struct port *find_port(const port_vec *v, uint64_t va)
{
	struct port key = {.address = va};

	return v->n ? bsearch(&key, v->v, v->n, sizeof(key), by_address) : NULL;
}

static void add_port(struct matcher *k, port_vec *v, uint64_t va, size_t filter)
{
	struct port *p = va ? vec_push(v) : NULL;

	if (p)
		*p = (struct port){va, (int32_t)filter};
	else if (va)
		k->b->out_of_memory = true;
}

static void list_ports(struct matcher *k)
{
	const struct fs_model *m = k->b->model;
	size_t i, p;

	for (i = 0; i < m->nfilters; i++) {
		const struct fs_filter_holders *h = m->filters[i].holders;

		for (p = 0; h && p < h->nservers; p++)
			add_port(k, &k->servers, h->servers[p].address, i);
		for (p = 0; h && p < h->nclients; p++)
			add_port(k, &k->clients, h->clients[p].address, i);
		for (p = 0; h && p < h->nlost; p++) {
			add_port(k, &k->servers, h->lost[p].server_port, i);
			add_port(k, &k->clients, h->lost[p].client_port, i);
		}
	}
	if (k->servers.n)
		qsort(k->servers.v, k->servers.n, sizeof(*k->servers.v), by_address);
	if (k->clients.n)
		qsort(k->clients.v, k->clients.n, sizeof(*k->clients.v), by_address);
}

static void list_drivers(struct matcher *k)
{
	const struct fs_model *m = k->b->model;
	size_t i;

	k->of_filter = calloc(m->ndrivers + 1, sizeof(*k->of_filter));
	if (!k->of_filter) {
		k->b->out_of_memory = true;
		return;
	}
	for (i = 0; i < m->nfilters; i++)
		if (m->filters[i].driver >= 0)
			k->of_filter[m->filters[i].driver] = true;
}

static void keep(struct matcher *k, const struct nt_handle *h, enum fs_handle_kind kind,
		 uint64_t target, int32_t index, struct fs_value link, uint64_t ccb)
{
	struct fs_handle *p = k->found.n < HANDLES_MAX ? vec_push(&k->found) : NULL;

	if (!p) {
		k->b->out_of_memory |= k->found.n < HANDLES_MAX;
		k->partly = true;
		return;
	}
	*p = (struct fs_handle){.process = k->process,
				.value = h->value,
				.entry = h->entry,
				.object = h->object,
				.kind = kind,
				.target = target,
				.index = index,
				.link = link,
				.ccb = ccb};
	p->granted_access = model_none();
	if (h->access_known)
		p->granted_access = (struct fs_value){
			.v = h->access, .at = h->access_at, .state = FS_READ, .gap = -1};
}

static struct fs_value link_at(uint64_t v, uint64_t at)
{
	return (struct fs_value){.v = v, .at = at, .state = FS_READ, .gap = -1};
}

/* Devices of drivers that filters have; the Filter Manager's own are opened by everybody. */
static int32_t device_of_filter(const struct matcher *k, uint64_t va)
{
	int32_t d = model_find_device(k->b, va);
	int32_t driver = d >= 0 ? k->b->model->devices[d].driver : -1;

	return driver >= 0 && k->of_filter[driver] ? d : -1;
}

/* The first pointer of a FLT_CCB's data tells whose it is. */
static void match_ccb(struct matcher *k, const struct nt_handle *h, uint64_t ccb)
{
	const struct layout_field *type = layout_field(k->r->fltmgr, F_FLT_CCB_Type);
	const struct layout_field *data = layout_field(k->r->fltmgr, F_FLT_CCB_Data);
	const struct port *p;
	uint64_t target, at;
	uint32_t word;
	int32_t i;

	if (!type || !data || !vm_is_kernel_va(k->r->vm, ccb) || ccb % vm_pointer_size(k->r->vm) ||
	    vm_read_u32(k->r->vm, ccb + type->offset, &word, "FLT_CCB.Type", NULL) ||
	    (word & 0xffff) < FLT_CCB_FIRST || (word & 0xffff) > FLT_CCB_LAST)
		return;
	at = ccb + data->offset;
	if (vm_read_ptr(k->r->vm, at, &target, "FLT_CCB.Data", NULL)) {
		k->partly = true;
		return;
	}
	p = find_port(&k->clients, target);
	if (p)
		keep(k, h, FS_HANDLE_PORT, target, p->filter, link_at(target, at), ccb);
	else if ((i = model_find_filter(k->b, target)) >= 0)
		keep(k, h, FS_HANDLE_FILTER, target, i, link_at(target, at), ccb);
	else if ((i = model_find_instance(k->b, target)) >= 0)
		keep(k, h, FS_HANDLE_INSTANCE, target, i, link_at(target, at), ccb);
	else if ((i = model_find_frame(k->b, target)) >= 0)
		keep(k, h, FS_HANDLE_FRAME, target, i, link_at(target, at), ccb);
}

static uint64_t pointer_in(const struct matcher *k, const uint8_t *b)
{
	return vm_pointer_size(k->r->vm) == 8 ? load_u64(b) : load_u32(b);
}

static void match_file(struct matcher *k, const struct nt_handle *h)
{
	const struct layout *l = k->r->nt;
	const struct layout_field *device = layout_field(l, F_FILE_OBJECT_DeviceObject);
	const struct layout_field *context = layout_field(l, F_FILE_OBJECT_FsContext2);
	const unsigned ptr = vm_pointer_size(k->r->vm);
	uint8_t b[FILE_BYTES];
	uint64_t va;
	int32_t d;

	if (!device || !context || device->offset + ptr > FILE_BYTES ||
	    context->offset + ptr > FILE_BYTES)
		return;
	if (vm_read(k->r->vm, h->object, b, sizeof(b), "FILE_OBJECT", NULL)) {
		k->partly = true; /* it may be a file; other objects can be shorter */
		return;
	}
	if (load_u16(b) != IO_TYPE_FILE || load_u16(b + 2) != layout_type_size(l, T_FILE_OBJECT))
		return;
	va = pointer_in(k, b + device->offset);
	d = device_of_filter(k, va);
	if (d >= 0)
		keep(k, h, FS_HANDLE_DEVICE, va, d, link_at(va, h->object + device->offset), 0);
	else
		match_ccb(k, h, pointer_in(k, b + context->offset));
}

static void match(void *arg, const struct nt_handle *h)
{
	struct matcher *k = arg;
	const struct port *p = find_port(&k->servers, h->object);
	int32_t i = model_find_driver(k->b, h->object);

	if (p)
		keep(k, h, FS_HANDLE_SERVER_PORT, h->object, p->filter, model_none(), 0);
	else if (i >= 0 && k->of_filter[i])
		keep(k, h, FS_HANDLE_DRIVER, h->object, i, model_none(), 0);
	else if ((i = device_of_filter(k, h->object)) >= 0)
		keep(k, h, FS_HANDLE_DEVICE, h->object, i, model_none(), 0);
	else
		match_file(k, h);
}

static void walk(struct matcher *k, uint64_t bytes)
{
	struct nt_handle_walk w = {.r = k->r, .b = k->b, .left = bytes, .visit = match, .arg = k};
	struct fs_model *m = k->b->model;
	bool any = false;
	size_t i;

	for (i = 0; i < m->nprocesses; i++) {
		struct fs_process *p = &m->processes[i];
		enum fs_looked looked;
		uint64_t count = 0;

		if (!fs_is_read(&p->object_table)) {
			k->partly = true;
			continue;
		}
		if (!p->object_table.v)
			continue; /* it has exited */
		k->process = (int32_t)i;
		looked = nt_walk_handles(&w, p->object_table.v, &count);
		k->partly |= looked != FS_LOOKED_WHOLE;
		any |= looked != FS_LOOKED_NOT;
		if (looked == FS_LOOKED_WHOLE)
			p->handle_count = link_at(count, p->object_table.v);
	}
	k->partly |= w.left == 0;
	if (any)
		m->handles_looked = k->partly || m->threads_looked != FS_LOOKED_WHOLE
					    ? FS_LOOKED_PARTLY
					    : FS_LOOKED_WHOLE;
	m->handles_why = !any ? "no handle table could be read"
			 : m->handles_looked == FS_LOOKED_WHOLE
				 ? NULL
				 : "not every process, handle table and object is in the dump";
}

enum fs_status fltmgr_collect_handles(const struct reader *r, struct model_builder *b,
				      uint64_t bytes, struct fs_error *err)
{
	struct matcher k = {.r = r, .b = b};
	struct fs_model *m = b->model;

	list_ports(&k);
	list_drivers(&k);
	if (k.of_filter)
		walk(&k, bytes);
	if (k.found.n) {
		m->handles = arena_alloc(b->arena, k.found.n * sizeof(*m->handles));
		if (m->handles) {
			memcpy(m->handles, k.found.v, k.found.n * sizeof(*m->handles));
			m->nhandles = k.found.n;
		} else {
			b->out_of_memory = true;
		}
	}
	vec_free(&k.found);
	vec_free(&k.servers);
	vec_free(&k.clients);
	free(k.of_filter);
	return b->out_of_memory ? fs_fail(err, FS_NO_MEMORY, "out of memory") : FS_OK;
}
