/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Code for Windows whose stack is looked at while it runs (tests/tools/check_unwind.py):
 * every kind of frame that a compiler makes. Functions named run_* are run from their first
 * instruction to their last; what they compute does not matter.
 */
#define RUN	 __declspec(dllexport) __attribute__((noinline))
#define NOINLINE __attribute__((noinline))
#define OPAQUE(x) __asm__ volatile("" : "+r"(x))
#ifdef __aarch64__
#define CLOBBER_1 "d8", "d9", "d10", "d11"
#define CLOBBER_2 "d8", "x19", "x20", "x21", "x28"
#define CLOBBER_3 "d8", "d12", "x19", "x23"
#define va_of	  __builtin_va_list
#define va_begin  __builtin_va_start
#define va_finish __builtin_va_end
#define LARGE	  9000
#else
#define CLOBBER_1 "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm15"
#define CLOBBER_2 "xmm6", "xmm14", "rbx", "rsi", "rdi", "r12", "r15"
#define CLOBBER_3 "xmm6", "xmm9", "rbx", "r13", "r14"
#define va_of	  __builtin_ms_va_list
#define va_begin  __builtin_ms_va_start
#define va_finish __builtin_ms_va_end
#define LARGE	  100000
#endif

int _fltused = 0;
static volatile long sink;

NOINLINE long leaf(long a, long b)
{
	return a * 3 + b;
}

RUN long run_leaf(long a)
{
	return leaf(a, 1) + leaf(a, 2);
}

NOINLINE long middle(long a, long b, long c, long d, long e, long f)
{
	long x = leaf(a, b), y = leaf(c, d);

	return leaf(x + e, y + f) + a + b + c + d;
}

RUN long run_saved(long a)
{
	long b = middle(a, 1, 2, 3, 4, 5), c = middle(b, a, b, a, b, a), d = leaf(c, b);

	OPAQUE(d);
	return middle(a, b, c, d, a, b) + middle(d, c, b, a, d, c);
}

RUN long run_large(long a)
{
	volatile char big[LARGE];

	big[a & 7] = (char)leaf(a, 4);
	big[LARGE - 1] = 1;
	return middle(big[a & 7], 1, 2, 3, 4, 5);
}

RUN long run_frame_of_a_page(long a)
{
	volatile char some[4000];

	some[a & 1023] = 1;
	return leaf(some[a & 1023], 2);
}

NOINLINE long with_alloca(long n)
{
	volatile char *p = __builtin_alloca((unsigned long)n);
	long i, x = leaf(n, 1), y = leaf(x, n);

	for (i = 0; i < n; i += 16)
		p[i] = (char)i;
	return middle(p[0], x, y, x, n, i) + p[n - 1];
}

RUN long run_alloca(long a)
{
	return with_alloca(48) + with_alloca(a & 0) * 0 + with_alloca(6000);
}

NOINLINE double vectors(double a, double b)
{
	__asm__ volatile("" ::: CLOBBER_1);
	sink = leaf((long)a, (long)b);
	return a * b + 1.0;
}

RUN long run_vectors(long a)
{
	__asm__ volatile("" ::: CLOBBER_2);
	return (long)vectors((double)a, 2.0) + (long)vectors(3.0, (double)a);
}

NOINLINE double vectors_and_alloca(long n)
{
	volatile char *p = __builtin_alloca((unsigned long)n);

	__asm__ volatile("" ::: CLOBBER_3);
	p[n - 1] = 1;
	return vectors(p[n - 1], 2.0) + (double)leaf(n, n);
}

RUN long run_vectors_and_alloca(long a)
{
	return (long)vectors_and_alloca(333 + (a & 1));
}

RUN long run_recursion(long n)
{
	volatile long here = n;

	return n <= 0 ? here : run_recursion(n - 1) + here;
}

/* in tail position */
NOINLINE long tail_target(long a, long b)
{
	volatile long x = a;

	return leaf(x, b) + 1;
}

RUN long run_tail_call(long a)
{
	long b = leaf(a, 1);

	return tail_target(b, a);
}

static long (*volatile pointer)(long, long) = leaf;

NOINLINE long tail_pointer(long a)
{
	volatile long x = leaf(a, 9);

	return pointer(x, a);
}

RUN long run_pointers(long a)
{
	pointer = tail_target;
	sink = pointer(a, 3);
	pointer = leaf;
	return tail_pointer(a) + pointer(a, 1);
}

/* a table of jumps, several returns */
NOINLINE long choose(long a, long b)
{
	volatile long keep = b;

	switch (a) {
	case 0:
		return leaf(b, 1);
	case 1:
		return leaf(b, 2) + keep;
	case 2:
		sink = leaf(b, 7);
		return keep;
	case 3:
		return middle(a, b, keep, a, b, keep);
	case 4:
		return a;
	case 5:
		return tail_target(a, keep);
	default:
		return b;
	}
}

RUN long run_switch(long a)
{
	long i, n = 0;

	for (i = 0; i < 7; i++)
		n += choose(i, a);
	return n;
}

/* registers are saved on the slow path only: shrink wrapping */
RUN long run_shrink_wrapped(long a)
{
	static volatile long fast = 1;
	long i, n = 0;

	if (a == 0 && fast)
		return 0;
	for (i = 0; i < 3; i++)
		n += middle(i, a, n, i, a, n);
	return n;
}

RUN long run_shrink_wrapped_fast(long a)
{
	return run_shrink_wrapped(a & 0) + 1;
}

NOINLINE long many(const char *first, ...)
{
	va_of args;
	long n = 0, i;

	va_begin(args, first);
	for (i = 0; i < 6; i++)
		n += leaf(__builtin_va_arg(args, long), i);
	va_finish(args);
	return n;
}

RUN long run_variadic(long a)
{
	return many("x", a, 2L, a, 4L, 5L, a);
}

struct large {
	long v[40];
};

NOINLINE struct large by_value(struct large x, long a)
{
	x.v[a & 31] += leaf(a, 1);
	return x;
}

RUN long run_structs(long a)
{
	struct large x = {{1, 2, 3}}, y = by_value(x, a);

	return by_value(y, a + 1).v[3];
}

int DriverEntry(void)
{
	return 0;
}
