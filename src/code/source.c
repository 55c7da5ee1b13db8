/* SPDX-License-Identifier: BSD-2-Clause */
#include "code/source.h"

#include "vm/vm.h"

static enum fs_status read_vm(void *ctx, uint64_t va, void *buf, size_t n, struct fs_error *err)
{
	return vm_read(ctx, va, buf, n, "code", err);
}

enum fs_status code_source_vm(struct vm *vm, uint64_t begin, uint64_t end, struct code_source *ret,
			      struct fs_error *err)
{
	struct code_source s = {.read = read_vm, .ctx = vm, .begin = begin, .end = end};

	switch (dump_info(vm_dump(vm))->machine) {
	case DUMP_X64:
		s.machine = INSN_X64;
		break;
	case DUMP_X86:
		s.machine = INSN_X86;
		break;
	case DUMP_ARM64:
		s.machine = INSN_ARM64;
		break;
	case DUMP_MACHINE_UNKNOWN:
	default:
		return fs_fail(err, FS_UNSUPPORTED, "code of this machine is not disassembled");
	}
	*ret = s;
	return FS_OK;
}

/* What can be read of an instruction's bytes: *ret_n of them; cut: not all that were asked for. */
static enum fs_status read_bytes(const struct code_source *s, uint64_t va,
				 uint8_t bytes[INSN_MAX_BYTES], size_t *ret_n, bool *ret_cut,
				 struct fs_error *e)
{
	size_t n = INSN_MAX_BYTES;

	*ret_n = 0;
	*ret_cut = false;
	/* never past the end of the code: what lies there is not part of an instruction */
	if (va < s->begin || va >= s->end)
		return fs_fail_at(e, FS_INVALID, va, "code at 0x%llx: outside 0x%llx to 0x%llx",
				  (unsigned long long)va, (unsigned long long)s->begin,
				  (unsigned long long)s->end);
	if (n > s->end - va)
		n = (size_t)(s->end - va);
	if (s->read(s->ctx, va, bytes, n, e) != FS_OK) {
		if (!e->has_address || e->address <= va || e->address - va >= n)
			return e->status;
		n = (size_t)(e->address - va);
		*ret_cut = true;
	}
	*ret_n = n;
	return FS_OK;
}

enum fs_status code_readable(const struct code_source *s, uint64_t va, struct fs_error *err)
{
	uint8_t bytes[INSN_MAX_BYTES];
	struct fs_error e = {0};
	bool cut;
	size_t n;
	enum fs_status st = read_bytes(s, va, bytes, &n, &cut, &e);

	if (st != FS_OK && err)
		*err = e;
	return st;
}

enum fs_status code_decode(const struct code_source *s, struct insn_decoder *d, uint64_t va,
			   struct insn *ret, struct fs_error *err)
{
	uint8_t bytes[INSN_MAX_BYTES];
	struct fs_error e = {0};
	struct insn in;
	size_t n;
	bool cut;
	enum fs_status st = read_bytes(s, va, bytes, &n, &cut, &e);

	/* a whole instruction before what cannot be read is one; a beginning is none */
	if (st == FS_OK && (!insn_decode(d, bytes, n, va, &in) || (cut && in.op == INSN_DATA)))
		st = e.status;
	if (st == FS_OK)
		*ret = in;
	else if (err)
		*err = e;
	return st;
}
