/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers out of one note. Truth: the order of registers in Linux's sys/user.h (x86, x86-64) and
 * asm/ptrace.h (ARM64), and of struct QEMUCPUState (QEMU, target/i386/arch_dump.c), written down
 * here by name; the encoding of registers as in the Intel SDM (vol. 2A, table 2-2). */
#include "base/cursor.h"
#include "dump/notes.h"
#include "support/core_bytes.h"
#include "support/test.h"

static const char *const user_x64[] = {"r15", "r14", "r13", "r12", "rbp",   "rbx", "r11",
				       "r10", "r9",  "r8",  "rax", "rcx",   "rdx", "rsi",
				       "rdi", "-",   "rip", "cs",  "flags", "rsp", "ss",
				       "fsb", "gsb", "ds",  "es",  "fs",    "gs"};
static const char *const user_x86[] = {"rbx", "rcx", "rdx",   "rsi", "rdi", "rbp",
				       "rax", "ds",  "es",    "fs",  "gs",  "-",
				       "rip", "cs",  "flags", "rsp", "ss"};
static const char *const qemu[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8",
				   "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rip", "flags"};
/* By their encoding. */
static const char *const encoding[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
				       "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

/* What was put at a name: its place, and something that no other note's register has. */
static uint64_t value_of(const char *const *names, size_t n, const char *name, uint64_t seed)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return seed + i;
	fail_msg("no register %s", name);
	return 0;
}

static void are_all(const struct dump_cpu *c, const char *const *names, size_t n, size_t gprs,
		    uint64_t seed)
{
	size_t i;

	assert_int_equal(c->gprs, (1u << gprs) - 1);
	for (i = 0; i < gprs; i++)
		assert_true(c->gpr[i] == value_of(names, n, encoding[i], seed));
	assert_true(c->rip.present && c->rip.v == value_of(names, n, "rip", seed));
	assert_true(c->rsp.present && c->rsp.v == value_of(names, n, "rsp", seed));
	assert_true(c->flags.present && c->flags.v == value_of(names, n, "flags", seed));
}

static void prstatus_of_x64(void **state)
{
	const size_t n = sizeof(user_x64) / sizeof(user_x64[0]);
	struct dump_cpu c = {0};
	uint8_t b[336] = {0};
	size_t i, k;

	(void)state;
	for (i = 0; i < n; i++)
		for (k = 0; k < 8; k++)
			b[112 + 8 * i + k] = (uint8_t)((0xfffff80000001200u + i) >> 8 * k);
	assert_true(note_prstatus(DUMP_X64, b, sizeof(b), &c));
	assert_string_equal(c.from, "NT_PRSTATUS");
	are_all(&c, user_x64, n, 16, 0xfffff80000001200u);
	assert_true(c.cs.present && c.cs.v == 0x1200 + 17); /* a selector has 16 bits */
	assert_true(c.gs_base.present && c.gs_base.v == 0xfffff80000001200u + 22);
	assert_false(c.cr3.present || c.idt_base.present);
	for (i = 0; i < 112 + 8 * n; i++) {
		struct dump_cpu none = {0};

		assert_false(note_prstatus(DUMP_X64, b, i, &none));
		assert_false(none.rip.present || none.gprs);
	}
}

static void prstatus_of_x86(void **state)
{
	const size_t n = sizeof(user_x86) / sizeof(user_x86[0]);
	struct dump_cpu c = {0};
	uint8_t b[144] = {0};
	size_t i, k;

	(void)state;
	for (i = 0; i < n; i++)
		for (k = 0; k < 4; k++)
			b[72 + 4 * i + k] = (uint8_t)((0x8a001200u + i) >> 8 * k);
	assert_true(note_prstatus(DUMP_X86, b, sizeof(b), &c));
	are_all(&c, user_x86, n, 8, 0x8a001200u);
	assert_true(c.cs.present && c.cs.v == 0x1200 + 13);
	for (i = 0; i < 72 + 4 * n; i++)
		assert_false(note_prstatus(DUMP_X86, b, i, &(struct dump_cpu){0}));
}

static void prstatus_of_arm64(void **state)
{
	struct dump_cpu c = {0};
	uint8_t b[392] = {0};
	size_t i, k;

	(void)state;
	for (i = 0; i < 34; i++)
		for (k = 0; k < 8; k++)
			b[112 + 8 * i + k] = (uint8_t)((0xfffff80000001200u + i) >> 8 * k);
	assert_true(note_prstatus(DUMP_ARM64, b, sizeof(b), &c));
	assert_int_equal(c.gprs, 0x7fffffff);
	for (i = 0; i < 31; i++)
		assert_true(c.gpr[i] == 0xfffff80000001200u + i);
	assert_true(c.rsp.v == 0xfffff80000001200u + 31 && c.rip.v == 0xfffff80000001200u + 32);
	assert_true(c.flags.present && c.flags.v == 0xfffff80000001200u + 33);
	assert_false(c.cs.present);
	for (i = 0; i < 112 + 8 * 34; i++)
		assert_false(note_prstatus(DUMP_ARM64, b, i, &(struct dump_cpu){0}));
	assert_false(note_prstatus(DUMP_MACHINE_UNKNOWN, b, sizeof(b), &(struct dump_cpu){0}));
}

static void qemu_note(void **state)
{
	const size_t n = sizeof(qemu) / sizeof(qemu[0]);
	struct dump_cpu c = {0}, narrow = {0};
	uint8_t b[440] = {1, 0, 0, 0, 440 & 0xff, 440 >> 8};
	size_t i, k;

	(void)state;
	for (i = 0; i < n; i++)
		for (k = 0; k < 8; k++)
			b[8 + 8 * i + k] = (uint8_t)((0xfffff80000001200u + i) >> 8 * k);
	b[8 + 8 * 18] = 0x33; /* cs is the first segment, its selector comes first */
	assert_true(note_qemu(DUMP_X64, b, sizeof(b), &c));
	assert_string_equal(c.from, "QEMU note");
	are_all(&c, qemu, n, 16, 0xfffff80000001200u);
	assert_true(c.cs.present && c.cs.v == 0x33);
	assert_true(note_qemu(DUMP_X86, b, sizeof(b), &narrow));
	assert_int_equal(narrow.gprs, 0xff);
	for (i = 0; i < 432; i++)
		assert_false(note_qemu(DUMP_X64, b, i, &(struct dump_cpu){0}));
	/* its own size: less than it has, more than the note */
	b[4] = 431 & 0xff;
	b[5] = 431 >> 8;
	assert_false(note_qemu(DUMP_X64, b, sizeof(b), &(struct dump_cpu){0}));
	b[4] = 441 & 0xff;
	b[5] = 441 >> 8;
	assert_false(note_qemu(DUMP_X64, b, sizeof(b), &(struct dump_cpu){0}));
	memset(b + 4, 0xff, 4);
	assert_false(note_qemu(DUMP_X64, b, sizeof(b), &(struct dump_cpu){0}));
}

/* Of one processor both notes are written at one moment: that they differ is told, once. */
static void notes_that_disagree(void **state)
{
	int differ;

	(void)state;
	for (differ = 0; differ < 2; differ++) {
		struct core_load memory = {0x1000, 0x1000, 0x1000}, notes;
		struct bytes b = {0};
		struct dump *d;
		size_t at = 0x3000, i, told = 0;

		core_header(&b, 62, 2);
		core_phdr(&b, 0, 1, &memory);
		bytes_resize(&b, at);
		core_prstatus_x64(&b, &at, 0x100);
		core_prstatus_x64(&b, &at, 0x200);
		core_qemu_x64(&b, &at, differ ? 0x300 : 0x100, 0x1aa000);
		core_qemu_x64(&b, &at, differ ? 0x400 : 0x200, 0x1bb000);
		notes = (struct core_load){0, b.n - 0x3000, 0x3000};
		core_phdr(&b, 1, 4, &notes);
		d = bytes_open(&b);
		for (i = 0; i < dump_note_count(d); i++)
			told += strstr(dump_note(d, i), "have different registers") != NULL;
		assert_int_equal(told, differ);
		assert_true(dump_cpu_at(d, 0).rip.v == (differ ? 0x301 : 0x101));
		dump_close(d);
		bytes_deinit(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prstatus_of_x64),     cmocka_unit_test(prstatus_of_x86),
		cmocka_unit_test(prstatus_of_arm64),   cmocka_unit_test(qemu_note),
		cmocka_unit_test(notes_that_disagree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
