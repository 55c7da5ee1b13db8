/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory counters of the kernel, where KDDEBUGGER_DATA64 or the kernel's PDB says they are. */
#include <string.h>

#include "session.h"

struct counter {
	const char *symbol; /* of nt; as KDDEBUGGER_DATA64 (wdbgexts.h) names it too */
	unsigned kdbg;	    /* offset of its pointer there */
	bool bytes;	    /* else pages */
};

static const struct counter counters[] = {
	{"MmNumberOfPhysicalPages", 0xf8, false},   {"MmAvailablePages", 0x1a8, false},
	{"MmResidentAvailablePages", 0x1b0, false}, {"MmTotalCommittedPages", 0x150, false},
	{"MmTotalCommitLimit", 0x148, false},	    {"MmPeakCommitment", 0x258, false},
	{"MmSharedCommit", 0x158, false},	    {"MmDriverCommit", 0x160, false},
	{"MmProcessCommit", 0x168, false},	    {"MmPagedPoolCommit", 0x170, false},
	{"MmAllocatedNonPagedPool", 0x250, false},  {"MmMaximumNonPagedPoolInBytes", 0x100, true},
	{"MmSizeOfPagedPoolInBytes", 0x140, true},
};
#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

static uint64_t where(struct fltscope *fs, const struct counter *c)
{
	uint64_t va = session_kdbg_pointer(fs, c->kdbg);

	return va ? va : session_nt_symbol(fs, c->symbol);
}

enum fs_status fltscope_memory_counters(struct fltscope *fs, const struct fs_counter **ret,
					size_t *ret_n, struct fs_error *err)
{
	struct fs_counter *v;
	size_t i;

	if (!fs->vm)
		return fs_fail(err, FS_UNSUPPORTED, "the memory of this machine is not understood");
	v = arena_alloc(&fs->arena, COUNTERS * sizeof(*v));
	if (!v)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	for (i = 0; i < COUNTERS; i++) {
		uint64_t va = where(fs, &counters[i]), value = 0;
		struct fs_error e = {0};
		enum fs_status st;

		v[i] = (struct fs_counter){.name = counters[i].symbol,
					   .bytes = counters[i].bytes,
					   .value = model_none()};
		if (!va) {
			(void)fs_fail(&e, FS_UNSUPPORTED,
				      "nt!%s: KDDEBUGGER_DATA64 does not lead there, and there is no PDB of the "
				      "kernel (-y)",
				      counters[i].symbol);
			v[i].value.state = FS_MISSING;
			v[i].value.gap = model_gap(&fs->builder, counters[i].symbol, &e);
			continue;
		}
		st = vm_read_ptr(fs->vm, va, &value, counters[i].symbol, &e);
		v[i].value = model_value(&fs->builder, counters[i].symbol, st, value, &e);
		v[i].value.at = va;
	}
	*ret = v;
	*ret_n = COUNTERS;
	return FS_OK;
}
