/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of a layout: numbers, names, and types as fields are given them:
 * u8..u64, i8..i64, ptr, ptr:X, fptr, enum:X, bits:N@P, struct{N}, union{N}, X,
 * and T[n] of all of these.
 */
#include <string.h>

#include "base/checked.h"
#include "layout/impl.h"

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

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* A C identifier; with `dots` also members of unnamed aggregates ("u.LowPart"). */
bool layout_is_name(const char *s, size_t len, bool dots)
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
		if (layout_is_name(s, len, false))
			return true;
	}
	*ret_size = 4; /* the compiler's enums are ints */
	if (len > 5 && memcmp(s, "enum:", 5) == 0)
		return layout_is_name(s + 5, len - 5, false);
	if (len > 5 && memcmp(s, "bits:", 5) == 0)
		return bits_size(s + 5, s + len, ret_size);
	if (len > 7 && memcmp(s, "struct{", 7) == 0)
		return aggregate_size(s + 7, len - 7, ret_size);
	if (len > 6 && memcmp(s, "union{", 6) == 0)
		return aggregate_size(s + 6, len - 6, ret_size);
	*ret_size = 0;
	if (!layout_is_name(s, len, false) || len >= sizeof(name))
		return false;
	memcpy(name, s, len);
	name[len] = '\0';
	if (layout_find_type(l, name, &i))
		*ret_size = l->types.v[i].size;
	return true;
}

/* Length of "T" in "T[n]", with n; the whole length and 1 when it is no array. */
bool layout_array_of(const char *s, size_t *ret_len, uint32_t *ret_n)
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

	if (!layout_array_of(type, &len, &n) || !plain_size(l, type, len, &size))
		return false;
	if ((uint64_t)n * size > LAYOUT_SIZE_MAX)
		return false;
	*ret_size = n * size;
	return true;
}
