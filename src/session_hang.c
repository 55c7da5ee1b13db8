/* SPDX-License-Identifier: BSD-2-Clause */
/* hang.h: the operation and the file behind a thread that is inside a filter. */
#include "fltscope/hang.h"

#include <string.h>

#include "base/cursor.h"
#include "read/ustr.h"
#include "session_stack.h"

enum {
	IRP_TYPE = 6, /* IO_TYPE_IRP, IO_TYPE_FILE (wdm.h, ntifs.h) */
	FILE_TYPE = 5,
	STACK_LOCATIONS_MAX = 64,
	LOOK_BYTES = 0x2000, /* of one thread's stack */
};

/* An IO_STACK_LOCATION (wdm.h). */
static uint64_t stack_location(const struct fltscope *fs)
{
	return vm_pointer_size(fs->vm) == 8 ? 0x48 : 0x24;
}

typedef VEC(struct fs_hang_thread) hang_vec;

static bool field(struct fltscope *fs, uint64_t va, const char *type, const char *path, size_t size,
		  uint64_t *ret)
{
	struct layout_field_info f;
	uint8_t b[8] = {0};

	if (!fs->nt || !layout_find_path(fs->nt, NULL, type, path, &f) ||
	    vm_read(fs->vm, va + f.offset, b, size, path, NULL))
		return false;
	*ret = load_u64(b);
	return true;
}

/* An IRP that names this thread, and has room for the stack it claims. */
static bool is_irp(struct fltscope *fs, uint64_t va, uint64_t thread)
{
	const unsigned ptr = vm_pointer_size(fs->vm);
	uint64_t type, size, count, owner;

	return vm_is_kernel_va(fs->vm, va) && va % ptr == 0 &&
	       field(fs, va, "_IRP", "Type", 2, &type) && type == IRP_TYPE &&
	       field(fs, va, "_IRP", "Size", 2, &size) &&
	       field(fs, va, "_IRP", "StackCount", 1, &count) && count >= 1 &&
	       count <= STACK_LOCATIONS_MAX && size >= count * stack_location(fs) &&
	       field(fs, va, "_IRP", "Tail.Overlay.Thread", ptr, &owner) && owner == thread;
}

static struct fs_value value(uint64_t v, uint64_t at)
{
	return (struct fs_value){.v = v, .at = at, .state = FS_READ, .gap = -1};
}

static enum fs_status read_name(struct fltscope *fs, uint64_t file, struct fs_string *ret,
				struct fs_error *err)
{
	struct ustr name;
	uint64_t type;

	if (!field(fs, file, "_FILE_OBJECT", "Type", 2, &type) || type != FILE_TYPE ||
	    obj_ustr(&fs->reader, file, F_FILE_OBJECT_FileName, &fs->arena, &name, err) != FS_OK)
		return err->status == FS_NO_MEMORY ? FS_NO_MEMORY : FS_OK;
	*ret = (struct fs_string){.s = name.text,
				  .state = FS_READ,
				  .gap = -1,
				  .buffer = name.buffer,
				  .length = name.length,
				  .descriptor_read = true};
	return FS_OK;
}

static enum fs_status read_operation(struct fltscope *fs, uint64_t irp, struct fs_hang_operation *o,
				     struct fs_error *err)
{
	const unsigned ptr = vm_pointer_size(fs->vm);
	uint64_t location, major, file = 0;

	o->irp = irp;
	if (field(fs, irp, "_IRP", "Tail.Overlay.CurrentStackLocation", ptr, &location) &&
	    location > irp && location - irp < 0x4000 &&
	    field(fs, location, "_IO_STACK_LOCATION", "MajorFunction", 1, &major)) {
		o->major = value(major, location);
		(void)field(fs, location, "_IO_STACK_LOCATION", "FileObject", ptr, &file);
	}
	if (!vm_is_kernel_va(fs->vm, file))
		(void)field(fs, irp, "_IRP", "Tail.Overlay.OriginalFileObject", ptr, &file);
	if (!vm_is_kernel_va(fs->vm, file))
		return FS_OK;
	o->file_object = value(file, irp);
	return read_name(fs, file, &o->file_name, err);
}

/* Where the first IRP of this thread lies in [at, end) that is none of those known; 0 none. */
static uint64_t next_irp(struct fltscope *fs, const struct fs_hang_thread *h, uint64_t at,
			 uint64_t end, uint64_t *ret_irp)
{
	uint64_t thread = fs->model.threads[h->thread].address, v;
	size_t i;

	for (; at < end; at += vm_pointer_size(fs->vm)) {
		if (vm_read_ptr(fs->vm, at, &v, "kernel stack", NULL) || !is_irp(fs, v, thread))
			continue;
		for (i = 0; i < h->npossible && h->possible[i].irp != v; i++)
			;
		if (i < h->npossible)
			continue;
		*ret_irp = v;
		return at;
	}
	return 0;
}

/* fltmgr's frames below the filter, and the one that called fltmgr: where its IRP is kept. A slot
 * may be left over from an earlier call, so of two different IRPs neither is known to be it. */
static enum fs_status find_operation(struct fltscope *fs, struct fs_hang_thread *h,
				     struct fs_error *err)
{
	const struct fs_stack *s = &fs->model.threads[h->thread].stack;
	size_t i = h->called + 1, last;
	uint64_t at = s->frame[i].sp & ~(uint64_t)(vm_pointer_size(fs->vm) - 1), end, irp = 0;
	enum fs_status st = FS_OK;

	for (last = i; last + 1 < s->n && s->frame[last].ip.module == fs->model.fltmgr_module;
	     last++)
		;
	if (last + 1 < s->n)
		last++;
	end = s->frame[last].sp;
	if (end > at && end - at > LOOK_BYTES)
		end = at + LOOK_BYTES;
	while (st == FS_OK && h->npossible < FS_HANG_IRPS &&
	       (at = next_irp(fs, h, at, end, &irp)) != 0) {
		struct fs_hang_operation *o = &h->possible[h->npossible++];

		o->at = at;
		st = read_operation(fs, irp, o, err);
	}
	if (h->npossible == 1)
		h->operation = h->possible[0];
	return st;
}

/* Every driver that thread passes through, each once. */
static enum fs_status take(struct fltscope *fs, size_t thread, hang_vec *all, struct fs_error *err)
{
	const struct fs_thread *t = &fs->model.threads[thread];
	size_t from = 0, begin = all->n, i;
	struct fs_hang_thread h, *p;
	enum fs_status st = FS_OK;

	for (; st == FS_OK && fs_hang_next(&fs->model, thread, from, &h); from = h.called + 1) {
		for (i = begin; i < all->n && all->v[i].module != h.module; i++)
			;
		if (i < all->n)
			continue;
		if (t->nwaits && fs_is_read(&t->waits[0].object))
			h.object = session_stack_code(fs, t->waits[0].object.v);
		if (h.call != FS_HANG_OWN)
			st = find_operation(fs, &h, err);
		p = vec_push(all);
		if (!p)
			return fs_fail(err, FS_NO_MEMORY, "out of memory");
		*p = h;
	}
	return st;
}

enum fs_status fltscope_hang(struct fltscope *fs, struct fs_hang *ret, struct fs_error *err)
{
	struct fs_error e = {0};
	enum fs_status st = fltscope_stacks(fs, &e);
	hang_vec all = {0};
	size_t i;

	for (i = 0; st == FS_OK && i < fs->model.nthreads; i++)
		st = take(fs, i, &all, &e);
	*ret = (struct fs_hang){.n = st ? 0 : all.n};
	if (ret->n) {
		ret->v = arena_alloc(&fs->arena, all.n * sizeof(*ret->v));
		if (ret->v)
			memcpy(ret->v, all.v, all.n * sizeof(*ret->v));
		else
			st = fs_fail(&e, FS_NO_MEMORY, "out of memory");
	}
	vec_free(&all);
	if (st && err)
		*err = e;
	return st;
}
