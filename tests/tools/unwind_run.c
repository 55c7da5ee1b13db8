/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unwind_run IMAGE: runs every exported run_* of an x64 image, instruction by instruction, and
 * unwinds at each of them. The truth is what the processor did: each call that was run put a
 * return address on the stack, each return took one off.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ucontext.h>

#include "base/cursor.h"
#include "code/insn.h"
#include "unwind_image.h"

enum { STACK = 4 << 20, DEPTH = 256, HOST_STACK = 1 << 20, MAX_FAILURES = 20, ENOUGH = 40 };

static struct {
	struct test_image image;
	struct unwind *u;
	struct insn_decoder *decoder;
	struct {
		uint64_t ret, slot;
	} shadow[DEPTH]; /* outermost first */
	size_t depth;
	struct insn last;
	bool have_last;
	uint64_t enter, entry, leave, back; /* of the made-up interrupt */
	const char *name;
	unsigned long checked, failures;
	uint8_t *visited; /* by RVA */
	sigjmp_buf home;
} T;

static bool is_exempt(uint64_t ip)
{
	static bool within;

	/* from where an interrupt is made up to its handler; where it is given up */
	if (T.enter && ip == T.enter)
		within = true;
	if (T.entry && ip == T.entry)
		within = false;
	if (T.leave && ip == T.leave)
		within = true;
	if (T.back && ip == T.back)
		within = false;
	return within && ip != T.enter;
}

/* What the instruction before did to the chain of callers. */
static void follow(uint64_t ip, uint64_t sp)
{
	if (T.have_last && T.last.op == INSN_CALL) {
		T.shadow[T.depth].ret = load_u64((void *)(uintptr_t)sp);
		T.shadow[T.depth++].slot = sp;
	} else if (T.have_last && T.last.op == INSN_RETURN) {
		T.depth--;
	}
	if (T.entry && ip == T.entry) {
		T.shadow[T.depth].ret = load_u64((void *)(uintptr_t)(sp + 8));
		T.shadow[T.depth++].slot = sp + 8;
	}
	if (T.back && ip == T.back && T.depth && T.shadow[T.depth - 1].ret == T.back)
		T.depth--;
	T.have_last = insn_decode(T.decoder, (void *)(uintptr_t)ip, 15, ip, &T.last);
}

static void fail(uint64_t ip, const char *what, const struct unwind_trace *t)
{
	size_t i;

	if (T.failures++ >= MAX_FAILURES)
		return;
	printf("not ok - %s at +0x%llx: %s\n", T.name, (unsigned long long)(ip - T.image.base),
	       what);
	for (i = 0; i < t->frames.n; i++)
		printf("#   %llx sp %llx ret %llx at %llx how %d\n",
		       (unsigned long long)t->frames.v[i].ip, (unsigned long long)t->frames.v[i].sp,
		       (unsigned long long)t->frames.v[i].ret,
		       (unsigned long long)t->frames.v[i].ret_at, t->frames.v[i].how);
	for (i = T.depth; i-- > 0;)
		printf("#   true: ret %llx at %llx\n", (unsigned long long)T.shadow[i].ret,
		       (unsigned long long)T.shadow[i].slot);
	printf("#   end %d: %s\n", t->end, t->why.text);
}

static void check(uint64_t ip, const greg_t *g)
{
	static const int regs[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
				     REG_RSI, REG_RDI, REG_R8,	REG_R9,	 REG_R10, REG_R11,
				     REG_R12, REG_R13, REG_R14, REG_R15};
	struct unwind_stack stack = {.segment = {{T.image.stack_low, T.image.stack_high}},
				     .n = 1,
				     .first = T.image.stack_high};
	struct unwind_start start = {.exact = true};
	struct unwind_trace t;
	size_t i;

	for (i = 0; i < 16; i++)
		start.regs.gpr[i] = (uint64_t)g[regs[i]];
	start.regs.known = 0xffff;
	start.regs.ip = ip;
	start.regs.sp = (uint64_t)g[REG_RSP];
	T.checked++;
	T.visited[ip - T.image.base]++;
	if (unwind_walk(T.u, &stack, &start, &t, NULL) != FS_OK)
		exit(2);
	if (t.end != FS_STACK_BOTTOM)
		fail(ip, "did not end at the bottom", &t);
	else if (t.frames.n != T.depth)
		fail(ip, "another number of frames", &t);
	else
		for (i = 0; i < t.frames.n; i++)
			if (t.frames.v[i].ret != T.shadow[T.depth - 1 - i].ret ||
			    t.frames.v[i].ret_at != T.shadow[T.depth - 1 - i].slot ||
			    t.frames.v[i].how == FS_FRAME_SCANNED) {
				fail(ip, "another caller", &t);
				break;
			}
	unwind_trace_deinit(&t);
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	const greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
	uint64_t ip = (uint64_t)g[REG_RIP];

	(void)info;
	if (sig != SIGTRAP) {
		printf("not ok - %s: signal %d at %llx\n", T.name, sig, (unsigned long long)ip);
		T.failures++;
		siglongjmp(T.home, 1);
	}
	if (ip == 0) /* the outermost function returned */
		siglongjmp(T.home, 1);
	if (ip < T.image.base || ip - T.image.base >= T.image.size)
		return;
	follow(ip, (uint64_t)g[REG_RSP]);
	/* of a loop, some rounds are enough */
	if (!is_exempt(ip) && T.visited[ip - T.image.base] < ENOUGH)
		check(ip, g);
}

/* On a stack of its own, to return to address 0; every instruction traps (EFLAGS.TF). */
static void run(uint64_t function, uint64_t argument)
{
	uint64_t top = T.image.stack_high - 0x100;

	*(uint64_t *)(uintptr_t)(top - 8) = 0;
	T.depth = 1;
	T.shadow[0].ret = 0;
	T.shadow[0].slot = top - 8;
	T.have_last = false;
	if (sigsetjmp(T.home, 1))
		return;
	__asm__ volatile("mov %0, %%rsp\n\t"
			 "mov %1, %%rax\n\t"
			 "pushfq\n\t"
			 "orq $0x100, (%%rsp)\n\t"
			 "popfq\n\t"
			 "jmp *%%rax"
			 :
			 : "r"(top - 8), "r"(function), "c"(argument)
			 : "memory", "rax");
	__builtin_unreachable();
}

/* Every instruction of every function in .pdata: how many, and how many were run. */
static void coverage(void)
{
	const struct test_image *m = &T.image;
	unsigned long all = 0, seen = 0;
	uint32_t i, at;
	struct insn in;

	for (i = 0; i + 12 <= m->table_size; i += 12) {
		uint32_t begin = load_u32(m->bytes + m->table_rva + i);
		uint32_t end = load_u32(m->bytes + m->table_rva + i + 4);

		for (at = begin; at < end; at += in.size) {
			if (!insn_decode(T.decoder, m->bytes + at, 15, m->base + at, &in))
				break;
			all++;
			seen += T.visited[at] != 0;
		}
	}
	printf("run: %lu instructions, %lu of %lu in .pdata, %lu failures\n", T.checked, seen, all,
	       T.failures);
}

int main(int argc, char **argv)
{
	struct unwind_memory mem = test_image_memory(&T.image);
	struct sigaction sa = {.sa_sigaction = on_trap,
			       .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	stack_t alt = {.ss_size = HOST_STACK, .ss_sp = malloc(HOST_STACK)};
	uint64_t va;
	uint32_t i, k;
	void *stack;

	if (argc != 2)
		return 2;
	test_image_load(&T.image, argv[1], true);
	T.visited = calloc(1, T.image.size);
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	T.image.stack_low = (uint64_t)(uintptr_t)stack;
	T.image.stack_high = T.image.stack_low + STACK;
	T.enter = test_image_symbol(&T.image, "trap_enter");
	T.entry = test_image_symbol(&T.image, "trap_entry");
	T.leave = test_image_symbol(&T.image, "trap_leave");
	T.back = test_image_symbol(&T.image, "trap_back");
	if (!T.visited || stack == MAP_FAILED || sigaltstack(&alt, NULL) != 0 ||
	    sigaction(SIGTRAP, &sa, NULL) != 0 || sigaction(SIGSEGV, &sa, NULL) != 0 ||
	    sigaction(SIGILL, &sa, NULL) != 0 ||
	    insn_decoder_create(INSN_X64, &T.decoder, NULL) != FS_OK ||
	    unwind_create(UNWIND_X64, &mem, &T.u, NULL) != FS_OK)
		return 2;
	for (i = 0; (T.name = test_image_export(&T.image, i, &va)) != NULL; i++)
		for (k = 0; k < 3 && strncmp(T.name, "run_", 4) == 0; k++)
			run(va, k == 0 ? 5 : k - 1);
	coverage();
	unwind_destroy(T.u);
	insn_decoder_destroy(T.decoder);
	free(T.visited);
	free(alt.ss_sp);
	return T.failures != 0;
}
