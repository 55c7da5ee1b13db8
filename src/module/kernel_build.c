/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which build this kernel is, without a dump header.
 *
 * KUSER_SHARED_DATA stands at a fixed address: NtSystemRoot 0x30 (UTF-16), NtBuildNumber
 * 0x260 (from Windows 10 on; reserved and 0 before), NtMajorVersion 0x26c, NtMinorVersion
 * 0x270 (public nt PDBs of every build). nt exports NtBuildNumber, whose upper bits say
 * free or checked. VS_FIXEDFILEINFO: signature 0xfeef04bd, dwFileVersionMS 8, LS 0xc
 * (winver.h); resource directories as in Microsoft's "PE Format".
 */
#include "base/checked.h"
#include "base/cursor.h"
#include "module/image.h"
#include "module/kernel.h"

#include <string.h>

#define KUSER64 0xfffff78000000000u
#define KUSER32 0xffdf0000u

enum {
	KUSER_ROOT = 0x30,
	KUSER_BUILD = 0x260,
	KUSER_MAJOR = 0x26c,
	KUSER_BYTES = 0x280,
	KUSER_PROCESSORS = 0x3c0, /* ActiveProcessorCount: 7600 to 22631, both widths */
	BUILD_MASK = 0xffff,
	RT_VERSION = 16,
	RESOURCE_ENTRIES = 64,
	VERSION_BYTES = 0x100, /* VS_VERSIONINFO up to VS_FIXEDFILEINFO and over it */
};

static uint64_t kuser(const struct vm *vm)
{
	return vm_pointer_size(vm) == 8 ? KUSER64 : KUSER32;
}

static bool read_kuser(struct vm *vm, uint8_t b[KUSER_BYTES])
{
	return vm_read(vm, kuser(vm), b, KUSER_BYTES, "KUSER_SHARED_DATA", NULL) == FS_OK;
}

/* "X:\" and a major version that Windows had or may have. */
static bool sane_kuser(const uint8_t *b)
{
	uint16_t drive = load_u16(b + KUSER_ROOT);
	uint32_t major = load_u32(b + KUSER_MAJOR);

	return drive >= 'A' && drive <= 'Z' && load_u16(b + KUSER_ROOT + 2) == ':' &&
	       load_u16(b + KUSER_ROOT + 4) == '\\' && major >= 5 && major <= 20;
}

bool kernel_user_shared_data(struct vm *vm)
{
	uint8_t b[KUSER_BYTES];

	return read_kuser(vm, b) && sane_kuser(b);
}

bool kernel_processor_count(struct vm *vm, uint32_t *ret)
{
	uint8_t b[KUSER_BYTES];

	return read_kuser(vm, b) && sane_kuser(b) &&
	       vm_read_u32(vm, kuser(vm) + KUSER_PROCESSORS, ret, "ActiveProcessorCount", NULL) ==
		       FS_OK &&
	       *ret > 0 && *ret <= KERNEL_PROCESSORS_MAX;
}

/* The first entry of a directory at off (within .rsrc), or that with this id (not 0). */
static bool resource_entry(struct vm *vm, const struct module *m, uint32_t rva, uint32_t off,
			   uint32_t id, uint32_t *ret)
{
	uint8_t head[16], e[8];
	unsigned i, n;

	if (image_read(vm, m, (uint64_t)rva + off, head, sizeof(head), "resources", NULL))
		return false;
	n = (unsigned)load_u16(head + 12) + load_u16(head + 14);
	for (i = 0; i < n && i < RESOURCE_ENTRIES; i++) {
		if (image_read(vm, m, (uint64_t)rva + off + 16 + 8 * i, e, sizeof(e), "resources",
			       NULL))
			return false;
		if (id && load_u32(e) != id)
			continue;
		*ret = load_u32(e + 4) & 0x7fffffffu;
		return true;
	}
	return false;
}

static bool version_resource(struct vm *vm, const struct module *m, const struct pe *pe,
			     struct kernel_found *k)
{
	uint8_t b[VERSION_BYTES];
	uint32_t off = 0;
	size_t i;

	if (!pe->resource_rva || !resource_entry(vm, m, pe->resource_rva, 0, RT_VERSION, &off) ||
	    !resource_entry(vm, m, pe->resource_rva, off, 0, &off) ||
	    !resource_entry(vm, m, pe->resource_rva, off, 0, &off) ||
	    image_read(vm, m, (uint64_t)pe->resource_rva + off, b, 16, "version resource", NULL) ||
	    image_read(vm, m, load_u32(b), b, sizeof(b), "version resource", NULL))
		return false;
	for (i = 0; i + 16 <= sizeof(b); i += 4) {
		if (load_u32(b + i) != 0xfeef04bdu)
			continue;
		k->build = load_u32(b + i + 12) >> 16;
		k->build_from = "nt's version resource";
		return k->build != 0;
	}
	return false;
}

void kernel_build_find(struct vm *vm, struct kernel_found *k, const struct pe *pe)
{
	struct module m = {.name = "kernel image", .base = k->base, .size = pe->size_of_image};
	uint8_t b[KUSER_BYTES], number[4];
	uint32_t rva;

	if (read_kuser(vm, b) && sane_kuser(b)) {
		k->build = load_u32(b + KUSER_BUILD) & BUILD_MASK;
		k->build_from = "KUSER_SHARED_DATA.NtBuildNumber";
		if (k->build)
			return;
	}
	rva = kernel_export(vm, k->base, pe, "NtBuildNumber");
	if (rva && image_read(vm, &m, rva, number, 4, "NtBuildNumber", NULL) == FS_OK) {
		k->build = load_u32(number) & BUILD_MASK;
		k->build_from = "nt's export NtBuildNumber";
		if (k->build)
			return;
	}
	if (!version_resource(vm, &m, pe, k)) {
		k->build = 0;
		k->build_from = NULL;
	}
}
