/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reference trace log of a filter. What follows is read off public listings of fltmgr
 * of build 26100 (FltReleaseContext, FltpInitInstance, FltpInitVolume, FltRegisterFilter):
 * a pool block of 0x20008 bytes; u32 at 0 is the next index, masked with 0x3ff; entry i
 * begins at i << 7: +0x8 i32 delta, +0x10 u64 RundownRef, +0x18 14 return addresses. It is
 * read only where the layout has the pointer, which is that build's.
 */
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "fltmgr/holders.h"
#include "nt/nt.h"

#define ENTRY_SIZE 0x80u
#define ENTRIES_AT 0x8u
#define BLOCK_SIZE (ENTRIES_AT + FS_REF_ENTRIES * ENTRY_SIZE)
/* in an entry, counted from its delta */
#define ENTRY_RUNDOWN 0x8u
#define ENTRY_FRAMES  0x10u

#define WHAT "FLT_FILTER.Base.ReferenceTraceLog"

static void frames(struct holders *h, struct fs_ref_event *e, const uint8_t *raw, bool unproved)
{
	size_t i;

	for (i = 0; i < FS_REF_FRAMES; i++) {
		uint64_t at = ENTRY_FRAMES + i * 8, v = load_u64(raw + at);

		if (!v)
			return;
		e->frame[e->nframes++] = nt_code(h->c->b, h->c->m,
						 (struct fs_value){.v = v,
								   .at = e->at + at,
								   .state = FS_READ,
								   .unproved = unproved,
								   .gap = -1});
	}
}

static bool unused(const uint8_t *raw)
{
	size_t i;

	for (i = 0; i < ENTRY_SIZE; i++)
		if (raw[i])
			return false;
	return true;
}

/* False: it could not be read, or is no entry. The first of each is told. */
static bool entry(struct holders *h, struct fs_ref_log *log, uint64_t at, bool *told)
{
	uint8_t raw[ENTRY_SIZE];
	struct fs_ref_event *e;
	struct fs_error err;
	uint32_t delta;

	if (vm_read(h->c->r.vm, at, raw, sizeof(raw), WHAT, &err) != FS_OK) {
		if (!told[0])
			(void)model_gap(h->c->b, WHAT, &err);
		told[0] = true;
		return false;
	}
	if (unused(raw))
		return true;
	delta = load_u32(raw);
	if (delta != 1 && delta != UINT32_MAX) {
		if (!told[1])
			(void)collect_gap(h->c, WHAT, at, FS_CORRUPT,
					  "an entry of the reference log counts 0x%x, not 1 or -1",
					  delta);
		told[1] = true;
		return false;
	}
	e = &log->event[log->n++];
	e->delta = delta == 1 ? 1 : -1;
	e->at = at;
	e->rundown = load_u64(raw + ENTRY_RUNDOWN);
	frames(h, e, raw, log->pointer.unproved);
	return true;
}

static void ring(struct holders *h, struct fs_ref_log *log)
{
	bool told[2] = {false, false};
	struct fs_error err;
	uint32_t next;
	size_t i;

	if (vm_read_u32(h->c->r.vm, log->pointer.v, &next, WHAT, &err) != FS_OK) {
		log->next = value_gap(model_gap(h->c->b, WHAT, &err), log->pointer.v);
		return;
	}
	log->next = (struct fs_value){.v = next,
				      .at = log->pointer.v,
				      .state = FS_READ,
				      .unproved = log->pointer.unproved,
				      .gap = -1};
	log->event = arena_alloc(h->c->b->arena, FS_REF_ENTRIES * sizeof(*log->event));
	if (!log->event) {
		h->c->out_of_memory = true;
		return;
	}
	log->looked = FS_LOOKED_WHOLE;
	for (i = 0; i < FS_REF_ENTRIES; i++) {
		uint64_t k = ((uint64_t)next + i) % FS_REF_ENTRIES;

		if (!entry(h, log, log->pointer.v + ENTRIES_AT + k * ENTRY_SIZE, told))
			log->looked = FS_LOOKED_PARTLY;
	}
}

void read_reflog(struct holders *h, size_t filter)
{
	struct collect *c = h->c;
	struct fs_filter *f = &c->b->model->filters[filter];
	const struct fpath *p = P2(FLT_FILTER, Base, FLT_OBJECT, ReferenceTraceLog);
	struct fs_ref_log *log;
	uint64_t end;
	struct fobj o;

	if (!f->holders || !layout_field(c->r.fltmgr, p->g))
		return;
	log = arena_alloc(c->b->arena, sizeof(*log));
	if (!log) {
		c->out_of_memory = true;
		return;
	}
	f->holders->log = log;
	log->next = model_none();
	fobj_open(c, &o, f->address, T_FLT_FILTER, "FLT_FILTER");
	log->pointer = fobj_value(c, &o, p);
	if (!fs_has(&log->pointer, UINT64_MAX))
		return;
	if (!vm_is_kernel_va(c->r.vm, log->pointer.v) ||
	    !add_u64(log->pointer.v, BLOCK_SIZE, &end)) {
		(void)collect_gap(c, WHAT, log->pointer.at, FS_CORRUPT,
				  "the reference log cannot be at 0x%llx",
				  (unsigned long long)log->pointer.v);
		return;
	}
	if (!h->logs_left) {
		(void)collect_gap(c, WHAT, log->pointer.v, FS_LIMIT,
				  "more reference logs than are read");
		return;
	}
	h->logs_left--;
	ring(h, log);
}
