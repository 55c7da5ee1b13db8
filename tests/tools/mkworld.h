/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mkworld: a text world (fixtures/README.md) becomes a Windows dump. Objects are
 * placed by field name through a layout, so one world serves every build.
 *
 * A build-time tool: it stops at the first mistake in the world, with file and
 * line, and never frees what lives as long as the run.
 */
#ifndef MKWORLD_H
#define MKWORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "layout/layout.h"

#define PAGE 4096u

enum page_state {
	PG_PRESENT,
	PG_TRANSITION,	      /* swizzle bit set where the nt layout has one: the PFN is plain */
	PG_TRANSITION_MASKED, /* swizzle bit clear, PFN mixed with the world's pte-mask */
	PG_PAGEFILE,
	PG_PROTOTYPE,
	PG_DEMANDZERO,
	PG_MISSING,	 /* mapped, but the dump does not hold the page */
	PG_UNMAPPED,	 /* an all-zero entry */
	PG_ABSENT_TABLE, /* the page table above it is not in the dump */
};

struct vpage {
	uint64_t va;
	enum page_state state;
	uint64_t pfn;
	uint8_t data[PAGE];
};

/* What a triage dump captures. */
struct extent {
	uint64_t va, size;
	bool dropped;
};
struct label {
	char *name;
	char *type; /* NULL: a plain address */
	uint64_t va;
};
struct section {
	char name[9];
	uint32_t rva, size, flags;
};
struct module {
	char *name, *stem;
	uint64_t base, ldr;
	uint32_t size, timestamp, checksum, age;
	uint32_t data_rva; /* of the first writable section, 0 none */
	char *pdb, *guid;
	VEC(struct section) sections;
};
struct unloaded {
	char *name;
	uint64_t start, end;
};
struct var {
	char *name, *value;
};
struct line {
	char *text;
	const char *file;
	int no;
};
struct block {
	struct line *v;
	size_t n, cap;
};
struct macro {
	char *name;
	VEC(char *) params;
	struct block body;
};
struct map { /* u64 -> index, open addressing */
	uint64_t *key;
	size_t *val;
	size_t n, cap;
};
struct large {
	uint64_t va, size, pfn;
};

enum machine { MACHINE_X64, MACHINE_X86, MACHINE_ARM64 };

/* Registers of a processor in containers that have them; not set: the context's. */
#define CPUS_MAX 16u
struct world_cpu {
	bool set;
	uint64_t rip, rsp, rbp, cs, user_gs;
};

struct world {
	const struct line *at; /* for messages */
	enum machine machine;
	bool nopae; /* x86: two levels of tables */
	unsigned depth;
	/* header facts */
	uint32_t build, major, processors, bugcheck;
	uint64_t bugcheck_parameter[4], time, uptime;
	uint64_t ctx_rip, ctx_rsp, ctx_rbp;
	struct world_cpu cpus[CPUS_MAX];
	char comment[128];
	bool q35; /* raw: its hole begins at 2 GiB */
	bool la57;
	uint64_t pte_mask;
	uint8_t padding;
	uint64_t pool; /* next address of automatic allocations */
	/* memory */
	VEC(struct vpage *) pages;
	struct map page_index;
	VEC(struct large) larges;
	VEC(struct extent) extents;
	bool quiet_extents; /* writes do not count as captured (modules, loader) */
	/* names */
	VEC(struct label) labels;
	struct map label_index;
	VEC(struct var) vars;
	VEC(struct macro *) macros;
	/* modules */
	VEC(struct module) modules;
	VEC(struct unloaded) unloaded;
	uint64_t loaded_list, active_list, kdbg; /* VA, in the first module's data section */
	/* layouts */
	struct layout *nt, *fltmgr, *stable;
	const char *nt_name, *fltmgr_name; /* of --nt and --fltmgr */
	/* physical memory */
	uint64_t ram_pages, cr3;
	uint8_t *bitmap;	    /* one bit a page: in the dump */
	VEC(struct vpage *) frames; /* by ascending pfn: data and page tables */
	/* options */
	uint64_t ram, cut;
	bool high;
	bool narrow_file;  /* elf, kdump: of 32 bits */
	bool no_notes;	   /* elf, kdump: no registers either */
	bool guest_header; /* elf, kdump: with the VMCOREINFO note of a Windows guest */
};

__attribute__((noreturn, format(printf, 2, 3))) void die(const struct world *w, const char *fmt,
							 ...);
void *xalloc(size_t n);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
#define push(w, vec)                                                                               \
	({                                                                                         \
		void *p_ = vec_push(vec);                                                          \
		if (!p_)                                                                           \
			die(w, "out of memory");                                                   \
		p_;                                                                                \
	})

/* mkworld_mem.c */
static inline unsigned pointer_size(const struct world *w)
{
	return w->machine == MACHINE_X86 ? 4 : 8;
}
bool map_get(const struct map *m, uint64_t key, size_t *ret);
void map_put(struct world *w, struct map *m, uint64_t key, size_t val);
struct vpage *page_at(struct world *w, uint64_t va);   /* NULL when not there */
struct vpage *page_make(struct world *w, uint64_t va); /* of the page that holds va */
void mem_write(struct world *w, uint64_t va, const void *buf, size_t n);
void mem_fill(struct world *w, uint64_t va, uint8_t byte, uint64_t n);
void mem_read(struct world *w, uint64_t va, void *buf, size_t n);
uint64_t mem_get(struct world *w, uint64_t va, unsigned size);
void mem_put(struct world *w, uint64_t va, uint64_t v, unsigned size);
void mem_extent(struct world *w, uint64_t va, uint64_t size);
uint64_t mem_alloc(struct world *w, uint64_t size);
/* Write a UTF-16 string without terminator; va 0 allocates. */
uint64_t mem_utf16(struct world *w, uint64_t va, const uint16_t *s, size_t units);
void put_ustr(struct world *w, uint64_t va, const uint16_t *s, size_t units, uint64_t buffer);
void label_add(struct world *w, const char *name, uint64_t va, const char *type);
const struct label *label_find(const struct world *w, const char *name);

/* mkworld_layout.c */
struct place {
	uint64_t offset, size; /* bytes */
	char type[128];
};
void layouts_load(struct world *w);
void layouts_named(struct world *w);		     /* --nt, --fltmgr */
void layouts_use(struct world *w, const char *path); /* --layout */
bool has_type(struct world *w, const char *type);
uint64_t type_size(struct world *w, const char *type);
/* Dotted path, the last part may be indexed: "SupportedContexts[2]". */
bool field_find(struct world *w, const char *type, const char *path, struct place *ret);
uint64_t enum_mask(struct world *w, const char *name);
bool has_swizzle(struct world *w);
/* Bytes of a type that no field covers: set in map (size bytes, zeroed by the caller). */
void mark_fields(struct world *w, const char *type, uint8_t *map, uint64_t size, unsigned depth);

/* mkworld_text.c */
void text_load(struct world *w, const char *path, struct block *ret);
void text_run(struct world *w, const struct block *b);
const char *var_get(const struct world *w, const char *name);
void var_set(struct world *w, const char *name, const char *value);

/* mkworld_expr.c: a cursor over one line after substitution */
struct lex {
	struct world *w;
	const char *p;
};
void lex_space(struct lex *l);
bool lex_done(struct lex *l);
void lex_end(struct lex *l); /* die on leftovers */
bool lex_take(struct lex *l, const char *punct);
void lex_expect(struct lex *l, const char *punct);
bool lex_word(struct lex *l, char *dst, size_t size); /* up to white space; false at the end */
void lex_need(struct lex *l, char *dst, size_t size, const char *what);
bool lex_keyword(struct lex *l, const char *word);
uint64_t lex_expr(struct lex *l);
bool lex_is_string(struct lex *l);
size_t lex_string(struct lex *l, uint16_t *dst, size_t cap); /* UTF-16 units */
void lex_ascii(struct lex *l, char *dst, size_t size);
/* "@label.Path" as a typed place; *ret_path is the path in l's line. */
uint64_t lex_ref(struct lex *l, char *type, char *path, size_t size);

/* mkworld_stmt.c */
struct stream { /* lines that follow, for statements with a block */
	const struct block *b;
	size_t i;
};
void stmt_run(struct lex *l, struct stream *s);
bool next_line(struct world *w, struct stream *s, char *dst, size_t size);
void subst_line(struct world *w, const char *text, char *dst, size_t size);

/* mkworld_object.c */
void stmt_object(struct lex *l, struct stream *s);
void stmt_amend(struct lex *l, struct stream *s);
void stmt_assign(struct lex *l);
void stmt_list(struct lex *l);
void stmt_append(struct lex *l);
void stmt_emptylist(struct lex *l);

/* mkworld_pe.c */
void stmt_module(struct lex *l);
void modules_finish(struct world *w);

/* mkworld_pt.c */
void tables_build(struct world *w);

/* mkworld_dmp.c, mkworld_triage.c */
void header_fill(const struct world *w, uint8_t hdr[8192], uint32_t type);
void context_fill(const struct world *w, uint8_t *ctx);
void write_full(struct world *w, const char *path);
void write_bitmap(struct world *w, const char *path, uint32_t type); /* 2, 5, 6 */
void write_triage(struct world *w, const char *path);
void write_guest(struct world *w, const char *path); /* mkworld_guest.c */
void write_rdmp(struct world *w, const char *path, uint32_t type); /* mkworld_rdmp.c */
/* mkworld_raw.c */
void write_raw(struct world *w, const char *path, bool whole);
void write_raw_q35(struct world *w, const char *path);
void write_vmware(struct world *w, const char *path);
void write_vmware_whole(struct world *w, const char *path);
/* RAM as firmware leaves it (page 0 and the VGA hole are no RAM), less the missing pages. */
#define RAM_RUNS_MAX 43u
struct ram_run {
	uint64_t base, count; /* pages */
};
size_t ram_runs(struct world *w, struct ram_run *runs);
/* mkworld_dmp32.c: DUMP_HEADER32, and CONTEXT of x86 when the world says where the crash was. */
#define HDR32	       4096u
#define CONTEXT32_BYTES 0x2ccu
bool has_context32(const struct world *w);
void context32_fill(const struct world *w, uint8_t *ctx);
void header32_fill(const struct world *w, uint8_t *hdr, uint32_t type);
/* The header of a full dump; its size in bytes. */
size_t header32_full(const struct world *w, uint8_t *hdr, const struct ram_run *runs, size_t n);

/* mkworld_elf.c */
void write_elf(struct world *w, const char *path, bool paging);
void write_kdump(struct world *w, const char *path, bool flat); /* mkworld_kdump.c */

int out_open(struct world *w, const char *path);
void out_write(struct world *w, int fd, uint64_t off, const void *buf, size_t n);
void out_close(struct world *w, int fd, uint64_t size);
static inline void st16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}
static inline void st32(uint8_t *p, uint32_t v)
{
	st16(p, (uint16_t)v);
	st16(p + 2, (uint16_t)(v >> 16));
}
static inline void st64(uint8_t *p, uint64_t v)
{
	st32(p, (uint32_t)v);
	st32(p + 4, (uint32_t)(v >> 32));
}

#endif
