/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DUMP_HEADER64 and the page formats: full (1), bitmap full (5), bitmap kernel
 * (6), kernel summary (2). Offsets: facts/dump-formats.md; of type 2 _SUMMARY_DUMP32 and 64 of the
 * WDK 10's types; 5 and 6 have one header for both widths (volatility3). Files are sparse.
 */
#include "mkworld.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HDR	 8192u
#define RUNS	 0x98u
_Static_assert(RAM_RUNS_MAX == (0x348u - RUNS) / 16, "as many as a full dump has room for");

int out_open(struct world *w, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		die(w, "%s: %s", path, strerror(errno));
	return fd;
}

void out_write(struct world *w, int fd, uint64_t off, const void *buf, size_t n)
{
	const uint8_t *p = buf;

	while (n) {
		ssize_t k = pwrite(fd, p, n, (off_t)off);

		if (k <= 0)
			die(w, "write: %s", strerror(errno));
		p += k;
		off += (uint64_t)k;
		n -= (size_t)k;
	}
}

void out_close(struct world *w, int fd, uint64_t size)
{
	if (ftruncate(fd, (off_t)size) || close(fd))
		die(w, "write: %s", strerror(errno));
}

/* CONTEXT of x64: flags 0x30, segments 0x38, EFlags 0x44, Rsp 0x98, Rbp 0xa0, Rip 0xf8. */
void context_fill(const struct world *w, uint8_t *ctx)
{
	memset(ctx, 0, 0x4d0);
	st32(ctx + 0x30, 0x10001f);
	st32(ctx + 0x34, 0x1f80);
	st16(ctx + 0x38, 0x10);
	st16(ctx + 0x3a, 0x2b);
	st16(ctx + 0x3c, 0x2b);
	st16(ctx + 0x3e, 0x53);
	st16(ctx + 0x40, 0x2b);
	st16(ctx + 0x42, 0x18);
	st32(ctx + 0x44, 0x246);
	st64(ctx + 0x98, w->ctx_rsp);
	st64(ctx + 0xa0, w->ctx_rbp);
	st64(ctx + 0xf8, w->ctx_rip);
}

static void exception_fill(const struct world *w, uint8_t *e)
{
	memset(e, 0, 0x98);
	st32(e, 0x80000003u);
	st64(e + 0x10, w->ctx_rip);
}

/* What no one sets keeps the filler, as in real dumps. */
void header_fill(const struct world *w, uint8_t hdr[HDR], uint32_t type)
{
	for (size_t i = 0; i < HDR; i += 4)
		memcpy(hdr + i, "PAGE", 4);
	memcpy(hdr + 4, "DU64", 4);
	st32(hdr + 8, w->major);
	st32(hdr + 0xc, w->build);
	st64(hdr + 0x10, w->cr3);
	st64(hdr + 0x20, w->loaded_list);
	st64(hdr + 0x28, w->active_list);
	st32(hdr + 0x30, w->machine == MACHINE_ARM64 ? 0xaa64 : 0x8664);
	st32(hdr + 0x34, w->processors);
	st32(hdr + 0x38, w->bugcheck);
	for (unsigned i = 0; i < 4; i++)
		st64(hdr + 0x40 + 8 * i, w->bugcheck_parameter[i]);
	st64(hdr + 0x80, w->kdbg);
	context_fill(w, hdr + 0x348);
	exception_fill(w, hdr + 0xf00);
	st32(hdr + 0xf98, type);
	st64(hdr + 0xfa8, w->time);
	if (w->comment[0]) {
		memset(hdr + 0xfb0, 0, 128);
		memcpy(hdr + 0xfb0, w->comment, strlen(w->comment));
	}
	st64(hdr + 0x1030, w->uptime);
}

static void close_run(struct world *w, struct ram_run *runs, size_t *n, uint64_t begin, uint64_t end)
{
	if (end <= begin)
		return;
	if (*n == RAM_RUNS_MAX)
		die(w, "too many missing pages for a full dump's %u runs", RAM_RUNS_MAX);
	runs[*n].base = begin;
	runs[(*n)++].count = end - begin;
}

size_t ram_runs(struct world *w, struct ram_run *runs)
{
	uint64_t at = 0x100;
	size_t n = 0;

	close_run(w, runs, &n, 1, 0x9f);
	for (size_t i = 0; i < w->frames.n; i++) {
		if (w->frames.v[i]->state != PG_MISSING)
			continue;
		close_run(w, runs, &n, at, w->frames.v[i]->pfn);
		at = w->frames.v[i]->pfn + 1;
	}
	close_run(w, runs, &n, at, w->ram_pages);
	return n;
}

void write_full(struct world *w, const char *path)
{
	struct ram_run runs[RAM_RUNS_MAX];
	size_t n = ram_runs(w, runs), k = 0;
	uint64_t before = 0, total = 0;
	uint8_t hdr[HDR];
	size_t size = w->machine == MACHINE_X86 ? header32_full(w, hdr, runs, n) : HDR;
	int fd = out_open(w, path);

	for (size_t i = 0; i < n; i++)
		total += runs[i].count;
	if (w->machine != MACHINE_X86) {
		header_fill(w, hdr, 1);
		for (size_t i = 0; i < n; i++) {
			st64(hdr + RUNS + 16 * i, runs[i].base);
			st64(hdr + RUNS + 16 * i + 8, runs[i].count);
		}
		st32(hdr + 0x88, (uint32_t)n);
		st64(hdr + 0x90, total);
		st64(hdr + 0xfa0, HDR + total * PAGE);
	}
	out_write(w, fd, 0, hdr, size);
	for (size_t i = 0; i < w->frames.n; i++) {
		const struct vpage *p = w->frames.v[i];

		if (p->state == PG_MISSING)
			continue;
		while (p->pfn - runs[k].base >= runs[k].count)
			before += runs[k++].count;
		out_write(w, fd, size + (before + p->pfn - runs[k].base) * PAGE, p->data, PAGE);
	}
	out_close(w, fd, size + total * PAGE);
}

/* Only the part of the bitmap that is not zero is written. */
static void write_bits(struct world *w, int fd, uint64_t at)
{
	for (uint64_t off = 0; off < w->ram_pages / 8 + 1; off += PAGE) {
		uint64_t left = (w->ram_pages + 7) / 8 - off;
		size_t n = left < PAGE ? (size_t)left : PAGE;
		bool any = false;

		if (off >= (w->ram_pages + 7) / 8)
			break;
		for (size_t i = 0; i < n; i++)
			any |= w->bitmap[off + i] != 0;
		if (any)
			out_write(w, fd, at + off, w->bitmap + off, n);
	}
}

/* What stands between the first header and the bitmap; its size in bytes. */
static size_t summary_size(const struct world *w, uint32_t type)
{
	return type != 2 ? 0x38 : w->machine == MACHINE_X86 ? 0x20 : 0x28;
}

static void summary_fill(const struct world *w, uint8_t *sum, uint32_t type, uint64_t first,
			 uint64_t n)
{
	memcpy(sum, type == 5 ? "FDMPDUMP" : "SDMPDUMP", 8);
	if (type == 2) {
		st32(sum + 0xc, (uint32_t)first);
		st32(sum + 0x10, (uint32_t)w->ram_pages);
		st32(sum + 0x14, (uint32_t)n);
		st32(sum + 0x18, (uint32_t)w->ram_pages);
		return;
	}
	st64(sum + 0x20, first);
	st64(sum + 0x28, n);
	st64(sum + 0x30, w->ram_pages);
}

void write_bitmap(struct world *w, const char *path, uint32_t type)
{
	size_t size = w->machine == MACHINE_X86 ? HDR32 : HDR, more = summary_size(w, type);
	uint64_t first = (size + more + (w->ram_pages + 7) / 8 + PAGE - 1) / PAGE * PAGE;
	uint64_t n = 0;
	uint8_t hdr[HDR], sum[0x38] = {0};
	int fd = out_open(w, path);

	for (size_t i = 0; i < w->frames.n; i++) {
		if (w->frames.v[i]->state == PG_MISSING)
			continue;
		out_write(w, fd, first + n * PAGE, w->frames.v[i]->data, PAGE);
		n++;
	}
	if (w->machine == MACHINE_X86)
		header32_fill(w, hdr, type);
	else
		header_fill(w, hdr, type);
	st64(hdr + 0xfa0, first + n * PAGE); /* RequiredDumpSpace of both */
	out_write(w, fd, 0, hdr, size);
	summary_fill(w, sum, type, first, n);
	out_write(w, fd, size, sum, more);
	write_bits(w, fd, size + more);
	out_close(w, fd, first + n * PAGE);
}
