/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PsLoadedModuleList and KDDEBUGGER_DATA64 in nt's image.
 *
 * DBGKD_DEBUG_DATA_HEADER64 {LIST_ENTRY64, OwnerTag, Size}, then KernBase at 0x18,
 * PsLoadedModuleList 0x48, PsActiveProcessHead 0x50 (wdbgexts.h). It is the 64-bit form
 * on 32-bit systems, too, with addresses sign-extended.
 */
#include "module/kernel.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "read/ustr.h"

enum {
	KDBG_TAG = 0x10,
	KDBG_SIZE = 0x14,
	KDBG_BASE = 0x18,
	KDBG_MODULES = 0x48,
	KDBG_PROCESSES = 0x50,
	KDBG_HEAD = 0x58,     /* bytes up to here are looked at */
	KDBG_SIZE_MIN = 0x200, /* Size: 0x290 in XP's first, 0x340 in Vista, more later */
	KDBG_SIZE_MAX = 0x800,
	SECTION_DATA_MAX = 16 << 20, /* bytes searched in one section */
};
#define SCN_EXECUTE 0x20000000u
#define SCN_WRITE   0x80000000u

/* An address that a 64-bit field of a 32-bit system holds sign-extended. */
static uint64_t pointer(const struct vm *vm, uint64_t v)
{
	return vm_pointer_size(vm) == 4 ? (uint32_t)v : v;
}

static bool read_pointer(struct vm *vm, uint64_t va, uint64_t *ret)
{
	uint8_t b[8] = {0};

	if (va % vm_pointer_size(vm) != 0 || !vm_is_kernel_va(vm, va) ||
	    vm_read(vm, va, b, vm_pointer_size(vm), "LIST_ENTRY", NULL) != FS_OK)
		return false;
	*ret = load_u64(b);
	return true;
}

bool kernel_list_credible(const struct reader *r, uint64_t head)
{
	unsigned size = vm_pointer_size(r->vm);
	uint64_t flink, blink, back;

	if (!read_pointer(r->vm, head, &flink) || !read_pointer(r->vm, head + size, &blink))
		return false;
	return (read_pointer(r->vm, flink + size, &back) && back == head) ||
	       (read_pointer(r->vm, blink, &back) && back == head);
}

/* The first entry: an image with a size and a name. */
static bool first_entry(const struct reader *r, uint64_t entry, uint64_t base)
{
	uint64_t dll, size, buffer, va;
	struct arena a = {0};
	struct ustr u = {0};
	bool named;

	if (obj_read(r, entry, F_KLDR_DATA_TABLE_ENTRY_DllBase, &dll, NULL) ||
	    obj_read(r, entry, F_KLDR_DATA_TABLE_ENTRY_SizeOfImage, &size, NULL) ||
	    obj_field(r, entry, F_KLDR_DATA_TABLE_ENTRY_BaseDllName, &va, NULL))
		return false;
	if (base ? dll != base : !vm_is_kernel_va(r->vm, dll) || dll % DUMP_PAGE_SIZE != 0)
		return false;
	if (size == 0 || size % DUMP_PAGE_SIZE != 0)
		return false;
	/* The name may be in a page that the dump lacks; a name that is no name is none. */
	if (!read_pointer(r->vm, va + vm_pointer_size(r->vm), &buffer) ||
	    !vm_is_kernel_va(r->vm, buffer))
		return false;
	named = ustr_read(r, va, "_KLDR_DATA_TABLE_ENTRY.BaseDllName", &a, &u, NULL) != FS_OK ||
		(u.text && u.text[0] && u.sane);
	arena_deinit(&a);
	return named;
}

bool kernel_list_refuted(const struct reader *r, uint64_t head)
{
	uint64_t entry, dll, size, name, buffer;
	const struct layout_field *links =
		r->nt ? layout_field(r->nt, F_KLDR_DATA_TABLE_ENTRY_InLoadOrderLinks) : NULL;
	uint8_t mz[2];

	if (!links || !read_pointer(r->vm, head, &entry))
		return false;
	entry -= links->offset;
	if (obj_read(r, entry, F_KLDR_DATA_TABLE_ENTRY_DllBase, &dll, NULL) ||
	    obj_read(r, entry, F_KLDR_DATA_TABLE_ENTRY_SizeOfImage, &size, NULL) ||
	    obj_field(r, entry, F_KLDR_DATA_TABLE_ENTRY_BaseDllName, &name, NULL) ||
	    !read_pointer(r->vm, name + vm_pointer_size(r->vm), &buffer))
		return false;
	return !first_entry(r, entry, 0) ||
	       (vm_read(r->vm, dll, mz, sizeof(mz), "DOS header", NULL) == FS_OK &&
		memcmp(mz, "MZ", 2) != 0);
}

bool kernel_list_proves(const struct reader *r, uint64_t head, uint64_t base)
{
	const struct layout_field *links =
		r->nt ? layout_field(r->nt, F_KLDR_DATA_TABLE_ENTRY_InLoadOrderLinks) : NULL;
	struct list_walk w = {0};
	bool proved = false;

	if (!links || !kernel_list_credible(r, head) ||
	    list_walk(r->vm, head, MODULE_LIMIT, "PsLoadedModuleList", &w, NULL) != FS_OK)
		return false;
	if (w.stop == FS_STOP_CLOSED && w.broken_at == 0 && w.entries.n > 0)
		proved = first_entry(r, w.entries.v[0].link - links->offset, base);
	list_walk_deinit(&w);
	return proved;
}

static bool is_kdbg(const struct vm *vm, const uint8_t b[KDBG_HEAD], uint64_t base)
{
	uint32_t size = load_u32(b + KDBG_SIZE);

	return memcmp(b + KDBG_TAG, "KDBG", 4) == 0 && size >= KDBG_SIZE_MIN &&
	       size <= KDBG_SIZE_MAX &&
	       (base == 0 ? vm_is_kernel_va(vm, pointer(vm, load_u64(b + KDBG_BASE)))
			  : pointer(vm, load_u64(b + KDBG_BASE)) == base);
}

bool kernel_kdbg_is(const struct vm *vm, const uint8_t *bytes, uint64_t base)
{
	return is_kdbg(vm, bytes, base);
}

static uint64_t swap64(uint64_t v)
{
	uint64_t r = 0;
	unsigned i;

	for (i = 0; i < 8; i++, v >>= 8)
		r = r << 8 | (v & 0xff);
	return r;
}

void kernel_kdbg_decode(uint8_t *bytes, size_t n, uint64_t never, uint64_t always, uint64_t encoded)
{
	unsigned turn = never & 63;
	size_t i, k;

	for (i = 0; i + 8 <= n; i += 8) {
		uint64_t v = load_u64(bytes + i) ^ never;

		v = turn ? v << turn | v >> (64 - turn) : v;
		v = swap64(v ^ encoded) ^ always;
		for (k = 0; k < 8; k++)
			bytes[i + k] = (uint8_t)(v >> 8 * k);
	}
}

bool kernel_kdbg_at(struct vm *vm, uint64_t va, uint64_t base)
{
	uint8_t b[KDBG_HEAD];

	return vm_is_kernel_va(vm, va) && va % 4 == 0 &&
	       vm_read(vm, va, b, sizeof(b), "KDDEBUGGER_DATA64", NULL) == FS_OK &&
	       is_kdbg(vm, b, base);
}

/* Called for each aligned place of a page of nt's data; true ends the search. */
typedef bool look_at(void *arg, uint64_t va, const uint8_t *bytes, size_t left);

static bool search_pages(struct vm *vm, uint64_t base, const struct pe_section *s, look_at *look,
			 void *arg)
{
	unsigned step = vm_pointer_size(vm);
	uint8_t page[DUMP_PAGE_SIZE];
	uint32_t off, i;

	for (off = 0; off < s->size && off < SECTION_DATA_MAX; off += DUMP_PAGE_SIZE) {
		uint64_t va = base + s->rva + off;

		if (vm_read(vm, va, page, sizeof(page), "section of the kernel", NULL) != FS_OK)
			continue;
		for (i = 0; i < sizeof(page); i += step)
			if (look(arg, va + i, page + i, sizeof(page) - i))
				return true;
	}
	return false;
}

static bool search_sections(struct vm *vm, uint64_t base, const struct pe *pe, bool writable,
			    look_at *look, void *arg)
{
	size_t i;

	for (i = 0; i < pe->nsections; i++) {
		const struct pe_section *s = &pe->section[i];

		if ((s->characteristics & SCN_EXECUTE) || s->rva % DUMP_PAGE_SIZE != 0 ||
		    (writable && !(s->characteristics & SCN_WRITE)))
			continue;
		if (search_pages(vm, base, s, look, arg))
			return true;
	}
	return false;
}

struct kdbg_search {
	struct vm *vm;
	uint64_t base, found;
};

static bool look_kdbg(void *arg, uint64_t va, const uint8_t *bytes, size_t left)
{
	struct kdbg_search *s = arg;

	/* Most places differ in these four bytes; a block that crosses a page is read. */
	if (left >= KDBG_TAG + 4 && memcmp(bytes + KDBG_TAG, "KDBG", 4) != 0)
		return false;
	if (!kernel_kdbg_at(s->vm, va, s->base))
		return false;
	s->found = va;
	return true;
}

uint64_t kernel_kdbg_search(struct vm *vm, uint64_t base, const struct pe *pe)
{
	struct kdbg_search s = {vm, base, 0};

	/* Later builds keep it in a section that is not writable. */
	return search_sections(vm, base, pe, false, look_kdbg, &s) ? s.found : 0;
}

struct list_search {
	const struct reader *r;
	uint64_t base, found;
};

static bool look_list(void *arg, uint64_t va, const uint8_t *bytes, size_t left)
{
	struct list_search *s = arg;
	struct vm *vm = s->r->vm;
	uint64_t flink, dll;

	(void)left; /* steps are of a pointer's size */
	flink = vm_pointer_size(vm) == 8 ? load_u64(bytes) : load_u32(bytes);
	if (flink == va || flink % vm_pointer_size(vm) != 0 || !vm_is_kernel_va(vm, flink))
		return false;
	/* Cheap first: most lists in nt's data are of other things. */
	if (obj_read(s->r, flink, F_KLDR_DATA_TABLE_ENTRY_DllBase, &dll, NULL) != FS_OK ||
	    dll != s->base || !kernel_list_proves(s->r, va, s->base))
		return false;
	s->found = va;
	return true;
}

static uint64_t by_kdbg(struct vm *vm, uint64_t kdbg, unsigned field)
{
	uint64_t v;

	return kdbg && vm_read_u64(vm, kdbg + field, &v, "KDDEBUGGER_DATA64", NULL) == FS_OK
		       ? pointer(vm, v)
		       : 0;
}

enum fs_status kernel_list_find(const struct reader *r, struct kernel_found *k,
				const struct pe *pe, struct fs_error *err)
{
	uint32_t rva = kernel_export(r->vm, k->base, pe, "PsLoadedModuleList");
	struct list_search s = {r, k->base, 0};
	uint64_t head;

	k->kdbg = kernel_kdbg_search(r->vm, k->base, pe);
	k->process_head = by_kdbg(r->vm, k->kdbg, KDBG_PROCESSES);
	head = rva ? k->base + rva : 0;
	k->list_from = "nt's export PsLoadedModuleList";
	if (!head || !kernel_list_credible(r, head) || kernel_list_refuted(r, head)) {
		head = by_kdbg(r->vm, k->kdbg, KDBG_MODULES);
		k->list_from = "KDDEBUGGER_DATA64.PsLoadedModuleList";
	}
	if (!head || !kernel_list_credible(r, head) || kernel_list_refuted(r, head)) {
		head = search_sections(r->vm, k->base, pe, true, look_list, &s) ? s.found : 0;
		k->list_from = "a search of nt's data for a list of modules that proves itself";
	}
	if (!head)
		return fs_fail_at(err, FS_NOT_FOUND, k->base,
				  "nt is at 0x%" PRIx64
				  ", but PsLoadedModuleList is not found: not by its export, not by "
				  "KDDEBUGGER_DATA64 (%s), and no list in nt's data proves itself",
				  k->base, k->kdbg ? "whose list is not readable" : "not found, or encoded");
	k->module_list = head;
	return FS_OK;
}
