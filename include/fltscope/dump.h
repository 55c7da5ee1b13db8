/* SPDX-License-Identifier: BSD-2-Clause */
/* What the file is and what its header or container says. */
#ifndef FLTSCOPE_DUMP_H
#define FLTSCOPE_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fltscope/crash.h"
#include "fltscope/registers.h"
#include "fltscope/value.h"

struct fs_dump {
	const char *path, *format, *machine; /* as in the JSON contract */
	uint32_t type;
	struct fs_value build, major, processors, bugcheck, bugcheck_parameter[4];
	struct fs_value time;   /* FILETIME */
	struct fs_value uptime; /* 100 ns */
	struct fs_value directory_table_base, ps_loaded_module_list, kd_debugger_data_block;
	/* Where the processor that wrote the dump stood (CONTEXT), and the exception record: the
	 * header's. That of a bug check is mostly the breakpoint behind it; crash has the cause's. */
	struct fs_code instruction;
	struct fs_value stack_pointer, exception_code;
	struct fs_code exception_address;
	struct fs_crash crash;
	struct fs_registers *registers; /* of each processor that the container has them of */
	size_t nregisters;
	uint64_t file_size, pages, missing_bytes;
	bool truncated;
	unsigned paging_levels; /* 2 to 5; 0 virtual ranges */
	const char *translation_problem; /* NULL when fine */
	/* What is odd about the file although it could be read: sentences. */
	const char **notes;
	size_t nnotes;
};

/* "PAGE_FAULT_IN_NONPAGED_AREA"; NULL when the table does not have it. bugcodes.h. */
const char *fs_bugcheck_name(uint64_t code);

/* Bytes of a pointer on this machine: 4 on x86, else 8. */
unsigned fs_pointer_size(const struct fs_dump *d);

#endif
