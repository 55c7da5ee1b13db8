/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symbols: the public ones and, where they were not stripped, those of modules.
 *
 * Layouts: LLVM's "CodeView Symbol Records", "The PDB Public Symbol Stream", "The
 * PDB Global Symbol Stream" (hash table: records of {offset + 1, count}, a bitmap of
 * the buckets that are not empty, and where each of those begins, in units of the 12
 * bytes that a record took in a 32-bit linker's memory), and the module list of "The
 * PDB DBI Stream".
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "pdb/impl.h"

enum {
	S_LDATA32 = 0x110c,
	S_GDATA32 = 0x110d,
	S_PUB32 = 0x110e,
	S_LPROC32 = 0x110f,
	S_GPROC32 = 0x1110,
	S_LPROC32_ID = 0x1146,
	S_GPROC32_ID = 0x1147,
	PUB_FUNCTION = 2,

	MODULE_HEADER = 64,
	MODULE_C13 = 4, /* signature of a module stream with records as read here */
};

static void take_name(struct pdb_symbol *s, const uint8_t *b, size_t n)
{
	size_t len = strnlen((const char *)b, n);

	s->name_cut = len >= sizeof(s->name);
	if (s->name_cut)
		len = sizeof(s->name) - 1;
	memcpy(s->name, b, len);
	s->name[len] = '\0';
}

bool pdb_symbol_decode(struct pdb *p, const struct record_reader *r, struct pdb_symbol *ret)
{
	const uint8_t *b = r->data;
	uint32_t place, name;

	ret->is_public = ret->is_function = false;
	ret->size = ret->type = 0;
	switch (r->kind) {
	case S_PUB32: /* flags, offset, segment, name */
		place = 4;
		name = 10;
		break;
	case S_LDATA32: /* type, offset, segment, name */
	case S_GDATA32:
		place = 4;
		name = 10;
		break;
	case S_LPROC32: /* parent, end, next, size, 2 of debugging, type, offset, segment, flags */
	case S_GPROC32:
	case S_LPROC32_ID:
	case S_GPROC32_ID:
		place = 28;
		name = 35;
		break;
	default:
		return false;
	}
	if (r->len <= name)
		return false;
	if (r->kind == S_PUB32) {
		ret->is_public = true;
		ret->is_function = (load_u32(b) & PUB_FUNCTION) != 0;
	} else if (place == 4) {
		ret->type = load_u32(b);
	} else {
		ret->is_function = true;
		ret->size = load_u32(b + 12);
		/* the _ID forms name a function id, not a type */
		if (r->kind == S_LPROC32 || r->kind == S_GPROC32)
			ret->type = load_u32(b + 24);
	}
	ret->offset = load_u32(b + place);
	ret->segment = load_u16(b + place + 4);
	ret->rva = 0;
	ret->has_rva = pdb_rva(p, ret->segment, ret->offset, &ret->rva, NULL) == FS_OK;
	take_name(ret, b + name, r->len - name);
	return true;
}

/* One run of symbol records. The callback also learns where each one lies. */
typedef bool (*place_cb)(void *arg, const struct pdb_symbol *s, uint32_t stream, uint32_t at);

static enum fs_status run(struct pdb *p, uint32_t stream, uint32_t begin, uint32_t end,
			  unsigned which, place_cb cb, void *arg, bool *more, struct fs_error *err)
{
	struct record_reader r;
	struct pdb_symbol s;
	bool shared = stream == p->dbi.sym_records;
	enum fs_status st = records_init(&r, p, stream, begin, end, "symbol records", err);

	while (!st && *more && records_next(&r, &st, err)) {
		/* data of one module is in the shared stream too, for the hash's sake */
		if (shared && r.kind == S_LDATA32)
			continue;
		if ((r.kind == S_PUB32) != (which == PDB_PUBLICS) || !pdb_symbol_decode(p, &r, &s))
			continue;
		*more = cb(arg, &s, stream, r.here);
	}
	records_done(&r);
	return st;
}

static enum fs_status module_symbols(struct pdb *p, const uint8_t *header, place_cb cb, void *arg,
				     bool *more, struct fs_error *err)
{
	uint32_t stream = load_u16(header + 34), size = load_u32(header + 36);
	uint8_t b[4];
	enum fs_status st;

	if (stream == STREAM_NONE || size <= sizeof(b))
		return FS_OK;
	st = msf_read(p, stream, 0, b, sizeof(b), "module's symbols", err);
	if (st || load_u32(b) != MODULE_C13)
		return st;
	return run(p, stream, sizeof(b), size, PDB_MODULES, cb, arg, more, err);
}

/* The module list: a header of 64 bytes, two names, padding to 4. */
static enum fs_status all_modules(struct pdb *p, place_cb cb, void *arg, bool *more,
				  struct fs_error *err)
{
	size_t n = p->dbi.modules_size, at = 0;
	uint8_t *b;
	enum fs_status st = msf_load(p, STREAM_DBI, p->dbi.modules_at, n, "module list", &b, err);

	while (!st && *more && at < n) {
		const uint8_t *header = b + at;

		if (n - at < MODULE_HEADER + 2) {
			st = fs_fail(
				err, FS_CORRUPT,
				"%s: module list at 0x%zx: expected a header of %d bytes, have "
				"%zu",
				p->name, at, MODULE_HEADER, n - at);
			break;
		}
		at += MODULE_HEADER;
		for (int names = 0; names < 2; names++) {
			at += strnlen((const char *)b + at, n - at);
			at += at < n; /* the NUL, when there is one */
		}
		at = (at + 3) & ~(size_t)3;
		if (at > n)
			at = n;
		st = module_symbols(p, header, cb, arg, more, err);
	}
	free(b);
	return st;
}

static enum fs_status go_through(struct pdb *p, unsigned which, place_cb cb, void *arg,
				 struct fs_error *err)
{
	bool more = true, shared = p->dbi.sym_records != STREAM_NONE;
	uint32_t end = msf_size(p, p->dbi.sym_records);
	enum fs_status st = FS_OK;

	if (which & PDB_PUBLICS && shared)
		st = run(p, p->dbi.sym_records, 0, end, PDB_PUBLICS, cb, arg, &more, err);
	if (!st && more && which & PDB_MODULES && shared)
		st = run(p, p->dbi.sym_records, 0, end, PDB_MODULES, cb, arg, &more, err);
	if (!st && more && which & PDB_MODULES && p->info.has_dbi)
		st = all_modules(p, cb, arg, &more, err);
	return st;
}

struct user {
	pdb_symbol_cb cb;
	void *arg;
};

static bool to_user(void *arg, const struct pdb_symbol *s, uint32_t stream, uint32_t at)
{
	struct user *u = arg;

	(void)stream;
	(void)at;
	return u->cb(u->arg, s);
}

enum fs_status pdb_symbols(struct pdb *p, unsigned which, pdb_symbol_cb cb, void *arg,
			   struct fs_error *err)
{
	struct user u = {cb, arg};

	return go_through(p, which, to_user, &u, err);
}

/* "_name", "_name@8", "@name@8": how C names look in an x86 image. */
static bool is_named(const struct pdb *p, const char *got, const char *want)
{
	size_t n = strlen(want);

	if (strcmp(got, want) == 0)
		return true;
	if (p->info.machine != 0x14c || (*got != '_' && *got != '@') ||
	    strncmp(got + 1, want, n) != 0)
		return false;
	got += 1 + n;
	return !*got || (*got == '@' && got[1 + strspn(got + 1, "0123456789")] == '\0');
}

struct by_name {
	struct pdb *p;
	const char *name;
	struct pdb_symbol *ret;
	bool found;
};

static bool match_name(void *arg, const struct pdb_symbol *s, uint32_t stream, uint32_t at)
{
	struct by_name *b = arg;

	(void)stream;
	(void)at;
	if (!is_named(b->p, s->name, b->name))
		return true;
	*b->ret = *s;
	b->found = true;
	return false;
}

/* The record of a hash entry. One that leads nowhere is no match, not an error:
 * what the hash does not find is looked for without it. */
static void try_record(struct by_name *b, uint32_t at)
{
	struct record_reader r;
	struct pdb_symbol s;
	enum fs_status st;
	struct pdb *p = b->p;

	if (records_init(&r, p, p->dbi.sym_records, at, msf_size(p, p->dbi.sym_records),
			 "symbol records", NULL) != FS_OK)
		return;
	if (records_next(&r, &st, NULL) && r.kind == S_PUB32 && pdb_symbol_decode(p, &r, &s))
		match_name(b, &s, 0, 0);
	records_done(&r);
}

/* Look a public up in the hash table of the publics stream. */
static enum fs_status hashed_public(struct by_name *b, struct fs_error *err)
{
	enum { PUBLICS_HEADER = 28, HASH_HEADER = 16, BUCKETS = 4096, BITMAP = 516, ENTRY = 8 };
	struct pdb *p = b->p;
	uint32_t bucket = pdb_hash_name(b->name, strlen(b->name)) % BUCKETS, begin, end, index = 0;
	uint32_t stream = p->dbi.publics, size = msf_size(p, stream), bytes;
	uint8_t h[HASH_HEADER], map[BITMAP], e[ENTRY];
	uint64_t buckets_at;
	enum fs_status st;

	if (size < PUBLICS_HEADER + HASH_HEADER)
		return FS_OK;
	st = msf_read(p, stream, PUBLICS_HEADER, h, sizeof(h), "public symbol hash", err);
	if (st)
		return st;
	bytes = load_u32(h + 8);
	buckets_at = (uint64_t)PUBLICS_HEADER + HASH_HEADER + bytes + BITMAP;
	if (load_u32(h) != UINT32_MAX || !range_ok(buckets_at, 0, size))
		return FS_OK;
	st = msf_read(p, stream, buckets_at - BITMAP, map, sizeof(map), "public symbol hash", err);
	if (st || !(map[bucket / 8] >> (bucket % 8) & 1))
		return st;
	for (uint32_t i = 0; i < bucket; i++)
		index += map[i / 8] >> (i % 8) & 1;
	buckets_at += (uint64_t)index * 4;
	if (!range_ok(buckets_at, 4, size))
		return FS_OK;
	st = msf_read(p, stream, buckets_at, e, 4, "public symbol hash", err);
	begin = load_u32(e) / 12;
	end = bytes / ENTRY;
	if (!st && range_ok(buckets_at + 4, 4, size)) {
		st = msf_read(p, stream, buckets_at + 4, e, 4, "public symbol hash", err);
		end = load_u32(e) / 12 < end ? load_u32(e) / 12 : end;
	}
	for (; !st && !b->found && begin < end; begin++) {
		st = msf_read(p, stream, PUBLICS_HEADER + HASH_HEADER + (uint64_t)begin * ENTRY, e,
			      sizeof(e), "public symbol hash", err);
		if (!st && load_u32(e) != 0)
			try_record(b, load_u32(e) - 1);
	}
	return st;
}

enum fs_status pdb_symbol_by_name(struct pdb *p, const char *name, struct pdb_symbol *ret,
				  struct fs_error *err)
{
	struct pdb_symbol s;
	struct by_name b = {.p = p, .name = name, .ret = &s};
	enum fs_status st = hashed_public(&b, err);

	if (!st && !b.found)
		st = go_through(p, PDB_ALL_SYMBOLS, match_name, &b, err);
	if (st)
		return st;
	if (!b.found)
		return fs_fail(err, FS_NOT_FOUND, "%s: no symbol is named \"%.100s\"", p->name,
			       name);
	*ret = s;
	return FS_OK;
}

struct collect {
	struct pdb *p;
	VEC(struct symbol_slot) v;
	bool no_memory;
};

static bool collect_slot(void *arg, const struct pdb_symbol *s, uint32_t stream, uint32_t at)
{
	struct collect *c = arg;
	struct symbol_slot *slot;

	if (!s->has_rva)
		return true;
	slot = vec_push(&c->v);
	if (!slot) {
		c->no_memory = true;
		return false;
	}
	/* a module's own name is not decorated */
	*slot = (struct symbol_slot){s->rva, at, (uint16_t)stream, s->is_public};
	return true;
}

static int compare_slots(const void *a, const void *b)
{
	const struct symbol_slot *x = a, *y = b;

	if (x->rva != y->rva)
		return x->rva < y->rva ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->stream != y->stream)
		return x->stream < y->stream ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static enum fs_status make_index(struct pdb *p, struct fs_error *err)
{
	struct collect c = {.p = p};
	enum fs_status st = go_through(p, PDB_ALL_SYMBOLS, collect_slot, &c, err);

	if (!st && c.no_memory)
		st = fs_fail(err, FS_NO_MEMORY, "%s: out of memory for the symbols", p->name);
	if (st) {
		vec_free(&c.v);
		return st;
	}
	if (c.v.n)
		qsort(c.v.v, c.v.n, sizeof(*c.v.v), compare_slots);
	p->symbols = c.v.v;
	p->symbols_n = c.v.n;
	p->symbols_made = true;
	return FS_OK;
}

static uint32_t section_of(const struct pdb *p, uint32_t rva)
{
	for (uint32_t i = 0; i < p->dbi.sections_n; i++) {
		const struct pdb_section *s = &p->dbi.sections[i];

		if (rva >= s->rva && rva - s->rva < s->size)
			return i + 1;
	}
	return 0;
}

enum fs_status pdb_symbol_by_rva(struct pdb *p, uint32_t rva, struct pdb_symbol *ret,
				 struct fs_error *err)
{
	size_t lo = 0, hi;
	struct record_reader r;
	struct pdb_symbol s;
	enum fs_status st = p->symbols_made ? FS_OK : make_index(p, err);

	if (st)
		return st;
	for (hi = p->symbols_n; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->symbols[mid].rva <= rva)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || !section_of(p, rva) ||
	    section_of(p, rva) != section_of(p, p->symbols[lo - 1].rva))
		return fs_fail(err, FS_NOT_FOUND,
			       "%s: no symbol at or before RVA 0x%x in its section", p->name, rva);
	for (lo--; lo > 0 && p->symbols[lo - 1].rva == p->symbols[lo].rva;)
		lo--;
	st = records_init(&r, p, p->symbols[lo].stream, p->symbols[lo].at,
			  msf_size(p, p->symbols[lo].stream), "symbol records", err);
	if (!st && (!records_next(&r, &st, err) || !pdb_symbol_decode(p, &r, &s)) && !st)
		st = fs_fail(err, FS_CORRUPT, "%s: symbol record at 0x%x changed while it was read",
			     p->name, p->symbols[lo].at);
	records_done(&r);
	if (!st)
		*ret = s;
	return st;
}
