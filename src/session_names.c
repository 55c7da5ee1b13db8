/* SPDX-License-Identifier: BSD-2-Clause */
/* From addresses to names: publics, else exports; and bytes out of image files. */
#include <string.h>

#include "base/str.h"
#include "pdb/pdb.h"
#include "pdb/symbol_name.h"
#include "session.h"
#include "session_symbols.h"

/* --- image files ------------------------------------------------------------------ */

static void find_image(struct fltscope *fs, size_t module, struct module_symbols *x)
{
	const struct fs_module *m = &fs->model.modules[module];
	struct image_want want = {.folders = fs->symbols->image_path,
				  .timestamp = (uint32_t)m->timestamp.v,
				  .size = (uint32_t)m->size,
				  .base = m->base,
				  /* the kernel and its HAL patch their own code */
				  .data_only = (int32_t)module == fs->modules.nt ||
					       (m->name && str_ieq(m->name, "hal.dll"))};
	char name[SYMBOL_NAME_MAX + 1];
	struct fs_error err = {0};

	if (!m->name || !fs_is_read(&m->timestamp)) {
		x->image_why = "the dump does not hold the module's name and time stamp";
		return;
	}
	if (symbol_name_safe(m->name, name, sizeof(name), &err) == FS_OK) {
		want.name = name;
		if (image_file_find(&want, &x->image, &err) == FS_OK)
			return;
	}
	x->image_why = arena_strdup(&fs->symbols->arena, err.text);
}

const struct image_file *session_image(struct fltscope *fs, size_t module)
{
	struct session_symbols *s = fs->symbols;

	if (!s || !s->image_path || module >= s->n)
		return NULL;
	if (!s->of[module].image_tried) {
		s->of[module].image_tried = true;
		find_image(fs, module, &s->of[module]);
	}
	return s->of[module].image;
}

size_t session_image_bytes(void *arg, uint64_t va, void *buf, size_t n)
{
	struct fltscope *fs = arg;
	const struct module *mod = module_at(&fs->modules, va);
	const struct image_file *f;

	if (!mod)
		return 0;
	f = session_image(fs, (size_t)(mod - fs->modules.list.v));
	return f ? image_file_bytes(f, va - mod->base, buf, n) : 0;
}

/* --- exports ------------------------------------------------------------------------ */

static void read_exports(struct fltscope *fs, size_t module, struct module_symbols *x)
{
	const struct module *mod = &fs->modules.list.v[module];
	const struct image_file *f;
	struct pe pe;

	if (pe_read(fs->vm, mod, &pe, NULL) != FS_OK) {
		f = session_image(fs, module);
		if (!f)
			return;
		pe = *image_file_pe(f);
	}
	x->pe = arena_alloc(&fs->symbols->arena, sizeof(pe));
	if (!x->pe)
		return;
	*x->pe = pe;
	(void)exports_read(fs->vm, mod, &pe, &x->exports, NULL);
}

const struct exports *session_exports(struct fltscope *fs, size_t module)
{
	struct module_symbols *x;

	if (!fs->symbols || module >= fs->symbols->n)
		return NULL;
	x = &fs->symbols->of[module];
	if (!x->exports_tried) {
		x->exports_tried = true;
		read_exports(fs, module, x);
	}
	return x->exports.list.n ? &x->exports : NULL;
}

/* An export names what follows it in its own section, no more. */
static bool same_section(const struct pe *pe, uint64_t a, uint64_t b)
{
	size_t i;

	for (i = 0; i < pe->nsections; i++) {
		const struct pe_section *s = &pe->section[i];

		if (a >= s->rva && a - s->rva < s->size)
			return b >= s->rva && b - s->rva < s->size;
	}
	return false;
}

/* --- names --------------------------------------------------------------------------- */

const char *session_shown_name(const char *name)
{
	return strncmp(name, "__imp_", 6) == 0 ? name + 1 : name;
}

static bool put_name(struct module_name *ret, const char *name, uint64_t rva)
{
	size_t n = strlen(name);

	if (n == 0 || n >= sizeof(ret->name))
		return false;
	memcpy(ret->name, name, n + 1);
	ret->rva = rva;
	return true;
}

enum fs_symbol_source session_name_at(struct fltscope *fs, size_t module, uint64_t rva,
				      struct module_name *ret)
{
	struct pdb *pdb = session_pdb(fs, module);
	const struct exports *x;
	const struct export *e;
	struct pdb_symbol s;

	if (rva > UINT32_MAX)
		return FS_SYM_MODULE;
	if (pdb && pdb_symbol_by_rva(pdb, (uint32_t)rva, &s, NULL) == FS_OK && s.has_rva &&
	    s.rva <= rva && put_name(ret, session_shown_name(s.name), s.rva))
		return FS_SYM_PDB;
	x = session_exports(fs, module);
	e = x ? exports_at(x, rva) : NULL;
	if (e && same_section(fs->symbols->of[module].pe, e->rva, rva) &&
	    put_name(ret, e->name, e->rva))
		return FS_SYM_EXPORT;
	return FS_SYM_MODULE;
}

bool session_resolve(void *arg, const struct module *mod, uint64_t rva, struct module_name *ret)
{
	struct fltscope *fs = arg;

	return session_name_at(fs, (size_t)(mod - fs->modules.list.v), rva, ret) != FS_SYM_MODULE;
}
