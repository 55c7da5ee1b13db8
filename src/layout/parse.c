/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text form of a layout: one statement a line, words apart by blanks, `#`
 * begins a comment. layout.h has the grammar, pdb-layouts/README.md its use.
 * The text may be a user's file: every count is bounded, nothing recurses but
 * `from`, and that to depth 4.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout/parser.h"

#define FAIL(p, ...) layout_fail_at((p), (p)->line, __VA_ARGS__)

enum fs_status layout_fail_at(struct parser *p, unsigned line, const char *fmt, ...)
{
	char text[FS_ERROR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fs_fail(p->err, FS_INVALID, "%.200s:%u: %.280s", p->name, line, text);
}

enum fs_status layout_no_memory(struct parser *p)
{
	return fs_fail(p->err, FS_NO_MEMORY, "%.200s: out of memory for the layout", p->name);
}

static enum fs_status number(struct parser *p, const char *what, const char *s, uint64_t max,
			     uint64_t *ret)
{
	uint64_t v;

	if (!layout_parse_number(s, &v))
		return FAIL(p, "%s: expected a number, found \"%.40s\"", what, s);
	if (v > max)
		return FAIL(p, "%s: %s is more than 0x%llx", what, s, (unsigned long long)max);
	*ret = v;
	return FS_OK;
}

static enum fs_status parse_module(struct parser *p)
{
	static const struct {
		const char *name;
		uint32_t ptr_size;
	} machines[] = {{"x64", 8}, {"x86", 4}, {"arm64", 8}};
	struct layout *l = p->l;
	uint64_t build;

	if (l->has_module)
		return FAIL(p, "a second `module` line");
	if (strcmp(p->word[1], "fltmgr.sys") == 0)
		l->module = LM_FLTMGR;
	else if (strcmp(p->word[1], "ntoskrnl.exe") == 0)
		l->module = LM_NT;
	else
		return FAIL(p, "module: expected fltmgr.sys or ntoskrnl.exe, found \"%.40s\"",
			    p->word[1]);
	if (strcmp(p->word[2], "build") != 0 || strcmp(p->word[4], "machine") != 0)
		return FAIL(p, "module: expected `module NAME build N machine NAME`");
	if (number(p, "build", p->word[3], UINT32_MAX, &build) != FS_OK)
		return FS_INVALID;
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		if (strcmp(p->word[5], machines[i].name) == 0) {
			l->machine = machines[i].name;
			l->ptr_size = machines[i].ptr_size;
		}
	}
	if (!l->machine)
		return FAIL(p, "machine: expected x64, x86 or arm64, found \"%.40s\"", p->word[5]);
	l->build = (uint32_t)build;
	l->has_module = true;
	return FS_OK;
}

/* "?" stands for a number that is not known; 0 in memory, as in layout_want. */
static enum fs_status number_or_unknown(struct parser *p, const char *what, const char *s,
					uint32_t *ret)
{
	uint64_t v = 0;

	if (strcmp(s, "?") != 0 && number(p, what, s, UINT32_MAX, &v) != FS_OK)
		return FS_INVALID;
	*ret = (uint32_t)v;
	return FS_OK;
}

static enum fs_status parse_image(struct parser *p)
{
	struct layout_image image = {0}, *slot;
	const char *guid = p->word[3];

	if (number_or_unknown(p, "image timestamp", p->word[1], &image.timestamp) != FS_OK ||
	    number_or_unknown(p, "image size", p->word[2], &image.size_of_image) != FS_OK)
		return FS_INVALID;
	if (strcmp(guid, "?") != 0) {
		size_t len = strlen(guid);

		/* 32 digits of GUID, 1 to 8 of age */
		if (len < 33 || len > 40 || strspn(guid, "0123456789ABCDEF") != len)
			return FAIL(p,
				    "image: expected 32 upper-case hex digits of GUID and the age, "
				    "found \"%.60s\"",
				    guid);
		memcpy(image.guid_age, guid, len + 1);
	}
	if (p->l->images.n >= LAYOUT_OTHERS_MAX)
		return FAIL(p, "more than %d images", LAYOUT_OTHERS_MAX);
	slot = vec_push(&p->l->images);
	if (!slot)
		return layout_no_memory(p);
	*slot = image;
	p->block = IN_IMAGE;
	return FS_OK;
}

static enum fs_status add_symbol(struct parser *p, size_t image)
{
	struct lsymbol *s;
	uint64_t rva;

	if (number(p, "RVA", p->word[2], UINT32_MAX, &rva) != FS_OK)
		return FS_INVALID;
	if (p->l->symbols.n >= LAYOUT_OTHERS_MAX)
		return FAIL(p, "more than %d symbols", LAYOUT_OTHERS_MAX);
	s = vec_push(&p->l->symbols);
	if (!s)
		return layout_no_memory(p);
	*s = (struct lsymbol){p->word[1], rva, image};
	return FS_OK;
}

static enum fs_status parse_rva(struct parser *p)
{
	if (p->block != IN_IMAGE)
		return FAIL(p, "`rva` without an `image` before it");
	return add_symbol(p, p->l->images.n);
}

static enum fs_status parse_symbol(struct parser *p)
{
	p->block = IN_NOTHING;
	return add_symbol(p, 0);
}

static enum fs_status parse_from(struct parser *p)
{
	if (p->from)
		return FAIL(p, "a second `from` line");
	p->from = p->word[1];
	p->from_line = p->line;
	p->l->composite = true;
	return FS_OK;
}

static enum fs_status parse_type(struct parser *p)
{
	uint64_t size = 0;
	struct ltype *t;

	if (!layout_is_name(p->word[1], strlen(p->word[1]), false))
		return FAIL(p, "%s: \"%.60s\" is no name", p->word[0], p->word[1]);
	if (strcmp(p->word[2], "?") != 0 &&
	    number(p, "size", p->word[2], LAYOUT_SIZE_MAX, &size) != FS_OK)
		return FS_INVALID;
	if (p->l->types.n >= LAYOUT_TYPES_MAX)
		return FAIL(p, "more than %d types", LAYOUT_TYPES_MAX);
	t = vec_push(&p->l->types);
	if (!t)
		return layout_no_memory(p);
	t->name = p->word[1];
	t->size = (uint32_t)size;
	t->is_union = p->word[0][0] == 'u';
	t->line = p->line;
	t->first = p->l->fields.n;
	t->first_overlay = p->l->overlays.n;
	p->block = IN_TYPE;
	return FS_OK;
}

static enum fs_status parse_field(struct parser *p)
{
	struct layout *l = p->l;
	uint64_t offset;
	struct lfield *f;
	uint32_t n, size;
	size_t len;

	if (p->block != IN_TYPE)
		return FAIL(p, "`field` without a `type` before it");
	if (number(p, "offset", p->word[1], LAYOUT_SIZE_MAX, &offset) != FS_OK)
		return FS_INVALID;
	if (!layout_parse_type(l, p->word[2], &size) || !layout_array_of(p->word[2], &len, &n))
		return FAIL(p, "field %.60s: \"%.60s\" is no type", p->word[3], p->word[2]);
	if (!layout_is_name(p->word[3], strlen(p->word[3]), true))
		return FAIL(p, "field: \"%.60s\" is no name", p->word[3]);
	if (l->fields.n >= LAYOUT_FIELDS_MAX)
		return FAIL(p, "more than %d fields", LAYOUT_FIELDS_MAX);
	f = vec_push(&l->fields);
	if (!f)
		return layout_no_memory(p);
	f->name = p->word[3];
	f->type = p->word[2];
	f->offset = (uint32_t)offset;
	f->line = p->line;
	f->origin = p->inferred ? FO_INFERRED : FO_KNOWN;
	if (p->word[2][len] == '[') {
		f->element = arena_strndup(&l->mem, f->type, len);
		if (!f->element)
			return layout_no_memory(p);
	}
	l->types.v[l->types.n - 1].n++;
	return FS_OK;
}

static enum fs_status parse_overlay(struct parser *p)
{
	struct layout_overlay *o;
	uint64_t offset, size;

	if (p->block != IN_TYPE)
		return FAIL(p, "`overlay` without a `type` before it");
	if (number(p, "offset", p->word[1], LAYOUT_SIZE_MAX, &offset) != FS_OK ||
	    number(p, "size", p->word[2], LAYOUT_SIZE_MAX, &size) != FS_OK)
		return FS_INVALID;
	if (size == 0)
		return FAIL(p, "overlay: a size of 0");
	if (p->l->overlays.n >= LAYOUT_OTHERS_MAX)
		return FAIL(p, "more than %d overlays", LAYOUT_OTHERS_MAX);
	o = vec_push(&p->l->overlays);
	if (!o)
		return layout_no_memory(p);
	*o = (struct layout_overlay){(uint32_t)offset, (uint32_t)size};
	p->l->types.v[p->l->types.n - 1].overlays++;
	return FS_OK;
}

static enum fs_status parse_enum(struct parser *p)
{
	struct lenum *e;

	for (size_t i = 0; i < p->l->enums.n; i++) {
		if (strcmp(p->l->enums.v[i].name, p->word[1]) == 0)
			return FAIL(p, "enum %.60s was declared in line %u", p->word[1],
				    p->l->enums.v[i].line);
	}
	if (p->l->enums.n >= LAYOUT_TYPES_MAX)
		return FAIL(p, "more than %d enums", LAYOUT_TYPES_MAX);
	e = vec_push(&p->l->enums);
	if (!e)
		return layout_no_memory(p);
	e->name = p->word[1];
	e->prefix = p->words > 2 ? p->word[2] : "";
	e->line = p->line;
	e->first = p->l->values.n;
	p->block = IN_ENUM;
	return FS_OK;
}

static enum fs_status parse_value(struct parser *p)
{
	struct lvalue *v;
	uint64_t value;

	if (p->block != IN_ENUM)
		return FAIL(p, "`value` without an `enum` before it");
	if (number(p, "value", p->word[1], UINT64_MAX, &value) != FS_OK)
		return FS_INVALID;
	if (p->l->values.n >= LAYOUT_OTHERS_MAX)
		return FAIL(p, "more than %d enum values", LAYOUT_OTHERS_MAX);
	v = vec_push(&p->l->values);
	if (!v)
		return layout_no_memory(p);
	*v = (struct lvalue){p->word[2], value};
	p->l->enums.v[p->l->enums.n - 1].n++;
	return FS_OK;
}

static enum fs_status parse_missing(struct parser *p)
{
	char *dot = strchr(p->word[1], '.');
	struct lmissing *m;

	if (!dot || dot == p->word[1] || !dot[1])
		return FAIL(p, "%s: expected TYPE.FIELD, found \"%.60s\"", p->word[0], p->word[1]);
	if (p->l->missing.n >= LAYOUT_OTHERS_MAX)
		return FAIL(p, "more than %d absent or unknown fields", LAYOUT_OTHERS_MAX);
	m = vec_push(&p->l->missing);
	if (!m)
		return layout_no_memory(p);
	*dot = '\0';
	*m = (struct lmissing){p->word[1], dot + 1, p->word[0][0] == 'a', p->line};
	p->block = IN_NOTHING;
	return FS_OK;
}

static enum fs_status parse_fact(struct parser *p)
{
	struct lpair *f;

	if (layout_fact(p->l, p->word[1]))
		return FAIL(p, "fact %.60s is there already", p->word[1]);
	if (p->l->facts.n >= LAYOUT_TYPES_MAX)
		return FAIL(p, "more than %d facts", LAYOUT_TYPES_MAX);
	f = vec_push(&p->l->facts);
	if (!f)
		return layout_no_memory(p);
	*f = (struct lpair){p->word[1], p->word[2]};
	p->block = IN_NOTHING;
	return FS_OK;
}

static const struct {
	const char *word;
	unsigned words, optional;
	const char *form;
	enum fs_status (*parse)(struct parser *p);
} statements[] = {
	{"field", 4, 0, "field OFFSET TYPE NAME [#I]", parse_field},
	{"overlay", 3, 0, "overlay OFFSET SIZE", parse_overlay},
	{"type", 3, 0, "type NAME SIZE|?", parse_type},
	{"union", 3, 0, "union NAME SIZE|?", parse_type},
	{"value", 3, 0, "value NUMBER NAME", parse_value},
	{"enum", 2, 1, "enum NAME [PREFIX]", parse_enum},
	{"image", 4, 0, "image TIMESTAMP SIZE GUIDAGE", parse_image},
	{"rva", 3, 0, "rva NAME RVA", parse_rva},
	{"symbol", 3, 0, "symbol NAME RVA", parse_symbol},
	{"absent", 2, 0, "absent TYPE.FIELD", parse_missing},
	{"unknown", 2, 0, "unknown TYPE.FIELD", parse_missing},
	{"fact", 3, 0, "fact NAME VALUE", parse_fact},
	{"from", 2, 0, "from NAME.layout", parse_from},
	{"module", 6, 0, "module NAME build N machine NAME", parse_module},
};

static enum fs_status parse_statement(struct parser *p)
{
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		if (strcmp(p->word[0], statements[i].word) != 0)
			continue;
		if (p->words < statements[i].words ||
		    p->words > statements[i].words + statements[i].optional)
			return FAIL(p, "expected `%s`, found %u words", statements[i].form,
				    p->words);
		/* sizes of pointers depend on the machine */
		if (!p->l->has_module && statements[i].parse != parse_module)
			return FAIL(p, "`%s` before the `module` line", p->word[0]);
		return statements[i].parse(p);
	}
	return FAIL(p, "unknown statement \"%.40s\"", p->word[0]);
}

/* Cut the comment off; `#I` is a tag, the first comment of the file its provenance. */
static void take_comment(struct parser *p, char *line)
{
	char *hash = strchr(line, '#');

	p->inferred = false;
	if (!hash)
		return;
	*hash++ = '\0';
	p->inferred = hash[0] == 'I' && (hash[1] == '\0' || hash[1] == ' ' || hash[1] == '\t');
	hash += strspn(hash, " \t");
	if (!p->l->provenance && *hash && strncmp(hash, "SPDX-", 5) != 0)
		p->l->provenance = hash;
}

static enum fs_status parse_line(struct parser *p, char *line)
{
	char *save = NULL;

	take_comment(p, line);
	p->words = 0;
	for (char *w = strtok_r(line, " \t\r", &save); w; w = strtok_r(NULL, " \t\r", &save)) {
		if (p->words == WORDS_MAX)
			return FAIL(p, "more than %d words", WORDS_MAX);
		p->word[p->words++] = w;
	}
	return p->words ? parse_statement(p) : FS_OK;
}

static enum fs_status parse_text(struct parser *p, const char *text, size_t len)
{
	char *at, *end;

	if (len > LAYOUT_TEXT_MAX)
		return fs_fail(p->err, FS_LIMIT, "%.200s: %zu bytes, at most %d are read", p->name,
			       len, LAYOUT_TEXT_MAX);
	if (memchr(text, '\0', len))
		return fs_fail(p->err, FS_INVALID, "%.200s: a NUL byte, so this is no layout text",
			       p->name);
	at = arena_strndup(&p->l->mem, text, len);
	if (!at)
		return layout_no_memory(p);
	for (end = at + len; at < end; at++) {
		char *eol = memchr(at, '\n', (size_t)(end - at));
		enum fs_status st;

		p->line++;
		if (!eol)
			return FAIL(p, "the last line has no end: is the file cut off?");
		*eol = '\0';
		st = parse_line(p, at);
		if (st != FS_OK)
			return st;
		at = eol;
	}
	if (!p->l->has_module)
		return fs_fail(p->err, FS_INVALID, "%.200s: no `module` line", p->name);
	return FS_OK;
}

enum fs_status layout_parse_depth(const char *name, const char *text, size_t len, unsigned depth,
				  layout_source source, void *arg, struct layout **ret,
				  struct fs_error *err)
{
	struct parser p = {.name = name, .depth = depth, .source = source, .arg = arg, .err = err};
	enum fs_status st;

	p.l = calloc(1, sizeof(*p.l));
	if (!p.l)
		return layout_no_memory(&p);
	st = parse_text(&p, text, len);
	if (st == FS_OK)
		st = layout_finish(&p);
	if (st != FS_OK) {
		layout_free(p.l);
		return st;
	}
	*ret = p.l;
	return FS_OK;
}

enum fs_status layout_parse(const char *name, const char *text, size_t len, layout_source source,
			    void *arg, struct layout **ret, struct fs_error *err)
{
	return layout_parse_depth(name, text, len, 0, source, arg, ret, err);
}

void layout_free(struct layout *l)
{
	if (!l)
		return;
	vec_free(&l->types);
	vec_free(&l->fields);
	vec_free(&l->overlays);
	vec_free(&l->enums);
	vec_free(&l->values);
	vec_free(&l->symbols);
	vec_free(&l->facts);
	vec_free(&l->missing);
	vec_free(&l->images);
	arena_deinit(&l->mem);
	free(l);
}
