/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libfltscope: open a Windows kernel dump, get the Filter Manager's state as
 * plain data (model.h) and what follows from it (finding.h).
 */
#ifndef FLTSCOPE_FLTSCOPE_H
#define FLTSCOPE_FLTSCOPE_H

#include "fltscope/error.h"
#include "fltscope/finding.h"
#include "fltscope/model.h"

#define FLTSCOPE_VERSION "0.1"

struct fltscope;

struct fltscope_options {
	/* Layout files that replace the shipped ones of their module; may be NULL. */
	const char *const *layout_files;
	size_t nlayout_files;
	/* Where PDBs are: Windows' symbol path grammar; NULL: none is looked for. */
	const char *symbol_path;
	/* Where images are (folders, ';' between them), for read-only bytes a dump left out. */
	const char *image_path;
	bool offline; /* no network, whatever the path says */
	/* Called now and then during long work with what is being done and how far
	 * (0..total, total 0 when unknown), until fltscope_close. May be NULL. */
	void (*progress)(void *arg, const char *what, uint64_t done, uint64_t total);
	void *progress_arg;
	/* Physical address of the page tables (CR3, DirectoryTableBase); 0: as the dump says, or
	 * searched for. */
	uint64_t directory_table_base;
	/* A file of no known format is physical memory from address 0 (QEMU's pmemsave, a
	 * memory-backend-file). Physical addresses [start, end) are not in it, what is above
	 * them follows what is below; start >= end: no such hole. */
	bool raw;
	uint64_t raw_hole_start, raw_hole_end;
	bool contexts;		/* walk the contexts of live filters too (may be many) */
	bool threads;		/* read processes and threads although nothing asks for them */
	bool handles;		/* and the handles that lead to filters, ports and devices */
	uint64_t search_bytes;	/* how much memory may be searched for orphans; 0: 8 GiB */
};

/*
 * Open a dump and collect everything. `opts` may be NULL.
 * FS_SYSTEM, FS_CORRUPT, FS_UNSUPPORTED: the file cannot be read as a dump.
 * FS_INVALID: a layout file is wrong. A dump without Filter Manager state opens
 * fine: model->found is false and model->not_found says why.
 */
enum fs_status fltscope_open(const char *path, const struct fltscope_options *opts,
			     struct fltscope **ret, struct fs_error *err);
void fltscope_close(struct fltscope *fs); /* NULL is fine */

const struct fs_model *fltscope_model(const struct fltscope *fs);

/* Run the checks (once; the report is kept). FS_NO_MEMORY only. */
enum fs_status fltscope_diagnose(struct fltscope *fs, const struct fs_report **ret,
				 struct fs_error *err);

/* Read a DRIVER_OBJECT or DEVICE_OBJECT that the Filter Manager's state did not
 * lead to. Adds it to the model (pointers into its arrays become invalid) and
 * gives its index. FS_CORRUPT when it is no such object. */
enum fs_status fltscope_add_driver(struct fltscope *fs, uint64_t va, size_t *ret_index,
				   struct fs_error *err);
enum fs_status fltscope_add_device(struct fltscope *fs, uint64_t va, size_t *ret_index,
				   struct fs_error *err);

/*
 * Kernel stacks. Those of the threads that were read are walked at the open, by the dump
 * alone, when something is stuck (model->stacks_looked). These walk again, with names from
 * wherever they are and with image files (-i) where bytes are missing.
 */
/* Of every thread of the model. FS_NO_MEMORY only. */
enum fs_status fltscope_stacks(struct fltscope *fs, struct fs_error *err);
/* Of one. FS_INVALID: no such thread. */
enum fs_status fltscope_stack(struct fltscope *fs, size_t thread, struct fs_error *err);
/* From a CONTEXT record at va in the dump's memory; 0: the one in the dump's header. *ret lives
 * until fltscope_close. FS_NOT_FOUND: the header has none; else why it could not be read. */
enum fs_status fltscope_context_stack(struct fltscope *fs, uint64_t va, struct fs_stack *ret,
				      struct fs_error *err);
/* Where a processor stood. */
struct fs_standing {
	int32_t processor; /* its number: Windows' where its KPCR tells, else the container's */
	int32_t thread;	   /* index of the thread whose stack it is on, else that runs there; -1 */
	const char *from;  /* "QEMU note", "NT_PRSTATUS", "VMware state", "KPRCB.Context",
			  * "header's CONTEXT" */
};
/* The stack of a processor, by number; -1: the first in kernel mode that was not idle, else the first in kernel mode.
 * Of containers with registers (model->dump.registers), else of what a bug check made the
 * processors store. *ret lives until fltscope_close. FS_NOT_FOUND: there is none, and why. */
enum fs_status fltscope_processor_stack(struct fltscope *fs, int64_t number, struct fs_stack *ret,
					struct fs_standing *ret_at, struct fs_error *err);
/* The thread on whose stack the header's CONTEXT stands; -1: not known. */
int32_t fltscope_current_thread(struct fltscope *fs);

/* One of the kernel's memory counters, by the name of its symbol. */
struct fs_counter {
	const char *name; /* "MmAvailablePages" */
	bool bytes;	  /* it counts bytes, else pages of 4 KiB */
	struct fs_value value; /* FS_NONE: where this kernel has it is not known */
};
/* Read where KDDEBUGGER_DATA64 or the kernel's PDB says that they are. FS_UNSUPPORTED, FS_NO_MEMORY. */
enum fs_status fltscope_memory_counters(struct fltscope *fs, const struct fs_counter **ret,
					size_t *ret_n, struct fs_error *err);

/* How much of the file was looked at. */
struct fltscope_stats {
	uint64_t bytes_read, reads, pages;
};
struct fltscope_stats fltscope_stats(const struct fltscope *fs);

/* Static facts. */
size_t fltscope_layout_count(void);
const char *fltscope_layout_name(size_t i); /* "fltmgr/19041-x64.layout" */

#endif
