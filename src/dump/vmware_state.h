/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMware's state files, .vmss (suspended) and .vmsn (snapshot): groups of tagged values.
 * Of them: where in the memory file each region of physical memory is, and the processors'
 * registers. Private to src/dump.
 *
 * Facts: crash's vmware_vmss.c, which VMware gave it, and volatility3's layers/vmware.py.
 */
#ifndef DUMP_VMWARE_STATE_H
#define DUMP_VMWARE_STATE_H

#include "base/vec.h"
#include "dump/format.h"

#define VMWARE_REGIONS_MAX 256u
#define VMWARE_CPUS_MAX	   1024u

/* In pages of 4 KiB. */
struct vmware_region {
	uint64_t ppn;	  /* first physical page */
	uint64_t pagenum; /* the same page's place in the memory */
	uint64_t size;
	unsigned have; /* bits of the three values above, in their order */
};

/* Zero-initialise. */
struct vmware_state {
	uint64_t nregions; /* as the file says; 0: memory is one piece */
	bool counted;	   /* it did say */
	struct vmware_region region[VMWARE_REGIONS_MAX];
	bool has_memory;      /* the memory itself is in this file... */
	uint64_t memory_off;  /* ...from here */
	uint64_t memory_size; /* bytes */
	VEC(struct dump_cpu) cpus;
	bool has_cpus; /* the cpu group was found */
	bool processors_known;
	uint64_t processors; /* cpu:numVCPUs */
};

/* A state file's first bytes: 1 of the form that is read, -1 of an older one, 0 none. */
int vmware_magic(const uint8_t *p, size_t n);

/* FS_CORRUPT: no memory group that holds together. What is wrong beside that becomes a
 * dump_note of d. */
enum fs_status vmware_state_read(struct vmware_state *s, struct dump *d, struct dump_file *f,
				 struct fs_error *err);
void vmware_state_deinit(struct vmware_state *s);

#endif
