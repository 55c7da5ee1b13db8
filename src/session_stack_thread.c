/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a thread's stack lies, and where it stands. */
#include <inttypes.h>
#include <string.h>

#include "base/cursor.h"
#include "session_stack.h"

enum {
	STACK_BYTES_MAX = 1 << 20, /* no kernel stack comes near; the largest is 0x18000 */
	UNKNOWN_BYTES = 0x6000,	   /* of a stack that is no thread's: DPC and interrupt stacks */
	PAGE = 4096,
	CONTROL_BYTES = 0x60,
	/* _KSWITCH_FRAME (nt-frames-and-flags.txt): agreed by every public header */
	X64_SWITCH_RBP = 0x30,
	X64_SWITCH_RETURN = 0x38,
	X64_SWITCH_BYTES = 0x40,
	ARM64_SWITCH_FP = 0x10,
	ARM64_SWITCH_RETURN = 0x18,
	ARM64_SWITCH_BYTES = 0x20,
	/* ReactOS' KSWITCHFRAME {ExceptionList, ApcBypass, RetAddr}, and behind it the EBP that
	 * KiSwapContext saved: believed as far as both hold by themselves */
	X86_SWITCH_RETURN = 8,
	X86_SWITCH_EBP = 0xc,
	X86_SWITCH_BYTES = 0x10,
	X86_CONTEXT_BYTES = 0x2cc,
	KDBG_TAG = 0x10, /* OwnerTag */
	KDBG_PRCB_CONTEXT = 0x338,
	THREAD_TERMINATED = 4, /* KTHREAD_STATE */
	THREAD_INITIALIZED = 0,
	RBP = 5,
	FP = 29,
	LR = 30,
};

#define KDBG_TAG_VALUE 0x4742444bu /* "KDBG": plain, not scrambled */

/* --- registers ------------------------------------------------------------------- */

size_t session_context_bytes(const struct fltscope *fs)
{
	return dump_info(fs->dump)->machine == DUMP_X86 ? X86_CONTEXT_BYTES : CONTEXT_BYTES;
}

/* In the order of the encoding: Eax 0xb0, Ecx, Edx 0xa8, Ebx 0xa4, Esp 0xc4, Ebp 0xb4, Esi 0xa0,
 * Edi 0x9c; Eip 0xb8. */
static void x86_regs(const uint8_t *b, struct unwind_regs *ret)
{
	static const uint8_t at[] = {0xb0, 0xac, 0xa8, 0xa4, 0xc4, 0xb4, 0xa0, 0x9c};
	size_t i;

	for (i = 0; i < sizeof(at); i++)
		ret->gpr[i] = load_u32(b + at[i]);
	ret->known = 0xff;
	ret->sp = load_u32(b + 0xc4);
	ret->ip = load_u32(b + 0xb8);
}

/* CONTEXT (winnt.h). x64: Rax at 0x78 and on in the order of the encoding, Rip 0xf8, flags
 * 0x30; ARM64: X0 at 8, Fp 0xf0, Lr 0xf8, Sp 0x100, Pc 0x108. */
bool session_context_regs(const struct fltscope *fs, const uint8_t *b, size_t n,
			  struct unwind_regs *ret)
{
	bool arm64 = dump_info(fs->dump)->machine == DUMP_ARM64;
	unsigned i, count = arm64 ? 31 : 16;

	if (n < 0x110)
		return false;
	memset(ret, 0, sizeof(*ret));
	if (dump_info(fs->dump)->machine == DUMP_X86) {
		x86_regs(b, ret);
		return vm_is_kernel_va(fs->vm, ret->sp);
	}
	for (i = 0; i < count; i++)
		ret->gpr[i] = load_u64(b + (arm64 ? 8 : 0x78) + 8u * i);
	ret->known = (uint32_t)((1ull << count) - 1);
	ret->sp = arm64 ? load_u64(b + 0x100) : ret->gpr[4];
	ret->ip = load_u64(b + (arm64 ? 0x108 : 0xf8));
	return vm_is_kernel_va(fs->vm, ret->sp);
}

/* --- where the stack lies ---------------------------------------------------------- */

static bool sane(const struct fltscope *fs, uint64_t low, uint64_t high)
{
	return low < high && high - low <= STACK_BYTES_MAX && vm_is_kernel_va(fs->vm, low) &&
	       vm_is_kernel_va(fs->vm, high - 1) && low % 8 == 0 && high % 8 == 0;
}

static void add_segment(struct unwind_stack *s, uint64_t low, uint64_t high)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (low < s->segment[i].high && s->segment[i].low < high)
			return;
	if (s->n < UNWIND_SEGMENTS_MAX)
		s->segment[s->n++] = (struct unwind_segment){low, high};
}

static uint64_t word_at(const struct fltscope *fs, const uint8_t *p)
{
	return vm_pointer_size(fs->vm) == 4 ? load_u32(p) : load_u64(p);
}

/*
 * A stack that was expanded (KeExpandKernelStackAndCallout) keeps at InitialStack what it was
 * before: a KERNEL_STACK_SEGMENT {StackBase, StackLimit, KernelStack, InitialStack} within the
 * control block. Where in it, only 7601's PDB says; but such a segment proves itself, and it
 * decides no more than what memory the unwind data may lead to.
 */
static bool previous(struct fltscope *fs, uint64_t initial, struct unwind_segment *ret,
		     uint64_t *ret_initial)
{
	size_t i, word = vm_pointer_size(fs->vm);
	uint8_t b[CONTROL_BYTES];

	if (vm_read(fs->vm, initial, b, sizeof(b), "KERNEL_STACK_CONTROL", NULL))
		return false;
	for (i = 0; i + 4 * word <= sizeof(b); i += word) {
		uint64_t high = word_at(fs, b + i), low = word_at(fs, b + i + word);
		uint64_t kernel = word_at(fs, b + i + 2 * word);
		uint64_t first = word_at(fs, b + i + 3 * word);

		if (!sane(fs, low, high) || low % PAGE || high % PAGE || kernel < low ||
		    kernel >= first || first > high || first % 16)
			continue;
		if (initial >= low && initial <= high) /* the current one */
			continue;
		*ret = (struct unwind_segment){low, high};
		*ret_initial = first;
		return true;
	}
	return false;
}

static bool find_stack(struct fltscope *fs, const struct fs_thread *t, struct unwind_stack *s)
{
	uint64_t initial = fs_is_read(&t->initial_stack) ? t->initial_stack.v : 0;
	uint64_t high = fs_is_read(&t->stack_base) ? t->stack_base.v : initial;
	const struct module *nt = module_nt(&fs->modules);
	struct unwind_segment more;

	*s = (struct unwind_stack){.first_image = nt ? nt->base : 0};
	if (!fs_is_read(&t->stack_limit) || !sane(fs, t->stack_limit.v, high))
		return false;
	add_segment(s, t->stack_limit.v, high);
	s->first = initial > t->stack_limit.v && initial <= high ? initial : high;
	while (initial && s->n < UNWIND_SEGMENTS_MAX && previous(fs, initial, &more, &initial)) {
		size_t n = s->n;

		add_segment(s, more.low, more.high);
		if (s->n == n)
			break;
		s->first = initial;
	}
	return true;
}

/* --- the result ---------------------------------------------------------------------- */

static enum fs_status keep(struct fltscope *fs, const struct unwind_trace *t, struct fs_stack *ret,
			   struct fs_error *err)
{
	size_t i, n = t->frames.n;

	*ret = (struct fs_stack){.end = t->end, .unverified = t->unverified_slots};
	if (n) {
		ret->frame = arena_alloc(&fs->arena, n * sizeof(*ret->frame));
		if (!ret->frame)
			return fs_fail(err, FS_NO_MEMORY, "out of memory");
	}
	for (i = 0; i < n; i++) {
		const struct unwind_frame *f = &t->frames.v[i];

		ret->frame[i] = (struct fs_stack_frame){
			.sp = f->sp,
			.ip = session_stack_code(fs, f->ip),
			.ret = {.v = f->ret,
				.at = f->ret_at,
				.state = f->ret_known ? FS_READ : FS_NONE,
				.gap = -1},
			.how = f->how,
			.from_image = f->from_image,
			.function = f->function,
			.function_end = f->function_end,
		};
	}
	ret->n = n;
	if (t->end != FS_STACK_BOTTOM && t->end != FS_STACK_USER) {
		ret->why = arena_strdup(&fs->arena, t->why.text);
		if (!ret->why)
			return fs_fail(err, FS_NO_MEMORY, "out of memory");
	}
	return FS_OK;
}

static enum fs_status walk(struct fltscope *fs, const struct unwind_stack *s,
			   const struct unwind_start *start, struct fs_stack *ret,
			   struct fs_error *err)
{
	struct unwind_trace t;
	enum fs_status st = unwind_walk(fs->stacks->unwind, s, start, &t, err);

	if (st == FS_OK)
		st = keep(fs, &t, ret, err);
	unwind_trace_deinit(&t);
	return st;
}

static void without(struct fs_stack *ret, enum fs_stack_end end, const char *why)
{
	*ret = (struct fs_stack){.end = end, .why = why};
}

/* --- where it stands ------------------------------------------------------------------- */

/* What the switch to another thread left: the frame at KernelStack. A return address that is
 * nt's and stands behind a call is believed, with the frame register beside it. */
static void switch_frame(struct fltscope *fs, uint64_t kernel_stack, struct unwind_start *start)
{
	static const struct {
		uint8_t bytes, ret, fp, fp_register, after;
	} form[] = {
		[DUMP_X64] = {X64_SWITCH_BYTES, X64_SWITCH_RETURN, X64_SWITCH_RBP, RBP,
			      X64_SWITCH_BYTES},
		[DUMP_X86] = {X86_SWITCH_BYTES, X86_SWITCH_RETURN, X86_SWITCH_EBP, RBP,
			      X86_SWITCH_EBP},
		[DUMP_ARM64] = {ARM64_SWITCH_BYTES, ARM64_SWITCH_RETURN, ARM64_SWITCH_FP, FP,
				ARM64_SWITCH_BYTES},
	};
	const struct module *nt = module_nt(&fs->modules);
	uint8_t b[X64_SWITCH_BYTES];
	uint64_t ip;
	bool file = false;
	size_t m = dump_info(fs->dump)->machine;

	*start = (struct unwind_start){.regs = {.sp = kernel_stack}, .no_ip = true};
	if (vm_read(fs->vm, kernel_stack, b, form[m].bytes, "KSWITCH_FRAME", NULL))
		return;
	ip = word_at(fs, b + form[m].ret);
	if (form[m].fp_register == FP)
		ip = unwind_strip_pac(ip);
	if (!nt || module_at(&fs->modules, ip) != nt ||
	    !unwind_is_call_site(fs->stacks->unwind, ip) ||
	    (m == DUMP_X86 && unwind_call_before(fs->stacks->unwind, ip, &file) != 1))
		return;
	start->no_ip = false;
	start->regs.ip = ip;
	start->regs.sp = kernel_stack + form[m].after;
	start->regs.gpr[form[m].fp_register] = word_at(fs, b + form[m].fp);
	start->regs.known = 1u << form[m].fp_register;
}

/*
 * What a processor stored of itself when the system was stopped: KPRCB.Context leads to it, and
 * KDDEBUGGER_DATA64.OffsetPrcbContext (wdbgexts.h, at 0x338; QEMU's win_dump.c fills it the same
 * way) says where that pointer is.
 */
bool session_stored_context(struct fltscope *fs, uint64_t prcb, uint8_t *b)
{
	struct dump_u64 kdbg = dump_info(fs->dump)->kd_debugger_data_block;
	uint8_t raw[2], pointer[8];
	uint64_t context;
	uint32_t tag;

	if (!prcb || !kdbg.present || vm_read_u32(fs->vm, kdbg.v + KDBG_TAG, &tag, "KDBG", NULL) ||
	    tag != KDBG_TAG_VALUE ||
	    vm_read(fs->vm, kdbg.v + KDBG_PRCB_CONTEXT, raw, sizeof(raw), "KDBG", NULL) ||
	    !load_u16(raw) ||
	    vm_read(fs->vm, prcb + load_u16(raw), pointer, vm_pointer_size(fs->vm), "KPRCB.Context",
		    NULL))
		return false;
	context = word_at(fs, pointer);
	return vm_is_kernel_va(fs->vm, context) &&
	       vm_read(fs->vm, context, b, session_context_bytes(fs), "CONTEXT", NULL) == FS_OK;
}

static bool within(const struct unwind_stack *s, uint64_t sp)
{
	return sp >= s->segment[0].low && sp < s->segment[0].high;
}

static bool on_stack(const struct fltscope *fs, const uint8_t *b, size_t n,
		     const struct unwind_stack *s, struct unwind_start *start)
{
	return session_context_regs(fs, b, n, &start->regs) && within(s, start->regs.sp);
}

static uint64_t prcb_of(const struct fltscope *fs, size_t thread)
{
	uint64_t prcb = 0;
	size_t i;

	for (i = 0; i < fs->model.nprocessors; i++)
		if (fs->model.processors[i].thread == (int32_t)thread)
			prcb = fs->model.processors[i].prcb;
	return prcb;
}

enum found { FOUND_NOT, FOUND, FOUND_IN_USER_MODE };

static enum found stands_here(const struct fltscope *fs, const struct dump_cpu *c,
			      const struct unwind_stack *s, bool its, struct unwind_regs *ret)
{
	if (session_cpu_regs(fs, c, ret) && within(s, ret->sp))
		return FOUND;
	return its && c->rip.present && !vm_is_kernel_va(fs->vm, c->rip.v) &&
			       session_cpu_mode(fs, c) == FS_CPU_USER
		       ? FOUND_IN_USER_MODE
		       : FOUND_NOT;
}

/* A container's: those of the thread's own processor, when it is known which that is. Else those
 * that stand on this stack and are no other processor's; of two that do, one does not tell. */
static enum found container_regs(const struct fltscope *fs, uint64_t prcb,
				 const struct unwind_stack *s, struct unwind_regs *ret)
{
	struct unwind_regs regs, own_regs = {0};
	enum found found = FOUND_NOT, own = FOUND_NOT;
	size_t i, n = 0, its = 0;

	for (i = 0; i < dump_cpu_count(fs->dump); i++) {
		struct dump_cpu c = dump_cpu_at(fs->dump, i);
		enum session_whose whose = prcb ? session_cpu_whose(fs, &c, prcb) : CPU_NOT_KNOWN;

		if (whose == CPU_ITS && ++its == 1)
			own = stands_here(fs, &c, s, true, &own_regs);
		if (whose != CPU_NOT_KNOWN || stands_here(fs, &c, s, false, &regs) != FOUND)
			continue;
		*ret = regs;
		found = ++n == 1 ? FOUND : FOUND_NOT;
	}
	if (its == 0)
		return found;
	/* two that claim to be one processor: which is it, nothing tells */
	*ret = own_regs;
	return its == 1 ? own : FOUND_NOT;
}

/* The registers of the processor that it runs on: the header's, when they stand on this stack,
 * else what the processor stored; of a machine that nothing stopped, the container's alone (what
 * KPRCB.Context leads to is of another moment then). */
static enum found running_regs(struct fltscope *fs, size_t thread, const struct unwind_stack *s,
			       struct unwind_start *start)
{
	uint8_t b[CONTEXT_BYTES];
	uint64_t prcb = prcb_of(fs, thread);
	size_t n = 0;

	*start = (struct unwind_start){.exact = true};
	if (dump_cpu_count(fs->dump) > 0)
		return container_regs(fs, prcb, s, &start->regs);
	if (dump_context(fs->dump, b, sizeof(b), &n, NULL) == FS_OK && on_stack(fs, b, n, s, start))
		return FOUND;
	return dump_info(fs->dump)->dump_type && session_stored_context(fs, prcb, b) &&
			       on_stack(fs, b, session_context_bytes(fs), s, start)
		       ? FOUND
		       : FOUND_NOT;
}

static enum fs_status walk_running(struct fltscope *fs, size_t thread, const struct unwind_stack *s,
				   struct fs_error *err)
{
	struct fs_thread *t = &fs->model.threads[thread];
	struct unwind_start start;

	switch (running_regs(fs, thread, s, &start)) {
	case FOUND:
		return walk(fs, s, &start, &t->stack, err);
	case FOUND_IN_USER_MODE:
		without(&t->stack, FS_STACK_USER, "it runs in user mode: its kernel stack is empty");
		break;
	case FOUND_NOT:
		without(&t->stack, FS_STACK_RUNNING,
			dump_cpu_count(fs->dump)
				? "it runs, and none of the container's registers is known to be "
				  "its processor's"
				: "it runs, and its processor's registers are not in the dump");
		break;
	}
	return FS_OK;
}

enum fs_status session_walk_thread(struct fltscope *fs, size_t thread, struct fs_error *err)
{
	struct fs_thread *t = &fs->model.threads[thread];
	struct unwind_start start;
	struct unwind_stack s;
	bool known = fs_is_read(&t->state);

	if (known && (t->state.v == THREAD_TERMINATED || t->state.v == THREAD_INITIALIZED)) {
		without(&t->stack, FS_STACK_NOT_LOOKED, "it does not run: it has no stack");
		return FS_OK;
	}
	if (!find_stack(fs, t, &s)) {
		without(&t->stack, FS_STACK_UNREADABLE, "where its stack lies is not known");
		return FS_OK;
	}
	if (t->processor >= 0 || (known && t->state.v == FS_THREAD_RUNNING))
		return walk_running(fs, thread, &s, err);
	if (!fs_is_read(&t->kernel_stack) || t->kernel_stack.v % vm_pointer_size(fs->vm) ||
	    t->kernel_stack.v < s.segment[0].low || t->kernel_stack.v >= s.segment[0].high) {
		without(&t->stack, FS_STACK_BROKEN, "KTHREAD.KernelStack is not on its stack");
		return FS_OK;
	}
	switch_frame(fs, t->kernel_stack.v, &start);
	return walk(fs, &s, &start, &t->stack, err);
}

enum fs_status session_walk_regs(struct fltscope *fs, const struct unwind_regs *regs,
				 int32_t interrupted, struct fs_stack *ret, struct fs_error *err)
{
	struct unwind_start start = {.exact = true, .regs = *regs};
	struct unwind_stack s = {.n = 0};
	uint64_t sp = regs->sp;
	int32_t t = fs_thread_of_stack(&fs->model, sp);

	if (t >= 0)
		(void)find_stack(fs, &fs->model.threads[t], &s);
	if (!unwind_is_on_stack(&s, sp)) {
		/* nobody's: an interrupt's or a DPC's, and then where it was interrupted */
		s = (struct unwind_stack){.n = 0};
		if (interrupted >= 0)
			(void)find_stack(fs, &fs->model.threads[interrupted], &s);
		add_segment(&s, sp & ~7ull,
			    sp + UNKNOWN_BYTES > sp ? (sp & ~7ull) + UNKNOWN_BYTES : sp);
	}
	return walk(fs, &s, &start, ret, err);
}

enum fs_status session_walk_context(struct fltscope *fs, const uint8_t *context, size_t n,
				    struct fs_stack *ret, struct fs_error *err)
{
	struct unwind_regs regs;

	if (!session_context_regs(fs, context, n, &regs))
		return fs_fail(err, FS_NOT_FOUND, "its stack pointer is no address of kernel mode");
	return session_walk_regs(fs, &regs, fltscope_current_thread(fs), ret, err);
}
