/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding the kernel where no dump header says where it is (ELF, kdump, raw memory), or
 * where the header is wrong: from page-table roots to nt's image, and from there to
 * PsLoadedModuleList. What is found must prove itself; nothing is taken on trust.
 *
 * Facts, besides the public nt PDBs: QEMU contrib/elf2dmp (from the IDT down to nt; the
 * encoded KDDEBUGGER_DATA64), MemProcFS and memflow (PROCESSOR_START_BLOCK in low memory,
 * the self-map entry), volatility3 (KDDEBUGGER_DATA64).
 */
#ifndef MODULE_KERNEL_H
#define MODULE_KERNEL_H

#include "module/module.h"

/* What a processor's registers say; 0: not known. */
struct kernel_cpu {
	uint32_t number; /* for messages */
	uint64_t cr3, cr4;
	uint64_t gs_base, kernel_gs_base; /* one of them is the KPCR */
	uint64_t fs_base;		  /* x86: the KPCR */
	uint64_t idt_base;		  /* VA */
	uint64_t code;			  /* an address that is probably nt's: LSTAR, RIP */
};

#define KERNEL_CPUS_MAX 64u

/* No Windows has as many (MAXIMUM_PROC_PER_SYSTEM). */
#define KERNEL_PROCESSORS_MAX 2048u

/* What is known beforehand; every part may be wrong, and what is 0 is not known. */
struct kernel_hints {
	enum dump_machine machine;
	enum dump_machine also; /* tried when that fails; DUMP_MACHINE_UNKNOWN: none */
	uint64_t user_root;   /* the user's: then no other is tried */
	uint64_t header_root; /* DirectoryTableBase */
	uint64_t module_list; /* PsLoadedModuleList */
	const struct kernel_cpu *cpu;
	size_t ncpus;
	const struct layout *stable, *also_stable; /* for loader entries, of either machine */
	void (*progress)(void *arg, const char *what, uint64_t done, uint64_t total); /* or NULL */
	void *progress_arg;
};

struct kernel_found {
	struct vm_root root;
	const char *root_from; /* "CR3 of processor", static; its number is: */
	bool by_cpu;
	uint32_t root_cpu;
	uint64_t base; /* of nt; 0: its image was not found, the list proved the root */
	uint32_t size;
	const char *base_from;
	uint64_t module_list;
	const char *list_from;
	uint64_t process_head; /* PsActiveProcessHead by KDBG; 0 not known */
	uint64_t kdbg;	       /* KDDEBUGGER_DATA64, its header checked; 0: none */
	uint32_t build, major; /* 0 not known */
	const char *build_from;
};

/* The machine that an image is for, of IMAGE_FILE_HEADER.Machine (winnt.h). */
enum dump_machine kernel_machine_of(const struct pe *pe);

/*
 * Search. FS_NOT_FOUND with one sentence about how far it came; FS_UNSUPPORTED: nt is there,
 * and is for another machine; the bounds of each step are constants in the files that make it.
 */
enum fs_status kernel_find(struct dump *d, const struct kernel_hints *h, struct kernel_found *ret,
			   struct fs_error *err);

/* --- the steps, each of its own use --------------------------------------------- */

/* PE at base: a kernel by its export directory's name or its PDB's? */
enum fs_status kernel_image_at(struct vm *vm, uint64_t base, struct pe *ret, struct fs_error *err);
/* Down from an address within nt, page by page. Pages looked at are taken off *budget. */
enum fs_status kernel_image_below(struct vm *vm, uint64_t va, uint64_t *budget, uint64_t *ret_base,
				  struct pe *ret, struct fs_error *err);
/* Every mapped page of the kernel's part of the address space, likewise. FS_LIMIT: not every. */
enum fs_status kernel_image_anywhere(struct vm *vm, uint64_t *budget, uint64_t *ret_base,
				     struct pe *ret, struct fs_error *err);
/* Below where this processor's handlers and code are: k->base and base_from are set. */
bool kernel_image_by_cpu(struct vm *vm, const struct kernel_cpu *c, uint64_t *budget,
			 struct kernel_found *k, struct pe *pe);
/* The processor's KPCR, which points at itself. */
bool kernel_kpcr(struct vm *vm, const struct kernel_cpu *c, uint64_t *ret);

/* A list of loader entries that proves itself: closed in both directions, the first entry
 * an image's (of nt at `base` where that is not 0), with a size and a name. */
bool kernel_list_proves(const struct reader *r, uint64_t head, uint64_t base);
/* Less: the head's two links are kernel addresses, and one neighbour points back. */
bool kernel_list_credible(const struct reader *r, uint64_t head);
/* What was read of the first entry is not what nt's can be: no image at DllBase, or no size or
 * name of one. What the dump lacks refutes nothing. */
bool kernel_list_refuted(const struct reader *r, uint64_t head);

/* KDDEBUGGER_DATA64 at va, by its tag, its size and (where base is not 0) KernBase. */
bool kernel_kdbg_at(struct vm *vm, uint64_t va, uint64_t base);
/*
 * The block of a running system (Windows 8 and later) is encoded: n bytes of it, a multiple
 * of 8, with the values of KiWaitNever and KiWaitAlways and the address of
 * KdpDataBlockEncoded (volatility and QEMU's elf2dmp decode it so).
 */
void kernel_kdbg_decode(uint8_t *bytes, size_t n, uint64_t never, uint64_t always,
			uint64_t encoded);
/* Bytes of a block: is it one of nt's at base? */
#define KERNEL_KDBG_BYTES 0x340u /* what every build from Vista on has */
bool kernel_kdbg_is(const struct vm *vm, const uint8_t *bytes, uint64_t base);
/* In nt's sections. 0: none. */
uint64_t kernel_kdbg_search(struct vm *vm, uint64_t base, const struct pe *pe);

/* PsLoadedModuleList by export, by KDBG, by search in nt's writable data. */
enum fs_status kernel_list_find(const struct reader *r, struct kernel_found *k,
				const struct pe *pe, struct fs_error *err);
/* Build number by KUSER_SHARED_DATA, by nt's export, by nt's version resource. */
void kernel_build_find(struct vm *vm, struct kernel_found *k, const struct pe *pe);
/* Does VA 0xfffff78000000000 (x86: 0xffdf0000) hold what KUSER_SHARED_DATA must? */
bool kernel_user_shared_data(struct vm *vm);
/* KUSER_SHARED_DATA.ActiveProcessorCount, of Windows 7 and later. False: it is not there. */
bool kernel_processor_count(struct vm *vm, uint32_t *ret);
/* RVA of an export of nt; 0: none of this name. */
uint32_t kernel_export(struct vm *vm, uint64_t base, const struct pe *pe, const char *name);

/* Candidates of roots in physical memory, one after the other; false at the end. x64: the
 * processor start block's first; x86 also where the levels are known. */
struct kernel_root_search {
	struct dump *dump;
	enum dump_machine machine;
	const struct kernel_hints *hints;
	bool limited;	/* a bound was reached */
	bool no_memory; /* nothing was searched */
	/* Zero-initialise the rest. */
	uint64_t low;	/* page of low memory */
	struct dump_scan scan;
	uint8_t *chunk; /* n pages from `first` on; `at` is next */
	uint64_t first, told;
	size_t n, at;
	unsigned in_page, pdpt_reads;
};
bool kernel_next_root(struct kernel_root_search *s, struct vm_root *ret, const char **ret_from);
void kernel_root_search_deinit(struct kernel_root_search *s);

#endif
