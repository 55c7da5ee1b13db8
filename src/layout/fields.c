/* SPDX-License-Identifier: BSD-2-Clause */
/* fields.def as tables. */
#include "layout/layout.h"

static const struct field_decl decls[F_COUNT] = {
#define FIELD(module, type, field, kind)                                                           \
	[F##type##_##field] = {LM_##module, T##type, #type, #field, #type "." #field, FK_##kind},
#include "layout/fields.def"
};

static const char *const type_names[T_COUNT] = {
#define TYPE(module, type) [T##type] = #type,
#include "layout/fields.def"
};

static const enum layout_module type_modules[T_COUNT] = {
#define TYPE(module, type) [T##type] = LM_##module,
#include "layout/fields.def"
};

const struct field_decl *field_decl(enum field_id id)
{
	return (unsigned)id < F_COUNT ? &decls[id] : NULL;
}

const char *type_name(enum type_id id)
{
	return (unsigned)id < T_COUNT ? type_names[id] : NULL;
}

enum layout_module type_module(enum type_id id)
{
	return (unsigned)id < T_COUNT ? type_modules[id] : LM_NT;
}
