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

#include "base/checked.h"
#include "layout/impl.h"

enum { WORDS_MAX = 8 };

enum block { IN_NOTHING, IN_TYPE, IN_ENUM, IN_IMAGE };

struct parser {
	struct layout *l;
	const char *name;
	unsigned line;
	enum block block;
	bool inferred; /* the line ends in #I */
	unsigned depth;
	layout_source source;
	void *arg;
	char *from;
	unsigned from_line;
	char *word[WORDS_MAX];
	unsigned words;
	struct fs_error *err;
};

/* A failure of the text: always name:line. */
#define FAIL(p, ...) fail_at((p), (p)->line, __VA_ARGS__)

__attribute__((format(printf, 3, 4))) static enum fs_status fail_at(struct parser *p, unsigned line,
								    const char *fmt, ...)
{
	char text[FS_ERROR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fs_fail(p->err, FS_INVALID, "%.200s:%u: %.280s", p->name, line, text);
}

static enum fs_status no_memory(struct parser *p)
{
	return fs_fail(p->err, FS_NO_MEMORY, "%.200s: out of memory for the layout", p->name);
}

bool layout_parse_number(const char *s, uint64_t *ret)
{
	unsigned base = 10;
	uint64_t v = 0;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	}
	if (!*s)
		return false;
	for (; *s; s++) {
		unsigned digit;

		if (*s >= '0' && *s <= '9')
			digit = (unsigned)(*s - '0');
		else if (*s >= 'a' && *s <= 'f')
			digit = (unsigned)(*s - 'a') + 10;
		else if (*s >= 'A' && *s <= 'F')
			digit = (unsigned)(*s - 'A') + 10;
		else
			return false;
		if (digit >= base || !mul_u64(v, base, &v) || !add_u64(v, digit, &v))
			return false;
	}
	*ret = v;
	return true;
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

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* A C identifier; with `dots` also members of unnamed aggregates ("u.LowPart"). */
static bool is_name(const char *s, size_t len, bool dots)
{
	char before = '.';

	for (size_t i = 0; i < len; before = s[i++]) {
		if (s[i] == '.' ? !dots || before == '.' : !is_name_char(s[i]))
			return false;
	}
	return len > 0 && before != '.';
}

static bool sized_as(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(s, word, len) == 0;
}

static const struct {
	const char *word;
	uint32_t size;
} scalars[] = {
	{"u8", 1}, {"u16", 2}, {"u32", 4}, {"u64", 8},
	{"i8", 1}, {"i16", 2}, {"i32", 4}, {"i64", 8},
};

/* Digits up to `end`, as bits:N@P and T[n] write them. */
static bool small_number(const char *s, const char *end, uint32_t max, uint32_t *ret)
{
	uint32_t v = 0;

	if (s == end)
		return false;
	for (; s < end; s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = v * 10 + (uint32_t)(*s - '0');
		if (v > max)
			return false;
	}
	*ret = v;
	return true;
}

static bool bits_size(const char *s, const char *end, uint32_t *ret_size)
{
	const char *at = memchr(s, '@', (size_t)(end - s));
	uint32_t n, pos;

	if (!at || !small_number(s, at, 64, &n) || !small_number(at + 1, end, 63, &pos) || n == 0 ||
	    n + pos > 64)
		return false;
	*ret_size = (n + pos + 7) / 8;
	return true;
}

/* struct{0x28}: an unnamed aggregate whose members follow as Name.Member. */
static bool aggregate_size(const char *s, size_t len, uint32_t *ret_size)
{
	char digits[16];
	uint64_t v;

	if (len < 2 || s[len - 1] != '}' || len - 1 >= sizeof(digits))
		return false;
	memcpy(digits, s, len - 1);
	digits[len - 1] = '\0';
	if (!layout_parse_number(digits, &v) || v == 0 || v > LAYOUT_SIZE_MAX)
		return false;
	*ret_size = (uint32_t)v;
	return true;
}

static bool plain_size(const struct layout *l, const char *s, size_t len, uint32_t *ret_size)
{
	char name[128];
	size_t i;

	for (i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++) {
		if (sized_as(s, len, scalars[i].word)) {
			*ret_size = scalars[i].size;
			return true;
		}
	}
	*ret_size = l->ptr_size;
	if (sized_as(s, len, "ptr") || sized_as(s, len, "fptr"))
		return true;
	while (len > 4 && memcmp(s, "ptr:", 4) == 0) {
		s += 4;
		len -= 4;
		if (is_name(s, len, false))
			return true;
	}
	*ret_size = 4; /* the compiler's enums are ints */
	if (len > 5 && memcmp(s, "enum:", 5) == 0)
		return is_name(s + 5, len - 5, false);
	if (len > 5 && memcmp(s, "bits:", 5) == 0)
		return bits_size(s + 5, s + len, ret_size);
	if (len > 7 && memcmp(s, "struct{", 7) == 0)
		return aggregate_size(s + 7, len - 7, ret_size);
	if (len > 6 && memcmp(s, "union{", 6) == 0)
		return aggregate_size(s + 6, len - 6, ret_size);
	*ret_size = 0;
	if (!is_name(s, len, false) || len >= sizeof(name))
		return false;
	memcpy(name, s, len);
	name[len] = '\0';
	if (layout_find_type(l, name, &i))
		*ret_size = l->types.v[i].size;
	return true;
}

/* Length of "T" in "T[n]", with n; the whole length and 1 when it is no array. */
static bool array_of(const char *s, size_t *ret_len, uint32_t *ret_n)
{
	size_t len = strlen(s);
	const char *open = memchr(s, '[', len);

	*ret_n = 1;
	*ret_len = len;
	if (!open)
		return true;
	*ret_len = (size_t)(open - s);
	return s[len - 1] == ']' && small_number(open + 1, s + len - 1, LAYOUT_SIZE_MAX, ret_n);
}

bool layout_parse_type(const struct layout *l, const char *type, uint32_t *ret_size)
{
	uint32_t n, size;
	size_t len;

	if (!array_of(type, &len, &n) || !plain_size(l, type, len, &size))
		return false;
	if ((uint64_t)n * size > LAYOUT_SIZE_MAX)
		return false;
	*ret_size = n * size;
	return true;
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
		return no_memory(p);
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
		return no_memory(p);
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

	if (!is_name(p->word[1], strlen(p->word[1]), false))
		return FAIL(p, "%s: \"%.60s\" is no name", p->word[0], p->word[1]);
	if (strcmp(p->word[2], "?") != 0 &&
	    number(p, "size", p->word[2], LAYOUT_SIZE_MAX, &size) != FS_OK)
		return FS_INVALID;
	if (p->l->types.n >= LAYOUT_TYPES_MAX)
		return FAIL(p, "more than %d types", LAYOUT_TYPES_MAX);
	t = vec_push(&p->l->types);
	if (!t)
		return no_memory(p);
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
	if (!layout_parse_type(l, p->word[2], &size) || !array_of(p->word[2], &len, &n))
		return FAIL(p, "field %.60s: \"%.60s\" is no type", p->word[3], p->word[2]);
	if (!is_name(p->word[3], strlen(p->word[3]), true))
		return FAIL(p, "field: \"%.60s\" is no name", p->word[3]);
	if (l->fields.n >= LAYOUT_FIELDS_MAX)
		return FAIL(p, "more than %d fields", LAYOUT_FIELDS_MAX);
	f = vec_push(&l->fields);
	if (!f)
		return no_memory(p);
	f->name = p->word[3];
	f->type = p->word[2];
	f->offset = (uint32_t)offset;
	f->line = p->line;
	f->origin = p->inferred ? FO_INFERRED : FO_KNOWN;
	if (p->word[2][len] == '[') {
		f->element = arena_strndup(&l->mem, f->type, len);
		if (!f->element)
			return no_memory(p);
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
		return no_memory(p);
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
		return no_memory(p);
	e->name = p->word[1];
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
		return no_memory(p);
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
		return no_memory(p);
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
		return no_memory(p);
	*f = (struct lpair){p->word[1], p->word[2]};
	p->block = IN_NOTHING;
	return FS_OK;
}

static const struct {
	const char *word;
	unsigned words;
	const char *form;
	enum fs_status (*parse)(struct parser *p);
} statements[] = {
	{"field", 4, "field OFFSET TYPE NAME [#I]", parse_field},
	{"overlay", 3, "overlay OFFSET SIZE", parse_overlay},
	{"type", 3, "type NAME SIZE|?", parse_type},
	{"union", 3, "union NAME SIZE|?", parse_type},
	{"value", 3, "value NUMBER NAME", parse_value},
	{"enum", 2, "enum NAME", parse_enum},
	{"image", 4, "image TIMESTAMP SIZE GUIDAGE", parse_image},
	{"rva", 3, "rva NAME RVA", parse_rva},
	{"symbol", 3, "symbol NAME RVA", parse_symbol},
	{"absent", 2, "absent TYPE.FIELD", parse_missing},
	{"unknown", 2, "unknown TYPE.FIELD", parse_missing},
	{"fact", 3, "fact NAME VALUE", parse_fact},
	{"from", 2, "from NAME.layout", parse_from},
	{"module", 6, "module NAME build N machine NAME", parse_module},
};

static enum fs_status parse_statement(struct parser *p)
{
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		if (strcmp(p->word[0], statements[i].word) != 0)
			continue;
		if (p->words != statements[i].words)
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
		return no_memory(p);
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

static int compare_refs(const void *a, const void *b)
{
	const struct name_ref *x = a, *y = b;
	int by_name = strcmp(x->name, y->name);

	return by_name ? by_name : (x->index > y->index) - (x->index < y->index);
}

static enum fs_status index_types(struct parser *p)
{
	struct layout *l = p->l;

	l->by_name = arena_alloc(&l->mem, (l->types.n + 1) * sizeof(*l->by_name));
	if (!l->by_name)
		return no_memory(p);
	for (size_t i = 0; i < l->types.n; i++)
		l->by_name[i] = (struct name_ref){l->types.v[i].name, i};
	qsort(l->by_name, l->types.n, sizeof(*l->by_name), compare_refs);
	l->indexed = l->types.n;
	for (size_t i = 1; i < l->types.n; i++) {
		if (strcmp(l->by_name[i - 1].name, l->by_name[i].name) == 0)
			return fail_at(p, l->types.v[l->by_name[i].index].line,
				       "type %.60s was declared in line %u", l->by_name[i].name,
				       l->types.v[l->by_name[i - 1].index].line);
	}
	return FS_OK;
}

/* Is one of the fields of this type there twice? `refs` has room for all. */
static enum fs_status check_names(struct parser *p, const struct ltype *t, struct name_ref *refs)
{
	const struct lfield *f = &p->l->fields.v[t->first];

	for (size_t i = 0; i < t->n; i++)
		refs[i] = (struct name_ref){f[i].name, i};
	qsort(refs, t->n, sizeof(*refs), compare_refs);
	for (size_t i = 1; i < t->n; i++) {
		if (strcmp(refs[i - 1].name, refs[i].name) == 0)
			return fail_at(p, f[refs[i].index].line,
				       "%.60s.%.60s was declared in line %u", t->name, refs[i].name,
				       f[refs[i - 1].index].line);
	}
	return FS_OK;
}

static enum fs_status check_ranges(struct parser *p, const struct ltype *t)
{
	struct layout *l = p->l;

	for (size_t i = 0; i < t->n; i++) {
		struct lfield *f = &l->fields.v[t->first + i];

		if (!layout_parse_type(l, f->type, &f->size))
			return fail_at(p, f->line, "%.60s.%.60s: %.60s is too large", t->name,
				       f->name, f->type);
		if (t->size && !range_ok(f->offset, f->size, t->size))
			return fail_at(
				p, f->line,
				"%.60s.%.60s: 0x%x bytes at 0x%x end outside the 0x%x bytes of "
				"the type",
				t->name, f->name, f->size, f->offset, t->size);
	}
	for (size_t i = 0; i < t->overlays; i++) {
		struct layout_overlay o = l->overlays.v[t->first_overlay + i];

		if (t->size && !range_ok(o.offset, o.size, t->size))
			return fail_at(p, t->line,
				       "%.60s: overlay 0x%x bytes at 0x%x ends outside it", t->name,
				       o.size, o.offset);
	}
	return FS_OK;
}

static enum fs_status check_types(struct parser *p)
{
	struct layout *l = p->l;
	struct name_ref *refs = malloc((l->fields.n + 1) * sizeof(*refs));
	enum fs_status st = refs ? FS_OK : no_memory(p);

	for (size_t i = 0; st == FS_OK && i < l->types.n; i++) {
		st = check_names(p, &l->types.v[i], refs);
		if (st == FS_OK)
			st = check_ranges(p, &l->types.v[i]);
	}
	free(refs);
	return st;
}

static bool copy_type(struct layout *l, const struct layout *o, const struct ltype *from)
{
	struct ltype *t = vec_push(&l->types);

	if (!t)
		return false;
	*t = *from;
	t->name = arena_strdup(&l->mem, from->name);
	t->first = l->fields.n;
	t->first_overlay = l->overlays.n;
	for (size_t i = 0; i < from->n; i++) {
		const struct lfield *src = &o->fields.v[from->first + i];
		struct lfield *f = vec_push(&l->fields);

		if (!f)
			return false;
		*f = *src;
		f->origin = FO_INFERRED;
		f->name = arena_strdup(&l->mem, src->name);
		f->type = arena_strdup(&l->mem, src->type);
		f->element = src->element ? arena_strdup(&l->mem, src->element) : NULL;
		if (!f->name || !f->type || (src->element && !f->element))
			return false;
	}
	for (size_t i = 0; i < from->overlays; i++) {
		struct layout_overlay *v = vec_push(&l->overlays);

		if (!v)
			return false;
		*v = o->overlays.v[from->first_overlay + i];
	}
	return t->name != NULL;
}

static bool copy_enum(struct layout *l, const struct layout *o, const struct lenum *from)
{
	struct lenum *e = vec_push(&l->enums);

	if (!e)
		return false;
	*e = *from;
	e->name = arena_strdup(&l->mem, from->name);
	e->first = l->values.n;
	for (size_t i = 0; i < from->n; i++) {
		struct lvalue *v = vec_push(&l->values);

		if (!v)
			return false;
		v->value = o->values.v[from->first + i].value;
		v->name = arena_strdup(&l->mem, o->values.v[from->first + i].name);
		if (!v->name)
			return false;
	}
	return e->name != NULL;
}

static bool has_enum(const struct layout *l, const char *name)
{
	for (size_t i = 0; i < l->enums.n; i++) {
		if (strcmp(l->enums.v[i].name, name) == 0)
			return true;
	}
	return false;
}

/* What is not said here is taken over, as inferred: types and enums only. Never
 * images, symbols, facts or absences, which are statements about that build. */
static enum fs_status take_over(struct parser *p, const struct layout *o)
{
	struct layout *l = p->l;

	if (o->module != l->module || o->machine != l->machine)
		return fail_at(p, p->from_line, "from %.80s: it is of another module or machine",
			       p->from);
	if (l->types.n + o->types.n > LAYOUT_TYPES_MAX ||
	    l->fields.n + o->fields.n > LAYOUT_FIELDS_MAX ||
	    l->values.n + o->values.n > LAYOUT_OTHERS_MAX ||
	    l->overlays.n + o->overlays.n > LAYOUT_OTHERS_MAX)
		return fail_at(p, p->from_line, "from %.80s: more types or fields than are kept",
			       p->from);
	for (size_t i = 0; i < o->types.n; i++) {
		size_t own;

		/* the index is of the own types, which come first */
		if (!layout_find_type(l, o->types.v[i].name, &own) &&
		    !copy_type(l, o, &o->types.v[i]))
			return no_memory(p);
	}
	for (size_t i = 0; i < o->enums.n; i++) {
		if (!has_enum(l, o->enums.v[i].name) && !copy_enum(l, o, &o->enums.v[i]))
			return no_memory(p);
	}
	return FS_OK;
}

static enum fs_status parse_depth(const char *name, const char *text, size_t len, unsigned depth,
				  layout_source source, void *arg, struct layout **ret,
				  struct fs_error *err);

static enum fs_status resolve_from(struct parser *p)
{
	struct layout *other = NULL;
	enum fs_status st;
	const char *text;
	size_t len = 0;

	if (p->depth >= LAYOUT_FROM_MAX)
		return fail_at(p, p->from_line,
			       "from %.80s: more than %d layouts deep, or in a circle", p->from,
			       LAYOUT_FROM_MAX);
	text = p->source ? p->source(p->arg, p->from, &len) : NULL;
	if (!text)
		return fail_at(p, p->from_line, "from %.80s: there is no layout of that name",
			       p->from);
	st = parse_depth(p->from, text, len, p->depth + 1, p->source, p->arg, &other, p->err);
	if (st != FS_OK)
		return fs_prepend(p->err, st, "%.100s:%u", p->name, p->from_line);
	st = take_over(p, other);
	layout_free(other);
	return st;
}

/* Turn names into the arrays that layout_field() reads. */
static enum fs_status resolve_fields(struct parser *p)
{
	struct layout *l = p->l;

	for (unsigned i = 0; i < T_COUNT; i++) {
		size_t t;

		if (layout_find_type(l, type_name((enum type_id)i), &t))
			l->type_size[i] = l->types.v[t].size;
	}
	for (unsigned i = 0; i < F_COUNT; i++) {
		const struct field_decl *d = field_decl((enum field_id)i);
		const struct lfield *f = NULL;
		size_t t;

		if (layout_find_type(l, d->type_name, &t))
			f = layout_lookup(l, t, d->name, strlen(d->name));
		if (f)
			l->known[i] = (struct layout_field){f->offset, f->size, f->origin};
		l->has[i] = f != NULL;
	}
	for (size_t m = 0; m < l->missing.n; m++) {
		const struct lmissing *x = &l->missing.v[m];
		size_t t;

		if (layout_find_type(l, x->type, &t) &&
		    layout_lookup(l, t, x->field, strlen(x->field)))
			return fail_at(p, x->line, "%.60s.%.60s is both there and missing", x->type,
				       x->field);
		for (unsigned i = 0; i < F_COUNT; i++) {
			const struct field_decl *d = field_decl((enum field_id)i);

			if (strcmp(d->type_name, x->type) == 0 && strcmp(d->name, x->field) == 0)
				*(x->known_absent ? &l->absent[i] : &l->unknown[i]) = true;
		}
	}
	return FS_OK;
}

/* "pdb-layouts/fltmgr/19041-x64.layout" is "fltmgr-19041-x64". */
static char *make_id(struct layout *l, const char *name)
{
	const char *base = strrchr(name, '/');
	const char *dir = l->module == LM_NT ? "nt" : "fltmgr";
	size_t len;

	base = base ? base + 1 : name;
	len = strlen(base);
	if (len > 7 && strcmp(base + len - 7, ".layout") == 0)
		len -= 7;
	return arena_printf(&l->mem, "%s-%.*s", dir, (int)(len < 200 ? len : 200), base);
}

static enum fs_status finish(struct parser *p)
{
	enum fs_status st = index_types(p);

	if (st == FS_OK && p->from)
		st = resolve_from(p);
	if (st == FS_OK && p->from)
		st = index_types(p);
	if (st == FS_OK)
		st = check_types(p);
	if (st == FS_OK)
		st = resolve_fields(p);
	if (st != FS_OK)
		return st;
	if (!p->l->provenance)
		p->l->provenance = "";
	p->l->id = make_id(p->l, p->name);
	return p->l->id ? FS_OK : no_memory(p);
}

static enum fs_status parse_depth(const char *name, const char *text, size_t len, unsigned depth,
				  layout_source source, void *arg, struct layout **ret,
				  struct fs_error *err)
{
	struct parser p = {.name = name, .depth = depth, .source = source, .arg = arg, .err = err};
	enum fs_status st;

	p.l = calloc(1, sizeof(*p.l));
	if (!p.l)
		return no_memory(&p);
	st = parse_text(&p, text, len);
	if (st == FS_OK)
		st = finish(&p);
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
	return parse_depth(name, text, len, 0, source, arg, ret, err);
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
