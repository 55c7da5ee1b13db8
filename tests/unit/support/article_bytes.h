/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes of the article's function behind a code_source: nothing else can be read. */
#ifndef SUPPORT_ARTICLE_BYTES_H
#define SUPPORT_ARTICLE_BYTES_H

#include "code/source.h"
#include "support/article_code.h"
#include "support/test.h"

#define UNLOAD	     article_unload[0].va
#define UNLOAD_LINES (sizeof(article_unload) / sizeof(article_unload[0]))

struct code {
	uint8_t bytes[512];
	uint64_t va;
	size_t n;
};

static inline enum fs_status read_code(void *ctx, uint64_t va, void *buf, size_t n,
				       struct fs_error *err)
{
	const struct code *c = ctx;
	size_t have = va >= c->va && va - c->va < c->n ? c->n - (size_t)(va - c->va) : 0;

	if (have > 0)
		memcpy(buf, c->bytes + (va - c->va), have < n ? have : n);
	if (have < n)
		return fs_fail_at(err, FS_NOT_IN_DUMP, va + have, "no code at 0x%llx",
				  (unsigned long long)(va + have));
	return FS_OK;
}

static inline void article(struct code *c)
{
	unsigned v;
	size_t i;
	const char *s;

	memset(c, 0, sizeof(*c));
	c->va = UNLOAD;
	for (i = 0; i < UNLOAD_LINES; i++)
		for (s = article_unload[i].bytes; *s; s += 2) {
			assert_int_equal(sscanf(s, "%2x", &v), 1);
			c->bytes[c->n++] = (uint8_t)v;
		}
}

static inline struct code_source source(struct code *c)
{
	return (struct code_source){.machine = INSN_X64,
				    .read = read_code,
				    .ctx = c,
				    .begin = UINT64_C(0xfffff88001310000),
				    .end = UINT64_C(0xfffff88001360000)};
}

#endif
