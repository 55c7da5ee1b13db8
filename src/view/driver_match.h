/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --driver's name against a dump, for diagnose and check alike. A developer may know
 * the service, the filter, the DRIVER_OBJECT or the .sys file; they need not be equal.
 */
#ifndef VIEW_DRIVER_MATCH_H
#define VIEW_DRIVER_MATCH_H

#include "emit/results.h"
#include "view/view.h"

struct driver_match {
	bool all; /* no name was given: everything fits */
	const char *name;
	const bool *is_filter, *is_driver; /* by index of the model: is it one of the name's? */
	size_t nfilters, ndrivers;
	uint64_t *addresses; /* of what fits and of what belongs to it, sorted */
	size_t n;
	size_t filters, decided; /* that fit; of those: the stage could be read */
	bool known, loaded, unloaded;
	struct res_match *matches;
	size_t nmatches;
};
/* What `name` (NULL: everything) means. All of it lives in the arena, the model and the
 * report. False: out of memory. */
bool driver_match(struct arena *a, const struct fs_model *m, const struct fs_report *r,
		  const char *name, struct driver_match *ret);
/* The address of what fits or of what belongs to it: its instances and devices, and what a
 * verdict about it names. */
bool driver_match_address(const struct driver_match *d, uint64_t address);
/* Is the verdict about what fits? */
bool driver_match_verdict(const struct driver_match *d, const struct fs_model *m,
			  const struct fs_verdict *v);
/* Does the finding concern it? `v`: the verdict that tells of the same; NULL: none does. */
bool driver_match_finding(const struct driver_match *d, const struct fs_model *m,
			  const struct fs_finding *f, const struct fs_verdict *v);
/* "matches", and a line for each in text: what of the dump the name is the name of. */
void show_matches(struct view *v, const struct res_match *matches, size_t n);

#endif
