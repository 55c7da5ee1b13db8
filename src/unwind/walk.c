/* SPDX-License-Identifier: BSD-2-Clause */
/* From frame to frame: what is believed of a step, and when it ends. */
#include <inttypes.h>
#include <string.h>

#include "unwind/impl.h"
#include "unwind/scan.h"

void unwind_trace_deinit(struct unwind_trace *t)
{
	vec_free(&t->frames);
}

/* The function that it stands in; pieces of one that was split count as the first one. */
static void tell_function(struct unwind_walk_state *w, struct unwind_frame *f)
{
	bool before = w->u->from_image;
	struct unwind_image image;
	struct function fn;
	enum fs_status st;

	if (w->u->machine == UNWIND_X86) /* has no such data */
		return;
	st = w->exact ? unwind_find(w->u, f->ip, &image, &fn, NULL)
		      : unwind_find_caller(w->u, f->ip, &image, &fn, NULL);
	if (!st && w->u->machine == UNWIND_X64)
		st = x64_primary(w->u, &image, &fn, NULL);
	w->u->from_image = before;
	if (st)
		return;
	f->function = image.base + fn.begin;
	f->function_end = image.base + fn.end;
}

static bool add_frame(struct unwind_walk_state *w)
{
	struct unwind_frame *f = vec_push(&w->trace->frames);

	if (!f)
		return false;
	*f = (struct unwind_frame){.ip = w->regs.ip,
				   .sp = w->regs.sp,
				   .how = w->scanned ? FS_FRAME_SCANNED : w->how,
				   .from_image = w->from_image};
	tell_function(w, f);
	return true;
}

static struct unwind_frame *last(struct unwind_walk_state *w)
{
	return w->trace->frames.n ? &w->trace->frames.v[w->trace->frames.n - 1] : NULL;
}

static enum fs_status refuse(struct fs_error *err, uint64_t at, uint64_t ip, const char *what)
{
	return fs_fail_at(err, FS_CORRUPT, at, "0x%" PRIx64 " %s", ip, what);
}

/* Up the stack, or on to another stretch of it that was not seen yet. */
static enum fs_status check_sp(struct unwind_walk_state *w, const struct unwind_result *r,
			       struct fs_error *err)
{
	const struct unwind_segment *from = unwind_segment_of(w->stack, w->regs.sp, 0);
	const struct unwind_segment *to = unwind_segment_of(w->stack, r->regs.sp, 0);
	bool arm64_leaf = w->exact && w->u->machine == UNWIND_ARM64;

	if (!to)
		return refuse(err, w->regs.sp, r->regs.sp,
			      "as the stack pointer leaves the thread's stack");
	if (to == from) {
		if (r->regs.sp < w->regs.sp || (r->regs.sp == w->regs.sp && !arm64_leaf))
			return refuse(err, w->regs.sp, r->regs.sp,
				      "as the stack pointer goes down the stack");
		return FS_OK;
	}
	if (w->seen & 1u << (to - w->stack->segment))
		return refuse(err, w->regs.sp, r->regs.sp,
			      "as the stack pointer goes back to a stretch that was left");
	w->seen |= 1u << (to - w->stack->segment);
	return FS_OK;
}

bool unwind_is_call_site(struct unwind *u, uint64_t ip)
{
	struct unwind_image image;
	struct function fn;
	bool ignored = false;

	return unwind_call_before(u, ip, &ignored) != 0 ||
	       (u->machine != UNWIND_X86 && unwind_find(u, ip, &image, &fn, NULL) == FS_OK &&
		image.base + fn.begin == ip);
}

/* A return address 0 ends the stack where the thread began, and nowhere else: in the middle it is
 * what damage, or a frame of the wrong size, leads to. */
static enum fs_status check_bottom(struct unwind_walk_state *w, const struct unwind_result *r,
				   struct fs_error *err)
{
	const struct unwind_memory *mem = &w->u->mem;
	const struct unwind_segment *s = unwind_segment_of(w->stack, r->regs.sp, 0);
	uint64_t first = w->stack->first, image = w->stack->first_image;
	struct unwind_image in;
	bool ignored = false;

	if (!s || !unwind_segment_of(w->stack, first, 0) || first < s->low || first > s->high ||
	    r->regs.sp + UNWIND_FIRST_BYTES < first)
		return fs_fail_at(err, FS_CORRUPT, r->ret_at,
				  "the return address is 0, but this is not where the thread began");
	if (image && (mem->image(mem->ctx, w->regs.ip, &in, &ignored, NULL) != FS_OK ||
		      in.base != image))
		return fs_fail_at(err, FS_CORRUPT, r->ret_at,
				  "the return address is 0, but no thread begins in 0x%" PRIx64,
				  w->regs.ip);
	return check_sp(w, r, err);
}

/* FS_OK: a frame of kernel mode. w->ended is set when the walk ends well. */
static enum fs_status judge(struct unwind_walk_state *w, const struct unwind_result *r,
			    struct fs_error *err)
{
	const struct unwind_memory *mem = &w->u->mem;
	uint64_t ip = r->regs.ip;

	if (ip == 0 && !r->trap) {
		w->trace->end = FS_STACK_BOTTOM;
		w->ended = true;
		return check_bottom(w, r, err);
	}
	if (r->user) {
		if (mem->kernel(mem->ctx, ip))
			return refuse(err, r->ret_at, ip, "is no address of user mode");
		w->trace->end = FS_STACK_USER;
		w->ended = true;
		return FS_OK;
	}
	/* What was interrupted may be a jump to nowhere: then that is the truth. */
	if (r->trap)
		return check_sp(w, r, err);
	if (!mem->kernel(mem->ctx, ip))
		return refuse(err, r->ret_at, ip, "is no address of kernel mode");
	if (mem->executable(mem->ctx, ip) == 0)
		return refuse(err, r->ret_at, ip, "is in no code of any module");
	if (!unwind_is_call_site(w->u, ip))
		return refuse(err, r->ret_at, ip, "is no return address: no call stands before it");
	return check_sp(w, r, err);
}

/* One frame up by unwind data. */
static enum fs_status step(struct unwind_walk_state *w, struct fs_error *err)
{
	struct unwind_result r = {0};
	enum fs_status st = unwind_step(w->u, w->stack, &w->regs, w->exact, &r, err);
	struct unwind_frame *f = last(w);

	if (!st)
		st = judge(w, &r, err);
	if (st)
		return st;
	f->ret = r.regs.ip;
	f->ret_at = r.ret_at;
	f->ret_known = true;
	w->from_image |= r.from_image;
	w->regs = r.regs;
	w->exact = r.trap;
	w->how = r.trap				   ? FS_FRAME_TRAP
		 : w->u->machine == UNWIND_X86 ? FS_FRAME_POINTER
					       : FS_FRAME_UNWOUND;
	return FS_OK;
}

static bool is_missing(enum fs_status st)
{
	return st == FS_NOT_FOUND || st == FS_NOT_IN_DUMP || st == FS_PAGED_OUT ||
	       st == FS_UNSUPPORTED;
}

/* The frames from w->regs on. */
static enum fs_status follow(struct unwind_walk_state *w, bool have_ip, size_t max,
			     struct fs_error *err)
{
	struct fs_error why = {0};
	enum fs_status st = FS_OK;

	for (;;) {
		if (have_ip) {
			if (w->trace->frames.n >= max) {
				w->trace->end = FS_STACK_LIMIT;
				(void)fs_fail(&w->trace->why, FS_LIMIT, "more than %zu frames",
					      max);
				return FS_OK;
			}
			if (!add_frame(w))
				return fs_fail(err, FS_NO_MEMORY, "out of memory");
			/* ARM64 saves a return address at the bottom of its frame: found by a
			 * scan, it does not say where the caller's frame begins. */
			st = w->scanned && w->u->machine == UNWIND_ARM64
				     ? fs_fail(&why, FS_NOT_FOUND, "found by a scan")
				     : step(w, &why);
			if (st == FS_OK && w->ended)
				return FS_OK;
			if (st == FS_OK)
				continue;
			/* why a scan was needed says more than why the next one was */
			if (!w->scanned || !is_missing(st))
				w->trace->why = why;
		}
		w->trace->end = is_missing(st) || !have_ip ? FS_STACK_UNREADABLE : FS_STACK_BROKEN;
		if (st == FS_NO_MEMORY)
			return fs_fail(err, FS_NO_MEMORY, "out of memory");
		if (w->no_scan || w->trace->end == FS_STACK_BROKEN || !unwind_scan(w))
			return FS_OK;
		have_ip = true;
	}
}

enum fs_status unwind_walk(struct unwind *u, const struct unwind_stack *stack,
			   const struct unwind_start *start, struct unwind_trace *ret,
			   struct fs_error *err)
{
	struct unwind_walk_state w = {.u = u,
				      .stack = stack,
				      .trace = ret,
				      .regs = start->regs,
				      .exact = start->exact,
				      .no_scan = start->no_scan,
				      .how = FS_FRAME_CONTEXT};
	const struct unwind_segment *s = unwind_segment_of(stack, start->regs.sp, 0);
	size_t max = start->max ? start->max : UNWIND_FRAMES_MAX;

	memset(ret, 0, sizeof(*ret));
	if (!s) {
		ret->end = FS_STACK_BROKEN;
		(void)fs_fail_at(&ret->why, FS_CORRUPT, start->regs.sp,
				 "the stack pointer 0x%" PRIx64 " is not on the thread's stack",
				 start->regs.sp);
		return FS_OK;
	}
	w.seen = 1u << (s - stack->segment);
	if (start->no_ip)
		(void)fs_fail(&ret->why, FS_NOT_FOUND, "where it goes on is not known");
	return follow(&w, !start->no_ip, max, err);
}
