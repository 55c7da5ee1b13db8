/* SPDX-License-Identifier: BSD-2-Clause */
/* debug.h: memory and page table entries. */
#include <string.h>

#include "session.h"

static enum fs_status no_memory_read(const struct fltscope *fs, struct fs_error *err)
{
	return fs_fail(err, FS_UNSUPPORTED, "%s",
		       fs->model.dump.translation_problem
			       ? fs->model.dump.translation_problem
			       : "the memory of this machine is not understood");
}

enum fs_status fltscope_read(struct fltscope *fs, uint64_t va, void *buf, size_t n,
			     size_t *ret_read, bool *from_image, struct fs_error *err)
{
	struct fs_error e = {0};
	enum fs_status st;

	if (ret_read)
		*ret_read = 0;
	if (from_image)
		*from_image = false;
	if (!fs->vm)
		return no_memory_read(fs, err);
	st = vm_read_any(fs->vm, va, buf, n, "memory", from_image, &e);
	if (ret_read && st == FS_OK)
		*ret_read = n;
	else if (ret_read && e.has_address && e.address >= va && e.address - va <= n)
		*ret_read = (size_t)(e.address - va);
	if (st != FS_OK && err)
		*err = e;
	return st;
}

unsigned fltscope_pointer_size(const struct fltscope *fs)
{
	if (fs->vm)
		return vm_pointer_size(fs->vm);
	return dump_info(fs->dump)->machine == DUMP_X86 ? 4 : 8;
}

/* As `!pte` calls the entries. */
static const char *entry_name(unsigned level)
{
	static const char *const names[] = {"", "PTE", "PDE", "PPE", "PXE", "PML5E"};

	return level < sizeof(names) / sizeof(names[0]) ? names[level] : "";
}

enum fs_status fltscope_pte(struct fltscope *fs, uint64_t va, struct fs_pte *ret,
			    struct fs_error *err)
{
	struct vm_entry entry[VM_ENTRIES_MAX];
	struct vm_xlat x = {0};
	struct fs_error e = {0};
	size_t i;

	*ret = (struct fs_pte){0};
	if (!fs->vm)
		return no_memory_read(fs, err);
	ret->status = vm_walk(fs->vm, va, entry, &ret->levels, &x, &e);
	if (ret->status != FS_OK && !ret->levels) {
		if (err)
			*err = e;
		return ret->status;
	}
	for (i = 0; i < ret->levels; i++)
		ret->level[i] = (struct fs_pte_level){entry_name(entry[i].level), entry[i].pa,
						      entry[i].value};
	if (ret->status == FS_OK) {
		ret->transition = x.transition;
		ret->pa = x.pa;
		ret->page_size = x.page_size;
		ret->text = x.transition ? "transition" : "valid";
		return FS_OK;
	}
	ret->text = arena_strdup(&fs->arena, e.text);
	return ret->text ? FS_OK : fs_fail(err, FS_NO_MEMORY, "out of memory");
}
