/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings out of hostile bytes: UTF-16 to UTF-8, escaping, comparison, numbers. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* UTF-16LE to UTF-8, always terminated. Unpaired surrogates become U+FFFD (as
 * Unicode recommends), NUL becomes U+FFFD too so that C strings stay whole.
 * `units` is in 16-bit units; dst_size must be at least 1. Returns the number
 * of bytes written without the terminator. Needs at most 3 bytes a unit. */
size_t utf16le_to_utf8(const uint8_t *src, size_t units, char *dst, size_t dst_size);

/* Is a UTF-16 string one that Windows would give an object: no NUL, no C0
 * control, no unpaired surrogate? Used as evidence, never as a filter. */
bool utf16le_is_sane(const uint8_t *src, size_t units);

/* Copy `src` with everything that could act on a terminal made visible: C0, DEL
 * and C1 controls, bidi and zero-width characters, U+xxFFFE and U+xxFFFF, and invalid UTF-8
 * become \xNN or \u{NNNN}: what is left XML 1.0 can say too. A backslash stays (Windows paths are
 * full of them). Always terminated; returns the length that the full result has (like snprintf). */
size_t escape_terminal(const char *src, char *dst, size_t dst_size);

/* ASCII-only, as the I/O manager compares driver and module names. */
bool str_ieq(const char *a, const char *b);
bool str_istarts(const char *s, const char *prefix);
/* The last component of a path with either slash. */
const char *path_base(const char *path);

/* "0x…", bare hex, "fffffa80`039e5010" (DESIGN.md, Command line). Whole string or false. */
bool parse_address(const char *s, uint64_t *ret);
/* A number as WinDbg reads it: hexadecimal as above, decimal as 0n4712. */
bool parse_number(const char *s, uint64_t *ret);

/* Replace invalid UTF-8 by U+FFFD so that JSON emitters accept it; returns needed length. */
size_t utf8_repair(const char *src, size_t n, char *dst, size_t dst_size);

#endif
