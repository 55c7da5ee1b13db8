/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the Filter Manager's state begins. FltGlobals.FrameList is found by
 * the address that is known for this very image, by looking through the driver's
 * data for a list head that frames point back to, or, where a triage dump did not
 * capture that data, by looking for frames themselves.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "fltmgr/prove.h"

/* No Filter Manager is larger than half a MiB; a SizeOfImage beyond this is damage. */
#define IMAGE_MAX (16u << 20)
/* FLTP_FRAME's size on the builds known is 0x540 to 0x780. */
#define FRAME_SIZE_MIN 0x200u
#define FRAME_SIZE_MAX 0x2000u
#define FRAME_ID_MAX   0xffffu

struct search {
	const struct reader *r;
	const struct module *fltmgr;
	uint64_t image_end;
	uint64_t links;		/* offset of _FLTP_FRAME.Links */
	uint64_t rlist, rcount; /* in _FLT_RESOURCE_LIST_HEAD */
	unsigned ptr;
	bool empty_head; /* a known FrameList was read and has no frame */
	uint64_t best;
	unsigned best_rank;
	bool ambiguous; /* two heads of the best rank */
};

static bool in_image(const struct search *s, uint64_t va)
{
	return va >= s->fltmgr->base && va < s->image_end;
}

static bool kernel(const struct search *s, uint64_t va)
{
	return vm_is_kernel_va(s->r->vm, va) && !(va & (s->ptr - 1));
}

static bool is_frame(const struct search *s, uint64_t frame)
{
	uint64_t sig, size;

	return obj_read2(s->r, frame, F_FLTP_FRAME_Type, F_FLT_TYPE_Signature, &sig, NULL) ==
		       FS_OK &&
	       sig == FRAME_SIGNATURE &&
	       obj_read2(s->r, frame, F_FLTP_FRAME_Type, F_FLT_TYPE_Size, &size, NULL) == FS_OK &&
	       size >= FRAME_SIZE_MIN && size <= FRAME_SIZE_MAX;
}

/*
 * How well does a head prove itself? 0: no frame hangs on it. 1: one side
 * leads to a frame. 2: it comes round through frames only. 3: and rCount is their number.
 */
static unsigned rank_head(const struct search *s, uint64_t head)
{
	struct list_walk w = {0};
	unsigned rank = 0;
	uint64_t count;
	size_t i, frames = 0;

	if (list_walk(s->r->vm, head, PROVE_MAX_FRAMES, "FltGlobals.FrameList", &w, NULL) != FS_OK)
		return 0;
	for (i = 0; i < w.entries.n; i++)
		frames += is_frame(s, w.entries.v[i].link - s->links);
	if (frames)
		rank = 1;
	if (frames && frames == w.entries.n && w.stop == FS_STOP_CLOSED && !w.broken_at) {
		rank = 2;
		if (obj_read(s->r, head - s->rlist, F_FLT_RESOURCE_LIST_HEAD_rCount, &count,
			     NULL) == FS_OK &&
		    count == frames)
			rank = 3;
	}
	list_walk_deinit(&w);
	return rank;
}

static void offer_head(struct search *s, uint64_t head, uint64_t flink, uint64_t blink)
{
	unsigned rank;

	if (!kernel(s, flink) || !kernel(s, blink) || in_image(s, flink) || in_image(s, blink) ||
	    (!is_frame(s, flink - s->links) && !is_frame(s, blink - s->links)))
		return;
	rank = rank_head(s, head);
	if (rank > s->best_rank) {
		s->best_rank = rank;
		s->best = head;
		s->ambiguous = false;
	} else if (rank && rank == s->best_rank) {
		s->ambiguous = true;
	}
}

static uint64_t load_ptr(const struct search *s, const uint8_t *p)
{
	return s->ptr == 8 ? load_u64(p) : load_u32(p);
}

/* Every pair of pointers in [va, end) may be a list head. Page by page, so that
 * a page that is not in the dump costs only itself. */
static void search_range(struct search *s, uint64_t va, uint64_t end)
{
	uint8_t page[DUMP_PAGE_SIZE];
	uint64_t previous = 0;
	bool joined = false; /* `previous` is the pointer right before `va` */

	va = (va + s->ptr - 1) & ~(uint64_t)(s->ptr - 1);
	while (va < end && end - va >= s->ptr) {
		uint64_t page_end = (va | (DUMP_PAGE_SIZE - 1)) + 1;
		size_t i, n;

		if (page_end > end)
			page_end = end;
		n = (size_t)(page_end - va) & ~(size_t)(s->ptr - 1);
		if (vm_read(s->r->vm, va, page, n, "fltmgr's data", NULL) != FS_OK) {
			joined = false;
			va = page_end;
			continue;
		}
		for (i = 0; i < n; i += s->ptr) {
			uint64_t v = load_ptr(s, page + i);

			if (joined && previous && v)
				offer_head(s, va + i - s->ptr, previous, v);
			previous = v;
			joined = true;
		}
		va = page_end;
	}
}

/* In a triage dump the ranges of the image that were captured, else all of it. */
static void search_captured(struct search *s, uint64_t from, uint64_t to)
{
	uint64_t va = from, start, size;

	if (!dump_is_virtual(vm_dump(s->r->vm))) {
		search_range(s, from, to);
		return;
	}
	while (va < to && vm_next_range(s->r->vm, va, to, &start, &size) && start < to) {
		uint64_t begin = start > va ? start : va;
		uint64_t end = size < to - start ? start + size : to;

		if (end <= va)
			return;
		search_range(s, begin, end);
		va = end;
	}
}

static void search_image(struct search *s)
{
	struct pe pe;
	size_t i;

	if (pe_read(s->r->vm, s->fltmgr, &pe, NULL) == FS_OK) {
		for (i = 0; i < pe.nsections; i++) {
			const struct pe_section *x = &pe.section[i];

			/* IMAGE_SCN_MEM_WRITE */
			if (x->characteristics & 0x80000000u)
				search_captured(s, s->fltmgr->base + x->rva,
						s->fltmgr->base + x->rva + x->size);
		}
	}
	if (!s->best_rank)
		search_captured(s, s->fltmgr->base, s->image_end);
}

static enum fs_status use_known_rva(struct search *s, const struct locate_in *in,
				    struct fltmgr_site *ret)
{
	const struct layout_field *f = layout_field(in->r->fltmgr, F_GLOBALS_FrameList);
	uint64_t globals, head, flink, blink;
	struct fs_error err;
	uint8_t raw[16];

	if (!in->rva_known || !f || in->globals_rva >= in->fltmgr->size)
		return FS_NOT_FOUND;
	globals = in->fltmgr->base + in->globals_rva;
	head = globals + f->offset + s->rlist;
	if (vm_read(in->r->vm, head, raw, 2 * (size_t)s->ptr, "FltGlobals.FrameList.rList", &err) !=
	    FS_OK)
		return FS_NOT_FOUND;
	flink = load_ptr(s, raw);
	blink = load_ptr(s, raw + s->ptr);
	if (flink == head && blink == head) {
		s->empty_head = true;
		return FS_NOT_FOUND;
	}
	if (!rank_head(s, head))
		return FS_NOT_FOUND;
	ret->globals_known = true;
	ret->globals = globals;
	ret->frame_list = head;
	ret->how = in->rva_how;
	return FS_OK;
}

/* Both links of a frame lead to its list's head or to another frame. */
static bool frame_fits(const struct search *s, uint64_t frame, uint64_t *ret_head)
{
	struct list_links l;
	uint64_t id;

	if (!is_frame(s, frame) || obj_links(s->r, frame, F_FLTP_FRAME_Links, &l, NULL) != FS_OK ||
	    !kernel(s, l.flink) || !kernel(s, l.blink))
		return false;
	if (obj_read(s->r, frame, F_FLTP_FRAME_FrameID, &id, NULL) == FS_OK && id > FRAME_ID_MAX)
		return false;
	if (!in_image(s, l.flink) && !is_frame(s, l.flink - s->links))
		return false;
	if (!in_image(s, l.blink) && !is_frame(s, l.blink - s->links))
		return false;
	*ret_head = in_image(s, l.flink) ? l.flink : in_image(s, l.blink) ? l.blink : 0;
	return true;
}

static enum fs_status add_frame(struct search *s, uint64_t frame, struct fltmgr_site *ret,
				struct fs_error *err)
{
	uint64_t head, *slot;

	if (ret->frames.n >= PROVE_MAX_FRAMES || !frame_fits(s, frame, &head))
		return FS_OK;
	slot = vec_push(&ret->frames);
	if (!slot)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	*slot = frame;
	/* Two frames that name two heads: then neither is taken. */
	if (!head || (ret->frames.n > 1 && ret->head_by_links && ret->head_by_links != head))
		s->ambiguous = true;
	else
		ret->head_by_links = head;
	return FS_OK;
}

/* Triage: the type word at an aligned address of any captured range. */
static enum fs_status search_frames(struct search *s, struct fltmgr_site *ret, struct fs_error *err)
{
	uint64_t va = 0, start, size;
	uint8_t chunk[DUMP_PAGE_SIZE];

	while (vm_next_range(s->r->vm, va, UINT64_MAX, &start, &size) && size) {
		uint64_t begin = start > va ? start : va, end = start + size;

		if (end <= begin)
			break;
		for (va = (begin + 7) & ~7ull; va < end;) {
			size_t i, n = end - va < sizeof(chunk) ? (size_t)(end - va) : sizeof(chunk);

			if (n < 4 ||
			    vm_read(s->r->vm, va, chunk, n, "captured memory", NULL) != FS_OK)
				break;
			for (i = 0; i + 4 <= n; i += 8) {
				enum fs_status st;

				if (load_u16(chunk + i) != FRAME_SIGNATURE)
					continue;
				st = add_frame(s, va + i, ret, err);
				if (st != FS_OK)
					return st;
			}
			va += n;
		}
		va = end;
	}
	return FS_OK;
}

static enum fs_status not_found(const struct search *s, struct fs_error *err)
{
	if (s->empty_head)
		return fs_fail(
			err, FS_NOT_FOUND,
			"FltGlobals.FrameList of %s is empty: the Filter Manager has no frame yet",
			s->fltmgr->name ? s->fltmgr->name : "fltmgr.sys");
	return fs_fail(err, FS_NOT_FOUND,
		       "no list of frames (type word 0x%x) in the data of %s at 0x%llx%s",
		       FRAME_SIGNATURE, s->fltmgr->name ? s->fltmgr->name : "fltmgr.sys",
		       (unsigned long long)s->fltmgr->base,
		       dump_is_virtual(vm_dump(s->r->vm)) ? " nor a frame in the captured memory"
							  : "");
}

enum fs_status fltmgr_locate(const struct locate_in *in, struct fltmgr_site *ret,
			     struct fs_error *err)
{
	const struct layout_field *links = layout_field(in->r->fltmgr, F_FLTP_FRAME_Links);
	const struct layout_field *rlist =
		layout_field(in->r->fltmgr, F_FLT_RESOURCE_LIST_HEAD_rList);
	const struct layout_field *list = layout_field(in->r->fltmgr, F_GLOBALS_FrameList);
	struct search s = {.r = in->r, .fltmgr = in->fltmgr};
	struct fltmgr_site site = {0};
	enum fs_status st;

	if (!links || !rlist)
		return fs_fail(err, FS_UNSUPPORTED, "layout %s does not know a frame's links",
			       layout_id(in->r->fltmgr));
	s.ptr = vm_pointer_size(in->r->vm);
	s.links = links->offset;
	s.rlist = rlist->offset;
	s.image_end =
		in->fltmgr->base + (in->fltmgr->size < IMAGE_MAX ? in->fltmgr->size : IMAGE_MAX);
	if (use_known_rva(&s, in, &site) == FS_OK) {
		*ret = site;
		return FS_OK;
	}
	search_image(&s);
	if (s.best_rank && !(s.ambiguous && s.best_rank < 2)) {
		site.frame_list = s.best;
		site.how = "searching fltmgr's data";
		if (list && s.best - in->fltmgr->base >= (uint64_t)list->offset + s.rlist) {
			site.globals_known = true;
			site.globals = s.best - s.rlist - list->offset;
		}
		*ret = site;
		return FS_OK;
	}
	s.ambiguous = false;
	if (dump_is_virtual(vm_dump(in->r->vm))) {
		st = search_frames(&s, &site, err);
		if (st != FS_OK) {
			fltmgr_site_deinit(&site);
			return st;
		}
	}
	if (!site.frames.n)
		return not_found(&s, err);
	if (s.ambiguous)
		site.head_by_links = 0;
	site.how = "frame type word";
	*ret = site;
	return FS_OK;
}

void fltmgr_site_deinit(struct fltmgr_site *s)
{
	vec_free(&s->frames);
	*s = (struct fltmgr_site){0};
}
