/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"

#define REPLACEMENT 0xfffdu

struct out {
	char *dst;
	size_t size; /* of dst, including the terminator */
	size_t n;    /* bytes the full result has */
};

static void put_byte(struct out *o, char c)
{
	if (o->n + 1 < o->size)
		o->dst[o->n] = c;
	o->n++;
}

static size_t finish(struct out *o)
{
	if (o->size > 0)
		o->dst[o->n < o->size ? o->n : o->size - 1] = '\0';
	return o->n;
}

static size_t encode_utf8(uint32_t cp, char b[4])
{
	if (cp < 0x80) {
		b[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		b[0] = (char)(0xc0 | cp >> 6);
		b[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		b[0] = (char)(0xe0 | cp >> 12);
		b[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		b[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	b[0] = (char)(0xf0 | cp >> 18);
	b[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	b[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	b[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

static bool is_high(uint32_t u)
{
	return u >= 0xd800 && u < 0xdc00;
}

static bool is_low(uint32_t u)
{
	return u >= 0xdc00 && u < 0xe000;
}

/* One code point; *used is 1 or 2 units. Unpaired surrogates give 0xfffd. */
static uint32_t next_utf16(const uint8_t *src, size_t units, size_t i, size_t *used)
{
	uint32_t u = load_u16(src + 2 * i);

	*used = 1;
	if (is_high(u) && i + 1 < units) {
		uint32_t v = load_u16(src + 2 * (i + 1));

		if (is_low(v)) {
			*used = 2;
			return 0x10000 + ((u - 0xd800) << 10) + (v - 0xdc00);
		}
	}
	return is_high(u) || is_low(u) ? REPLACEMENT : u;
}

size_t utf16le_to_utf8(const uint8_t *src, size_t units, char *dst, size_t dst_size)
{
	size_t n = 0, i = 0, used;

	while (i < units) {
		char b[4];
		uint32_t cp = next_utf16(src, units, i, &used);
		size_t len = encode_utf8(cp ? cp : REPLACEMENT, b);

		if (n + len >= dst_size)
			break;
		memcpy(dst + n, b, len);
		n += len;
		i += used;
	}
	dst[n] = '\0';
	return n;
}

bool utf16le_is_sane(const uint8_t *src, size_t units)
{
	size_t i = 0, used;

	while (i < units) {
		uint32_t u = load_u16(src + 2 * i);
		uint32_t cp = next_utf16(src, units, i, &used);

		if (cp < 0x20 || cp == 0x7f || (cp == REPLACEMENT && u != REPLACEMENT))
			return false;
		i += used;
	}
	return true;
}

/* Decode one UTF-8 sequence strictly (no overlong forms, no surrogates);
 * returns its length or 0. */
static size_t next_utf8(const unsigned char *s, size_t n, uint32_t *cp)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len, i;

	if (s[0] < 0x80) {
		*cp = s[0];
		return 1;
	}
	len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || len > n)
		return 0;
	*cp = s[0] & (0xffu >> (len + 1));
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (s[i] & 0x3f);
	}
	if (*cp < least[len] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp < 0xe000))
		return 0;
	return len;
}

/* Characters that change how the rest of the line is shown. */
static bool acts_on_display(uint32_t cp)
{
	return (cp >= 0x80 && cp < 0xa0) || cp == 0xad || cp == 0x61c || cp == 0x180e ||
	       (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || (cp >= 0xfff9 && cp <= 0xfffb) ||
	       (cp >= 0xe0000 && cp <= 0xe007f) || (cp & 0xfffe) == 0xfffe;
}

static void put_text(struct out *o, const char *s)
{
	while (*s)
		put_byte(o, *s++);
}

size_t escape_terminal(const char *src, char *dst, size_t dst_size)
{
	struct out o = {dst, dst_size, 0};
	const unsigned char *s = (const unsigned char *)src;
	size_t left = strlen(src);
	char buf[16];

	while (left > 0) {
		uint32_t cp = 0;
		size_t i, len = next_utf8(s, left, &cp);

		if (len == 0 || cp < 0x20 || cp == 0x7f) {
			(void)snprintf(buf, sizeof(buf), "\\x%02x", s[0]);
			put_text(&o, buf);
			len = 1;
		} else if (acts_on_display(cp)) {
			(void)snprintf(buf, sizeof(buf), "\\u{%04x}", (unsigned)cp);
			put_text(&o, buf);
		} else {
			for (i = 0; i < len; i++)
				put_byte(&o, (char)s[i]);
		}
		s += len;
		left -= len;
	}
	return finish(&o);
}

size_t utf8_repair(const char *src, size_t n, char *dst, size_t dst_size)
{
	struct out o = {dst, dst_size, 0};
	const unsigned char *s = (const unsigned char *)src;

	while (n > 0) {
		uint32_t cp = 0;
		size_t i, len = next_utf8(s, n, &cp);

		if (len == 0 || cp == 0) {
			put_text(&o, "\xef\xbf\xbd");
			len = 1;
		} else {
			for (i = 0; i < len; i++)
				put_byte(&o, (char)s[i]);
		}
		s += len;
		n -= len;
	}
	return finish(&o);
}

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

bool str_ieq(const char *a, const char *b)
{
	while (*a && lower((unsigned char)*a) == lower((unsigned char)*b)) {
		a++;
		b++;
	}
	return *a == '\0' && *b == '\0';
}

bool str_istarts(const char *s, const char *prefix)
{
	while (*prefix) {
		if (lower((unsigned char)*s) != lower((unsigned char)*prefix))
			return false;
		s++;
		prefix++;
	}
	return true;
}

const char *path_base(const char *path)
{
	const char *p = path, *base = path;

	for (; *p; p++)
		if (*p == '\\' || *p == '/')
			base = p + 1;
	return base;
}

bool parse_number(const char *s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s[0] != '0' || (s[1] != 'n' && s[1] != 'N'))
		return parse_address(s, ret);
	for (s += 2; *s; s++) {
		if (*s < '0' || *s > '9' || v > (UINT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	if (s[-1] == 'n' || s[-1] == 'N')
		return false;
	*ret = v;
	return true;
}

bool parse_address(const char *s, uint64_t *ret)
{
	uint64_t v = 0;
	unsigned digits = 0;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	for (; *s; s++) {
		unsigned char c = lower((unsigned char)*s);

		if (c == '`' && digits > 0 && s[1])
			continue;
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) || ++digits > 16)
			return false;
		v = v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	if (digits == 0)
		return false;
	*ret = v;
	return true;
}
