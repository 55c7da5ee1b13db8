/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Program databases from literal bytes: streams are filled by hand, the maker adds
 * superblock and directory. Written from the format's documentation, without a line
 * of src/pdb.
 */
#ifndef SUPPORT_PDB_MAKER_H
#define SUPPORT_PDB_MAKER_H

#include <stddef.h>
#include <stdint.h>

struct blob {
	uint8_t *v;
	size_t n, cap;
};
void blob(struct blob *b, const void *v, size_t n);
void blob_u16(struct blob *b, uint32_t v);
void blob_u32(struct blob *b, uint32_t v);
void blob_str(struct blob *b, const char *s); /* with its NUL */
void blob_zeros(struct blob *b, size_t n);
void blob_set_u16(struct blob *b, size_t at, uint32_t v);
void blob_set_u32(struct blob *b, size_t at, uint32_t v);

enum { MAKER_STREAMS = 32, MAKER_INFO = 1, MAKER_TPI = 2, MAKER_DBI = 3, MAKER_NIL = 0xffff };

struct pdb_maker {
	uint32_t block_size;
	struct blob stream[MAKER_STREAMS];
	uint32_t streams;
	uint32_t nil;	     /* bit i: stream i is nil */
	struct blob types;   /* records, before pm_tpi() */
	struct blob anchors; /* index offsets, before pm_tpi() */
	struct blob hashes;
	uint32_t next_type; /* index of the next record */
	struct blob file;   /* after pm_build() */
};

/* Streams 0 to 4 are there and empty. */
void pm_init(struct pdb_maker *m, uint32_t block_size);
void pm_free(struct pdb_maker *m);
uint32_t pm_stream(struct pdb_maker *m); /* a new empty stream */

/* GUID 00112233-4455-6677-8899-aabbccddeeff; features may be NULL. */
void pm_info(struct pdb_maker *m, uint32_t age, const uint32_t *features, size_t n);
#define MAKER_GUID "00112233445566778899AABBCCDDEEFF"

/* A type record; returns its index. The name, when given, goes into the hash. */
uint32_t pm_type(struct pdb_maker *m, uint32_t kind, const struct blob *data, const char *name);
/* The types that tests need most. fields 0 and forward: a declaration. */
uint32_t pm_struct(struct pdb_maker *m, uint32_t kind, const char *name, uint32_t prop,
		   uint32_t fields, uint32_t size);
void pm_member(struct blob *list, uint32_t type, uint32_t offset, const char *name);
/* A field list of what is in `b`, which is emptied. */
uint32_t pm_list(struct pdb_maker *m, struct blob *b);
/* A record of numbers: {bytes, value} each. */
uint32_t pm_record(struct pdb_maker *m, uint32_t kind, size_t n, const uint32_t (*v)[2]);
#define PM_RECORD(m, kind, ...)                                                                    \
	pm_record(m, kind, sizeof((const uint32_t[][2]){__VA_ARGS__}) / 8,                         \
		  (const uint32_t[][2]){__VA_ARGS__})
/* with: 0 neither hash nor index offsets, 1 both */
void pm_tpi(struct pdb_maker *m, int with);

struct maker_dbi {
	uint32_t age, flags, machine;
	uint32_t globals, publics, records; /* streams */
	uint32_t sections, original, omap_to, omap_from;
	struct blob modules;
};
struct maker_dbi maker_dbi(void); /* all streams nil, age 1, x64 */
void pm_dbi(struct pdb_maker *m, const struct maker_dbi *d);
void pm_section(struct pdb_maker *m, uint32_t stream, const char *name, uint32_t rva,
		uint32_t size);
/* A symbol record; returns where it begins. */
uint32_t pm_symbol(struct blob *b, uint32_t kind, const struct blob *data);
uint32_t pm_public(struct blob *b, const char *name, uint32_t segment, uint32_t offset);

/* Lay out the file; m->file has it. */
void pm_build(struct pdb_maker *m);
/* The file, or n bytes, as a descriptor. */
int pm_fd(const uint8_t *v, size_t n);

#endif
