/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KDDEBUGGER_DATA64 of a system that was running when its memory was taken: encoded, and
 * only nt's PDB says with what (KiWaitNever, KiWaitAlways, KdpDataBlockEncoded).
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "module/kernel.h"
#include "session.h"

enum { KDBG_UNLOADED = 0x220 }; /* address of MmUnloadedDrivers (wdbgexts.h) */

/* The address of a symbol of nt's PDB; 0: it has none of this name. */
static uint64_t place(struct fltscope *fs, const struct module *nt, const char *name)
{
	uint64_t rva;

	if (!session_pdb_symbol(fs, (size_t)(nt - fs->modules.list.v), name, &rva) ||
	    rva >= nt->size)
		return 0;
	return nt->base + rva;
}

static bool decode(struct fltscope *fs, const struct module *nt, uint8_t *bytes)
{
	uint64_t block = place(fs, nt, "KdDebuggerDataBlock"), never, always;
	uint64_t at_never = place(fs, nt, "KiWaitNever"), at_always = place(fs, nt, "KiWaitAlways");
	uint64_t encoded = place(fs, nt, "KdpDataBlockEncoded");

	if (!block || !at_never || !at_always || !encoded ||
	    vm_read_u64(fs->vm, at_never, &never, "KiWaitNever", NULL) != FS_OK ||
	    vm_read_u64(fs->vm, at_always, &always, "KiWaitAlways", NULL) != FS_OK ||
	    vm_read(fs->vm, block, bytes, KERNEL_KDBG_BYTES, "KdDebuggerDataBlock", NULL) != FS_OK)
		return false;
	kernel_kdbg_decode(bytes, KERNEL_KDBG_BYTES, never, always, encoded);
	return kernel_kdbg_is(fs->vm, bytes, nt->base);
}

enum fs_status session_encoded_kdbg(struct fltscope *fs, struct fs_error *err)
{
	struct dump_u64 said = dump_info(fs->dump)->kd_debugger_data_block;
	const struct module *nt = fs->modules.list.n ? module_nt(&fs->modules) : NULL;

	if (!nt || dump_is_virtual(fs->dump) || vm_pointer_size(fs->vm) != 8 ||
	    (said.present && kernel_kdbg_at(fs->vm, said.v, nt->base)))
		return FS_OK;
	fs->kdbg = malloc(KERNEL_KDBG_BYTES);
	if (!fs->kdbg)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	if (!decode(fs, nt, fs->kdbg)) {
		free(fs->kdbg);
		fs->kdbg = NULL;
		return FS_OK;
	}
	if (fs->modules.unloaded.n == 0)
		modules_read_unloaded_at(&fs->reader, load_u64(fs->kdbg + KDBG_UNLOADED),
					 &fs->modules);
	return session_unloaded(fs, err);
}
