/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/build.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/vec.h"

/* What an index slot refers to; also the slots of model_builder.cap. */
enum kind {
	KIND_FRAME,
	KIND_FILTER,
	KIND_INSTANCE,
	KIND_VOLUME,
	KIND_DRIVER,
	KIND_DEVICE,
	KIND_THREAD,
	KIND_PROCESS,
	KIND_LOCK,
	KIND_GAP
};

struct slot {
	uint32_t entity; /* index + 1; 0 is an empty slot */
	uint32_t kind;
};

/*
 * Open addressing with linear probing. Addresses come from the dump, so the
 * hash is seeded: nobody can prepare a dump whose addresses all collide.
 */
struct index {
	struct slot *slot;
	size_t size; /* a power of two, 0 when empty */
	size_t used;
	uint64_t seed[2];
};

static uint64_t mix(uint64_t v)
{
	/* The finaliser of splitmix64 (Steele, Lea, Flood 2014). */
	v ^= v >> 30;
	v *= 0xbf58476d1ce4e5b9u;
	v ^= v >> 27;
	v *= 0x94d049bb133111ebu;
	return v ^ v >> 31;
}

static uint64_t hash_address(const struct index *ix, enum kind kind, uint64_t va)
{
	return mix(mix(va ^ ix->seed[0]) + ix->seed[1] + (uint64_t)kind);
}

static uint64_t hash_gap(const struct index *ix, const char *what, uint64_t va)
{
	uint64_t h = 0;

	for (; *what; what++)
		h = mix(h ^ (unsigned char)*what);
	return hash_address(ix, KIND_GAP, va ^ h);
}

static uint64_t address_of(const struct fs_model *m, enum kind kind, size_t i)
{
	switch (kind) {
	case KIND_FRAME:
		return m->frames[i].address;
	case KIND_FILTER:
		return m->filters[i].address;
	case KIND_INSTANCE:
		return m->instances[i].address;
	case KIND_VOLUME:
		return m->volumes[i].address;
	case KIND_DRIVER:
		return m->drivers[i].address;
	case KIND_DEVICE:
		return m->devices[i].address;
	case KIND_THREAD:
		return m->threads[i].address;
	case KIND_PROCESS:
		return m->processes[i].address;
	case KIND_LOCK:
		return m->locks[i].address;
	case KIND_GAP:
		break;
	}
	return m->gaps[i].address;
}

static uint64_t hash_slot(const struct model_builder *b, const struct index *ix, struct slot s)
{
	size_t i = s.entity - 1;

	if (s.kind == KIND_GAP)
		return hash_gap(ix, b->model->gaps[i].what, b->model->gaps[i].address);
	return hash_address(ix, (enum kind)s.kind, address_of(b->model, (enum kind)s.kind, i));
}

static void place(struct slot *slots, size_t size, uint64_t hash, struct slot s)
{
	size_t i = (size_t)hash & (size - 1);

	while (slots[i].entity)
		i = (i + 1) & (size - 1);
	slots[i] = s;
}

/* Keep at least half of the slots empty, so that every probe ends. */
static bool index_reserve(struct model_builder *b)
{
	struct index *ix = b->index;
	size_t i, size;
	struct slot *slots;

	if (!ix)
		return false;
	if ((ix->used + 1) * 2 <= ix->size)
		return true;
	size = ix->size ? ix->size * 2 : 256;
	slots = calloc(size, sizeof(*slots));
	if (!slots)
		return false;
	for (i = 0; i < ix->size; i++)
		if (ix->slot[i].entity)
			place(slots, size, hash_slot(b, ix, ix->slot[i]), ix->slot[i]);
	free(ix->slot);
	ix->slot = slots;
	ix->size = size;
	return true;
}

/* index_reserve came before. */
static void index_put(struct model_builder *b, enum kind kind, size_t entity)
{
	struct index *ix = b->index;
	struct slot s = {(uint32_t)entity + 1, (uint32_t)kind};

	place(ix->slot, ix->size, hash_slot(b, ix, s), s);
	ix->used++;
}

static int32_t find(const struct model_builder *b, enum kind kind, uint64_t va)
{
	const struct index *ix = b->index;
	size_t i;

	if (!ix || !ix->size)
		return -1;
	i = (size_t)hash_address(ix, kind, va) & (ix->size - 1);
	for (; ix->slot[i].entity; i = (i + 1) & (ix->size - 1))
		if (ix->slot[i].kind == (uint32_t)kind &&
		    address_of(b->model, kind, ix->slot[i].entity - 1) == va)
			return (int32_t)(ix->slot[i].entity - 1);
	return -1;
}

static int32_t find_gap(const struct model_builder *b, const struct fs_gap *want)
{
	const struct index *ix = b->index;
	size_t i;

	if (!ix || !ix->size)
		return -1;
	i = (size_t)hash_gap(ix, want->what, want->address) & (ix->size - 1);
	for (; ix->slot[i].entity; i = (i + 1) & (ix->size - 1)) {
		const struct fs_gap *g;

		if (ix->slot[i].kind != KIND_GAP)
			continue;
		g = &b->model->gaps[ix->slot[i].entity - 1];
		if (g->address == want->address && g->has_address == want->has_address &&
		    strcmp(g->what, want->what) == 0)
			return (int32_t)(ix->slot[i].entity - 1);
	}
	return -1;
}

static void index_all(struct model_builder *b, enum kind kind, size_t n)
{
	size_t i;

	b->cap[kind] = n;
	for (i = 0; i < n; i++) {
		if (!index_reserve(b)) {
			b->out_of_memory = true;
			return;
		}
		index_put(b, kind, i);
	}
}

void model_begin(struct model_builder *b, struct fs_model *model, struct arena *arena)
{
	struct index *ix = calloc(1, sizeof(*ix));

	*b = (struct model_builder){.model = model, .arena = arena, .index = ix};
	if (!ix) {
		b->out_of_memory = true;
		return;
	}
	/* Without entropy the seed is 0: slower on a hostile dump, never wrong. */
	if (getrandom(ix->seed, sizeof(ix->seed), GRND_NONBLOCK) != (ssize_t)sizeof(ix->seed))
		memset(ix->seed, 0, sizeof(ix->seed));
	index_all(b, KIND_FRAME, model->nframes);
	index_all(b, KIND_FILTER, model->nfilters);
	index_all(b, KIND_INSTANCE, model->ninstances);
	index_all(b, KIND_VOLUME, model->nvolumes);
	index_all(b, KIND_DRIVER, model->ndrivers);
	index_all(b, KIND_DEVICE, model->ndevices);
	index_all(b, KIND_THREAD, model->nthreads);
	index_all(b, KIND_PROCESS, model->nprocesses);
	index_all(b, KIND_LOCK, model->nlocks);
	index_all(b, KIND_GAP, model->ngaps);
}

void model_end(struct model_builder *b)
{
	struct index *ix = b->index;

	if (ix) {
		free(ix->slot);
		free(ix);
	}
	b->index = NULL;
}

#define DROP(array, n)                                                                             \
	do {                                                                                       \
		free(array);                                                                       \
		array = NULL;                                                                      \
		n = 0;                                                                             \
	} while (0)

void model_free(struct fs_model *m)
{
	DROP(m->frames, m->nframes);
	DROP(m->filters, m->nfilters);
	DROP(m->instances, m->ninstances);
	DROP(m->volumes, m->nvolumes);
	DROP(m->drivers, m->ndrivers);
	DROP(m->devices, m->ndevices);
	DROP(m->threads, m->nthreads);
	DROP(m->processes, m->nprocesses);
	DROP(m->locks, m->nlocks);
	DROP(m->gaps, m->ngaps);
}

static const size_t limit[] = {
	[KIND_FRAME] = MODEL_MAX_FRAMES,       [KIND_FILTER] = MODEL_MAX_FILTERS,
	[KIND_INSTANCE] = MODEL_MAX_INSTANCES, [KIND_VOLUME] = MODEL_MAX_VOLUMES,
	[KIND_DRIVER] = MODEL_MAX_DRIVERS,     [KIND_DEVICE] = MODEL_MAX_DEVICES,
	[KIND_THREAD] = MODEL_MAX_THREADS,     [KIND_PROCESS] = MODEL_MAX_PROCESSES,
	[KIND_LOCK] = MODEL_MAX_LOCKS,	       [KIND_GAP] = MODEL_MAX_GAPS,
};

/* A zeroed element at the end of an array whose bound is not reached yet. */
static enum fs_status append(struct model_builder *b, enum kind kind, void **array, size_t *n,
			     size_t size)
{
	if (*n >= limit[kind])
		return FS_LIMIT;
	if (!index_reserve(b) || !vec_push_(array, n, &b->cap[kind], size)) {
		b->out_of_memory = true;
		return FS_NO_MEMORY;
	}
	return FS_OK;
}

#define APPEND(b, kind, array, n)                                                                  \
	append(b, kind, (void **)&(b)->model->array, &(b)->model->n, sizeof(*(b)->model->array))

enum fs_status model_add_frame(struct model_builder *b, uint64_t va, size_t *ret)
{
	enum fs_status st = APPEND(b, KIND_FRAME, frames, nframes);
	struct fs_frame *f;

	if (st)
		return st;
	*ret = b->model->nframes - 1;
	f = &b->model->frames[*ret];
	f->address = va;
	f->filters.gap = f->volumes.gap = -1;
	index_put(b, KIND_FRAME, *ret);
	return FS_OK;
}

enum fs_status model_add_filter(struct model_builder *b, uint64_t va, size_t *ret)
{
	enum fs_status st = APPEND(b, KIND_FILTER, filters, nfilters);
	struct fs_filter *f;
	size_t i;

	if (st)
		return st;
	*ret = b->model->nfilters - 1;
	f = &b->model->filters[*ret];
	f->address = va;
	f->frame = f->driver = f->instances.gap = -1;
	for (i = 0; i < FS_CB_COUNT; i++)
		f->callback[i].module = -1;
	index_put(b, KIND_FILTER, *ret);
	return FS_OK;
}

enum fs_status model_add_instance(struct model_builder *b, uint64_t va, size_t *ret)
{
	enum fs_status st = APPEND(b, KIND_INSTANCE, instances, ninstances);
	struct fs_instance *p;

	if (st)
		return st;
	*ret = b->model->ninstances - 1;
	p = &b->model->instances[*ret];
	p->address = va;
	p->filter = p->volume = -1;
	index_put(b, KIND_INSTANCE, *ret);
	return FS_OK;
}

enum fs_status model_add_volume(struct model_builder *b, uint64_t va, size_t *ret)
{
	enum fs_status st = APPEND(b, KIND_VOLUME, volumes, nvolumes);
	struct fs_volume *v;

	if (st)
		return st;
	*ret = b->model->nvolumes - 1;
	v = &b->model->volumes[*ret];
	v->address = va;
	v->frame = v->instances.gap = -1;
	index_put(b, KIND_VOLUME, *ret);
	return FS_OK;
}

enum fs_status model_add_driver(struct model_builder *b, uint64_t va, size_t *ret)
{
	enum fs_status st = APPEND(b, KIND_DRIVER, drivers, ndrivers);
	struct fs_driver *d;
	size_t i;

	if (st)
		return st;
	*ret = b->model->ndrivers - 1;
	d = &b->model->drivers[*ret];
	d->address = va;
	d->module = d->devices_gap = -1;
	d->driver_init.module = d->driver_start_io.module = d->driver_unload.module = -1;
	for (i = 0; i < sizeof(d->major) / sizeof(d->major[0]); i++)
		d->major[i].module = -1;
	index_put(b, KIND_DRIVER, *ret);
	return FS_OK;
}

enum fs_status model_add_device(struct model_builder *b, uint64_t va, size_t *ret)
{
	enum fs_status st = APPEND(b, KIND_DEVICE, devices, ndevices);

	if (st)
		return st;
	*ret = b->model->ndevices - 1;
	b->model->devices[*ret].address = va;
	b->model->devices[*ret].driver = -1;
	index_put(b, KIND_DEVICE, *ret);
	return FS_OK;
}

enum fs_status model_add_thread(struct model_builder *b, uint64_t va, size_t *ret)
{
	enum fs_status st = APPEND(b, KIND_THREAD, threads, nthreads);
	struct fs_thread *t;

	if (st)
		return st;
	*ret = b->model->nthreads - 1;
	t = &b->model->threads[*ret];
	t->address = va;
	t->process = t->processor = -1;
	t->start.module = t->win32_start.module = -1;
	index_put(b, KIND_THREAD, *ret);
	return FS_OK;
}

enum fs_status model_add_process(struct model_builder *b, uint64_t va, size_t *ret)
{
	enum fs_status st = APPEND(b, KIND_PROCESS, processes, nprocesses);

	if (st)
		return st;
	*ret = b->model->nprocesses - 1;
	b->model->processes[*ret].address = va;
	b->model->processes[*ret].image.gap = b->model->processes[*ret].threads_gap = -1;
	index_put(b, KIND_PROCESS, *ret);
	return FS_OK;
}

enum fs_status model_add_lock(struct model_builder *b, uint64_t va, size_t *ret)
{
	enum fs_status st = APPEND(b, KIND_LOCK, locks, nlocks);

	if (st)
		return st;
	*ret = b->model->nlocks - 1;
	b->model->locks[*ret].address = va;
	index_put(b, KIND_LOCK, *ret);
	return FS_OK;
}

#define FIND(name, kind)                                                                           \
	int32_t model_find_##name(const struct model_builder *b, uint64_t va)                      \
	{                                                                                          \
		return find(b, kind, va);                                                          \
	}
FIND(frame, KIND_FRAME)
FIND(filter, KIND_FILTER)
FIND(instance, KIND_INSTANCE)
FIND(volume, KIND_VOLUME)
FIND(driver, KIND_DRIVER)
FIND(device, KIND_DEVICE)
FIND(thread, KIND_THREAD)
FIND(process, KIND_PROCESS)
FIND(lock, KIND_LOCK)

const char *model_text(struct model_builder *b, const char *text)
{
	char *s = arena_strdup(b->arena, text);

	if (!s)
		b->out_of_memory = true;
	return s;
}

int32_t model_gap(struct model_builder *b, const char *what, const struct fs_error *err)
{
	struct fs_gap g = {.what = what};
	enum fs_status st;
	int32_t old;

	if (err) {
		g.has_address = err->has_address;
		g.address = err->has_address ? err->address : 0;
		g.reason = err->status;
	}
	old = find_gap(b, &g);
	if (old >= 0)
		return old;
	g.what = model_text(b, what);
	g.text = model_text(b, err ? err->text : "");
	if (!g.what || !g.text)
		return -1;
	st = APPEND(b, KIND_GAP, gaps, ngaps);
	if (st) {
		b->model->gaps_limited = true;
		return -1;
	}
	b->model->gaps[b->model->ngaps - 1] = g;
	index_put(b, KIND_GAP, b->model->ngaps - 1);
	return (int32_t)(b->model->ngaps - 1);
}

struct fs_value model_none(void)
{
	return (struct fs_value){.gap = -1};
}

struct fs_value model_value(struct model_builder *b, const char *what, enum fs_status st,
			    uint64_t v, const struct fs_error *err)
{
	struct fs_value ret = model_none();

	if (st == FS_OK) {
		ret.v = v;
		ret.state = FS_READ;
	} else if (st != FS_UNSUPPORTED || (err && err->has_address)) {
		ret.state = FS_MISSING;
		ret.gap = model_gap(b, what, err);
	}
	return ret;
}
