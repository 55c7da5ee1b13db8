/* SPDX-License-Identifier: BSD-2-Clause */
#include "dump/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "dump/format.h"
#include "dump/decompress.h"
#include "dump/known.h"

/* sizeof(CONTEXT) in the public Windows headers (winnt.h). */
#define CONTEXT_SIZE_X64   0x4d0u
#define CONTEXT_SIZE_ARM64 0x390u
#define CONTEXT_SIZE_X86   0x2ccu

static const struct dump_format *const formats[] = {
#define DUMP_FORMAT(id) &dump_format_##id,
#include "dump/formats.def"
#undef DUMP_FORMAT
};

void dump_note_add(struct dump *d, const char *fmt, ...)
{
	va_list ap;

	if (d->nnotes == DUMP_NOTES_MAX)
		return;
	va_start(ap, fmt);
	if (vsnprintf(d->notes[d->nnotes], DUMP_NOTE_TEXT, fmt, ap) >= 0)
		d->nnotes++;
	va_end(ap);
}

void dump_quote(const uint8_t *src, size_t n, char *dst, size_t dst_size)
{
	static const char hex[] = "0123456789abcdef";
	size_t i, o = 0;

	for (i = 0; i < n && o + 5 <= dst_size; i++) {
		if (src[i] >= 0x20 && src[i] < 0x7f && src[i] != '\\' && src[i] != '"') {
			dst[o++] = (char)src[i];
			continue;
		}
		dst[o++] = '\\';
		dst[o++] = 'x';
		dst[o++] = hex[src[i] >> 4];
		dst[o++] = hex[src[i] & 15];
	}
	if (dst_size > 0)
		dst[o] = '\0';
}

void dump_promise(struct dump *d, uint64_t promised)
{
	if (promised <= d->file.size || promised - d->file.size <= d->info.missing_bytes)
		return;
	d->info.truncated = true;
	d->info.missing_bytes = promised - d->file.size;
}

enum fs_status dump_read_page_at(struct dump *d, uint64_t page_off, uint64_t pa, void *buf,
				 size_t n, struct fs_error *err)
{
	size_t have = 0;
	enum fs_status st =
		dump_cached_read(&d->file, page_off, pa % DUMP_PAGE_SIZE, buf, n, &have, err);

	if (st == FS_OK)
		return st;
	if (err) {
		err->has_address = true;
		err->address = pa + have;
	}
	return fs_prepend(err, st, "PA 0x%" PRIx64, pa + have);
}

static enum fs_status nobodys(const struct dump_first *first, struct fs_error *err)
{
	char quoted[8 * 4 + 1];
	size_t n = first->size < 8 ? first->size : 8;
	const char *other = dump_known_other(first->data, first->size);

	if (other)
		return fs_fail_at(err, FS_UNSUPPORTED, 0, "not a dump: %s", other);
	if (n == 0)
		return fs_fail_at(err, FS_CORRUPT, 0,
				  "not a dump: at offset 0: expected PAGEDU64, the file is empty");
	dump_quote(first->data, n, quoted, sizeof(quoted));
	return fs_fail_at(err, FS_CORRUPT, 0,
			  "not a dump: at offset 0: expected PAGEDU64, found \"%s\" (physical memory as "
			  "it is can be read with --raw)",
			  quoted);
}

static enum fs_status read_first(struct dump *d, uint8_t *header, struct dump_first *ret,
				 struct fs_error *err)
{
	*ret = (struct dump_first){header, DUMP_FIRST, d->file.size, d->path, &d->options};
	if (ret->size > d->file.size)
		ret->size = (size_t)d->file.size;
	d->info.file_size = d->file.size;
	return dump_file_read(&d->file, 0, header, ret->size, "header", err);
}

/* What was compressed to be sent; once: a compressed file within one is not looked into. */
static enum fs_status unpack_first(struct dump *d, uint8_t *header, struct dump_first *first,
				   const char *kind, struct fs_error *err)
{
	const char *again;
	enum fs_status st;

	if (!kind)
		return FS_OK;
	st = dump_unpack(d, kind, err);
	if (st == FS_OK)
		st = read_first(d, header, first, err);
	if (st != FS_OK)
		return st;
	again = dump_packed_kind(first->data, first->size);
	return again ? fs_fail(err, FS_UNSUPPORTED,
			       "a %s file within a %s file: unpack the outer one by hand", again,
			       kind)
		     : FS_OK;
}

static enum fs_status ask_formats(struct dump *d, const struct dump_first *first,
				  struct fs_error *err)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct fs_error why = {.status = FS_CORRUPT};

		switch (formats[i]->probe(first, &why)) {
		case DUMP_PROBE_NOT_MINE:
			continue;
		case DUMP_PROBE_BROKEN:
			if (err)
				*err = why;
			return why.status;
		case DUMP_PROBE_MINE:
			d->format = formats[i];
			return formats[i]->open(d, first, err);
		}
	}
	return nobodys(first, err);
}

static enum fs_status open_format(struct dump *d, uint8_t *header, struct fs_error *err)
{
	struct dump_first first;
	enum fs_status st = read_first(d, header, &first, err);
	const char *kind;

	if (st != FS_OK)
		return st;
	kind = dump_packed_kind(first.data, first.size);
	st = unpack_first(d, header, &first, kind, err);
	if (st != FS_OK)
		return st;
	st = ask_formats(d, &first, err);
	return st != FS_OK && kind ? fs_prepend(err, st, "unpacked from %s", kind) : st;
}

enum fs_status dump_open(const char *path, struct dump **ret, struct fs_error *err)
{
	return dump_open_with(path, &(struct dump_options){0}, ret, err);
}

enum fs_status dump_open_with(const char *path, const struct dump_options *options,
			      struct dump **ret, struct fs_error *err)
{
	struct dump *d = calloc(1, sizeof(*d));
	uint8_t *header = malloc(DUMP_FIRST);
	enum fs_status st;

	if (d) {
		d->file.fd = -1;
		d->options = *options;
		d->path = strdup(path);
	}
	if (!d || !header || !d->path)
		st = fs_fail(err, FS_NO_MEMORY, "no memory to open a dump");
	else
		st = dump_file_open(&d->file, d->path, err);
	if (st == FS_OK)
		st = open_format(d, header, err);
	free(header);
	if (st == FS_OK && options->raw && d->format != &dump_format_raw)
		dump_note_add(d, "raw memory was asked for, but the file is of a format that says "
				 "itself where its pages are: it is read as that");
	if (st != FS_OK) {
		fs_prepend(err, st, "%s", path);
		dump_close(d);
		return st;
	}
	*ret = d;
	return FS_OK;
}

void dump_close(struct dump *d)
{
	if (!d)
		return;
	if (d->format)
		d->format->close(d);
	dump_file_deinit(&d->file);
	vec_free(&d->cpus);
	free(d->guest_header);
	free(d->path);
	free(d);
}

const char *dump_machine_name(enum dump_machine m)
{
	switch (m) {
	case DUMP_X64:
		return "x64";
	case DUMP_X86:
		return "x86";
	case DUMP_ARM64:
		return "arm64";
	case DUMP_MACHINE_UNKNOWN:
		break;
	}
	return "unknown";
}

const struct dump_info *dump_info(const struct dump *d)
{
	return &d->info;
}

const char *dump_path(const struct dump *d)
{
	return d->path;
}

size_t dump_note_count(const struct dump *d)
{
	return d->nnotes;
}

const char *dump_note(const struct dump *d, size_t i)
{
	return d->notes[i];
}

struct dump_memo {
	struct dump_info info;
	size_t nnotes;
	char notes[DUMP_NOTES_MAX][DUMP_NOTE_TEXT];
};

struct dump_memo *dump_remember(const struct dump *d)
{
	struct dump_memo *m = malloc(sizeof(*m));

	if (!m)
		return NULL;
	m->info = d->info;
	m->nnotes = d->nnotes;
	memcpy(m->notes, d->notes, sizeof(m->notes));
	return m;
}

void dump_recall(struct dump *d, const struct dump_memo *memo)
{
	d->info = memo->info;
	d->nnotes = memo->nnotes;
	memcpy(d->notes, memo->notes, sizeof(d->notes));
}

void dump_learn(struct dump *d, const struct dump_learned *l)
{
	struct dump_info *info = &d->info;

	if (l->machine != DUMP_MACHINE_UNKNOWN)
		info->machine = l->machine;
	if (l->machine_unknown)
		info->machine = DUMP_MACHINE_UNKNOWN;
	if (l->build.present)
		info->build = l->build;
	if (l->major.present)
		info->major = l->major;
	if (l->directory_table_base.present)
		info->directory_table_base = l->directory_table_base;
	if (l->ps_loaded_module_list.present)
		info->ps_loaded_module_list = l->ps_loaded_module_list;
	if (l->ps_active_process_head.present)
		info->ps_active_process_head = l->ps_active_process_head;
	if (l->kd_debugger_data_block.present)
		info->kd_debugger_data_block = l->kd_debugger_data_block;
	if (l->processors.present)
		info->processors = l->processors;
}

struct dump_stats dump_stats(const struct dump *d)
{
	return d->file.stats;
}

bool dump_is_virtual(const struct dump *d)
{
	return d->format->read_virt != NULL;
}

enum fs_status dump_read_phys(struct dump *d, uint64_t pa, void *buf, size_t n,
			      struct fs_error *err)
{
	uint8_t *p = buf;
	uint64_t end;

	if (!d->format->read_phys)
		return fs_fail_at(err, FS_NOT_IN_DUMP, pa,
				  "PA 0x%" PRIx64 ": a triage dump holds no physical pages", pa);
	if (!add_u64(pa, n, &end))
		return fs_fail_at(err, FS_NOT_IN_DUMP, pa,
				  "PA 0x%" PRIx64 ": %zu bytes wrap around", pa, n);
	while (pa < end) {
		uint64_t in = DUMP_PAGE_SIZE - pa % DUMP_PAGE_SIZE;
		size_t now = end - pa < in ? (size_t)(end - pa) : (size_t)in;
		enum fs_status st = d->format->read_phys(d, pa, p, now, err);

		if (st != FS_OK)
			return st;
		pa += now;
		p += now;
	}
	return FS_OK;
}

uint64_t dump_next_page(const struct dump *d, uint64_t pfn)
{
	if (!d->format->read_phys)
		return UINT64_MAX;
	return d->format->next_page ? d->format->next_page(d, pfn) : pfn;
}

enum fs_status dump_read_virt(struct dump *d, uint64_t va, void *buf, size_t n,
			      struct fs_error *err)
{
	uint64_t end;

	if (!d->format->read_virt)
		return fs_fail_at(err, FS_NOT_IN_DUMP, va,
				  "VA 0x%" PRIx64 ": this dump holds no virtual ranges", va);
	if (!add_u64(va, n, &end))
		return fs_fail_at(err, FS_NOT_IN_DUMP, va,
				  "VA 0x%" PRIx64 ": %zu bytes wrap around", va, n);
	return n == 0 ? FS_OK : d->format->read_virt(d, va, buf, n, err);
}

size_t dump_block_count(const struct dump *d)
{
	return d->format->block_count ? d->format->block_count(d) : 0;
}

struct dump_block dump_block(const struct dump *d, size_t i)
{
	return d->format->block(d, i);
}

size_t dump_block_conflicts(const struct dump *d)
{
	return d->format->block_conflicts ? d->format->block_conflicts(d) : 0;
}

size_t dump_driver_count(const struct dump *d)
{
	return d->format->driver_count ? d->format->driver_count(d) : 0;
}

enum fs_status dump_driver(struct dump *d, size_t i, struct dump_driver *ret, struct fs_error *err)
{
	if (i >= dump_driver_count(d))
		return fs_fail(err, FS_INVALID, "driver %zu of %zu was asked for", i,
			       dump_driver_count(d));
	return d->format->driver(d, i, ret, err);
}

size_t dump_unloaded_count(const struct dump *d)
{
	return d->format->unloaded_count ? d->format->unloaded_count(d) : 0;
}

enum fs_status dump_unloaded(struct dump *d, size_t i, struct dump_unloaded *ret,
			     struct fs_error *err)
{
	if (i >= dump_unloaded_count(d))
		return fs_fail(err, FS_INVALID, "unloaded driver %zu of %zu was asked for", i,
			       dump_unloaded_count(d));
	return d->format->unloaded(d, i, ret, err);
}

size_t dump_cpu_count(const struct dump *d)
{
	return d->cpus.n;
}

struct dump_cpu dump_cpu_at(const struct dump *d, size_t i)
{
	return d->cpus.v[i];
}

const uint8_t *dump_guest_header(const struct dump *d, size_t *ret_size)
{
	*ret_size = d->guest_header_size;
	return d->guest_header;
}

static size_t context_size(const struct dump *d)
{
	size_t size = d->context_room;

	if (d->info.machine == DUMP_X64)
		size = CONTEXT_SIZE_X64;
	else if (d->info.machine == DUMP_ARM64)
		size = CONTEXT_SIZE_ARM64;
	else if (d->info.machine == DUMP_X86)
		size = CONTEXT_SIZE_X86;
	return size < d->context_room ? size : d->context_room;
}

enum fs_status dump_context(struct dump *d, void *buf, size_t n, size_t *ret_len,
			    struct fs_error *err)
{
	enum fs_status st;

	if (d->context_offset == 0)
		return fs_fail(err, FS_NOT_FOUND, "the dump has no CONTEXT record");
	if (n > context_size(d))
		n = context_size(d);
	st = dump_file_read(&d->file, d->context_offset, buf, n, "CONTEXT record", err);
	if (st == FS_OK)
		*ret_len = n;
	return st;
}
