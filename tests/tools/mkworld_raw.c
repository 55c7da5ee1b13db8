/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical memory as it is (raw), without the devices' hole below 4 GiB (raw-compact, as QEMU's
 * memory-backend-file: what is above 4 GiB follows what is below 3 GiB, of a q35 machine below 2), and VMware's pair of
 * files: that memory as .vmem, and the .vmsn with its regions and the processors' registers; or
 * both in one .vmss.
 */
#include "mkworld_cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLE_START (w->q35 ? 0x80000000u / PAGE : 0xc0000000u / PAGE)
#define HOLE_END   (0x100000000u / PAGE)

static uint64_t compact(struct world *w, uint64_t pfn)
{
	if (pfn < HOLE_START)
		return pfn;
	if (pfn < HOLE_END)
		die(w, "page 0x%llx is in the devices' hole: use a --ram with --high",
		    (unsigned long long)pfn);
	return pfn - (HOLE_END - HOLE_START);
}

/* From offset `at` of the file on; its bytes. */
static uint64_t put_memory(struct world *w, int fd, uint64_t at, bool whole)
{
	for (size_t i = 0; i < w->frames.n; i++) {
		const struct vpage *p = w->frames.v[i];

		if (p->state != PG_MISSING)
			out_write(w, fd, at + (whole ? p->pfn : compact(w, p->pfn)) * PAGE,
				  p->data, PAGE);
	}
	return (whole || w->ram_pages <= HOLE_START ? w->ram_pages : compact(w, w->ram_pages)) *
	       PAGE;
}

void write_raw(struct world *w, const char *path, bool whole)
{
	int fd = out_open(w, path);

	out_close(w, fd, put_memory(w, fd, 0, whole));
}

void write_raw_q35(struct world *w, const char *path)
{
	w->q35 = true;
	write_raw(w, path, false);
}

/* A state file under construction. */
struct state {
	uint8_t data[64 << 10];
	size_t n;
};

static void put(struct world *w, struct state *s, const void *p, size_t n)
{
	if (n > sizeof(s->data) - s->n)
		die(w, "the state does not fit");
	memcpy(s->data + s->n, p, n);
	s->n += n;
}

/* Name and indices; idx < 0: none. Then the value of `size` bytes, 62 and 63 being blocks. */
static void tag(struct world *w, struct state *s, const char *name, unsigned size, int idx,
		int idx2)
{
	unsigned nidx = idx < 0 ? 0 : idx2 < 0 ? 1 : 2;
	uint8_t head[2] = {(uint8_t)(nidx << 6 | size), (uint8_t)strlen(name)};
	uint8_t index[8];

	st32(index, (uint32_t)idx);
	st32(index + 4, (uint32_t)idx2);
	put(w, s, head, 2);
	put(w, s, name, strlen(name));
	put(w, s, index, 4 * (size_t)nidx);
}

static void value(struct world *w, struct state *s, const char *name, int idx, int idx2,
		  unsigned size, uint64_t v)
{
	uint8_t b[8];

	st64(b, v);
	tag(w, s, name, size, idx, idx2);
	put(w, s, b, size);
}

/* A block with three bytes of padding before it. */
static void block(struct world *w, struct state *s, const char *name, int idx, const void *p,
		  size_t n)
{
	uint8_t b[21] = {0};

	tag(w, s, name, 63, idx, -1);
	st64(b, n);
	st64(b + 8, n);
	st16(b + 16, 3);
	put(w, s, b, sizeof(b));
	put(w, s, p, n);
}

static void memory_group(struct world *w, struct state *s)
{
	bool split = w->ram_pages > HOLE_START;

	value(w, s, "align_mask", 0, -1, 4, 0xffff);
	value(w, s, "regionsCount", -1, -1, 4, split ? 2 : 0);
	if (split) {
		value(w, s, "regionPageNum", 0, -1, 4, 0);
		value(w, s, "regionPPN", 0, -1, 4, 0);
		value(w, s, "regionSize", 0, -1, 4, HOLE_START);
		value(w, s, "regionPageNum", 1, -1, 4, HOLE_START);
		value(w, s, "regionPPN", 1, -1, 4, HOLE_END);
		value(w, s, "regionSize", 1, -1, 4, w->ram_pages - HOLE_END);
	}
}

static uint64_t place(const struct world *w, const char *label)
{
	const struct label *l = label_find(w, label);

	return l ? l->va : 0;
}

#define USER_BASE 0x8f0000u /* a TEB's */

/* The block has RBP before RSP (crash's struct vmssregs64). */
static void general_registers(struct world *w, struct state *s, const struct world_cpu *c, int i)
{
	static const struct {
		const char *name;
		uint8_t encoding;
	} gprs[16] = {{"rax", 0},  {"rcx", 1},	{"rdx", 2},  {"rbx", 3},  {"rbp", 5},  {"rsp", 4},
		      {"rsi", 6},  {"rdi", 7},	{"r8", 8},   {"r9", 9},	  {"r10", 10}, {"r11", 11},
		      {"r12", 12}, {"r13", 13}, {"r14", 14}, {"r15", 15}};
	uint8_t b[8 * 16];

	for (unsigned r = 0; r < 16; r++)
		st64(b + 8 * r, cpu_gpr(c, (unsigned)i, gprs[r].encoding));
	if (i % 2 == 0)
		block(w, s, "gpregs", i, b, sizeof(b));
	for (unsigned r = 0; r < 16 && i % 2; r++)
		value(w, s, gprs[r].name, i, -1, 8, cpu_gpr(c, (unsigned)i, gprs[r].encoding));
	if (c->set)
		value(w, s, "S", i, 1, 4, c->cs);
}

/* Both forms: even processors have blocks, odd ones single values. */
static void cpu_group(struct world *w, struct state *s)
{
	value(w, s, "cpu:numVCPUs", -1, -1, 4, w->processors);
	for (int i = 0; i < (int)w->processors; i++) {
		uint8_t cr[72] = {0}, idt[10] = {0};
		char name[16];
		struct world_cpu c = cpu_of(w, (unsigned)i);

		(void)snprintf(name, sizeof(name), "kpcr%d", i);
		st64(cr, 0x80050033);
		st64(cr + 24, w->cr3);
		st64(cr + 32, world_cr4(w));
		st16(idt, 0xfff);
		st64(idt + 2, place(w, "idt"));
		if (i % 2 == 0) {
			block(w, s, "CR64", i, cr, sizeof(cr));
			block(w, s, "IDTR", i, idt, sizeof(idt));
		} else {
			value(w, s, "CR64", i, 3, 8, w->cr3);
			value(w, s, "CR64", i, 4, 8, world_cr4(w));
			value(w, s, "IDTR", i, 1, 4, place(w, "idt") & 0xffffffff);
			value(w, s, "IDTR", i, 2, 4, place(w, "idt") >> 32);
		}
		value(w, s, "S.base64", i, w->machine == MACHINE_X86 ? 4 : 5, 8,
		      c.cs & 3 ? USER_BASE : place(w, name));
		if (w->machine == MACHINE_X86 && !c.set && !has_context32(w))
			continue;
		value(w, s, "rip", i, -1, 8, c.rip);
		general_registers(w, s, &c, i);
	}
	put(w, s, "\0", 2);
}

/* Both groups; the memory group, which is the last, lacks its end mark. */
static void put_state(struct world *w, struct state *s)
{
	uint8_t h[12 + 2 * 80] = {0};

	st32(h, 0xbed2bed2);
	st32(h + 4, 8);
	st32(h + 8, 2);
	put(w, s, h, sizeof(h));
	st64(s->data + 12 + 64, s->n);
	memcpy(s->data + 12, "cpu", 4);
	cpu_group(w, s);
	st64(s->data + 12 + 72, s->n - sizeof(h));
	memcpy(s->data + 92, "memory", 7);
	st64(s->data + 92 + 64, s->n);
	memory_group(w, s);
}

void write_vmware(struct world *w, const char *path)
{
	static struct state s;
	size_t n = strlen(path);
	char *state = xstrdup(path);
	int fd;

	if (n < 5 || strcmp(path + n - 5, ".vmem") != 0)
		die(w, "--format vmem: the file must be named .vmem");
	write_raw(w, path, false);
	put_state(w, &s);
	put(w, &s, "\0", 2);
	memcpy(state + n - 4, "vmsn", 4);
	fd = out_open(w, state);
	out_write(w, fd, 0, s.data, s.n);
	out_close(w, fd, s.n);
	free(state);
}

/* The memory is a block of the memory group, on a page of its own. */
void write_vmware_whole(struct world *w, const char *path)
{
	static struct state s;
	uint8_t b[18] = {0};
	int fd = out_open(w, path);
	uint64_t at, bytes;

	put_state(w, &s);
	tag(w, &s, "Memory", 63, 0, -1);
	at = (s.n + sizeof(b) + PAGE - 1) / PAGE * PAGE;
	bytes = put_memory(w, fd, at, false);
	st64(b, bytes);
	st64(b + 8, bytes);
	st16(b + 16, (uint16_t)(at - s.n - sizeof(b)));
	put(w, &s, b, sizeof(b));
	out_write(w, fd, 0, s.data, s.n);
	out_write(w, fd, at + bytes, "\0", 2);
	out_close(w, fd, at + bytes + 2);
}
