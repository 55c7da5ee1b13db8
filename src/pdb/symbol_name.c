/* SPDX-License-Identifier: BSD-2-Clause */
#include "pdb/symbol_name.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "base/str.h"

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static enum fs_status refuse(const char *raw, const char *why, struct fs_error *err)
{
	return fs_fail(err, FS_INVALID, "symbol file name '%.160s' cannot be used: %s", raw, why);
}

/* escape_terminal() leaves exactly those texts alone that are valid UTF-8 without
 * anything that acts on a terminal. */
static bool is_plain_text(const char *s, size_t n)
{
	char shown[8 * SYMBOL_NAME_MAX + 1];

	return escape_terminal(s, shown, sizeof(shown)) == n && memcmp(s, shown, n) == 0;
}

/*
 * Microsoft, "Naming Files, Paths, and Namespaces": reserved with any extension,
 * and the digits may be the superscripts of Latin-1. The store may be carried to
 * a Windows machine, where such a name opens a device.
 */
static bool is_device(const char *name)
{
	static const char *const whole[] = {"CON",    "PRN",	 "AUX",	  "NUL",
					    "CONIN$", "CONOUT$", "CLOCK$"};
	static const char *const super[] = {"\xc2\xb9", "\xc2\xb2", "\xc2\xb3"};
	char stem[16];
	size_t i, n = strcspn(name, ".");

	while (n > 0 && name[n - 1] == ' ')
		n--;
	if (n >= sizeof(stem))
		return false;
	memcpy(stem, name, n);
	stem[n] = '\0';
	for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (str_ieq(stem, whole[i]))
			return true;
	if (!str_istarts(stem, "COM") && !str_istarts(stem, "LPT"))
		return false;
	for (i = 0; i < sizeof(super) / sizeof(super[0]); i++)
		if (strcmp(stem + 3, super[i]) == 0)
			return true;
	return n == 4 && is_digit(stem[3]);
}

/* Files with a meaning of their own inside a store. */
static bool is_store_file(const char *name)
{
	static const char *const files[] = {"index2.txt", "file.ptr", "refs.ptr",
					    "pingme.txt", "flat.txt", "000Admin"};
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (str_ieq(name, files[i]))
			return true;
	return false;
}

enum fs_status symbol_name_safe(const char *raw, char *out, size_t size, struct fs_error *err)
{
	const char *name;
	size_t n;

	if (!raw)
		return fs_fail(err, FS_INVALID, "symbol file name: none");
	name = path_base(raw);
	if (is_letter(name[0]) && name[1] == ':')
		name += 2;
	n = strlen(name);
	if (n == 0)
		return refuse(raw, "there is no name after the last separator", err);
	if (n > SYMBOL_NAME_MAX)
		return refuse(raw, "longer than 128 bytes", err);
	if (!is_plain_text(name, n))
		return refuse(raw, "control characters, or not UTF-8", err);
	if (strpbrk(name, "<>:\"|?*/\\"))
		return refuse(raw, "a character that no Windows file name has", err);
	if (name[0] == '.')
		return refuse(raw, "it begins with a dot", err);
	if (name[n - 1] == '.' || name[n - 1] == ' ' || name[0] == ' ')
		return refuse(raw, "it begins with a space or ends in a space or dot", err);
	if (is_device(name))
		return refuse(raw, "a device name on Windows", err);
	if (is_store_file(name))
		return refuse(raw, "a name with a meaning of its own in a symbol store", err);
	if (n >= size)
		return refuse(raw, "longer than the caller has room for", err);
	memcpy(out, name, n + 1);
	return FS_OK;
}

bool symbol_key_ok(const char *key)
{
	size_t n = key ? strspn(key, "0123456789abcdefABCDEF") : 0;

	return n >= 9 && n <= SYMBOL_KEY_MAX && key[n] == '\0';
}

void symbol_key(const uint8_t guid[16], uint32_t age, char out[SYMBOL_KEY_MAX + 1])
{
	int n = snprintf(out, SYMBOL_KEY_MAX + 1, "%08X%04X%04X", load_u32(guid),
			 (unsigned)load_u16(guid + 4), (unsigned)load_u16(guid + 6));
	size_t i;

	for (i = 8; i < 16; i++)
		n += snprintf(out + n, (size_t)(SYMBOL_KEY_MAX + 1 - n), "%02X", guid[i]);
	(void)snprintf(out + n, (size_t)(SYMBOL_KEY_MAX + 1 - n), "%x", age);
}

void symbol_name_compressed(const char *name, char out[SYMBOL_NAME_MAX + 1])
{
	size_t n = strnlen(name, SYMBOL_NAME_MAX);

	memcpy(out, name, n);
	out[n] = '\0';
	/* a name ends in a whole character; one of several bytes goes as a whole */
	while (n > 0 && ((unsigned char)out[n - 1] & 0xc0) == 0x80)
		n--;
	if (n > 0) {
		out[n - 1] = '_';
		out[n] = '\0';
	}
}

void symbol_name_tier(const char *name, char out[9])
{
	size_t i, n = 0;

	for (i = 0; i < 2 && name[n]; i++) {
		out[n] = name[n];
		n++;
		while (n < 8 && ((unsigned char)name[n] & 0xc0) == 0x80) {
			out[n] = name[n];
			n++;
		}
	}
	out[n] = '\0';
}

void symbol_name_url(const char *name, char out[SYMBOL_URL_NAME])
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	for (; *name && n + 3 < SYMBOL_URL_NAME; name++) {
		unsigned char c = (unsigned char)*name;

		if (is_letter(*name) || is_digit(*name) || strchr("-._~", c)) {
			out[n++] = *name;
			continue;
		}
		out[n++] = '%';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	out[n] = '\0';
}
