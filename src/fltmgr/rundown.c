/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EX_RUNDOWN_REF. Facts (unload-causes.md, fltkd-commands.md): even = references
 * << 1; 1 = drained; any other odd value is the address of an
 * EX_RUNDOWN_WAIT_BLOCK {+0 Count, +pointer KEVENT} on the waiter's kernel stack,
 * or-ed with 1, whose Count is what is still held.
 */
#include "base/cursor.h"
#include "fltmgr/collect.h"
#include "fltscope/ledger.h"

struct fs_value wait_block_count(struct collect *c, uint64_t block, bool unproved)
{
	struct fobj o = {.va = block, .gap = -1};
	struct fs_error err;
	uint8_t raw[8] = {0};

	/* Count is a pointer-sized word. */
	if (fobj_bytes(c, &o, 0, raw, c->ptr, "EX_RUNDOWN_WAIT_BLOCK.Count", &err) != FS_OK)
		return value_gap(model_gap(c->b, "EX_RUNDOWN_WAIT_BLOCK.Count", &err), block);
	return (struct fs_value){
		.v = load_u64(raw), .at = block, .state = FS_READ, .unproved = unproved, .gap = -1};
}

/* A count that no system reaches is none. */
static struct fs_value believable(struct collect *c, struct fs_value count, uint64_t block)
{
	if (!fs_is_read(&count) || count.v <= FS_REFERENCES_MAX)
		return count;
	return value_gap(collect_gap(c, "EX_RUNDOWN_WAIT_BLOCK.Count", block, FS_CORRUPT,
				     "EX_RUNDOWN_WAIT_BLOCK.Count at 0x%llx is 0x%llx: no system "
				     "has as many references",
				     (unsigned long long)block, (unsigned long long)count.v),
			 block);
}

struct fs_rundown fobj_rundown(struct collect *c, const struct fobj *o, const struct fpath *p)
{
	struct fs_rundown r = {.raw = fobj_value(c, o, p), .wait_count = model_none()};
	uint64_t raw = r.raw.v, block = raw & ~(uint64_t)1;

	if (r.raw.state != FS_READ)
		return r;
	if (!(raw & 1)) {
		r.state = FS_RUNDOWN_ACTIVE;
		r.count = raw >> 1;
	} else if (raw == 1) {
		r.state = FS_RUNDOWN_DRAINED;
	} else if (vm_is_kernel_va(c->r.vm, block) && block % c->ptr == 0) {
		r.state = FS_RUNDOWN_WAITING;
		r.wait_block = block;
		r.wait_count = believable(c, wait_block_count(c, block, r.raw.unproved), block);
	} else {
		(void)collect_gap(c, p->what, o->va, FS_CORRUPT,
				  "%s of %s 0x%llx is 0x%llx: odd, but no address of a wait block",
				  p->what, o->what, (unsigned long long)o->va,
				  (unsigned long long)raw);
	}
	return r;
}
