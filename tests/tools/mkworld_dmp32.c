/* SPDX-License-Identifier: BSD-2-Clause */
/* DUMP_HEADER32: offsets as volatility's crash_vtypes and QEMU's win_dump_defs.h have them; CONTEXT
 * and EXCEPTION_RECORD32 are winnt.h's. */
#include "mkworld.h"

#include <string.h>

#define RUNS	 0x6cu
#define RUNS_MAX ((0x320u - RUNS) / 8)

/* Segments from 0x8c on, Ebp 0xb4, Eip 0xb8, SegCs, EFlags, Esp 0xc4, SegSs. */
void context32_fill(const struct world *w, uint8_t *ctx)
{
	memset(ctx, 0, CONTEXT32_BYTES);
	st32(ctx, 0x1001f);
	st32(ctx + 0x90, 0x30);
	st32(ctx + 0x94, 0x23);
	st32(ctx + 0x98, 0x23);
	st32(ctx + 0xb4, (uint32_t)w->ctx_rbp);
	st32(ctx + 0xb8, (uint32_t)w->ctx_rip);
	st32(ctx + 0xbc, 8);
	st32(ctx + 0xc0, 0x246);
	st32(ctx + 0xc4, (uint32_t)w->ctx_rsp);
	st32(ctx + 0xc8, 0x10);
}

/* A world that does not say where the crash was leaves filler, as real headers do. */
bool has_context32(const struct world *w)
{
	return w->ctx_rip >> 32 == 0;
}

void header32_fill(const struct world *w, uint8_t *hdr, uint32_t type)
{
	for (size_t i = 0; i < HDR32; i += 4)
		memcpy(hdr + i, "PAGE", 4);
	memcpy(hdr + 4, "DUMP", 4);
	st32(hdr + 8, w->major);
	st32(hdr + 0xc, w->build);
	st32(hdr + 0x10, (uint32_t)w->cr3);
	st32(hdr + 0x18, (uint32_t)w->loaded_list);
	st32(hdr + 0x1c, (uint32_t)w->active_list);
	st32(hdr + 0x20, 0x14c);
	st32(hdr + 0x24, w->processors);
	st32(hdr + 0x28, w->bugcheck);
	for (unsigned i = 0; i < 4; i++)
		st32(hdr + 0x2c + 4 * i, (uint32_t)w->bugcheck_parameter[i]);
	hdr[0x5c] = !w->nopae;
	st32(hdr + 0x60, (uint32_t)w->kdbg);
	if (w->comment[0]) {
		memset(hdr + 0x820, 0, 128);
		memcpy(hdr + 0x820, w->comment, strlen(w->comment));
	}
	if (has_context32(w)) {
		context32_fill(w, hdr + 0x320);
		memset(hdr + 0x7d0, 0, 0x50);
		st32(hdr + 0x7d0, 0x80000003u);
		st32(hdr + 0x7dc, (uint32_t)w->ctx_rip);
	}
	st32(hdr + 0xf88, type);
	st64(hdr + 0xfb8, w->uptime);
	st64(hdr + 0xfc0, w->time);
}

size_t header32_full(const struct world *w, uint8_t *hdr, const struct ram_run *runs, size_t n)
{
	uint64_t total = 0;

	if (n > RUNS_MAX)
		die(w, "too many missing pages for a full dump's %u runs", RUNS_MAX);
	header32_fill(w, hdr, 1);
	for (size_t i = 0; i < n; i++) {
		st32(hdr + RUNS + 8 * i, (uint32_t)runs[i].base);
		st32(hdr + RUNS + 8 * i + 4, (uint32_t)runs[i].count);
		total += runs[i].count;
	}
	st32(hdr + 0x64, (uint32_t)n);
	st32(hdr + 0x68, (uint32_t)total);
	st64(hdr + 0xfa0, HDR32 + total * PAGE);
	return HDR32;
}
