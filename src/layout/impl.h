/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a layout, for the .c files of this folder only. */
#ifndef LAYOUT_IMPL_H
#define LAYOUT_IMPL_H

#include "base/arena.h"
#include "base/vec.h"
#include "layout/layout.h"

enum {
	LAYOUT_TEXT_MAX = 4 << 20, /* bytes */
	LAYOUT_TYPES_MAX = 4096,
	LAYOUT_FIELDS_MAX = 65536,
	LAYOUT_OTHERS_MAX = 65536, /* each of enums, values, symbols, images, ... */
	LAYOUT_FROM_MAX = 4,
	LAYOUT_SIZE_MAX = 1 << 28, /* bytes; no type of any kernel comes near */
	LAYOUT_PATH_DEPTH = 16,
};

/* All strings live in the layout's arena (one copy of the text, cut in place). */
struct lfield {
	const char *name;
	const char *type;
	const char *element; /* type of one element when it is an array, else NULL */
	uint32_t offset;     /* bytes */
	uint32_t size;	     /* bytes, 0 unknown; filled in at the end of the parse */
	unsigned line;
	enum field_origin origin;
};

struct ltype {
	const char *name;
	uint32_t size; /* bytes, 0 unknown */
	bool is_union;
	unsigned line;
	size_t first, n;		/* in layout.fields */
	size_t first_overlay, overlays; /* in layout.overlays */
};

struct lenum {
	const char *name, *prefix; /* prefix: "" none */
	unsigned line;
	size_t first, n; /* in layout.values */
};

struct lvalue {
	const char *name;
	uint64_t value;
};

struct lsymbol {
	const char *name;
	uint64_t rva;
	size_t image; /* index + 1; 0: of every image */
};

struct lpair {
	const char *name, *value;
};

/* `absent` and `unknown` lines. */
struct lmissing {
	const char *type, *field;
	bool known_absent;
	unsigned line;
};

struct name_ref {
	const char *name;
	size_t index;
};

struct layout {
	struct arena mem;
	char *id;
	const char *provenance;
	const char *machine;
	enum layout_module module;
	uint32_t build;
	uint32_t ptr_size; /* bytes */
	bool has_module, composite;
	VEC(struct ltype) types;
	VEC(struct lfield) fields;
	VEC(struct layout_overlay) overlays;
	VEC(struct lenum) enums;
	VEC(struct lvalue) values;
	VEC(struct lsymbol) symbols;
	VEC(struct lpair) facts;
	VEC(struct lmissing) missing;
	VEC(struct layout_image) images;
	struct name_ref *by_name; /* sorted */
	size_t indexed; /* entries of by_name; fewer than types.n while `from` is taken in */
	struct layout_field known[F_COUNT];
	bool has[F_COUNT], absent[F_COUNT], unknown[F_COUNT];
	uint32_t type_size[T_COUNT];
};

/* Is `type` a type this grammar knows? Gives its size in bytes, 0 when it names
 * a type whose size is not known here. */
bool layout_parse_type(const struct layout *l, const char *type, uint32_t *ret_size);
bool layout_parse_number(const char *s, uint64_t *ret);
/* A C identifier; with `dots` also members of unnamed aggregates ("u.LowPart"). */
bool layout_is_name(const char *s, size_t len, bool dots);
/* Length of "T" in "T[n]", with n; the whole length and 1 when it is no array. */
bool layout_array_of(const char *s, size_t *ret_len, uint32_t *ret_n);
const struct lfield *layout_lookup(const struct layout *l, size_t type, const char *name,
				   size_t name_len);

#endif
