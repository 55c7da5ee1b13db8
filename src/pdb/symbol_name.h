/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name and key under which a symbol file is kept. Both come out of a dump and
 * are hostile: nothing of them reaches the file system or a URL but through here.
 */
#ifndef PDB_SYMBOL_NAME_H
#define PDB_SYMBOL_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fltscope/error.h"

#define SYMBOL_NAME_MAX 128 /* bytes, without the terminator */
#define SYMBOL_KEY_MAX	40  /* 32 digits of a GUID and 8 of an age */
#define SYMBOL_URL_NAME (3 * SYMBOL_NAME_MAX + 1)

/* A name and a key that went through the functions below. Both borrowed. */
struct symbol_id {
	const char *name;
	const char *key;
};

/*
 * The base name of `raw` (which may be a whole Windows path), fit to be one
 * component of a path here and on Windows: valid UTF-8 without control or
 * display-changing characters, none of < > : " | ? *, no device name (CON, nul.pdb,
 * COM1 ...), not beginning with a dot, not ending in a dot or space, not one of the
 * names that mean something in a store (index2.txt, file.ptr ...), at most
 * SYMBOL_NAME_MAX bytes. FS_INVALID with the reason for everything else; `out` is
 * then untouched. The reason quotes the name: escape it before showing.
 */
enum fs_status symbol_name_safe(const char *raw, char *out, size_t size, struct fs_error *err);

/* 9 to SYMBOL_KEY_MAX hexadecimal digits (an image's key is TimeDateStamp and SizeOfImage). */
bool symbol_key_ok(const char *key);

/* GUID as it lies in the file (16 bytes), age as a number: the store's key, GUID in
 * capital digits, age in hex without leading zeros. */
void symbol_key(const uint8_t guid[16], uint32_t age, char out[SYMBOL_KEY_MAX + 1]);

/* "name.pdb" to "name.pd_". `out` has SYMBOL_NAME_MAX + 1 bytes. */
void symbol_name_compressed(const char *name, char out[SYMBOL_NAME_MAX + 1]);

/* The folder above a name's in a two-tier store: its first two bytes, or characters
 * where they are not ASCII. `out` has 9 bytes. */
void symbol_name_tier(const char *name, char out[9]);

/* Everything but RFC 3986's unreserved characters as %XX. */
void symbol_name_url(const char *name, char out[SYMBOL_URL_NAME]);

#endif
