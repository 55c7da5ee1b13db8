/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The symbol path, as -y and _NT_SYMBOL_PATH have it (Microsoft, "Advanced SymSrv
 * Use" and "Custom Symbol Stores"): elements separated by `;`, each
 *
 *	DIR				a plain folder
 *	srv*STORE*...*STORE		stores, the caches first; the last may be a URL
 *	symsrv*symsrv.dll*STORE*...	the same
 *	cache*DIR			cache for every element to its right
 *	URL				what srv*URL is (not Windows' syntax, but people write it)
 *
 * An empty STORE (`**`, `srv*`, `cache*`) is the default cache, which also stands
 * before a URL that has no folder of its own. What cannot be used here (Windows
 * paths, other protocols) does not fail the path: it is told in `problem`.
 */
#ifndef PDB_SYMBOL_PATH_H
#define PDB_SYMBOL_PATH_H

#include "base/arena.h"
#include "base/vec.h"
#include "fltscope/error.h"

#define SYMBOL_PATH_MAX	    65536 /* bytes of text */
#define SYMBOL_ELEMENTS_MAX 64
#define SYMBOL_STORES_MAX   10 /* after one srv*; SymSrv's own limit */
#define SYMBOL_TIERS_MAX    (SYMBOL_STORES_MAX + 2)

enum symbol_tier_kind {
	SYMBOL_TIER_DIR,
	SYMBOL_TIER_URL,
};

struct symbol_tier {
	enum symbol_tier_kind kind;
	const char *where; /* a directory, or a URL without a slash at its end */
	const char *shown; /* the same with user names and passwords taken out */
};

enum symbol_element_kind {
	SYMBOL_FOLDER,
	SYMBOL_SERVER,
	SYMBOL_CACHE,
};

/* A file found in one tier is copied into the directories before it. */
struct symbol_element {
	enum symbol_element_kind kind;
	const char *text;    /* as given, passwords taken out */
	const char *problem; /* what of it cannot be used and why, or NULL */
	size_t ntiers;	     /* 0: nothing of it can be used */
	struct symbol_tier tier[SYMBOL_TIERS_MAX];
};

struct symbol_path {
	struct arena mem;
	VEC(struct symbol_element) element;
};

/* Where the text leaves something open. Either may be NULL: what needs it is then told as a
 * problem. Borrowed during the call. */
struct symbol_defaults {
	const char *cache; /* the default cache */
	const char *home;  /* for a leading ~/ */
};

/*
 * Parse into *ret, to be freed with symbol_path_deinit(). An empty text gives no
 * elements. FS_LIMIT when the text or the number of elements or stores is beyond
 * the bounds above, FS_NO_MEMORY.
 */
enum fs_status symbol_path_parse(const char *text, const struct symbol_defaults *defaults,
				 struct symbol_path *ret, struct fs_error *err);
void symbol_path_deinit(struct symbol_path *sp);

/* The path's text: `given` (of -y) when not NULL, else _NT_ALT_SYMBOL_PATH and then
 * _NT_SYMBOL_PATH, as WinDbg joins them; "" when there is none. NULL: out of memory. Asks
 * the environment. */
const char *symbol_path_text(struct arena *mem, const char *given);

/* "$XDG_CACHE_HOME/fltscope/symbols", else "$HOME/.cache/fltscope/symbols", else NULL.
 * Asks the environment. */
const char *symbol_default_cache(struct arena *mem);

#endif
