/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Offsets out of the code of a PE file that the caller trusts (one that a test compiled,
 * or a driver tried by hand).
 *
 *	recover_file FILE ROLE RVA|EXPORT	one function: its values, "nothing: why" else
 *	recover_file FILE ROLE all		every function of .pdata; those that answer
 *	recover_file FILE ROLE exports		every export, a line each
 *
 * ROLE: unload, name, filters, instances, reference.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "code/recover.h"

struct image {
	uint8_t *bytes; /* as mapped */
	size_t size;
	uint64_t base;
	uint32_t exports, pdata, pdata_size;
	uint16_t machine;
};

static enum fs_status read_image(void *ctx, uint64_t va, void *buf, size_t n, struct fs_error *err)
{
	const struct image *i = ctx;
	uint64_t off = va - i->base;

	if (va < i->base || off >= i->size || n > i->size - off)
		return fs_fail_at(err, FS_NOT_IN_DUMP, va < i->base ? va : i->base + i->size,
				  "not in the image");
	memcpy(buf, i->bytes + off, n);
	return FS_OK;
}

static void fail(const char *what)
{
	fprintf(stderr, "recover_file: %s\n", what);
	exit(2);
}

static uint8_t *read_file(const char *path, size_t *ret)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p = calloc(1, 1u << 24);

	if (!f || !p)
		fail(path);
	*ret = fread(p, 1, 1u << 24, f);
	fclose(f);
	return p;
}

static void map(struct image *i, const char *path)
{
	size_t n, pe, opt, sections, k;
	uint8_t *f = read_file(path, &n);

	pe = n > 0x40 ? load_u32(f + 0x3c) : n;
	if (pe + 0x108 > n || memcmp(f + pe, "PE\0\0", 4) != 0)
		fail("no PE file");
	opt = pe + 24;
	i->machine = load_u16(f + pe + 4);
	i->base = load_u64(f + opt + 24);
	i->size = load_u32(f + opt + 56);
	i->exports = load_u32(f + opt + 112);
	i->pdata = load_u32(f + opt + 136);
	i->pdata_size = load_u32(f + opt + 140);
	i->bytes = calloc(1, i->size);
	if (!i->bytes)
		fail("out of memory");
	sections = opt + load_u16(f + pe + 20);
	for (k = 0; k < load_u16(f + pe + 6); k++) {
		const uint8_t *s = f + sections + 40 * k;
		size_t vsize = load_u32(s + 8), va = load_u32(s + 12), raw = load_u32(s + 16);
		size_t from = load_u32(s + 20), len = raw < vsize ? raw : vsize;

		if (from + len > n || va + len > i->size)
			fail("a section outside the file");
		memcpy(i->bytes + va, f + from, len);
	}
	free(f);
}

/* The VA of export k by name, and its name; 0 after the last. */
static uint64_t export_at(const struct image *i, uint32_t k, const char **name)
{
	const uint8_t *d = i->bytes + i->exports;
	uint16_t o;

	if (!i->exports || k >= load_u32(d + 24))
		return 0;
	*name = (const char *)i->bytes + load_u32(i->bytes + load_u32(d + 32) + (size_t)4 * k);
	o = load_u16(i->bytes + load_u32(d + 36) + (size_t)2 * k);
	return i->base + load_u32(i->bytes + load_u32(d + 28) + (size_t)4 * o);
}

static uint64_t find_export(const struct image *i, const char *wanted)
{
	const char *name;
	uint64_t va;
	uint32_t k;

	for (k = 0; (va = export_at(i, k, &name)) != 0; k++)
		if (strcmp(name, wanted) == 0)
			return va;
	fail("no such export");
	return 0;
}

static void show(const char *name, const struct recovered *r, uint64_t base)
{
	if (r->known)
		printf(" %s=0x%llx@%llx", name, (unsigned long long)r->value,
		       (unsigned long long)(r->at - base));
}

static void show_all(const struct recover_offsets *o, uint64_t base)
{
	static const char *const walks[] = {"unknown", "gives-up", "goes-on", "next-frame"};

	show("frame_list", &o->frame_list, base);
	show("frame_list_lock", &o->frame_list_lock, base);
	show("link_to_filters", &o->link_to_filters, base);
	show("link_to_filters_lock", &o->link_to_filters_lock, base);
	show("primary_link", &o->primary_link, base);
	show("driver_object", &o->driver_object, base);
	show("filter_name", &o->filter_name, base);
	show("instance_list", &o->instance_list, base);
	show("instance_list_lock", &o->instance_list_lock, base);
	show("instance_filter_link", &o->instance_filter_link, base);
	show("rundown", &o->rundown, base);
	printf(" walk=%s\n", walks[o->walk]);
}

static enum recover_role role_of(const char *s)
{
	static const char *const names[] = {"unload", "name", "filters", "instances", "reference"};
	unsigned i;

	for (i = 0; i < RECOVER_ROLES; i++)
		if (strcmp(s, names[i]) == 0)
			return (enum recover_role)i;
	fail("no such role");
	return RECOVER_ROLES;
}

static void every_function(const struct image *i, const struct code_source *s,
			   enum recover_role role)
{
	size_t k, step = i->machine == 0xaa64 ? 8 : 12;
	unsigned n = 0, limits = 0;

	for (k = 0; k + step <= i->pdata_size; k += step, n++) {
		uint64_t va = i->base + load_u32(i->bytes + i->pdata + k);
		struct recover_offsets o = {0};
		struct fs_error err = {0};

		if (recover_offsets(s, role, va, &o, &err) == FS_OK) {
			printf("%llx:", (unsigned long long)(va - i->base));
			show_all(&o, i->base);
		} else if (strstr(err.text, "not all of it")) {
			limits++;
		}
	}
	printf("%u functions, %u not followed whole\n", n, limits);
}

static void answer(const struct image *i, const struct code_source *s, enum recover_role role,
		   uint64_t va)
{
	struct recover_offsets o = {0};
	struct fs_error err = {0};

	if (recover_offsets(s, role, va, &o, &err) == FS_OK)
		show_all(&o, i->base);
	else
		printf(" nothing: %s\n", err.text);
}

int main(int argc, char **argv)
{
	struct image i = {0};
	struct code_source s = {.read = read_image, .ctx = &i};
	enum recover_role role;
	const char *name;
	uint64_t va;
	uint32_t k;

	if (argc != 4)
		fail("usage: recover_file FILE ROLE RVA|EXPORT|all|exports");
	map(&i, argv[1]);
	role = role_of(argv[2]);
	s.machine = i.machine == 0xaa64 ? INSN_ARM64 : i.machine == 0x14c ? INSN_X86 : INSN_X64;
	s.begin = i.base;
	s.end = i.base + i.size;
	if (strcmp(argv[3], "all") == 0) {
		every_function(&i, &s, role);
	} else if (strcmp(argv[3], "exports") == 0) {
		for (k = 0; (va = export_at(&i, k, &name)) != 0; k++) {
			printf("%s:", name);
			answer(&i, &s, role, va);
		}
	} else {
		answer(&i, &s, role,
		       strncmp(argv[3], "0x", 2) == 0 ? i.base + strtoull(argv[3], NULL, 16)
						      : find_export(&i, argv[3]));
	}
	free(i.bytes);
	return 0;
}
