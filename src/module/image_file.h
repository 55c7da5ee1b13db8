/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module's image file, for the bytes of its read-only sections that a dump left out.
 * It is the module's file when TimeDateStamp and SizeOfImage are. Never given out:
 * headers, writable, discardable or unnamed memory, import tables, and what the kernel
 * writes when it loads an image (guard function pointers, retpoline call sites).
 */
#ifndef MODULE_IMAGE_FILE_H
#define MODULE_IMAGE_FILE_H

#include "module/module.h"

struct image_file;

struct image_want {
	const char *folders; /* ';' between them */
	const char *name;    /* fit to be a file's name: the caller's care */
	uint32_t timestamp, size;
	uint64_t base;	/* VA that it is relocated to */
	bool data_only; /* no executable section: the kernel patches its own */
};

/* FOLDER/name, or FOLDER/name/TIMESTAMPsize/name, in any case of letters. FS_NOT_FOUND with
 * what was looked at. Owner: image_file_close. */
enum fs_status image_file_find(const struct image_want *want, struct image_file **ret,
			       struct fs_error *err);
void image_file_close(struct image_file *f); /* NULL is fine */
const char *image_file_path(const struct image_file *f);
/* Its headers: what pe_read would say of the whole image. */
const struct pe *image_file_pe(const struct image_file *f);
/* FS_NOT_FOUND: it has no debug record. */
enum fs_status image_file_rsds(const struct image_file *f, struct rsds *ret, struct fs_error *err);
/* Copy up to n bytes at an RVA; how many are given out from there on. */
size_t image_file_bytes(const struct image_file *f, uint64_t rva, void *buf, size_t n);

/* image_map.c: the bytes of a file as an image. Private to image_file.c. */
struct image_span {
	uint32_t rva, size;
};
struct image_file {
	char *path;
	struct pe pe;
	uint64_t preferred_base;
	uint16_t characteristics;
	struct image_span directory[16];
	uint8_t *bytes;		      /* pe.size_of_image of them */
	VEC(struct image_span) serve; /* apart, in order */
};
/* `file` is the whole file. FS_CORRUPT, FS_UNSUPPORTED, FS_NOT_FOUND (another image). */
enum fs_status image_map(struct image_file *f, const uint8_t *file, size_t size,
			 const struct image_want *want, struct fs_error *err);

#endif
