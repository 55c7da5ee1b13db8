/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of one parse, shared by parse.c and finish.c only. */
#ifndef LAYOUT_PARSER_H
#define LAYOUT_PARSER_H

#include "layout/impl.h"

enum { WORDS_MAX = 8 };

enum block { IN_NOTHING, IN_TYPE, IN_ENUM, IN_IMAGE };

struct parser {
	struct layout *l;
	const char *name;
	unsigned line;
	enum block block;
	bool inferred; /* the line ends in #I */
	unsigned depth;
	layout_source source;
	void *arg;
	char *from;
	unsigned from_line;
	char *word[WORDS_MAX];
	unsigned words;
	struct fs_error *err;
};

/* A failure of the text: always name:line. Returns FS_INVALID. */
__attribute__((format(printf, 3, 4))) enum fs_status layout_fail_at(struct parser *p, unsigned line,
								    const char *fmt, ...);
enum fs_status layout_no_memory(struct parser *p);
enum fs_status layout_finish(struct parser *p);
/* Give the layout its id ("fltmgr-19041-x64"). */
enum fs_status layout_name_it(struct parser *p);
enum fs_status layout_parse_depth(const char *name, const char *text, size_t len, unsigned depth,
				  layout_source source, void *arg, struct layout **ret,
				  struct fs_error *err);

/* Only what stands above the first type, union or enum; `from` is left alone. */
enum fs_status layout_parse_head(const char *name, const char *text, size_t len, struct layout **ret,
				 struct fs_error *err);

#endif
