/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signatures: POSIX pax (ustar), rarlab's technote on RAR, the LZ4 frame format, minidumpapiset.h
 * (MINIDUMP_SIGNATURE), QEMU's docs/interop/qcow2 and migration/qemu-file (QEMU_VM_FILE_MAGIC),
 * libvirt's qemu_saveimage.h, PO_MEMORY_IMAGE of the public PDBs (hibernation).
 */
#include "dump/known.h"

#include <string.h>

#define LIVE "dump-guest-memory, or virsh dump --memory-only, takes a dump of a running machine"

static const struct known {
	uint16_t at;
	uint8_t size;
	const char *magic, *what;
} known[] = {
	{257, 5, "ustar",
	 "a tar archive: unpack it, and name the dump that is in it (of archives only .zip, .7z "
	 "and "
	 ".cab with one file in them are unpacked here)"},
	{0, 6, "Rar!\x1a\x07",
	 "a RAR archive: unpack it, and name the dump that is in it (of archives only .zip, .7z "
	 "and "
	 ".cab with one file in them are unpacked here)"},
	{0, 4, "\x04\x22\x4d\x18", "an LZ4 file: unpack it, and name the dump that was in it"},
	{0, 4, "MDMP",
	 "a minidump of a process, not of the kernel: nothing of the Filter Manager is in it"},
	{0, 4, "QFI\xfb", "a QEMU disk image, not memory: " LIVE},
	{0, 16, "LibvirtQemudSave",
	 "a machine saved by libvirt, which no format here reads: restore it; " LIVE},
	{0, 4, "QEVM", "a machine's state as QEMU migrates it, which no format here reads: " LIVE},
	{0, 4, "hibr", "a hibernation file of Windows, which no format here reads"},
	{0, 4, "HIBR", "a hibernation file of Windows, which no format here reads"},
};

const char *dump_known_other(const uint8_t *data, size_t n)
{
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (n >= (size_t)known[i].at + known[i].size &&
		    memcmp(data + known[i].at, known[i].magic, known[i].size) == 0)
			return known[i].what;
	return NULL;
}
