/* SPDX-License-Identifier: BSD-2-Clause */
#include "dump/vmware_state.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"

/* File header: magic u32, version u32, number of groups u32; then the groups. */
#define HEADER_SIZE 12u
#define GROUP_SIZE  80u /* name[64], file offset u64, size u64 */
#define GROUP_NAME  64u
#define GROUPS_MAX  1024u
#define TAGS_MAX    (1u << 20) /* of one group; real ones have some hundreds */

/* A tag: u8 with the number of indices (bits 7..6) and the size of the value (5..0), u8
 * length of the name, the name, the indices (u32 each), the value. Two sizes mean a block:
 * bytes in the file u64, bytes in memory u64, padding u16, that much padding, the bytes. */
#define TAG_BLOCK	     63u
#define TAG_BLOCK_COMPRESSED 62u

#define GPR_RSP 4u
#define SEG_CS	1u /* the order of S and S.base64: ES CS SS DS FS GS LDTR TR */
#define SEG_FS	4u
#define SEG_GS	5u

struct tag {
	char name[256];
	uint32_t index[3];
	unsigned nindex;
	bool block, compressed;
	uint64_t off;	    /* of the value's bytes */
	uint64_t size;	    /* of them, in the file */
	uint64_t in_memory; /* of a block */
};

struct parse {
	struct vmware_state *s;
	struct dump *d;
	struct dump_file *f;
};

int vmware_magic(const uint8_t *p, size_t n)
{
	if (n < HEADER_SIZE)
		return 0;
	switch (load_u32(p)) {
	case 0xbed2bed2: /* usual */
	case 0xbed3bed3: /* partial */
	case 0xbad1bad1: /* restored */
	case 0xbad2bad2: /* not to be restored */
		return 1;
	case 0xbed0bed0:
	case 0xbed2bed0:
		return -1;
	default:
		return 0;
	}
}

/* Through the page cache: tags are small and stand close together. */
static enum fs_status get(struct parse *p, uint64_t off, void *buf, size_t n, struct fs_error *err)
{
	uint8_t *to = buf;

	while (n > 0) {
		size_t in = (size_t)(off % DUMP_PAGE_SIZE);
		size_t now = DUMP_PAGE_SIZE - in < n ? DUMP_PAGE_SIZE - in : n;
		enum fs_status st = dump_cached_read(p->f, off - in, in, to, now, NULL, err);

		if (st != FS_OK)
			return st;
		off += now;
		to += now;
		n -= now;
	}
	return FS_OK;
}

/* The block's header at *at; its bytes must be in the file, but for those of memory, which
 * may have been cut off. */
static enum fs_status get_block(struct parse *p, struct tag *t, uint64_t *at, struct fs_error *err)
{
	uint8_t b[18];
	enum fs_status st = get(p, *at, b, sizeof(b), err);

	if (st != FS_OK)
		return st;
	t->size = load_u64(b);
	t->in_memory = load_u64(b + 8);
	t->off = *at + sizeof(b) + load_u16(b + 16);
	if (!add_u64(t->off, t->size, at))
		return fs_fail(err, FS_CORRUPT, "a block at 0x%" PRIx64 " with 0x%" PRIx64 " bytes",
			       t->off, t->size);
	return FS_OK;
}

/* The tag at *at, and *at behind it. *ret_end: it is the one that ends the group. */
static enum fs_status get_tag(struct parse *p, struct tag *t, uint64_t *at, bool *ret_end,
			      struct fs_error *err)
{
	uint8_t head[2], index[4 * 3];
	enum fs_status st = get(p, *at, head, sizeof(head), err);
	unsigned i, size;

	*ret_end = st == FS_OK && head[0] == 0 && head[1] == 0;
	if (st != FS_OK || *ret_end)
		return st;
	*t = (struct tag){.nindex = head[0] >> 6};
	size = head[0] & 0x3f;
	st = get(p, *at + 2, t->name, head[1], err);
	*at += 2u + head[1];
	if (st == FS_OK)
		st = get(p, *at, index, 4 * (size_t)t->nindex, err);
	if (st != FS_OK)
		return st;
	for (i = 0; i < t->nindex; i++)
		t->index[i] = load_u32(index + 4 * i);
	*at += 4 * t->nindex;
	t->compressed = size == TAG_BLOCK_COMPRESSED;
	t->block = size == TAG_BLOCK || t->compressed;
	if (t->block)
		return get_block(p, t, at, err);
	t->off = *at;
	t->size = size;
	*at += size;
	return FS_OK;
}

/* A value of 4 or 8 bytes. */
static bool number(struct parse *p, const struct tag *t, uint64_t *ret)
{
	uint8_t b[8] = {0};

	if (t->block || (t->size != 4 && t->size != 8) ||
	    get(p, t->off, b, (size_t)t->size, NULL) != FS_OK)
		return false;
	*ret = load_u64(b);
	return true;
}

static enum fs_status memory_tag(struct parse *p, const struct tag *t, struct fs_error *err)
{
	static const char *const names[3] = {"regionPPN", "regionPageNum", "regionSize"};
	struct vmware_state *s = p->s;
	uint64_t v = 0;
	unsigned i;

	if (strcmp(t->name, "Memory") == 0 && t->block) {
		if (t->compressed)
			return fs_fail(err, FS_UNSUPPORTED,
				       "a VMware state whose memory is compressed within the file");
		s->has_memory = true;
		s->memory_off = t->off;
		s->memory_size = t->in_memory;
		return FS_OK;
	}
	if (strcmp(t->name, "regionsCount") == 0 && number(p, t, &v)) {
		if (v > VMWARE_REGIONS_MAX)
			return fs_fail_at(err, FS_CORRUPT, t->off,
					  "regionsCount at 0x%" PRIx64
					  ": expected at most %u, found %" PRIu64,
					  t->off, VMWARE_REGIONS_MAX, v);
		s->nregions = v;
		s->counted = true;
	}
	for (i = 0; i < 3; i++) {
		struct vmware_region *r;

		if (strcmp(t->name, names[i]) != 0 || t->nindex != 1 ||
		    t->index[0] >= VMWARE_REGIONS_MAX || !number(p, t, &v))
			continue;
		r = &s->region[t->index[0]];
		r->have |= 1u << i;
		*(i == 0 ? &r->ppn : i == 1 ? &r->pagenum : &r->size) = v;
	}
	return FS_OK;
}

/* The processor of the tag's first index; the group counts them upwards. NULL: none. */
static struct dump_cpu *cpu_of(struct vmware_state *s, const struct tag *t)
{
	if (t->nindex == 0 || t->index[0] >= VMWARE_CPUS_MAX)
		return NULL;
	while (s->cpus.n <= t->index[0]) {
		struct dump_cpu *c = vec_push(&s->cpus);

		if (!c)
			return NULL;
		c->number = (uint32_t)(s->cpus.n - 1);
		c->from = "VMware state";
	}
	return &s->cpus.v[t->index[0]];
}

/* CR64: one block of cr0 to cr8, or a value for each. */
static void cr64(struct parse *p, const struct tag *t, struct dump_cpu *c, bool whole)
{
	uint8_t b[72];
	uint64_t v;

	if (whole && t->size == sizeof(b) && get(p, t->off, b, sizeof(b), NULL) == FS_OK) {
		c->cr3 = (struct dump_u64){load_u64(b + 24), true};
		c->cr4 = (struct dump_u64){load_u64(b + 32), true};
	} else if (!whole && t->nindex == 2 && number(p, t, &v)) {
		if (t->index[1] == 3)
			c->cr3 = (struct dump_u64){v, true};
		if (t->index[1] == 4)
			c->cr4 = (struct dump_u64){v, true};
	}
}

/* IDTR: one block of limit u16 and base u64, or the base's halves as [cpu][1] and [cpu][2].
 * The low half comes first; without the other it is none. */
static void idtr(struct parse *p, const struct tag *t, struct dump_cpu *c, bool whole)
{
	uint8_t b[10];
	uint64_t v;

	if (whole && t->size == sizeof(b) && get(p, t->off, b, sizeof(b), NULL) == FS_OK)
		c->idt_base = (struct dump_u64){load_u64(b + 2), true};
	else if (!whole && t->nindex == 2 && t->size == 4 && number(p, t, &v)) {
		if (t->index[1] == 1)
			c->idt_base = (struct dump_u64){v, false};
		if (t->index[1] == 2 && !c->idt_base.present)
			c->idt_base = (struct dump_u64){c->idt_base.v | v << 32, true};
	}
}

/* General registers by their encoding, and the two others of 8 bytes. */
enum {
	VMW_GPRS = 16,
	VMW_RIP = VMW_GPRS,
	VMW_FLAGS,
	VMW_CR,
	VMW_IDTR,
	VMW_BASE,
	VMW_SELECTOR,
	VMW_GPREGS,
	VMW_NAMES
};

static size_t which_register(const char *name)
{
	static const char *const names[VMW_NAMES] = {
		"rax", "rcx",	 "rdx", "rbx", "rsp",  "rbp",	 "rsi",	 "rdi",	    "r8", "r9", "r10",
		"r11", "r12",	 "r13", "r14", "r15",  "rip",	 "eflags", "CR64", "IDTR", "S.base64", "S",
		"gpregs"};
	size_t i;

	/* both spellings are there; each has a part of it */
	if (strcmp(name, "EFLAGS") == 0)
		return VMW_FLAGS;
	for (i = 0; i < VMW_NAMES; i++)
		if (strcmp(name, names[i]) == 0)
			break;
	return i;
}

static void take_register(struct dump_cpu *c, size_t i, uint64_t v)
{
	if (i == VMW_RIP) {
		c->rip = (struct dump_u64){v, true};
		return;
	}
	c->gpr[i] = v;
	c->gprs |= 1u << i;
	if (i == GPR_RSP)
		c->rsp = (struct dump_u64){v, true};
}

/* gpregs: the general registers in one block, RBP before RSP, in place of a value for each. */
static void gpregs(struct parse *p, const struct tag *t, struct dump_cpu *c)
{
	static const uint8_t order[VMW_GPRS] = {0, 1, 2,  3,  5,  4,  6,  7,
						8, 9, 10, 11, 12, 13, 14, 15};
	uint8_t b[8 * VMW_GPRS];
	size_t i;

	if (!t->block || t->compressed || t->size != sizeof(b) ||
	    get(p, t->off, b, sizeof(b), NULL) != FS_OK)
		return;
	for (i = 0; i < VMW_GPRS; i++)
		take_register(c, order[i], load_u64(b + 8 * i));
}

/* Two or four bytes. */
static void selector(struct parse *p, const struct tag *t, struct dump_cpu *c)
{
	uint8_t b[4] = {0};

	if (t->block || t->nindex != 2 || t->index[1] != SEG_CS ||
	    (t->size != 2 && t->size != 4) ||
	    get(p, t->off, b, (size_t)t->size, NULL) != FS_OK)
		return;
	c->cs = (struct dump_u64){load_u16(b), true};
}

/* By which_register. */
static void cpu_value(struct parse *p, const struct tag *t, size_t i, struct dump_cpu *c)
{
	uint64_t v = 0;

	if (i == VMW_CR)
		cr64(p, t, c, t->block && !t->compressed);
	else if (i == VMW_IDTR)
		idtr(p, t, c, t->block && !t->compressed);
	else if (i == VMW_GPREGS)
		gpregs(p, t, c);
	else if (i == VMW_SELECTOR)
		selector(p, t, c);
	else if (i == VMW_BASE && t->nindex == 2 &&
		 (t->index[1] == SEG_GS || t->index[1] == SEG_FS) && number(p, t, &v))
		*(t->index[1] == SEG_GS ? &c->gs_base : &c->fs_base) = (struct dump_u64){v, true};
	else if (i == VMW_FLAGS && number(p, t, &v))
		c->flags = (struct dump_u64){c->flags.v | v, true};
	else if (i <= VMW_RIP && t->size == 8 && number(p, t, &v))
		take_register(c, i, v);
}

static enum fs_status cpu_tag(struct parse *p, const struct tag *t, struct fs_error *err)
{
	size_t i = which_register(t->name);
	struct dump_cpu *c;
	uint64_t v = 0;

	if (strcmp(t->name, "cpu:numVCPUs") == 0 && number(p, t, &v)) {
		p->s->processors = v;
		p->s->processors_known = true;
		return FS_OK;
	}
	if (i == VMW_NAMES)
		return FS_OK;
	c = cpu_of(p->s, t);
	if (!c)
		return t->nindex && t->index[0] < VMWARE_CPUS_MAX
			       ? fs_fail(err, FS_NO_MEMORY, "no memory for the processors")
			       : FS_OK;
	cpu_value(p, t, i, c);
	return FS_OK;
}

/* Walks one group's tags. FS_NOT_IN_DUMP, FS_CORRUPT: it broke off; what came before is kept. */
static enum fs_status group(struct parse *p, uint64_t at,
			    enum fs_status (*tag)(struct parse *, const struct tag *,
						  struct fs_error *),
			    struct fs_error *err)
{
	enum fs_status st = FS_OK;
	bool end = false;
	size_t n;

	for (n = 0; st == FS_OK && n < TAGS_MAX; n++) {
		struct tag t;

		st = get_tag(p, &t, &at, &end, err);
		if (st == FS_OK && end)
			return FS_OK;
		if (st == FS_OK)
			st = tag(p, &t, err);
	}
	return st == FS_OK ? fs_fail(err, FS_LIMIT, "more than %u tags", TAGS_MAX) : st;
}

/* Every region that was announced must be whole: with one missing, memory would be a hole
 * where it is not. */
static enum fs_status check_regions(const struct vmware_state *s, struct fs_error *err)
{
	uint64_t i;

	for (i = 0; i < s->nregions; i++)
		if (s->region[i].have != 7)
			return fs_fail(
				err, FS_CORRUPT,
				"memory region %" PRIu64 " of %" PRIu64
				": expected regionPPN, regionPageNum and regionSize, found %s",
				i, s->nregions, s->region[i].have ? "a part of them" : "none");
	return FS_OK;
}

/* A state file that ends too early is no state file; it is no hole in a dump. */
static enum fs_status broken(struct fs_error *err, enum fs_status st, const char *what)
{
	if (st == FS_NOT_IN_DUMP)
		st = FS_CORRUPT;
	if (err)
		err->status = st;
	return fs_prepend(err, st, "VMware state: %s", what);
}

static enum fs_status one_group(struct parse *p, const uint8_t *g, bool *memory,
				struct fs_error *err)
{
	struct fs_error why = {0};
	enum fs_status st;

	if (memcmp(g, "memory", 7) == 0) {
		*memory = true;
		st = group(p, load_u64(g + GROUP_NAME), memory_tag, err);
		/* cut within or behind the memory: its map came before, or nothing can be read */
		if (st == FS_NOT_IN_DUMP && p->s->has_memory && p->s->counted)
			return FS_OK;
		return st == FS_OK ? st : broken(err, st, "memory group");
	}
	if (memcmp(g, "cpu", 4) != 0)
		return FS_OK;
	p->s->has_cpus = true;
	st = group(p, load_u64(g + GROUP_NAME), cpu_tag, &why);
	if (st == FS_NO_MEMORY) {
		if (err)
			*err = why;
		return st;
	}
	if (st != FS_OK)
		dump_note_add(p->d, "VMware's cpu group broke off: %s", why.text);
	return FS_OK;
}

enum fs_status vmware_state_read(struct vmware_state *s, struct dump *d, struct dump_file *f,
				 struct fs_error *err)
{
	struct parse p = {s, d, f};
	uint8_t h[HEADER_SIZE], g[GROUP_SIZE];
	bool memory = false;
	uint32_t n, i;
	enum fs_status st = get(&p, 0, h, sizeof(h), err);

	if (st != FS_OK)
		return broken(err, st, "header");
	n = load_u32(h + 8);
	if (n > GROUPS_MAX)
		return fs_fail_at(err, FS_CORRUPT, 8,
				  "VMware state: expected at most %u groups at 0x8, found %" PRIu32,
				  GROUPS_MAX, n);
	for (i = 0; st == FS_OK && i < n; i++) {
		st = get(&p, HEADER_SIZE + (uint64_t)i * GROUP_SIZE, g, sizeof(g), err);
		if (st != FS_OK)
			return broken(err, st, "table of groups");
		st = one_group(&p, g, &memory, err);
	}
	if (st != FS_OK)
		return st;
	if (!memory)
		return fs_fail(err, FS_CORRUPT, "VMware state: there is no memory group");
	return check_regions(s, err);
}

void vmware_state_deinit(struct vmware_state *s)
{
	vec_free(&s->cpus);
}
