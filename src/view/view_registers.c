/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the processors stood, as a container of a machine's memory has it. */
#include "view/common.h"

#include <inttypes.h>
#include <string.h>

/* A large machine's are for programs. */
#define ROWS_MAX 8u

static const char *row(struct view *v, const struct fs_registers *r)
{
	const char *s = text_printf(v, "%s mode", fs_cpu_mode_name(r->mode));
	size_t i;

	if (r->mode == FS_CPU_MODE_UNKNOWN)
		s = "mode not known";
	if (fs_is_read(&r->ip.va))
		s = text_printf(v, "%s at %s%s%s", s, text_ptr(v, r->ip.va.v),
				r->ip.symbol ? "  " : "", r->ip.symbol ? r->ip.symbol : "");
	for (i = 0; i < r->n; i++)
		if (strcmp(r->reg[i].name, "rsp") == 0 || strcmp(r->reg[i].name, "esp") == 0 ||
		    strcmp(r->reg[i].name, "sp") == 0)
			s = text_printf(v, "%s, stack %s", s, text_ptr(v, r->reg[i].v));
	return text_printf(v, "%s (%s)", s, r->from ? r->from : "container");
}

void register_rows(struct view *v)
{
	const struct fs_dump *d = &v->m->dump;
	size_t i;

	for (i = 0; i < d->nregisters && i < ROWS_MAX; i++)
		emit_row(v->e, text_printf(v, "Processor %" PRIu32, d->registers[i].processor),
			 "%s", row(v, &d->registers[i]));
	if (d->nregisters > ROWS_MAX)
		emit_row(v->e, "Processors", "%zu more have registers (--json)",
			 d->nregisters - ROWS_MAX);
}

void json_registers(struct view *v)
{
	const struct fs_dump *d = &v->m->dump;
	size_t i, k;

	if (!d->nregisters)
		return;
	emit_array_begin(v->e, "registers");
	for (i = 0; i < d->nregisters; i++) {
		const struct fs_registers *r = &d->registers[i];

		emit_object_begin(v->e, NULL);
		emit_uint(v->e, "processor", r->processor);
		emit_string(v->e, "from", r->from);
		emit_string(v->e, "mode", fs_cpu_mode_name(r->mode));
		if (fs_is_read(&r->ip.va) && r->ip.symbol)
			emit_string(v->e, "symbol", r->ip.symbol);
		for (k = 0; k < r->n; k++)
			emit_address(v->e, r->reg[k].name, r->reg[k].v);
		emit_object_end(v->e);
	}
	emit_array_end(v->e);
}
