/* SPDX-License-Identifier: BSD-2-Clause */
#include "emit/results.h"

#include <errno.h>
#include <stdlib.h>

const char *res_level_name(enum res_level l)
{
	static const char *const names[] = {"note", "warning", "error"};

	return (size_t)l < sizeof(names) / sizeof(names[0]) ? names[l] : "error";
}

const char *res_status_name(enum res_status s)
{
	switch (s) {
	case RES_CLEAN:
		return "clean";
	case RES_FINDINGS:
		return "findings";
	case RES_UNREADABLE:
		return "unreadable";
	case RES_UNDECIDED:
		break;
	}
	return "undecided";
}

static int badness(enum res_status s)
{
	switch (s) {
	case RES_UNREADABLE:
		return 3;
	case RES_FINDINGS:
		return 2;
	case RES_UNDECIDED:
		return 1;
	case RES_CLEAN:
		break;
	}
	return 0;
}

enum res_status res_worse(enum res_status a, enum res_status b)
{
	return badness(a) >= badness(b) ? a : b;
}

void results_begin(struct results *w, const struct res_run *run)
{
	w->run = run;
	w->ops->begin(w);
}

static void add(struct res_totals *t, enum res_status s)
{
	t->dumps++;
	t->clean += s == RES_CLEAN;
	t->findings += s == RES_FINDINGS;
	t->unreadable += s == RES_UNREADABLE;
	t->undecided += s == RES_UNDECIDED;
	t->status = res_worse(t->status, s);
}

void results_dump(struct results *w, const struct res_dump *d)
{
	add(&w->totals, d->status);
	w->ops->dump(w, d);
}

bool results_end(struct results *w, const struct res_unused *unused, size_t n)
{
	int error;

	w->ops->end(w, unused, n);
	error = w->error;
	free(w);
	errno = error;
	return error == 0;
}
