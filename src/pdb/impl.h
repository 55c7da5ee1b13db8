/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a PDB reader, shared by the files of src/pdb only. */
#ifndef PDB_IMPL_H
#define PDB_IMPL_H

#include "base/arena.h"
#include "base/cursor.h"
#include "base/vec.h"
#include "pdb/pdb.h"

/* --- msf.c ------------------------------------------------------------------ */

enum {
	STREAM_INFO = 1,
	STREAM_TPI = 2,
	STREAM_DBI = 3,
	/* Stream numbers are 16 bits wide wherever the format stores one. */
	STREAM_NONE = 0xffff,
};

struct msf_stream {
	uint32_t size;	  /* bytes; a nil stream has 0 */
	uint32_t list_at; /* of its block list in the directory, bytes */
};

struct msf_block {
	uint8_t *data;
	uint32_t number;
	uint64_t used; /* 0: empty slot */
};

struct msf {
	int fd;
	uint64_t file_size;
	uint32_t block_size, blocks;
	uint32_t dir_size; /* bytes */
	uint32_t *map;	   /* blocks that hold the block numbers of the directory */
	uint32_t map_n;
	struct msf_stream *streams;
	uint32_t streams_n;
	struct msf_block *cache;
	uint32_t cache_n;
	uint64_t clock;
	/* where the block of the last stream access was found: most are near it */
	uint32_t last_stream, last_block;
	uint64_t last_i;
	bool has_last;
	struct pdb_cost cost;
};

enum fs_status msf_open(struct pdb *p, struct fs_error *err);
void msf_close(struct msf *m);
bool msf_has(const struct pdb *p, uint32_t stream);
uint32_t msf_size(const struct pdb *p, uint32_t stream); /* 0 when there is none */
/* All n bytes or an error; `what` names them. */
enum fs_status msf_read(struct pdb *p, uint32_t stream, uint64_t off, void *buf, size_t n,
			const char *what, struct fs_error *err);
/* A malloc'd copy of part of a stream; the caller frees. n may be 0 (*ret NULL). */
enum fs_status msf_load(struct pdb *p, uint32_t stream, uint64_t off, size_t n, const char *what,
			uint8_t **ret, struct fs_error *err);

/* --- records ------------------------------------------------------------------
 * Type and symbol streams are both runs of {u16 length without itself, u16 kind,
 * data}. A reader walks one such run and lends one record at a time. */

struct record_reader {
	struct pdb *p;
	const char *what;
	uint32_t stream;
	uint32_t at, end; /* in the stream, bytes; `at` is the next record */
	uint32_t here;	  /* where the current one began */
	uint16_t kind;
	uint32_t len; /* of the data behind `kind` */
	const uint8_t *data;
	uint8_t *buf; /* bytes [buf_at, buf_at + buf_n) of the stream */
	uint32_t buf_at, buf_n, buf_cap;
};

enum fs_status records_init(struct record_reader *r, struct pdb *p, uint32_t stream, uint32_t begin,
			    uint32_t end, const char *what, struct fs_error *err);
/* false at the end or on an error (*st tells). */
bool records_next(struct record_reader *r, enum fs_status *st, struct fs_error *err);
void records_done(struct record_reader *r);

/* --- tpi.c -------------------------------------------------------------------- */

struct tpi_anchor {
	uint32_t index;
	uint32_t at; /* of that record, from the first record */
};
/* The records from one anchor to the next: where each begins. */
struct tpi_chunk {
	uint32_t *at;
	uint32_t n, anchor;
};
enum { TPI_CHUNKS = 16 };

struct name_slot { /* a definition: hash of its name, its type index */
	uint32_t hash, index;
};

struct tpi {
	bool opened;
	uint32_t begin, end; /* type indices */
	uint32_t first_at;   /* of the first record in the stream, bytes */
	uint32_t bytes;	     /* of all records */
	struct tpi_anchor *anchors;
	uint32_t anchors_n;
	bool anchors_own;		     /* made here, since those of the file do not do */
	struct tpi_chunk chunks[TPI_CHUNKS]; /* by anchor modulo their number */
	uint32_t hash_stream;
	uint32_t buckets, hash_at; /* of the values in the hash stream; buckets 0: no hash */
	struct name_slot *names;   /* own index by hash, made when the hash does not do */
	size_t names_n;
	bool names_made;
};

/* A type record, copied; `mem` is freed with type_record_free(). */
struct type_record {
	uint32_t index;
	uint16_t kind;
	struct cursor c; /* behind the kind */
	uint8_t *mem;
};

enum fs_status tpi_open(struct pdb *p, struct fs_error *err);
void tpi_close(struct tpi *t);
enum fs_status tpi_record(struct pdb *p, uint32_t index, struct type_record *ret,
			  struct fs_error *err);
void type_record_free(struct type_record *r);
uint32_t pdb_hash_name(const char *s, size_t n);
/* Type indices of definitions that may have this name, in rising order; `cb`
 * returns false to stop. Via the hash stream, or the own index when `own`. */
typedef bool (*tpi_candidate_cb)(void *arg, uint32_t index);
enum fs_status tpi_candidates(struct pdb *p, const char *name, bool own, tpi_candidate_cb cb,
			      void *arg, struct fs_error *err);

/* --- leaf.c: what a record says, no resolving ---------------------------------- */

enum {
	LF_MODIFIER = 0x1001,
	LF_POINTER = 0x1002,
	LF_PROCEDURE = 0x1008,
	LF_MFUNCTION = 0x1009,
	LF_FIELDLIST = 0x1203,
	LF_BITFIELD = 0x1205,
	LF_BCLASS = 0x1400,
	LF_VBCLASS = 0x1401,
	LF_IVBCLASS = 0x1402,
	LF_INDEX = 0x1404,
	LF_VFUNCTAB = 0x1409,
	LF_FRIENDCLS = 0x140a,
	LF_VFUNCOFF = 0x140c,
	LF_ENUMERATE = 0x1502,
	LF_ARRAY = 0x1503,
	LF_CLASS = 0x1504,
	LF_STRUCTURE = 0x1505,
	LF_UNION = 0x1506,
	LF_ENUM = 0x1507,
	LF_FRIENDFCN = 0x150c,
	LF_MEMBER = 0x150d,
	LF_STMEMBER = 0x150e,
	LF_METHOD = 0x150f,
	LF_NESTTYPE = 0x1510,
	LF_ONEMETHOD = 0x1511,
	LF_NESTTYPEEX = 0x1512,
	LF_INTERFACE = 0x1519,
	LF_BINTERFACE = 0x151a,
	LF_CLASS2 = 0x1608,
	LF_STRUCTURE2 = 0x1609,
	LF_UNION2 = 0x160a,
	LF_INTERFACE2 = 0x160b,

	PROP_FORWARD = 0x80,
	PROP_SCOPED = 0x100,
	PROP_UNIQUE = 0x200, /* a unique name follows the name */
};

/* struct, class, interface, union, enum */
struct leaf_udt {
	enum pdb_kind kind;
	uint32_t prop;
	uint32_t fields;
	uint32_t below; /* enum: the integer */
	uint64_t size;
	const char *name, *unique; /* in the record's memory; unique may be NULL */
};

bool leaf_is_udt(uint16_t kind);
/* Refuses the forms with length-prefixed names and those of 16-bit type indices. */
enum fs_status leaf_refuse_old(struct pdb *p, uint16_t kind, struct fs_error *err);
enum fs_status leaf_numeric(struct cursor *c, uint64_t *ret, bool *ret_negative,
			    struct fs_error *err);
enum fs_status leaf_name(struct cursor *c, const char **ret, struct fs_error *err);
enum fs_status leaf_udt(struct type_record *r, struct leaf_udt *ret, struct fs_error *err);
/* Types below 0x1000 are built in: no record. False: no such one. */
bool leaf_builtin(uint32_t index, uint32_t pointer_size, struct pdb_type *ret);

/* --- type.c, members.c ----------------------------------------------------------- */

/* What was found out about a type index, so that it is read once. */
struct known_type {
	uint32_t index; /* 0: empty slot */
	struct pdb_type type;
};
struct known_list {
	uint32_t fields; /* type index of the field list; 0: empty slot */
	bool values;
	void *v;
	size_t n;
};

void pdb_forget(struct pdb *p);

/* Where a key's search begins in an open-addressing table of `cap` slots (a power
 * of two): Knuth's multiplier spreads neighbouring indices. */
static inline size_t slot_of(uint32_t key, size_t cap)
{
	return (key * 2654435761u) & (cap - 1);
}

/* --- dbi.c, omap.c, publics.c ------------------------------------------------------ */

struct dbi {
	uint32_t sym_records;		   /* stream with public and global symbols */
	uint32_t publics, globals;	   /* streams of their hash tables */
	uint32_t modules_at, modules_size; /* module list in the DBI stream, bytes */
	struct pdb_section *sections;	   /* of the image */
	struct pdb_section *original;	   /* before OMAP; NULL: the same */
	uint32_t sections_n, original_n;
	uint32_t omap_from, omap_to; /* streams, STREAM_NONE */
	bool omap_checked[2];
};

struct symbol_slot {
	uint32_t rva, at; /* of the record in its stream */
	uint16_t stream;
	uint16_t rank; /* at the same RVA the lowest wins */
};

enum fs_status dbi_open(struct pdb *p, struct fs_error *err);
enum fs_status pdb_info_open(struct pdb *p, struct fs_error *err);
/* Read one symbol record at its place; false: not a kind that is of use. */
bool pdb_symbol_decode(struct pdb *p, const struct record_reader *r, struct pdb_symbol *ret);

struct pdb {
	char *name; /* for messages */
	struct msf msf;
	struct pdb_info info;
	struct tpi tpi;
	struct dbi dbi;
	struct arena mem;
	struct known_type *types; /* open addressing, types_cap a power of two */
	size_t types_n, types_cap;
	struct known_list *lists;
	size_t lists_n, lists_cap;
	struct symbol_slot *symbols; /* by RVA */
	size_t symbols_n;
	bool symbols_made;
};

static inline uint32_t pointer_size(const struct pdb *p)
{
	return p->info.machine == 0x14c || p->info.machine == 0x1c4 ? 4 : 8;
}

#endif
