/* SPDX-License-Identifier: BSD-2-Clause */
#include "dump/dmp.h"

#include <string.h>

#include "base/cursor.h"

#define FILLER32 0x45474150u	       /* "PAGE" */
#define FILLER64 0x4547415045474150ull /* "PAGEPAGE" */

#define MACHINE_X86   0x14cu
#define MACHINE_X64   0x8664u
#define MACHINE_ARM64 0xaa64u

struct dump_u32 dmp_u32(const uint8_t *header, size_t off)
{
	struct dump_u32 r = {load_u32(header + off), true};

	if (r.v == FILLER32)
		r = (struct dump_u32){0, false};
	return r;
}

struct dump_u64 dmp_u64(const uint8_t *header, size_t off)
{
	struct dump_u64 r = {load_u64(header + off), true};

	if (r.v == FILLER64)
		r = (struct dump_u64){0, false};
	return r;
}

bool dmp_is_type(const struct dump_first *first, uint32_t type)
{
	return first->size >= DMP_HEADER_SIZE && memcmp(first->data, "PAGEDU64", 8) == 0 &&
	       load_u32(first->data + DMP_TYPE) == type;
}

bool dmp32_is_type(const struct dump_first *first, uint32_t type)
{
	return first->size >= DMP32_HEADER_SIZE && memcmp(first->data, "PAGEDUMP", 8) == 0 &&
	       load_u32(first->data + DMP32_TYPE) == type;
}

static enum dump_machine machine_of(uint32_t raw)
{
	switch (raw) {
	case MACHINE_X86:
		return DUMP_X86;
	case MACHINE_X64:
		return DUMP_X64;
	case MACHINE_ARM64:
		return DUMP_ARM64;
	default:
		return DUMP_MACHINE_UNKNOWN;
	}
}

/* An unset comment is filler from its first byte; a set one ends at its NUL. */
static void parse_comment(struct dump_info *info, const uint8_t *comment)
{
	size_t n = sizeof(info->comment) - 1;

	info->comment[0] = '\0';
	if (load_u64(comment) == FILLER64)
		return;
	memcpy(info->comment, comment, n);
	info->comment[n] = '\0';
}

void dmp_parse_info(struct dump_info *info, const uint8_t *h)
{
	size_t i;

	info->dump_type = load_u32(h + DMP_TYPE);
	info->machine_raw = load_u32(h + DMP_MACHINE);
	info->machine = machine_of(info->machine_raw);
	info->major = dmp_u32(h, DMP_MAJOR);
	info->build = dmp_u32(h, DMP_BUILD);
	info->processors = dmp_u32(h, DMP_PROCESSORS);
	info->bugcheck = dmp_u32(h, DMP_BUGCHECK);
	for (i = 0; i < 4; i++)
		info->bugcheck_parameter[i] = dmp_u64(h, DMP_BUGCHECK_PARAMETERS + 8 * i);
	info->system_time = dmp_u64(h, DMP_SYSTEM_TIME);
	info->uptime = dmp_u64(h, DMP_UPTIME);
	info->directory_table_base = dmp_u64(h, DMP_DTB);
	info->pfn_database = dmp_u64(h, DMP_PFN_DATABASE);
	info->ps_loaded_module_list = dmp_u64(h, DMP_MODULE_LIST);
	info->ps_active_process_head = dmp_u64(h, DMP_PROCESS_HEAD);
	info->kd_debugger_data_block = dmp_u64(h, DMP_KDBG);
	info->exception_code = dmp_u32(h, DMP_EXCEPTION);
	info->exception_address = dmp_u64(h, DMP_EXCEPTION + 0x10);
	parse_comment(info, h + DMP_COMMENT);
}

void dmp_parse_header(struct dump *d, const struct dump_first *first)
{
	const uint8_t *h = first->data;

	dmp_parse_info(&d->info, h);
	if (load_u64(h + DMP_CONTEXT) != FILLER64) {
		d->context_offset = DMP_CONTEXT;
		d->context_room = DMP_EXCEPTION - DMP_CONTEXT;
	}
}

/* A pointer of 32 bits, zero-extended. */
static struct dump_u64 pointer32(const uint8_t *header, size_t off)
{
	struct dump_u32 v = dmp_u32(header, off);

	return (struct dump_u64){v.v, v.present};
}

void dmp32_parse_header(struct dump *d, const struct dump_first *first)
{
	struct dump_info *info = &d->info;
	const uint8_t *h = first->data;
	size_t i;

	info->dump_type = load_u32(h + DMP32_TYPE);
	info->machine_raw = load_u32(h + DMP32_MACHINE);
	info->machine = machine_of(info->machine_raw);
	info->major = dmp_u32(h, DMP_MAJOR);
	info->build = dmp_u32(h, DMP_BUILD);
	info->processors = dmp_u32(h, DMP32_PROCESSORS);
	info->bugcheck = dmp_u32(h, DMP32_BUGCHECK);
	for (i = 0; i < 4; i++)
		info->bugcheck_parameter[i] = pointer32(h, DMP32_BUGCHECK_PARAMETERS + 4 * i);
	info->system_time = dmp_u64(h, DMP32_SYSTEM_TIME);
	info->uptime = dmp_u64(h, DMP32_UPTIME);
	info->directory_table_base = pointer32(h, DMP32_DTB);
	/* Filler is no answer, nor is any other byte. */
	if (h[DMP32_PAE] <= 1)
		info->pae_enabled = (struct dump_u32){h[DMP32_PAE], true};
	info->pfn_database = pointer32(h, DMP32_PFN_DATABASE);
	info->ps_loaded_module_list = pointer32(h, DMP32_MODULE_LIST);
	info->ps_active_process_head = pointer32(h, DMP32_PROCESS_HEAD);
	info->kd_debugger_data_block = pointer32(h, DMP32_KDBG);
	/* EXCEPTION_RECORD32 (winnt.h): code, flags, record, address */
	info->exception_code = dmp_u32(h, DMP32_EXCEPTION);
	info->exception_address = pointer32(h, DMP32_EXCEPTION + 0xc);
	parse_comment(info, h + DMP32_COMMENT);
	if (load_u64(h + DMP32_CONTEXT) != FILLER64) {
		d->context_offset = DMP32_CONTEXT;
		d->context_room = DMP32_EXCEPTION - DMP32_CONTEXT;
	}
}
