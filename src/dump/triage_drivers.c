/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver list and the unloaded drivers of a triage minidump. */
#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "base/str.h"
#include "dump/triage.h"

enum {
	DRIVER_STRIDE_MAX = 0x200,
	UNLOADED_NAME_BYTES = 24,
	ENTRY_MAX = 0x90, /* the larger of the entries that are known */
};

#define NAME_UNITS_MAX 260u

void dmp_triage_find_drivers(struct dump *d, struct dmp_triage *t)
{
	uint64_t list = dmp_triage_u32(t, TRIAGE_DRIVERS_OFFSET);
	uint64_t count = dmp_triage_u32(t, TRIAGE_DRIVER_COUNT);
	uint64_t pool = dmp_triage_u32(t, TRIAGE_POOL_OFFSET);
	uint64_t known = t->shape->driver.stride, stride = 0, fit;

	if (count == 0)
		return;
	/* The pool follows the list, at most rounded up to the next 8 bytes. */
	if (list >= t->shape->end && pool > list)
		stride = (pool - list) / count & ~(uint64_t)(t->shape->width - 1);
	if (stride > known && pool - list - count * known < 8)
		stride = known;
	if (stride < known || stride > DRIVER_STRIDE_MAX) {
		dump_note_add(d,
			      "driver list: %" PRIu64 " entries from 0x%" PRIx64
			      " to the string pool at 0x%" PRIx64
			      " cannot be: no loaded driver is read",
			      count, list, pool);
		return;
	}
	if (stride != known)
		dump_note_add(d,
			      "driver list: entries have 0x%" PRIx64
			      " bytes, known ones 0x%" PRIx64 ": read by the known offsets",
			      stride, known);
	dump_promise(d, list + count * stride);
	fit = list < d->file.size ? (d->file.size - list) / stride : 0;
	if (count > fit) {
		dump_note_add(d,
			      "driver list: of %" PRIu64 " entries from 0x%" PRIx64
			      " the file holds %" PRIu64,
			      count, list, fit);
		count = fit;
	}
	t->ndrivers = (size_t)count;
	t->driver_stride = (uint32_t)stride;
}

uint64_t dmp_triage_next(const struct dump *d, const struct dmp_triage *t, uint64_t off)
{
	const uint8_t fields[] = {
		TRIAGE_VALID_OFFSET,   TRIAGE_CONTEXT_OFFSET,	TRIAGE_EXCEPTION_OFFSET,
		TRIAGE_MM_OFFSET,      TRIAGE_PRCB_OFFSET,	TRIAGE_PROCESS_OFFSET,
		TRIAGE_THREAD_OFFSET,  TRIAGE_STACK_OFFSET,	TRIAGE_DRIVERS_OFFSET,
		TRIAGE_POOL_OFFSET,    TRIAGE_UNLOADED_OFFSET,	t->shape->page_offset,
		t->shape->kdbg_offset, t->shape->blocks_offset,
	};
	uint64_t next = dmp_triage_u32(t, TRIAGE_DUMP_SIZE);
	size_t i;

	if (next < d->file.size)
		next = d->file.size;
	for (i = 0; i < sizeof(fields); i++) {
		uint64_t o = dmp_triage_u32(t, fields[i]);

		if (o > off && o < next)
			next = o;
	}
	return next;
}

void dmp_triage_find_unloaded(struct dump *d, struct dmp_triage *t)
{
	uint64_t off = dmp_triage_u32(t, TRIAGE_UNLOADED_OFFSET), count, room, held;
	uint8_t n[8];

	if (off == 0)
		return;
	if (off < t->shape->end ||
	    dump_file_read(&d->file, off, n, sizeof(n), "unloaded drivers", NULL) != FS_OK) {
		dump_note_add(d, "unloaded drivers: nothing can be read at 0x%" PRIx64, off);
		return;
	}
	off += sizeof(n);
	count = load_u64(n);
	room = dmp_triage_next(d, t, off - 1) - off;
	if (count > room / t->shape->unloaded.stride) {
		dump_note_add(d,
			      "unloaded drivers: 0x%" PRIx64 " entries from 0x%" PRIx64
			      " run into what follows: none is read",
			      count, off);
		return;
	}
	held = (d->file.size - off) / t->shape->unloaded.stride;
	if (count > held)
		dump_note_add(d,
			      "unloaded drivers: of %" PRIu64 " entries from 0x%" PRIx64
			      " the file holds %" PRIu64,
			      count, off, held);
	t->nunloaded = (size_t)(count < held ? count : held);
}

size_t dmp_triage_driver_count(const struct dump *d)
{
	const struct dmp_triage *t = d->priv;

	return t->ndrivers;
}

size_t dmp_triage_unloaded_count(const struct dump *d)
{
	const struct dmp_triage *t = d->priv;

	return t->nunloaded;
}

/* A name in the string pool: u32 length in UTF-16 units, then the units. One
 * that does not lie in the pool whole is not read. */
static bool read_name(struct dump *d, const struct dmp_triage *t, uint32_t off, char *dst)
{
	uint64_t pool = dmp_triage_u32(t, TRIAGE_POOL_OFFSET),
		 size = dmp_triage_u32(t, TRIAGE_POOL_SIZE);
	uint8_t units[NAME_UNITS_MAX * 2], n[4];
	uint32_t len;

	if (off < pool || !range_ok(off - pool, sizeof(n), size) ||
	    dump_file_read(&d->file, off, n, sizeof(n), "driver name", NULL) != FS_OK)
		return false;
	len = load_u32(n);
	if (len == 0 || len > NAME_UNITS_MAX ||
	    !range_ok(off + sizeof(n) - pool, (uint64_t)len * 2, size) ||
	    dump_file_read(&d->file, (uint64_t)off + sizeof(n), units, (size_t)len * 2,
			   "driver name", NULL) != FS_OK)
		return false;
	utf16le_to_utf8(units, len, dst, DUMP_NAME_MAX);
	return true;
}

enum fs_status dmp_triage_driver(struct dump *d, size_t i, struct dump_driver *ret,
				 struct fs_error *err)
{
	const struct dmp_triage *t = d->priv;
	uint64_t off = dmp_triage_u32(t, TRIAGE_DRIVERS_OFFSET) + (uint64_t)i * t->driver_stride;
	const struct triage_driver_shape *s = &t->shape->driver;
	uint8_t e[ENTRY_MAX];
	enum fs_status st;

	st = dump_file_read(&d->file, off, e, s->stride, "driver list entry", err);
	if (st != FS_OK)
		return st;
	memset(ret, 0, sizeof(*ret));
	ret->base = dmp_triage_pointer(t->shape, e + s->base);
	ret->entry = dmp_triage_pointer(t->shape, e + s->entry);
	ret->size = load_u32(e + s->size);
	ret->checksum = load_u32(e + s->checksum);
	ret->timestamp = load_u32(e + s->timestamp);
	ret->name_read = read_name(d, t, load_u32(e), ret->name);
	return FS_OK;
}

enum fs_status dmp_triage_unloaded(struct dump *d, size_t i, struct dump_unloaded *ret,
				   struct fs_error *err)
{
	const struct dmp_triage *t = d->priv;
	const struct triage_unloaded_shape *s = &t->shape->unloaded;
	uint64_t off = dmp_triage_u32(t, TRIAGE_UNLOADED_OFFSET) + 8 + (uint64_t)i * s->stride;
	uint8_t e[ENTRY_MAX];
	uint16_t len;
	enum fs_status st;

	st = dump_file_read(&d->file, off, e, s->stride, "unloaded driver", err);
	if (st != FS_OK)
		return st;
	memset(ret, 0, sizeof(*ret));
	ret->start = dmp_triage_pointer(t->shape, e + s->start);
	ret->end = dmp_triage_pointer(t->shape, e + s->end);
	len = load_u16(e);
	/* Windows itself cuts these names to 12 characters. */
	ret->name_read = len > 0 && len <= UNLOADED_NAME_BYTES && len % 2 == 0;
	if (ret->name_read)
		utf16le_to_utf8(e + s->name, len / 2, ret->name, sizeof(ret->name));
	return FS_OK;
}
