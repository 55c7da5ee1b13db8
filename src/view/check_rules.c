/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules that check asks: the catalogue's, its own one, and what they need to be read. */
#include "view/check_results.h"

#include <string.h>

static const struct fs_rule unfinished = {
	.id = CHECK_RULE_UNFINISHED,
	.title = "An unload was begun and is not done, and no rule says why",
	.number = "",
	.severity = FS_ERROR,
	.explanation =
		"A driver's unload was asked for or begun, and the dump shows it unfinished "
		"without a cause that a rule could name. It is an error when the driver is known "
		"to be stuck, and an open question when it may only have been slow. `check` adds "
		"it to the catalogue; asked for alone (--rule), it is silent about a driver that "
		"is stuck for a cause that another rule names.",
	.reads = "FLT_OBJECT.Flags and RundownRef, DRIVER_OBJECT.Flags, "
		 "_DEVOBJ_EXTENSION.ExtensionFlags",
	.advice = "Look at it with `fltscope diagnose` and `fltscope filter`; take a second dump "
		  "a minute later.",
};

/* What a rule has to look at before its silence says anything. */
static const struct {
	const char *rule;
	bool stacks, locks;
} needs[] = {
	{"lock-cycle", false, true},
	{"driver-thread-running", false, false},
	{"unload-callback-blocked", false, true},
	{"blocked-by-other-unload", false, true},
	{"callback-blocked", true, false},
	{"port-callback-stuck", true, false},
	{"teardown-race", true, false},
	{"unregister-in-driver-entry", true, false},
	{"load-unload-race", true, false},
};
enum { NEEDS = sizeof(needs) / sizeof(needs[0]) };

size_t check_rule_count(void)
{
	return fs_rule_count() + 1;
}

const struct fs_rule *check_rule_at(size_t i)
{
	return i < fs_rule_count() ? fs_rule_at(i) : &unfinished;
}

const struct fs_rule *check_rule_named(const char *id)
{
	size_t i;

	for (i = 0; i < check_rule_count(); i++)
		if (strcmp(check_rule_at(i)->id, id) == 0)
			return check_rule_at(i);
	return NULL;
}

static size_t need_of(const char *id)
{
	size_t i = 0;

	while (i < NEEDS && strcmp(needs[i].rule, id) != 0)
		i++;
	return i;
}

bool check_needs_threads(const char *id)
{
	return need_of(id) < NEEDS;
}

const char *check_not_read(const struct fs_model *m, const char *id)
{
	size_t i = need_of(id);

	if (i == NEEDS)
		return NULL;
	if (m->threads_looked != FS_LOOKED_WHOLE)
		return m->threads_why ? m->threads_why : "not every thread could be read";
	if (needs[i].stacks && m->stacks_looked != FS_LOOKED_WHOLE)
		return "not every thread's stack could be looked at";
	if (needs[i].locks && m->locks_looked != FS_LOOKED_WHOLE)
		return "not every lock of the Filter Manager could be read";
	return NULL;
}
