/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The type stream: where record number N is, and which records may have a name.
 *
 * Offsets and the hash: LLVM's "The PDB TPI and IPI Streams" and what its
 * TpiHashing does: a definition outside of other types hashes by its name. The
 * hash stream has one bucket number a record and, every 8 KiB of records, the index
 * and offset of one ("index offset buffer"). Both are hints from a hostile file:
 * offsets are checked against the records they lead to, and what the hash does not
 * find is looked for in an index made here.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "pdb/impl.h"

enum {
	TPI_HEADER = 56,
	TPI_V70 = 19990903,
	TPI_V80 = 20040203,
	INDEX_MIN = 0x1000, /* below are the built-in types */
	BUCKETS_MIN = 0x1000,
	BUCKETS_MAX = 0x40000,
	ANCHOR_STEP = 8192,	   /* bytes; what linkers use */
	ANCHOR_STEP_MAX = 1 << 18, /* a file with larger gaps is not believed */
	HASH_PIECE = 16384,	   /* values read at a time */
};

static const char what[] = "type records";

static enum fs_status no_memory(struct pdb *p, struct fs_error *err)
{
	return fs_fail(err, FS_NO_MEMORY, "%s: out of memory", p->name);
}

uint32_t pdb_hash_name(const char *s, size_t n)
{
	uint32_t h = 0;
	size_t i = 0;

	for (; n - i >= 4; i += 4)
		h ^= load_u32(s + i);
	if (n - i >= 2) {
		h ^= load_u16(s + i);
		i += 2;
	}
	if (i < n)
		h ^= (uint8_t)s[i];
	h |= 0x20202020; /* makes letters lower-case */
	h ^= h >> 11;
	return h ^ h >> 16;
}

static enum fs_status open_header(struct pdb *p, uint8_t *h, struct fs_error *err)
{
	struct tpi *t = &p->tpi;
	uint32_t version, size;
	enum fs_status st = msf_read(p, STREAM_TPI, 0, h, TPI_HEADER, "type stream header", err);

	if (st)
		return st;
	version = load_u32(h);
	size = load_u32(h + 4);
	if (version != TPI_V80 && version != TPI_V70)
		return fs_fail(err, FS_UNSUPPORTED,
			       "%s: type stream: version %u is not one that is known (%d, %d)",
			       p->name, version, TPI_V70, TPI_V80);
	t->begin = load_u32(h + 8);
	t->end = load_u32(h + 12);
	t->bytes = load_u32(h + 16);
	if (size != TPI_HEADER)
		return fs_fail(err, FS_CORRUPT, "%s: type stream: header of %u bytes, expected %d",
			       p->name, size, TPI_HEADER);
	t->first_at = size;
	if (!range_ok(size, t->bytes, msf_size(p, STREAM_TPI)))
		return fs_fail(err, FS_CORRUPT,
			       "%s: type stream: 0x%x bytes of records in a stream of 0x%x bytes",
			       p->name, t->bytes, msf_size(p, STREAM_TPI));
	if (t->begin < INDEX_MIN || t->end < t->begin || t->end - t->begin > t->bytes / 4)
		return fs_fail(err, FS_CORRUPT,
			       "%s: type stream: indices 0x%x to 0x%x do not fit 0x%x bytes of "
			       "records",
			       p->name, t->begin, t->end, t->bytes);
	return FS_OK;
}

/* Take the file's own anchors when they look right; false when they do not. */
static enum fs_status load_anchors(struct pdb *p, uint32_t at, uint32_t len, bool *ret_good,
				   struct fs_error *err)
{
	struct tpi *t = &p->tpi;
	uint32_t n = len / 8;
	uint8_t *b;
	bool good;
	enum fs_status st;

	*ret_good = false;
	if (n == 0 || len % 8 || n > t->end - t->begin ||
	    !range_ok(at, len, msf_size(p, t->hash_stream)))
		return FS_OK;
	st = msf_load(p, t->hash_stream, at, len, "type index offsets", &b, err);
	if (st)
		return st;
	free(t->anchors); /* of an attempt that failed */
	t->anchors = calloc(n, sizeof(*t->anchors));
	if (!t->anchors) {
		free(b);
		return no_memory(p, err);
	}
	t->anchors_n = n;
	good = load_u32(b) == t->begin && load_u32(b + 4) == 0;
	for (uint32_t i = 0; i < n; i++) {
		struct tpi_anchor *a = &t->anchors[i];

		*a = (struct tpi_anchor){load_u32(b + (size_t)i * 8),
					 load_u32(b + (size_t)i * 8 + 4)};
		good = good && a->index < t->end && a->at < t->bytes;
		if (i > 0)
			good = good && a->index > a[-1].index && a->at > a[-1].at &&
			       a->at - a[-1].at <= ANCHOR_STEP_MAX;
	}
	free(b);
	*ret_good = good && t->bytes - t->anchors[n - 1].at <= ANCHOR_STEP_MAX;
	return FS_OK;
}

static void forget_chunks(struct tpi *t)
{
	for (size_t i = 0; i < TPI_CHUNKS; i++) {
		free(t->chunks[i].at);
		t->chunks[i] = (struct tpi_chunk){0};
	}
}

/* Go through all records once and note where every so many begin. */
static enum fs_status make_anchors(struct pdb *p, struct fs_error *err)
{
	struct tpi *t = &p->tpi;
	VEC(struct tpi_anchor) v = {0};
	struct record_reader r;
	uint32_t index = t->begin, last = 0;
	enum fs_status st;

	forget_chunks(t);
	st = records_init(&r, p, STREAM_TPI, t->first_at, t->first_at + t->bytes, what, err);
	while (!st && records_next(&r, &st, err)) {
		uint32_t at = r.here - t->first_at;

		if (v.n == 0 || at - last >= ANCHOR_STEP) {
			struct tpi_anchor *a = vec_push(&v);

			if (!a) {
				st = no_memory(p, err);
				break;
			}
			*a = (struct tpi_anchor){index, at};
			last = at;
		}
		index++;
	}
	records_done(&r);
	if (!st && index != t->end)
		st = fs_fail(err, FS_CORRUPT,
			     "%s: type stream: %u records are expected, 0x%x bytes hold %u",
			     p->name, t->end - t->begin, t->bytes, index - t->begin);
	if (st) {
		vec_free(&v);
		return st;
	}
	free(t->anchors);
	t->anchors = v.v;
	t->anchors_n = (uint32_t)v.n;
	t->anchors_own = true;
	return FS_OK;
}

/* The hash values are of use when there is one for every record. */
static void open_hash(struct pdb *p, const uint8_t *h)
{
	struct tpi *t = &p->tpi;
	uint32_t at = load_u32(h + 32), len = load_u32(h + 36);

	t->buckets = load_u32(h + 28);
	t->hash_at = at;
	if (load_u32(h + 24) != 4 || t->buckets < BUCKETS_MIN || t->buckets > BUCKETS_MAX ||
	    len / 4 != t->end - t->begin || len % 4 ||
	    !range_ok(at, len, msf_size(p, t->hash_stream)))
		t->buckets = 0;
}

enum fs_status tpi_open(struct pdb *p, struct fs_error *err)
{
	struct tpi *t = &p->tpi;
	uint8_t h[TPI_HEADER];
	bool good = false;
	enum fs_status st;

	if (t->opened)
		return FS_OK;
	if (msf_size(p, STREAM_TPI) == 0) {
		t->begin = t->end = INDEX_MIN;
		t->opened = true;
		return FS_OK;
	}
	st = open_header(p, h, err);
	if (st)
		return st;
	t->hash_stream = load_u16(h + 20);
	open_hash(p, h);
	if (t->end > t->begin)
		st = load_anchors(p, load_u32(h + 40), load_u32(h + 44), &good, err);
	if (!st && !good && t->end > t->begin)
		st = make_anchors(p, err);
	if (st)
		return st;
	p->info.types = t->end - t->begin;
	t->opened = true;
	return FS_OK;
}

void tpi_close(struct tpi *t)
{
	forget_chunks(t);
	free(t->anchors);
	free(t->names);
}

enum fs_status pdb_has_types(struct pdb *p, struct fs_error *err)
{
	enum fs_status st;

	if (p->info.fastlink)
		return fs_fail(err, FS_UNSUPPORTED,
			       "%s: made with /DEBUG:FASTLINK: its types are in the object files "
			       "of the machine that linked it; have it made with /DEBUG:FULL",
			       p->name);
	st = tpi_open(p, err);
	if (st || p->tpi.end > p->tpi.begin)
		return st;
	if (p->info.stripped)
		return fs_fail(err, FS_NOT_FOUND,
			       "%s: stripped: private symbols and all types were removed from it; "
			       "only public symbols are left",
			       p->name);
	return fs_fail(err, FS_NOT_FOUND,
		       "%s: holds no types: the program was compiled without type information",
		       p->name);
}

/* Where the records from anchor `a` to the next begin. */
static enum fs_status load_chunk(struct pdb *p, uint32_t a, struct tpi_chunk **ret,
				 struct fs_error *err)
{
	struct tpi *t = &p->tpi;
	struct tpi_chunk *c = &t->chunks[a % TPI_CHUNKS];
	bool last = a + 1 == t->anchors_n;
	uint32_t begin = t->anchors[a].at, end = last ? t->bytes : t->anchors[a + 1].at;
	uint32_t n = (last ? t->end : t->anchors[a + 1].index) - t->anchors[a].index, i = 0;
	struct record_reader r;
	enum fs_status st;

	*ret = c;
	if (c->at && c->anchor == a)
		return FS_OK;
	free(c->at);
	c->at = calloc((size_t)n + 1, sizeof(*c->at));
	if (!c->at)
		return no_memory(p, err);
	c->anchor = a;
	c->n = n;
	st = records_init(&r, p, STREAM_TPI, t->first_at + begin, t->first_at + end, what, err);
	while (!st && i <= n && records_next(&r, &st, err)) {
		if (i < n)
			c->at[i] = r.here;
		i++;
	}
	records_done(&r);
	if (!st && i != n)
		st = fs_fail(err, FS_CORRUPT,
			     "%s: type stream: %u records are expected from 0x%x to 0x%x, found "
			     "another number",
			     p->name, n, begin, end);
	if (st) {
		free(c->at);
		*c = (struct tpi_chunk){0};
	}
	return st;
}

static uint32_t anchor_of(const struct tpi *t, uint32_t index)
{
	uint32_t lo = 0, hi = t->anchors_n;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->anchors[mid].index <= index)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

static enum fs_status record_at(struct pdb *p, uint32_t index, uint32_t *ret, struct fs_error *err)
{
	struct tpi *t = &p->tpi;
	uint32_t a = anchor_of(t, index);
	struct tpi_chunk *c;
	enum fs_status st = load_chunk(p, a, &c, err);

	/* the file's index offsets disagree with its records: count for ourselves */
	if (st == FS_CORRUPT && !t->anchors_own) {
		st = make_anchors(p, err);
		if (!st) {
			a = anchor_of(t, index);
			st = load_chunk(p, a, &c, err);
		}
	}
	if (!st)
		*ret = c->at[index - t->anchors[a].index];
	return st;
}

enum fs_status tpi_record(struct pdb *p, uint32_t index, struct type_record *ret,
			  struct fs_error *err)
{
	struct tpi *t = &p->tpi;
	uint8_t head[4], *b;
	uint32_t at, len;
	enum fs_status st = tpi_open(p, err);

	if (st)
		return st;
	if (index < t->begin || index >= t->end)
		return fs_fail(err, FS_CORRUPT,
			       "%s: type 0x%x does not exist: there are 0x%x to 0x%x", p->name,
			       index, t->begin, t->end);
	st = record_at(p, index, &at, err);
	if (!st)
		st = msf_read(p, STREAM_TPI, at, head, sizeof(head), what, err);
	if (st)
		return st;
	len = load_u16(head) - 2u; /* load_chunk() has seen that it fits */
	st = msf_load(p, STREAM_TPI, at + 4, len, what, &b, err);
	if (st)
		return st;
	*ret = (struct type_record){.index = index, .kind = load_u16(head + 2), .mem = b};
	cursor_init(&ret->c, b, len, at + 4, "type record");
	return FS_OK;
}

void type_record_free(struct type_record *r)
{
	free(r->mem);
	r->mem = NULL;
}

static int compare_slots(const void *a, const void *b)
{
	const struct name_slot *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* All definitions by the hash of their name, 8 bytes each. */
static enum fs_status make_names(struct pdb *p, struct fs_error *err)
{
	struct tpi *t = &p->tpi;
	VEC(struct name_slot) v = {0};
	struct record_reader r;
	uint32_t index = t->begin;
	enum fs_status st;

	st = records_init(&r, p, STREAM_TPI, t->first_at, t->first_at + t->bytes, what, err);
	for (; !st && records_next(&r, &st, err); index++) {
		struct type_record rec = {.index = index, .kind = r.kind};
		struct leaf_udt u;
		struct name_slot *s;

		if (!leaf_is_udt(r.kind))
			continue;
		cursor_init(&rec.c, r.data, r.len, r.here + 4, "type record");
		/* a record that cannot be read has no name to be found by */
		if (leaf_udt(&rec, &u, NULL) != FS_OK || (u.prop & PROP_FORWARD))
			continue;
		s = vec_push(&v);
		if (!s) {
			st = no_memory(p, err);
			break;
		}
		*s = (struct name_slot){pdb_hash_name(u.name, strlen(u.name)), index};
	}
	records_done(&r);
	if (st) {
		vec_free(&v);
		return st;
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), compare_slots);
	t->names = v.v;
	t->names_n = v.n;
	t->names_made = true;
	return FS_OK;
}

static enum fs_status own_candidates(struct pdb *p, uint32_t hash, tpi_candidate_cb cb, void *arg,
				     struct fs_error *err)
{
	struct tpi *t = &p->tpi;
	size_t lo = 0, hi;
	enum fs_status st = t->names_made ? FS_OK : make_names(p, err);

	if (st)
		return st;
	hi = t->names_n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->names[mid].hash < hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < t->names_n && t->names[lo].hash == hash; lo++) {
		if (!cb(arg, t->names[lo].index))
			break;
	}
	return FS_OK;
}

static enum fs_status hash_candidates(struct pdb *p, uint32_t bucket, tpi_candidate_cb cb,
				      void *arg, struct fs_error *err)
{
	struct tpi *t = &p->tpi;
	uint32_t n = t->end - t->begin;
	uint8_t *b = malloc(HASH_PIECE * 4);
	bool more = true;
	enum fs_status st = b ? FS_OK : no_memory(p, err);

	for (uint32_t i = 0; !st && more && i < n; i += HASH_PIECE) {
		uint32_t piece = n - i < HASH_PIECE ? n - i : HASH_PIECE;

		st = msf_read(p, t->hash_stream, t->hash_at + (uint64_t)i * 4, b, piece * 4,
			      "type hash values", err);
		for (uint32_t k = 0; !st && more && k < piece; k++) {
			if (load_u32(b + (size_t)k * 4) == bucket)
				more = cb(arg, t->begin + i + k);
		}
	}
	free(b);
	return st;
}

enum fs_status tpi_candidates(struct pdb *p, const char *name, bool own, tpi_candidate_cb cb,
			      void *arg, struct fs_error *err)
{
	uint32_t hash = pdb_hash_name(name, strlen(name));
	enum fs_status st = tpi_open(p, err);

	if (st)
		return st;
	if (own)
		return own_candidates(p, hash, cb, arg, err);
	return p->tpi.buckets ? hash_candidates(p, hash % p->tpi.buckets, cb, arg, err) : FS_OK;
}
