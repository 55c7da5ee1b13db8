/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/pdb_maker.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void blob(struct blob *b, const void *v, size_t n)
{
	if (n == 0)
		return;
	if (b->n + n > b->cap) {
		b->cap = (b->n + n) * 2 + 64;
		b->v = realloc(b->v, b->cap);
		if (!b->v)
			abort();
	}
	if (v)
		memcpy(b->v + b->n, v, n);
	else
		memset(b->v + b->n, 0, n);
	b->n += n;
}

void blob_u16(struct blob *b, uint32_t v)
{
	blob(b, (const uint8_t[]){(uint8_t)v, (uint8_t)(v >> 8)}, 2);
}

void blob_u32(struct blob *b, uint32_t v)
{
	blob_u16(b, v & 0xffff);
	blob_u16(b, v >> 16);
}

void blob_str(struct blob *b, const char *s)
{
	blob(b, s, strlen(s) + 1);
}

void blob_zeros(struct blob *b, size_t n)
{
	blob(b, NULL, n);
}

void blob_set_u16(struct blob *b, size_t at, uint32_t v)
{
	if (at + 2 > b->n)
		abort();
	b->v[at] = (uint8_t)v;
	b->v[at + 1] = (uint8_t)(v >> 8);
}

void blob_set_u32(struct blob *b, size_t at, uint32_t v)
{
	blob_set_u16(b, at, v & 0xffff);
	blob_set_u16(b, at + 2, v >> 16);
}

void pm_init(struct pdb_maker *m, uint32_t block_size)
{
	memset(m, 0, sizeof(*m));
	m->block_size = block_size;
	m->streams = 5;
	m->next_type = 0x1000;
}

void pm_free(struct pdb_maker *m)
{
	for (uint32_t i = 0; i < MAKER_STREAMS; i++)
		free(m->stream[i].v);
	free(m->types.v);
	free(m->anchors.v);
	free(m->hashes.v);
	free(m->file.v);
	memset(m, 0, sizeof(*m));
}

uint32_t pm_stream(struct pdb_maker *m)
{
	if (m->streams == MAKER_STREAMS)
		abort();
	return m->streams++;
}

void pm_info(struct pdb_maker *m, uint32_t age, const uint32_t *features, size_t n)
{
	static const uint8_t guid[16] = {0x33, 0x22, 0x11, 0,	 0x55, 0x44, 0x77, 0x66,
					 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
	struct blob *b = &m->stream[MAKER_INFO];

	blob_u32(b, 20000404);
	blob_u32(b, 0x5f5e1000);
	blob_u32(b, age);
	blob(b, guid, sizeof(guid));
	blob_u32(b, 7); /* "/names" is stream 4 */
	blob_str(b, "/names");
	blob_u32(b, 1); /* one of two slots: the second */
	blob_u32(b, 2);
	blob_u32(b, 1);
	blob_u32(b, 2);
	blob_u32(b, 0); /* none deleted */
	blob_u32(b, 0);
	blob_u32(b, 4);
	for (size_t i = 0; i < n; i++)
		blob_u32(b, features[i]);
}

/* The hash of the format's documentation (version 1 of strings). */
static uint32_t name_hash(const char *s)
{
	uint32_t h = 0;
	size_t n = strlen(s);

	for (; n >= 4; n -= 4, s += 4)
		h ^= (uint32_t)(uint8_t)s[0] | (uint32_t)(uint8_t)s[1] << 8 |
		     (uint32_t)(uint8_t)s[2] << 16 | (uint32_t)(uint8_t)s[3] << 24;
	if (n >= 2) {
		h ^= (uint32_t)(uint8_t)s[0] | (uint32_t)(uint8_t)s[1] << 8;
		n -= 2;
		s += 2;
	}
	if (n)
		h ^= (uint8_t)*s;
	h |= 0x20202020;
	h ^= h >> 11;
	return h ^ h >> 16;
}

uint32_t pm_type(struct pdb_maker *m, uint32_t kind, const struct blob *data, const char *name)
{
	size_t pad = (4 - (data->n + 4) % 4) % 4;

	if (m->anchors.n == 0 || m->types.n % 512 < 32) { /* far more than linkers write */
		blob_u32(&m->anchors, m->next_type);
		blob_u32(&m->anchors, (uint32_t)m->types.n);
	}
	blob_u16(&m->types, (uint32_t)(data->n + pad + 2));
	blob_u16(&m->types, kind);
	blob(&m->types, data->v, data->n);
	while (pad)
		blob(&m->types, &(uint8_t){(uint8_t)(0xf0 + pad--)}, 1);
	blob_u32(&m->hashes, name ? name_hash(name) % 0x3ffff : 7);
	return m->next_type++;
}

uint32_t pm_struct(struct pdb_maker *m, uint32_t kind, const char *name, uint32_t prop,
		   uint32_t fields, uint32_t size)
{
	struct blob b = {0};
	uint32_t index;

	blob_u16(&b, 1);
	blob_u16(&b, prop);
	blob_u32(&b, fields);
	if (kind != 0x1506)
		blob_zeros(&b, 8);
	blob_u16(&b, size);
	blob_str(&b, name);
	index = pm_type(m, kind, &b, prop & 0x80 ? NULL : name);
	free(b.v);
	return index;
}

void pm_member(struct blob *list, uint32_t type, uint32_t offset, const char *name)
{
	blob_u16(list, 0x150d);
	blob_u16(list, 3);
	blob_u32(list, type);
	blob_u16(list, offset);
	blob_str(list, name);
	for (size_t pad = (4 - list->n % 4) % 4; pad; pad--)
		blob(list, &(uint8_t){(uint8_t)(0xf0 + pad)}, 1);
}

uint32_t pm_list(struct pdb_maker *m, struct blob *b)
{
	uint32_t index = pm_type(m, 0x1203, b, NULL);

	free(b->v);
	*b = (struct blob){0};
	return index;
}

uint32_t pm_record(struct pdb_maker *m, uint32_t kind, size_t n, const uint32_t (*v)[2])
{
	struct blob b = {0};
	uint32_t index;

	for (size_t i = 0; i < n; i++) {
		if (v[i][0] == 4)
			blob_u32(&b, v[i][1]);
		else if (v[i][0] == 2)
			blob_u16(&b, v[i][1]);
		else
			blob(&b, &(uint8_t){(uint8_t)v[i][1]}, 1);
	}
	index = pm_type(m, kind, &b, NULL);
	free(b.v);
	return index;
}

void pm_tpi(struct pdb_maker *m, int with)
{
	struct blob *b = &m->stream[MAKER_TPI];
	uint32_t hash = with ? pm_stream(m) : MAKER_NIL;

	blob_u32(b, 20040203);
	blob_u32(b, 56);
	blob_u32(b, 0x1000);
	blob_u32(b, m->next_type);
	blob_u32(b, (uint32_t)m->types.n);
	blob_u16(b, hash);
	blob_u16(b, MAKER_NIL);
	blob_u32(b, 4);
	blob_u32(b, 0x3ffff);
	blob_u32(b, 0);
	blob_u32(b, with ? (uint32_t)m->hashes.n : 0);
	blob_u32(b, with ? (uint32_t)m->hashes.n : 0);
	blob_u32(b, with ? (uint32_t)m->anchors.n : 0);
	blob_zeros(b, 8);
	blob(b, m->types.v, m->types.n);
	if (with) {
		blob(&m->stream[hash], m->hashes.v, m->hashes.n);
		blob(&m->stream[hash], m->anchors.v, m->anchors.n);
	}
}

struct maker_dbi maker_dbi(void)
{
	return (struct maker_dbi){.age = 1,
				  .machine = 0x8664,
				  .globals = MAKER_NIL,
				  .publics = MAKER_NIL,
				  .records = MAKER_NIL,
				  .sections = MAKER_NIL,
				  .original = MAKER_NIL,
				  .omap_to = MAKER_NIL,
				  .omap_from = MAKER_NIL};
}

void pm_dbi(struct pdb_maker *m, const struct maker_dbi *d)
{
	struct blob *b = &m->stream[MAKER_DBI];

	blob_u32(b, 0xffffffff);
	blob_u32(b, 19990903);
	blob_u32(b, d->age);
	blob_u16(b, d->globals);
	blob_u16(b, 0x8e00);
	blob_u16(b, d->publics);
	blob_u16(b, 0);
	blob_u16(b, d->records);
	blob_u16(b, 0);
	blob_u32(b, (uint32_t)d->modules.n);
	blob_zeros(b, 20); /* contributions, section map, sources, type servers, MFC */
	blob_u32(b, 22);   /* optional debug header */
	blob_u32(b, 0);
	blob_u16(b, d->flags);
	blob_u16(b, d->machine);
	blob_u32(b, 0);
	blob(b, d->modules.v, d->modules.n);
	for (int i = 0; i < 11; i++)
		blob_u16(b, i == 3    ? d->omap_to
			    : i == 4  ? d->omap_from
			    : i == 5  ? d->sections
			    : i == 10 ? d->original
				      : MAKER_NIL);
}

void pm_section(struct pdb_maker *m, uint32_t stream, const char *name, uint32_t rva, uint32_t size)
{
	struct blob *b = &m->stream[stream];
	char field[8] = {0};

	memcpy(field, name, strlen(name) < 8 ? strlen(name) : 8);
	blob(b, field, 8);
	blob_u32(b, size);
	blob_u32(b, rva);
	blob_zeros(b, 20);
	blob_u32(b, 0x60000020);
}

uint32_t pm_symbol(struct blob *b, uint32_t kind, const struct blob *data)
{
	size_t pad = (4 - (data->n + 4) % 4) % 4;
	uint32_t at = (uint32_t)b->n;

	blob_u16(b, (uint32_t)(data->n + pad + 2));
	blob_u16(b, kind);
	blob(b, data->v, data->n);
	blob_zeros(b, pad);
	return at;
}

uint32_t pm_public(struct blob *b, const char *name, uint32_t segment, uint32_t offset)
{
	struct blob d = {0};
	uint32_t at;

	blob_u32(&d, 2);
	blob_u32(&d, offset);
	blob_u16(&d, segment);
	blob_str(&d, name);
	at = pm_symbol(b, 0x110e, &d);
	free(d.v);
	return at;
}

/* Blocks: superblock, two free maps, the streams back to front (so that numbers do
 * not just count up), the directory, the list of its blocks. */
void pm_build(struct pdb_maker *m)
{
	uint32_t bs = m->block_size, next = 3, first[MAKER_STREAMS], dir_block, map_block;
	struct blob dir = {0}, map = {0};
	size_t dir_blocks, map_blocks;

	m->file.n = 0;
	for (uint32_t i = m->streams; i-- > 0;) {
		first[i] = next;
		next += (uint32_t)((m->stream[i].n + bs - 1) / bs);
	}
	blob_u32(&dir, m->streams);
	for (uint32_t i = 0; i < m->streams; i++)
		blob_u32(&dir, m->nil >> i & 1 ? 0xffffffff : (uint32_t)m->stream[i].n);
	for (uint32_t i = 0; i < m->streams; i++) {
		for (size_t k = 0; k * bs < m->stream[i].n; k++)
			blob_u32(&dir, first[i] + (uint32_t)k);
	}
	dir_blocks = (dir.n + bs - 1) / bs;
	map_blocks = (dir_blocks * 4 + bs - 1) / bs;
	dir_block = next;
	map_block = next + (uint32_t)dir_blocks;
	for (size_t k = 0; k < dir_blocks; k++)
		blob_u32(&map, dir_block + (uint32_t)k);

	blob(&m->file,
	     "Microsoft C/C++ MSF 7.00\r\n\x1a"
	     "DS\0\0\0",
	     32);
	blob_u32(&m->file, bs);
	blob_u32(&m->file, 1);
	blob_u32(&m->file, map_block + (uint32_t)map_blocks);
	blob_u32(&m->file, (uint32_t)dir.n);
	blob_u32(&m->file, 0);
	for (size_t k = 0; k < map_blocks; k++)
		blob_u32(&m->file, map_block + (uint32_t)k);
	blob_zeros(&m->file, 3 * (size_t)bs - m->file.n);
	for (uint32_t i = m->streams; i-- > 0;) {
		blob(&m->file, m->stream[i].v, m->stream[i].n);
		blob_zeros(&m->file, (bs - m->file.n % bs) % bs);
	}
	blob(&m->file, dir.v, dir.n);
	blob_zeros(&m->file, (bs - m->file.n % bs) % bs);
	blob(&m->file, map.v, map.n);
	blob_zeros(&m->file, (bs - m->file.n % bs) % bs);
	free(dir.v);
	free(map.v);
}

int pm_fd(const uint8_t *v, size_t n)
{
	int fd = memfd_create("pdb", 0);

	for (size_t done = 0; fd >= 0 && done < n;) {
		ssize_t got = write(fd, v + done, n - done);

		if (got <= 0)
			abort();
		done += (size_t)got;
	}
	return fd;
}
