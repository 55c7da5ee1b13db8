/* SPDX-License-Identifier: BSD-2-Clause */
/* What fltmgr's code shows: its exported functions, and the unload walk that the driver
 * objects near the frames lead to. */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "fltmgr/from_code.h"
#include "fltmgr/from_code_impl.h"
#include "fltmgr/prove.h"
#include "module/exports.h"

/* The frame's type word stands this far before its links at most. */
#define LINKS_MAX 0x20u
/* A filter's and a frame's extent, and how many entries of a list are looked at. */
#define FRAMES_SEEN 4
#define FRAME_SEEN  0x800u
#define FILTER_SEEN 0x200u
#define BEFORE_LINK 0x40u
#define LIST_SEEN   8
#define FUNCTIONS   4

static enum fs_status exported(const struct code_source *source, uint64_t va,
			       enum recover_role role, struct recover_offsets *all, bool *any,
			       struct fs_error *err)
{
	struct recover_offsets o;
	enum fs_status st = recover_offsets(source, role, va, &o, err);

	if (st == FS_NO_MEMORY)
		return st;
	if (st != FS_OK)
		return FS_OK; /* it says nothing */
	*any = true;
	return recover_merge(all, &o, err);
}

enum fs_status fltmgr_exported_code(const struct reader *r, const struct module *fltmgr,
				    struct recover_offsets *ret, struct fs_error *err)
{
	struct recover_offsets all = {0};
	struct exports x = {0};
	struct code_source source;
	struct pe pe;
	bool any = false;
	enum fs_status st;
	size_t i;
	int role;

	*ret = (struct recover_offsets){0};
	if (code_source_vm(r->vm, fltmgr->base, fltmgr->base + fltmgr->size, &source, NULL) !=
		    FS_OK ||
	    pe_read(r->vm, fltmgr, &pe, NULL) != FS_OK)
		return fs_fail(err, FS_NOT_FOUND, "fltmgr's code cannot be read");
	st = exports_read(r->vm, fltmgr, &pe, &x, err);
	for (i = 0; st == FS_OK && i < x.list.n; i++) {
		for (role = 0; role < RECOVER_ROLES && st == FS_OK; role++) {
			/* The unload routine is exported nowhere. */
			if (role != RECOVER_DRIVER_UNLOAD &&
			    strcmp(x.list.v[i].name, recover_role_name((enum recover_role)role)) ==
				    0)
				st = exported(&source, fltmgr->base + x.list.v[i].rva,
					      (enum recover_role)role, &all, &any, err);
		}
	}
	exports_deinit(&x);
	if (st != FS_OK)
		return st == FS_NO_MEMORY || st == FS_CORRUPT ? st : FS_NOT_FOUND;
	if (!any)
		return fs_fail(err, FS_NOT_FOUND, "no exported function of fltmgr shows an offset");
	*ret = all;
	return FS_OK;
}

/* --- frames, with nothing known but their type word ---------------------------- */

static bool frame_at(const struct reader *r, uint64_t va)
{
	uint32_t word;

	return vm_read_u32(r->vm, va, &word, "FLTP_FRAME.Type", NULL) == FS_OK &&
	       (word & 0xffff) == FRAME_SIGNATURE && word >> 16 >= 0x200 && word >> 16 <= 0x2000;
}

/* The distance from the type word to the link that is right for every frame of the list. */
static bool links_of(const struct reader *r, uint64_t head, struct from_code *ret)
{
	struct list_walk w = {0};
	uint64_t k, found = 0;
	size_t i, n = 0;

	if (list_walk(r->vm, head, PROVE_MAX_FRAMES, "FltGlobals.FrameList", &w, NULL) == FS_OK &&
	    w.stop == FS_STOP_CLOSED && !w.broken_at && w.entries.n) {
		for (k = 8; k <= LINKS_MAX; k += 8) {
			for (i = 0; i < w.entries.n && frame_at(r, w.entries.v[i].link - k); i++)
				;
			if (i < w.entries.n)
				continue;
			found = k;
			n++;
		}
		ret->links = found;
		ret->links_at = w.entries.v[0].link - found;
	}
	list_walk_deinit(&w);
	return n == 1;
}

static enum fs_status frame_layout(uint64_t links, const char *machine, struct layout **ret,
				   struct fs_error *err)
{
	static const struct recover_offsets nothing;

	return from_code_layout(&nothing, links, 0, machine, ret, err);
}

/* The list of frames by searching fltmgr's data; FS_NOT_FOUND when there is none, or two. */
static enum fs_status search_frames(const struct reader *r, const struct module *fltmgr,
				    const char *machine, struct from_code *ret,
				    struct fs_error *err)
{
	struct reader mine = *r;
	struct locate_in in = {.r = &mine, .fltmgr = fltmgr};
	uint64_t k, head = 0;

	for (k = 8; k <= LINKS_MAX; k += 8) {
		struct fltmgr_site site = {0};
		struct layout *l = NULL;
		enum fs_status st = frame_layout(k, machine, &l, err);

		if (st != FS_OK)
			return st;
		mine.fltmgr = l;
		st = fltmgr_locate(&in, &site, err);
		if (st == FS_OK && site.frame_list && !head)
			head = site.frame_list;
		fltmgr_site_deinit(&site);
		layout_free(l);
		if (st == FS_NO_MEMORY)
			return st;
	}
	if (!head || !links_of(r, head, ret))
		return fs_fail(err, FS_NOT_FOUND, "no list of frames was found");
	ret->site.frame_list = head;
	return FS_OK;
}

/* --- the unload routine ------------------------------------------------------------ */

struct hunt {
	const struct reader *r;
	const struct modules *m;
	const struct module *fltmgr;
	struct code_source source;
	uint64_t seen[FUNCTIONS]; /* routines tried */
	size_t n;
	struct recover_offsets *all;
	bool any;
	struct fs_error *err;
};

/* A DRIVER_OBJECT at va whose unload routine is fltmgr's. */
static bool unload_of(const struct hunt *h, uint64_t va, uint64_t *ret)
{
	uint64_t type, size;

	return vm_is_kernel_va(h->r->vm, va) && va % 8 == 0 &&
	       obj_read(h->r, va, F_DRIVER_OBJECT_Type, &type, NULL) == FS_OK && type == 4 &&
	       obj_read(h->r, va, F_DRIVER_OBJECT_Size, &size, NULL) == FS_OK && size &&
	       size >= layout_type_size(h->r->nt, T_DRIVER_OBJECT) &&
	       obj_read(h->r, va, F_DRIVER_OBJECT_DriverUnload, ret, NULL) == FS_OK && *ret &&
	       module_at(h->m, *ret) == h->fltmgr;
}

static enum fs_status look_near(struct hunt *h, uint64_t link)
{
	uint64_t va, word, unload;

	for (va = link - BEFORE_LINK; va < link + FILTER_SEEN && h->n < FUNCTIONS; va += 8) {
		struct recover_offsets o;
		enum fs_status st;

		if (vm_read_u64(h->r->vm, va, &word, "a filter", NULL) != FS_OK ||
		    !unload_of(h, word, &unload) || !pv_once(h->seen, h->n, unload))
			continue;
		h->seen[h->n++] = unload;
		st = recover_offsets(&h->source, RECOVER_DRIVER_UNLOAD, unload, &o, h->err);
		if (st == FS_NO_MEMORY)
			return st;
		if (st != FS_OK)
			continue;
		h->any = true;
		st = recover_merge(h->all, &o, h->err);
		if (st != FS_OK)
			return st;
	}
	return FS_OK;
}

/* Every list that begins in the frame: filters are on one of them. */
static enum fs_status look_in_frame(struct hunt *h, uint64_t frame)
{
	uint64_t va, flink, back;
	enum fs_status st = FS_OK;
	size_t i;

	for (va = frame; va < frame + FRAME_SEEN && st == FS_OK; va += 8) {
		struct list_walk w = {0};

		if (vm_read_u64(h->r->vm, va, &flink, "a list", NULL) != FS_OK || flink == va ||
		    flink % 8 || !vm_is_kernel_va(h->r->vm, flink) ||
		    vm_read_u64(h->r->vm, flink + 8, &back, "a list", NULL) != FS_OK || back != va)
			continue;
		if (list_walk(h->r->vm, va, LIST_SEEN, "a list", &w, NULL) == FS_OK)
			for (i = 0; i < w.entries.n && st == FS_OK; i++)
				st = look_near(h, w.entries.v[i].link);
		list_walk_deinit(&w);
	}
	return st;
}

static enum fs_status unload_walk(struct hunt *h, const struct from_code *f)
{
	struct list_walk w = {0};
	enum fs_status st = FS_OK;
	size_t i;

	if (list_walk(h->r->vm, f->site.frame_list, FRAMES_SEEN, "FltGlobals.FrameList", &w,
		      NULL) == FS_OK)
		for (i = 0; i < w.entries.n && st == FS_OK; i++)
			st = look_in_frame(h, w.entries.v[i].link - f->links);
	list_walk_deinit(&w);
	return st;
}

/* What is missing to get from the frames to their filters. */
static enum fs_status enough(const struct from_code *f, struct fs_error *err)
{
	const struct recover_offsets *o = &f->offsets;

	if (!o->frame_list.known || !o->link_to_filters.known || !o->primary_link.known)
		return fs_fail_at(err, FS_NOT_FOUND, f->links_at,
				  "fltmgr's code does not show the way from frames to filters");
	if (o->frame_list.value != f->site.frame_list)
		return fs_fail_at(err, FS_CORRUPT, o->frame_list.at,
				  "fltmgr's code walks a list at 0x%llx, frames are on that at "
				  "0x%llx",
				  (unsigned long long)o->frame_list.value,
				  (unsigned long long)f->site.frame_list);
	return FS_OK;
}

enum fs_status fltmgr_from_code(const struct reader *r, const struct modules *m, uint32_t build,
				const char *machine, const struct recover_offsets *exports,
				struct from_code *ret, struct fs_error *err)
{
	struct from_code f = {.offsets = *exports};
	struct hunt h = {.r = r, .m = m, .all = &f.offsets, .err = err};
	enum fs_status st = FS_OK;

	*ret = (struct from_code){0};
	h.fltmgr = module_fltmgr(m);
	if (!h.fltmgr || vm_pointer_size(r->vm) != 8 ||
	    code_source_vm(r->vm, h.fltmgr->base, h.fltmgr->base + h.fltmgr->size, &h.source,
			   err) != FS_OK)
		return fs_fail(err, FS_NOT_FOUND, "fltmgr's code cannot be read");
	if (exports->frame_list.known && links_of(r, exports->frame_list.value, &f))
		f.site.frame_list = exports->frame_list.value;
	else
		st = search_frames(r, h.fltmgr, machine, &f, err);
	if (st == FS_OK)
		st = unload_walk(&h, &f);
	if (st != FS_OK)
		return st;
	if (!h.any && !exports->frame_list.known)
		return fs_fail(err, FS_NOT_FOUND, "no function of fltmgr shows an offset");
	st = enough(&f, err);
	if (st == FS_OK)
		st = from_code_layout(&f.offsets, f.links, build, machine, &f.layout, err);
	if (st != FS_OK)
		return st;
	f.site.how = "fltmgr's code";
	*ret = f;
	return FS_OK;
}

void from_code_deinit(struct from_code *f)
{
	layout_free(f->layout);
	fltmgr_site_deinit(&f->site);
	*f = (struct from_code){0};
}
