/* SPDX-License-Identifier: BSD-2-Clause */
/* From what a user typed to an entity of the model: a name or an address. */
#ifndef CLI_RESOLVE_H
#define CLI_RESOLVE_H

#include "cli/cli.h"

enum entity { ENT_FRAME, ENT_FILTER, ENT_INSTANCE, ENT_VOLUME, ENT_DRIVER, ENT_DEVICE };

enum resolved {
	RESOLVED,	  /* *ret_index */
	RESOLVED_ADDRESS, /* an address, in *ret_address, at which the model has no such entity */
	RESOLVED_MANY,	  /* a name that several have */
	RESOLVED_NOTHING, /* neither a name here nor an address */
};

/* A name wins over an address: "fade" is a filter's name when there is such a
 * filter, and 0xfade else. */
enum resolved resolve(const struct fs_model *m, enum entity kind, const char *arg,
		      size_t *ret_index, uint64_t *ret_address);

/* For messages. */
size_t entity_count(const struct fs_model *m, enum entity kind);
const char *entity_kind(enum entity kind); /* "FLT_FILTER" */
uint64_t entity_address(const struct fs_model *m, enum entity kind, size_t i);
const char *entity_name(const struct fs_model *m, enum entity kind, size_t i); /* NULL unknown */
bool entity_has_name(const struct fs_model *m, enum entity kind, size_t i, const char *name);

/* Resolve c->opt->arg, or say on stderr what was looked for and what there is.
 * CLI_DONE with *ret_index, CLI_USAGE (ambiguous) or CLI_UNDECIDED. Drivers and
 * devices outside the model are read from the dump. */
int resolve_arg(struct cli *c, enum entity kind, size_t *ret_index);

/* resolve_thread.c: a thread by the address of its ETHREAD, by its ID, or
 * as WinDbg's Cid, "1584.1588"; -1 none, -2 several. Numbers are hexadecimal, 0n4712 is decimal. */
int32_t resolve_thread(const struct fs_model *m, const char *arg);
/* By image name, with or without its suffix, by the address of its EPROCESS, by its ID, or by the Cid
 * of a thread of it. */
bool process_matches(const struct fs_model *m, const struct fs_process *p, const char *arg);

#endif
