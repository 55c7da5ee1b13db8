/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processors by the registers that a container has of them (QEMU, VMware): which of Windows'
 * processors each is, where it stood, and its stack. And how many there are, where no header
 * says it.
 */
#include <inttypes.h>

#include "base/cursor.h"
#include "module/kernel.h"
#include "nt/nt.h"
#include "session_stack.h"

enum {
	KPCR_PRCB = 0x180,   /* _KPCR.Prcb of every public x64 PDB */
	KPCR32_PRCB = 0x120, /* _KPCR.PrcbData of every public x86 PDB */
	RPL = 3,	     /* of a selector: the ring (SDM vol. 3A, 3.4.2) */
	PSTATE_EL = 0xf,     /* ARM64's M[3:0]: 0 is EL0 */
	REGISTERS_MAX = 48,
};

enum fs_cpu_mode session_cpu_mode(const struct fltscope *fs, const struct dump_cpu *c)
{
	if (dump_info(fs->dump)->machine == DUMP_ARM64 && c->flags.present)
		return c->flags.v & PSTATE_EL ? FS_CPU_KERNEL : FS_CPU_USER;
	/* a null selector is no code's: the container does not really have it */
	if (c->cs.present && c->cs.v & ~(uint64_t)RPL)
		return (c->cs.v & RPL) == 0	? FS_CPU_KERNEL
		       : (c->cs.v & RPL) == RPL ? FS_CPU_USER
						: FS_CPU_MODE_UNKNOWN;
	if (!c->rip.present || !c->rsp.present)
		return FS_CPU_MODE_UNKNOWN;
	return vm_is_kernel_va(fs->vm, c->rip.v) ? FS_CPU_KERNEL : FS_CPU_USER;
}

bool session_cpu_regs(const struct fltscope *fs, const struct dump_cpu *c, struct unwind_regs *ret)
{
	size_t i;

	*ret = (struct unwind_regs){.ip = c->rip.v, .sp = c->rsp.v, .known = c->gprs};
	for (i = 0; i < DUMP_GPRS; i++)
		ret->gpr[i] = c->gpr[i];
	return c->rip.present && c->rsp.present && session_cpu_mode(fs, c) == FS_CPU_KERNEL &&
	       vm_is_kernel_va(fs->vm, ret->ip) && vm_is_kernel_va(fs->vm, ret->sp);
}

static bool leads_to(const struct dump_u64 *base, uint64_t prcb, uint64_t offset)
{
	return base->present && base->v && base->v == prcb - offset;
}

static bool is_kernel(const struct fltscope *fs, const struct dump_u64 *base)
{
	return base->present && vm_is_kernel_va(fs->vm, base->v);
}

enum session_whose session_cpu_whose(const struct fltscope *fs, const struct dump_cpu *c,
				     uint64_t prcb)
{
	enum dump_machine m = dump_info(fs->dump)->machine;

	/* In kernel mode GS leads to the KPCR, and in user mode, or before SWAPGS, the other one does.
	 * The one that is user mode's at the time proves nothing: code there may set it to anything
	 * (wrgsbase). */
	if (m == DUMP_X64 && prcb >= KPCR_PRCB) {
		bool own = session_cpu_mode(fs, c) != FS_CPU_USER && is_kernel(fs, &c->gs_base);
		const struct dump_u64 *base = own ? &c->gs_base : &c->kernel_gs_base;

		if (!is_kernel(fs, base))
			return CPU_NOT_KNOWN;
		return leads_to(base, prcb, KPCR_PRCB) ? CPU_ITS : CPU_ANOTHERS;
	}
	if (m == DUMP_X86 && prcb >= KPCR32_PRCB) {
		if (leads_to(&c->fs_base, prcb, KPCR32_PRCB))
			return CPU_ITS;
		return is_kernel(fs, &c->fs_base) ? CPU_ANOTHERS : CPU_NOT_KNOWN;
	}
	return CPU_NOT_KNOWN;
}

/* --- for those who ask ------------------------------------------------------------------ */

static void add(struct fs_registers *r, const char *name, bool present, uint64_t v)
{
	if (present && r->n < REGISTERS_MAX)
		r->reg[r->n++] = (struct fs_register){name, v};
}

static void add_gprs(struct fs_registers *r, const struct dump_cpu *c, const char *const *names,
		     const uint8_t *order, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		add(r, names[i], c->gprs >> order[i] & 1, c->gpr[order[i]]);
}

/* In the order in which WinDbg's r has them. */
static void name_x86(struct fs_registers *r, const struct dump_cpu *c, bool wide)
{
	static const char *const x64[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi"};
	static const char *const x86[] = {"eax", "ebx", "ecx", "edx", "esi", "edi"};
	static const char *const more[] = {"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};
	static const uint8_t order[] = {0, 3, 1, 2, 6, 7}, bp[] = {5},
			     high[] = {8, 9, 10, 11, 12, 13, 14, 15};
	static const char *const rbp[] = {"rbp"}, *const ebp[] = {"ebp"};

	add_gprs(r, c, wide ? x64 : x86, order, 6);
	add(r, wide ? "rip" : "eip", c->rip.present, c->rip.v);
	add(r, wide ? "rsp" : "esp", c->rsp.present, c->rsp.v);
	add_gprs(r, c, wide ? rbp : ebp, bp, 1);
	if (wide)
		add_gprs(r, c, more, high, 8);
	add(r, "cs", c->cs.present, c->cs.v);
	add(r, "efl", c->flags.present, c->flags.v);
}

static void name_arm64(struct fs_registers *r, const struct dump_cpu *c)
{
	static const char *const names[DUMP_GPRS] = {
		"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",	 "x7",	"x8",  "x9",  "x10",
		"x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
		"x22", "x23", "x24", "x25", "x26", "x27", "x28", "fp",	"lr"};
	size_t i;

	for (i = 0; i < DUMP_GPRS; i++)
		add(r, names[i], c->gprs >> i & 1, c->gpr[i]);
	add(r, "sp", c->rsp.present, c->rsp.v);
	add(r, "pc", c->rip.present, c->rip.v);
	add(r, "psr", c->flags.present, c->flags.v);
}

static bool one_processor(struct fltscope *fs, const struct dump_cpu *c, struct fs_registers *r)
{
	struct fs_value ip = model_none();

	*r = (struct fs_registers){.processor = c->number, .from = c->from};
	r->reg = arena_alloc(&fs->arena, REGISTERS_MAX * sizeof(*r->reg));
	if (!r->reg)
		return false;
	if (dump_info(fs->dump)->machine == DUMP_ARM64)
		name_arm64(r, c);
	else
		name_x86(r, c, dump_info(fs->dump)->machine == DUMP_X64);
	add(r, "cr3", c->cr3.present, c->cr3.v);
	add(r, "cr4", c->cr4.present, c->cr4.v);
	add(r, "gsbase", c->gs_base.present, c->gs_base.v);
	add(r, "kgsbase", c->kernel_gs_base.present, c->kernel_gs_base.v);
	add(r, "idtr", c->idt_base.present, c->idt_base.v);
	if (c->rip.present) {
		ip.v = c->rip.v;
		ip.state = FS_READ;
	}
	r->ip = nt_code(&fs->builder, &fs->modules, ip);
	r->mode = fs->vm ? session_cpu_mode(fs, c) : FS_CPU_MODE_UNKNOWN;
	return true;
}

enum fs_status session_registers(struct fltscope *fs, struct fs_error *err)
{
	struct fs_dump *d = &fs->model.dump;
	size_t i, n = dump_cpu_count(fs->dump);

	if (n == 0)
		return FS_OK;
	d->registers = arena_alloc(&fs->arena, n * sizeof(*d->registers));
	for (i = 0; d->registers && i < n; i++) {
		struct dump_cpu c = dump_cpu_at(fs->dump, i);

		if (!one_processor(fs, &c, &d->registers[i]))
			break;
		d->nregisters++;
	}
	return d->nregisters == n ? FS_OK
				  : fs_fail(err, FS_NO_MEMORY, "no memory for the registers");
}

/* --- stacks ----------------------------------------------------------------------------- */

static size_t claimants(const struct fltscope *fs, uint64_t prcb)
{
	size_t i, n = 0;

	for (i = 0; i < dump_cpu_count(fs->dump); i++) {
		struct dump_cpu c = dump_cpu_at(fs->dump, i);

		n += session_cpu_whose(fs, &c, prcb) == CPU_ITS;
	}
	return n;
}

/* Windows' processor; NULL: its KPCR does not tell, or more than one claims to be that. */
static const struct fs_processor *windows_processor(const struct fltscope *fs,
						    const struct dump_cpu *c)
{
	size_t i;

	for (i = 0; i < fs->model.nprocessors; i++) {
		const struct fs_processor *p = &fs->model.processors[i];

		if (session_cpu_whose(fs, c, p->prcb) == CPU_ITS)
			return claimants(fs, p->prcb) == 1 ? p : NULL;
	}
	return NULL;
}

/* Where it stands: on a thread's stack, or on that of an interrupt of the thread that runs there.
 */
static int32_t stands_on(const struct fltscope *fs, const struct dump_cpu *c)
{
	const struct fs_processor *p = windows_processor(fs, c);
	int32_t t = fs_thread_of_stack(&fs->model, c->rsp.v);

	return t >= 0 || !p ? t : p->thread;
}

/* A container numbers its processors as it likes: Windows' number where it is known. */
static uint32_t number_of(const struct fltscope *fs, const struct dump_cpu *c)
{
	const struct fs_processor *p = windows_processor(fs, c);

	return p ? p->number : c->number;
}

static enum fs_status by_number(const struct fltscope *fs, int64_t number, struct dump_cpu *ret,
				struct unwind_regs *regs, struct fs_error *err)
{
	size_t i, n = dump_cpu_count(fs->dump);

	for (i = 0; i < n; i++) {
		*ret = dump_cpu_at(fs->dump, i);
		if (number_of(fs, ret) != (uint64_t)number)
			continue;
		if (session_cpu_regs(fs, ret, regs))
			return FS_OK;
		if (session_cpu_mode(fs, ret) == FS_CPU_USER)
			return fs_fail(err, FS_NOT_FOUND,
				       "processor %" PRId64 " was in user mode, at 0x%" PRIx64
				       ": no kernel stack is in use on it",
				       number, ret->rip.v);
		return fs_fail(err, FS_NOT_FOUND,
			       "processor %" PRId64 ": its %s has no instruction and stack pointer "
			       "of kernel mode",
			       number, ret->from ? ret->from : "notes");
	}
	return fs_fail(err, FS_NOT_FOUND,
		       "there are no registers of a processor %" PRId64
		       ": the container has those of %zu",
		       number, n);
}

/* The first one that was in kernel mode and not idle; else the first one in kernel mode. */
static enum fs_status any_cpu(const struct fltscope *fs, struct dump_cpu *ret,
			      struct unwind_regs *regs, struct fs_error *err)
{
	size_t i, n = dump_cpu_count(fs->dump);
	unsigned idle;

	for (idle = 0; idle < 2; idle++)
		for (i = 0; i < n; i++) {
			int32_t t;

			*ret = dump_cpu_at(fs->dump, i);
			if (!session_cpu_regs(fs, ret, regs))
				continue;
			t = stands_on(fs, ret);
			if (idle || (t >= 0 && !fs_thread_is_idle(&fs->model, (size_t)t)))
				return FS_OK;
		}
	return fs_fail(
		err, FS_NOT_FOUND,
		"none of the %zu processors was in kernel mode: give a thread (`running` names "
		"those that ran)",
		n);
}

static enum fs_status container_stack(struct fltscope *fs, int64_t number, struct fs_stack *ret,
				      struct fs_standing *at, struct fs_error *err)
{
	struct unwind_regs regs;
	struct dump_cpu c;
	enum fs_status st =
		number < 0 ? any_cpu(fs, &c, &regs, err) : by_number(fs, number, &c, &regs, err);

	if (st != FS_OK)
		return st;
	*at = (struct fs_standing){.processor = (int32_t)number_of(fs, &c), .from = c.from};
	at->thread = stands_on(fs, &c);
	return session_walk_regs(fs, &regs, at->thread, ret, err);
}

/* Of dumps that a bug check wrote: what the processor stored of itself. */
static enum fs_status stored_stack(struct fltscope *fs, int64_t number, struct fs_stack *ret,
				   struct fs_standing *at, struct fs_error *err)
{
	uint8_t b[CONTEXT_BYTES];
	const struct fs_processor *p = NULL;
	size_t i, n = 0;

	for (i = 0; i < fs->model.nprocessors; i++)
		if (fs->model.processors[i].number == (uint64_t)number)
			p = &fs->model.processors[i];
	if (!p || !p->prcb)
		return fs_fail(err, FS_NOT_FOUND,
			       "processor %" PRId64 " is none of the %zu whose KPRCB was read",
			       number, fs->model.nprocessors);
	*at = (struct fs_standing){.processor = (int32_t)number, .from = "KPRCB.Context"};
	at->thread = p->thread;
	/* the one that wrote the dump is in the header */
	if (p->thread >= 0 && fltscope_current_thread(fs) == p->thread &&
	    dump_context(fs->dump, b, sizeof(b), &n, NULL) == FS_OK) {
		at->from = "header's CONTEXT";
		return session_walk_context(fs, b, n, ret, err);
	}
	if (!session_stored_context(fs, p->prcb, b))
		return fs_fail(err, FS_NOT_FOUND,
			       "processor %" PRId64
			       ": the CONTEXT that its KPRCB leads to is not in the dump, or "
			       "KdDebuggerDataBlock does not say where it is",
			       number);
	return session_walk_context(fs, b, session_context_bytes(fs), ret, err);
}

enum fs_status fltscope_processor_stack(struct fltscope *fs, int64_t number, struct fs_stack *ret,
					struct fs_standing *ret_at, struct fs_error *err)
{
	enum fs_status st = session_unwinder(fs, true, err);

	if (st != FS_OK)
		return st;
	session_stack_forget(fs);
	if (number > INT32_MAX)
		return fs_fail(err, FS_INVALID, "there is no processor %" PRId64, number);
	if (dump_cpu_count(fs->dump) > 0)
		return container_stack(fs, number, ret, ret_at, err);
	if (number < 0 || dump_info(fs->dump)->dump_type == 0)
		return fs_fail(err, FS_NOT_FOUND,
			       "the dump has no registers of %s: give a thread (`running` names "
			       "those that ran)",
			       number < 0 ? "any processor" : "its processors");
	return stored_stack(fs, number, ret, ret_at, err);
}

/* --- how many --------------------------------------------------------------------------- */

bool session_processors_sane(const struct dump_info *info)
{
	return info->processors.v > 0 && info->processors.v <= KERNEL_PROCESSORS_MAX;
}

/* A sane count beside another: the processors that both count are there. */
static void two_counts(struct fltscope *fs, uint32_t said, uint32_t n)
{
	const struct dump_learned l = {.processors = {n, true}};

	dump_note_add(fs->dump,
		      "%" PRIu32 " processors by the %s, %" PRIu32
		      " by KUSER_SHARED_DATA.ActiveProcessorCount: %" PRIu32 " is used",
		      said, dump_info(fs->dump)->dump_type ? "header" : "container", n,
		      n < said ? n : said);
	if (n < said)
		dump_learn(fs->dump, &l);
}

void session_count_processors(struct fltscope *fs)
{
	const struct dump_u32 said = dump_info(fs->dump)->processors;
	struct dump_learned l = {0};
	uint32_t n;

	if (!fs->vm || vm_levels(fs->vm) == 0 || !kernel_processor_count(fs->vm, &n))
		return;
	if (said.present && session_processors_sane(dump_info(fs->dump))) {
		if (n != said.v)
			two_counts(fs, said.v, n);
		return;
	}
	l.processors = (struct dump_u32){n, true};
	if (said.present)
		dump_note_add(fs->dump,
			      "NumberProcessors 0x%" PRIx32 " of the header is no number of "
			      "processors: %" PRIu32
			      " is used, by KUSER_SHARED_DATA.ActiveProcessorCount",
			      said.v, n);
	else
		dump_note_add(fs->dump,
			      "%" PRIu32 " processors by KUSER_SHARED_DATA.ActiveProcessorCount",
			      n);
	dump_learn(fs->dump, &l);
}
