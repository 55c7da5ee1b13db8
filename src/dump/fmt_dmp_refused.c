/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Microsoft dumps that are recognised and not read: each is refused by the
 * number of its type, never read as flat memory. Last of the DMP formats.
 */
#include <string.h>

#include "base/cursor.h"
#include "dump/dmp.h"

static const char *const reasons[] = {
	[DMP_TYPE_HEADER] = "a header-only dump holds no memory",
	[DMP_TYPE_AUTOMATIC] =
		"\"automatic\" is a setting under which Windows writes another type, not a layout",
};

/* What to do about a 32-bit dump of a type that nobody has described for 32 bits. */
static const char advice32[] =
	"of 32-bit dumps 1 (full), 2, 5 and 6 (by bitmap) and 4 (minidump) are read: take a complete "
	"or kernel memory dump, or open this one in WinDbg and write another with .dump /f";

static enum dump_probe refuse_32bit(const struct dump_first *first, struct fs_error *err)
{
	uint32_t type;

	if (first->size < DMP32_HEADER_SIZE) {
		fs_fail_at(err, FS_CORRUPT, first->size,
			   "header of a 32-bit dump: expected 0x%x bytes, the file ends at 0x%zx",
			   DMP32_HEADER_SIZE, first->size);
		return DUMP_PROBE_BROKEN;
	}
	type = load_u32(first->data + DMP32_TYPE);
	if (!dmp_u32(first->data, DMP32_TYPE).present)
		fs_fail_at(err, FS_CORRUPT, DMP32_TYPE,
			   "DumpType of a 32-bit dump at 0xf88: expected a number, found PAGE "
			   "filler");
	else if (type < sizeof(reasons) / sizeof(reasons[0]) && reasons[type])
		fs_fail_at(err, FS_UNSUPPORTED, DMP32_TYPE,
			   "a 32-bit dump of DumpType %u at 0xf88: %s", type, reasons[type]);
	else
		fs_fail_at(err, FS_UNSUPPORTED, DMP32_TYPE,
			   "a 32-bit dump of DumpType %u (0x%x) at 0xf88: %s", type, type, advice32);
	return DUMP_PROBE_BROKEN;
}

static enum dump_probe refuse_type(const struct dump_first *first, struct fs_error *err)
{
	struct dump_u32 type = dmp_u32(first->data, DMP_TYPE);

	if (!type.present)
		fs_fail_at(err, FS_CORRUPT, DMP_TYPE,
			   "DumpType at 0xf98: expected a number, found PAGE filler");
	else if (type.v < sizeof(reasons) / sizeof(reasons[0]) && reasons[type.v])
		fs_fail_at(err, FS_UNSUPPORTED, DMP_TYPE, "DumpType %u at 0xf98: %s", type.v,
			   reasons[type.v]);
	else
		fs_fail_at(err, FS_UNSUPPORTED, DMP_TYPE,
			   "DumpType %u (0x%x) at 0xf98 is not a type that is known here", type.v,
			   type.v);
	return DUMP_PROBE_BROKEN;
}

static enum dump_probe probe(const struct dump_first *first, struct fs_error *err)
{
	if (first->size < 8 || memcmp(first->data, "PAGE", 4) != 0)
		return DUMP_PROBE_NOT_MINE;
	if (memcmp(first->data + 4, "DUMP", 4) == 0)
		return refuse_32bit(first, err);
	if (memcmp(first->data + 4, "DU64", 4) != 0)
		return DUMP_PROBE_NOT_MINE;
	if (first->size < DMP_HEADER_SIZE) {
		fs_fail_at(err, FS_CORRUPT, first->size,
			   "header: expected 0x%x bytes, the file ends at 0x%zx", DMP_HEADER_SIZE,
			   first->size);
		return DUMP_PROBE_BROKEN;
	}
	return refuse_type(first, err);
}

/* probe() never says DUMP_PROBE_MINE, so nothing else is ever called. */
const struct dump_format dump_format_dmp_refused = {
	.name = "dmp-refused",
	.probe = probe,
};
