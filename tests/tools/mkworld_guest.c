/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world for the test guest (tests/guest/guest.c, struct guest_file): pages by virtual
 * address, without page tables or places in physical memory, which the guest makes; the
 * DUMP_HEADER64 that a Windows guest would hand to QEMU; and where the world has put its
 * IDT and KPCRs (labels idt, kpcr0, kpcr1, kdtb0, kdtb1).
 */
#include "mkworld.h"

#include <string.h>

#define HEADER 8192u

static uint64_t place(const struct world *w, const char *label)
{
	const struct label *l = label_find(w, label);

	return l ? l->va : 0;
}

void write_guest(struct world *w, const char *path)
{
	uint64_t table = PAGE + HEADER, pages;
	uint8_t head[PAGE] = {0}, hdr[HEADER];
	int fd = out_open(w, path);

	pages = (table + w->pages.n * 8 + PAGE - 1) / PAGE * PAGE;
	memcpy(head, "FLTGUEST", 8);
	st64(head + 8, w->pages.n);
	st64(head + 16, PAGE);
	st64(head + 24, table);
	st64(head + 32, pages);
	st64(head + 40, place(w, "idt"));
	st64(head + 48, place(w, "kpcr0"));
	st64(head + 56, place(w, "kpcr1"));
	st64(head + 64, place(w, "kdtb0"));
	st64(head + 72, place(w, "kdtb1"));
	out_write(w, fd, 0, head, sizeof(head));
	header_fill(w, hdr, 1);
	out_write(w, fd, PAGE, hdr, HEADER);
	for (size_t i = 0; i < w->pages.n; i++) {
		const struct vpage *p = w->pages.v[i];
		uint8_t va[8];

		if (p->state != PG_PRESENT)
			die(w, "a guest places present pages only: 0x%llx is not",
			    (unsigned long long)p->va);
		st64(va, p->va);
		out_write(w, fd, table + i * 8, va, 8);
		out_write(w, fd, pages + i * PAGE, p->data, PAGE);
	}
	out_close(w, fd, pages + w->pages.n * PAGE);
}
