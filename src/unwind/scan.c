/* SPDX-License-Identifier: BSD-2-Clause */
#include "unwind/scan.h"

#include "base/cursor.h"
#include "unwind/impl.h"

enum { CALL_BYTES_MIN = 2, CALL_BYTES_MAX = 8, CHUNK = 512, ARM64_BYTES = 4 };

/* Prefixes that a call may have: REX (of 64 bits only), bnd, segment overrides that align it. */
static bool is_prefix(const struct unwind *u, uint8_t b)
{
	return (u->machine == UNWIND_X64 && (b & 0xf0) == 0x40) || b == 0xf2 || b == 0x2e || b == 0x3e || b == 0x66;
}

static bool x86_call(struct unwind *u, const uint8_t *p, unsigned n, uint64_t va)
{
	unsigned i = 0;
	struct insn in;

	while (i < n && is_prefix(u, p[i]))
		i++;
	if (i == n || (p[i] != 0xe8 && p[i] != 0xff)) /* rel32; /2 */
		return false;
	return insn_decode(u->decoder, p, n, va, &in) && in.size == n && in.op == INSN_CALL;
}

static int look(struct unwind *u, uint64_t va, bool *from_image)
{
	unsigned n, size = u->machine == UNWIND_ARM64 ? ARM64_BYTES : CALL_BYTES_MAX;
	uint8_t b[CALL_BYTES_MAX];
	struct insn in;

	if (va < size || (u->machine == UNWIND_ARM64 && va & 3))
		return 0;
	/* a section may begin right before the call */
	for (; size >= CALL_BYTES_MIN; size--)
		if (u->mem.image_bytes(u->mem.ctx, va - size, b, size, from_image, NULL) == FS_OK)
			break;
	if (size < CALL_BYTES_MIN)
		return -1;
	if (u->machine == UNWIND_ARM64)
		return size == ARM64_BYTES && insn_decode(u->decoder, b, size, va - size, &in) &&
		       in.op == INSN_CALL;
	for (n = CALL_BYTES_MIN; n <= size; n++)
		if (x86_call(u, b + size - n, n, va - n))
			return 1;
	return size < CALL_BYTES_MAX ? -1 : 0;
}

int unwind_call_before(struct unwind *u, uint64_t va, bool *from_image)
{
	struct call_slot *s = &u->calls[(va ^ va >> 12) & (CALL_SLOTS - 1)];

	if (!s->used || s->va != va) {
		*s = (struct call_slot){.va = va, .used = true};
		s->answer = (int8_t)look(u, va, &s->from_image);
	}
	*from_image |= s->from_image;
	return s->answer;
}

static bool counts(struct unwind_walk_state *w, uint64_t v, bool *from_image)
{
	const struct unwind_memory *mem = &w->u->mem;
	int call;

	if (!mem->kernel(mem->ctx, v) || mem->executable(mem->ctx, v) == 0)
		return false;
	call = unwind_call_before(w->u, v, from_image);
	w->trace->unverified_slots += call < 0;
	return call == 1;
}

bool unwind_scan(struct unwind_walk_state *w)
{
	const struct unwind_segment *s = unwind_segment_of(w->stack, w->regs.sp, 0);
	unsigned slot = unwind_word(w->u);
	uint64_t at = (w->regs.sp + slot - 1) & ~(uint64_t)(slot - 1);
	size_t frames = w->trace->frames.n, i, n;
	struct fs_error e = {0};
	uint8_t b[CHUNK];

	for (; s && at >= s->low && at < s->high; at += n) {
		n = CHUNK - (size_t)(at & (CHUNK - 1));
		if (n > s->high - at)
			n = (size_t)(s->high - at) & ~(size_t)(slot - 1);
		if (n && w->u->mem.stack(w->u->mem.ctx, at, b, n, &e) != FS_OK)
			n = e.has_address && e.address > at && e.address - at < n
				    ? (size_t)(e.address - at) & ~(size_t)(slot - 1)
				    : 0;
		if (n == 0)
			return false;
		for (i = 0; i < n; i += slot) {
			uint64_t v = slot == 8 ? load_u64(b + i) : load_u32(b + i);
			bool from_image = false;

			if (w->u->machine == UNWIND_ARM64)
				v = unwind_strip_pac(v);
			/* a CONTEXT saved on the stack has where the thread stands: that it was
			 * called from there is not what that says */
			if (frames && v == w->trace->frames.v[0].ip)
				continue;
			if (!counts(w, v, &from_image))
				continue;
			if (frames) {
				struct unwind_frame *f = &w->trace->frames.v[frames - 1];

				f->ret = v;
				f->ret_at = at + i;
				f->ret_known = true;
			}
			w->regs = (struct unwind_regs){.ip = v, .sp = at + i + slot};
			w->exact = false;
			w->scanned = true;
			w->from_image |= from_image;
			return true;
		}
	}
	return false;
}
