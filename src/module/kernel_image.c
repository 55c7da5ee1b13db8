/* SPDX-License-Identifier: BSD-2-Clause */
/* nt's image: recognised by the name it exports itself under, or by its PDB's. */
#include "module/kernel.h"

#include <inttypes.h>
#include <string.h>

#include "base/cursor.h"
#include "base/str.h"
#include "module/exports.h"
#include "module/image.h"

/* nt's image had at most 22 MiB so far. */
#define IMAGE_MAX   (64u << 20)
#define BELOW_PAGES (IMAGE_MAX / DUMP_PAGE_SIZE)

/* Every kernel that Microsoft ships, for one or more processors, with and without PAE. */
static bool is_kernel_name(const char *s)
{
	static const char *const names[] = {"ntoskrnl.exe", "ntkrnlmp.exe", "ntkrnlpa.exe",
					    "ntkrpamp.exe", "ntkrla57.exe"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_ieq(s, names[i]))
			return true;
	return false;
}

static bool is_kernel_pdb(const char *path)
{
	const char *s = path_base(path);
	const char *dot = strrchr(s, '.');
	char name[32];

	if (!dot || !str_ieq(dot, ".pdb") || (size_t)(dot - s) > sizeof(name) - 5)
		return false;
	memcpy(name, s, (size_t)(dot - s));
	memcpy(name + (dot - s), ".exe", 5);
	return is_kernel_name(name);
}

/* The Name of IMAGE_EXPORT_DIRECTORY, at 12. */
static bool exports_as_kernel(struct vm *vm, const struct module *m, const struct pe *pe)
{
	char name[16] = {0};
	uint8_t rva[4];

	if (!pe->export_rva || pe->export_size < 16)
		return false;
	if (image_read(vm, m, (uint64_t)pe->export_rva + 12, rva, 4, "export directory", NULL) ||
	    image_read(vm, m, load_u32(rva), name, sizeof(name) - 1, "export name", NULL))
		return false;
	return is_kernel_name(name);
}

enum fs_status kernel_image_at(struct vm *vm, uint64_t base, struct pe *ret, struct fs_error *err)
{
	struct module m = {.name = "kernel image", .base = base, .size = IMAGE_MAX};
	struct rsds rsds;
	uint8_t mz[2];
	enum fs_status st = vm_read(vm, base, mz, sizeof(mz), "DOS header", err);

	if (st != FS_OK)
		return st;
	if (memcmp(mz, "MZ", 2) != 0)
		return fs_fail_at(err, FS_NOT_FOUND, base, "no image at 0x%" PRIx64, base);
	st = pe_read(vm, &m, ret, err);
	if (st != FS_OK)
		return st;
	if (ret->size_of_image < DUMP_PAGE_SIZE || ret->size_of_image > IMAGE_MAX)
		return fs_fail_at(err, FS_CORRUPT, base, "SizeOfImage is 0x%" PRIx32,
				  ret->size_of_image);
	m.size = ret->size_of_image;
	if (exports_as_kernel(vm, &m, ret) ||
	    (rsds_read(vm, &m, ret, &rsds, NULL) == FS_OK && is_kernel_pdb(rsds.pdb)))
		return FS_OK;
	return fs_fail_at(err, FS_NOT_FOUND, base,
			  "the image at 0x%" PRIx64 " is not named as a kernel", base);
}

enum dump_machine kernel_machine_of(const struct pe *pe)
{
	switch (pe->machine) {
	case 0x8664:
		return DUMP_X64;
	case 0xaa64:
		return DUMP_ARM64;
	case 0x14c:
		return DUMP_X86;
	default:
		return DUMP_MACHINE_UNKNOWN;
	}
}

enum fs_status kernel_image_below(struct vm *vm, uint64_t va, uint64_t *budget, uint64_t *ret_base,
				  struct pe *ret, struct fs_error *err)
{
	uint64_t at = va & ~(uint64_t)(DUMP_PAGE_SIZE - 1);
	unsigned i;

	for (i = 0; i < BELOW_PAGES && *budget && vm_is_kernel_va(vm, at);
	     i++, at -= DUMP_PAGE_SIZE) {
		--*budget;
		if (kernel_image_at(vm, at, ret, NULL) != FS_OK || va - at >= ret->size_of_image)
			continue;
		*ret_base = at;
		return FS_OK;
	}
	return fs_fail_at(err, FS_NOT_FOUND, va,
			  "no kernel image begins in the %u pages below 0x%" PRIx64, i, va);
}

/* Why a look at all mapped pages ended. */
static enum fs_status none_anywhere(const struct vm *vm, uint64_t pages, bool limited,
				    struct fs_error *err)
{
	if (limited || vm_range_limited(vm))
		return fs_fail(err, FS_LIMIT, "no kernel image in the first %" PRIu64 " mapped pages",
			       pages);
	if (pages == 0)
		return fs_fail(err, FS_NOT_FOUND,
			       "they map nothing where a kernel image could be");
	return fs_fail(err, FS_NOT_FOUND, "no kernel image in the %" PRIu64 " mapped pages", pages);
}

enum fs_status kernel_image_anywhere(struct vm *vm, uint64_t *budget, uint64_t *ret_base,
				     struct pe *ret, struct fs_error *err)
{
	/* Images begin above this on x64 and ARM64 (nt and its drivers, all builds). */
	uint64_t va = vm_pointer_size(vm) == 8 ? 0xfffff80000000000u : 0x80000000u;
	uint64_t end = vm_pointer_size(vm) == 8 ? UINT64_MAX : UINT32_MAX;
	uint64_t from, size, pages = 0;

	while (vm_next_range(vm, va, end, &from, &size)) {
		for (va = from; va - from < size; va += DUMP_PAGE_SIZE) {
			if (*budget == 0)
				return none_anywhere(vm, pages, true, err);
			--*budget;
			pages++;
			if (kernel_image_at(vm, va, ret, NULL) == FS_OK) {
				*ret_base = va;
				return FS_OK;
			}
		}
		if (va < from) /* the very end of the address space */
			break;
	}
	return none_anywhere(vm, pages, false, err);
}

uint32_t kernel_export(struct vm *vm, uint64_t base, const struct pe *pe, const char *name)
{
	struct module m = {.name = "kernel image", .base = base, .size = pe->size_of_image};
	struct exports x;
	uint32_t rva = 0;
	size_t i;

	if (exports_read(vm, &m, pe, &x, NULL) != FS_OK)
		return 0;
	for (i = 0; i < x.list.n && !rva; i++)
		if (strcmp(x.list.v[i].name, name) == 0)
			rva = x.list.v[i].rva;
	exports_deinit(&x);
	return rva;
}
