/* SPDX-License-Identifier: BSD-2-Clause */
/* Processors and the guest's header out of the notes of an ELF core. */
#include "base/cursor.h"
#include "dump/dump.h"
#include "support/core_bytes.h"
#include "support/test.h"

#define NOTES 0x3000

/* A page of memory, and notes from NOTES on. */
static void begin(struct bytes *b, uint16_t machine)
{
	static const struct core_load memory = {0x1000, 0x1000, 0x1000};

	core_header(b, machine, 2);
	core_phdr(b, 0, 1, &memory);
	bytes_resize(b, NOTES);
	bytes_page(b, 0x1000, 1);
}

static struct dump *finish(struct bytes *b)
{
	struct core_load notes = {0, b->n - NOTES, NOTES};

	core_phdr(b, 1, 4, &notes);
	return bytes_open(b);
}

static bool is(struct dump_u64 v, uint64_t expected)
{
	return v.present && v.v == expected;
}

/* First all NT_PRSTATUS, then all QEMU notes; a processor that never started has CR3 0. */
static void qemu_processors(void **state)
{
	struct bytes b = {0};
	struct dump_cpu c;
	struct dump *d;
	size_t at = NOTES;

	(void)state;
	begin(&b, 62);
	core_prstatus_x64(&b, &at, 0x100);
	core_prstatus_x64(&b, &at, 0x200);
	core_prstatus_x64(&b, &at, 0x300);
	core_qemu_x64(&b, &at, 0x100, 0x1aa002);
	core_qemu_x64(&b, &at, 0x200, 0);
	core_qemu_x64(&b, &at, 0x300, 0x1bb000);
	d = finish(&b);
	assert_int_equal(dump_cpu_count(d), 2);
	assert_true(dump_info(d)->processors.present && dump_info(d)->processors.v == 2);
	assert_int_equal(dump_note_count(d), 1);
	assert_true(bytes_noted(d, "1 of 3 processors never started"));
	c = dump_cpu_at(d, 0);
	assert_int_equal(c.number, 0);
	assert_true(is(c.cr3, 0x1aa002) && is(c.rip, 0x101) && is(c.rsp, 0x102));
	assert_true(is(c.gs_base, 0x103) && is(c.gdt_base, 0x104) && is(c.idt_base, 0x105));
	assert_true(is(c.cr4, 0x106) && is(c.kernel_gs_base, 0x107));
	c = dump_cpu_at(d, 1);
	assert_int_equal(c.number, 2);
	assert_true(is(c.cr3, 0x1bb000) && is(c.kernel_gs_base, 0x307));
	dump_close(d);
	bytes_deinit(&b);
}

/* Older QEMU: 432 bytes, without the kernel's GS base. */
static void qemu_note_without_kernel_gs(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	size_t at = NOTES;

	(void)state;
	begin(&b, 62);
	core_qemu_x64(&b, &at, 0x100, 0x1aa000);
	bytes_u32(&b, NOTES + 4, 432);
	bytes_u32(&b, NOTES + 20 + 4, 432);
	bytes_resize(&b, b.n - 8);
	d = finish(&b);
	assert_int_equal(dump_note_count(d), 0);
	assert_int_equal(dump_cpu_count(d), 1);
	assert_true(is(dump_cpu_at(d, 0).cr4, 0x106));
	assert_false(dump_cpu_at(d, 0).kernel_gs_base.present);
	dump_close(d);
	bytes_deinit(&b);
}

/* Hypervisors that write NT_PRSTATUS alone: no CR3. */
static void prstatus_alone(void **state)
{
	static const struct {
		uint16_t machine;
		uint32_t size, rip, rsp, width;
	} of[] = {{3, 144, 72 + 48, 72 + 60, 4}, {62, 336, 240, 264, 8}, {183, 392, 368, 360, 8}};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct bytes b = {0};
		struct dump_cpu c;
		struct dump *d;
		size_t at = NOTES, desc;

		begin(&b, of[i].machine);
		desc = core_note(&b, &at, "CORE", 1, of[i].size);
		bytes_u32(&b, desc + of[i].rip, 0x80001000);
		bytes_u32(&b, desc + of[i].rsp, 0x80002000);
		d = finish(&b);
		assert_int_equal(dump_note_count(d), 0);
		assert_int_equal(dump_cpu_count(d), 1);
		c = dump_cpu_at(d, 0);
		assert_true(is(c.rip, 0x80001000) && is(c.rsp, 0x80002000));
		assert_false(c.cr3.present || c.cr4.present || c.idt_base.present);
		dump_close(d);
		bytes_deinit(&b);
	}
}

/* What a note is too short for, or of a version nobody knows, is not taken. */
static void notes_of_wrong_size(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	size_t at = NOTES;

	(void)state;
	begin(&b, 62);
	core_prstatus_x64(&b, &at, 0x100);
	core_qemu_x64(&b, &at, 0x100, 0x1aa000);
	bytes_u32(&b, at - 440, 2);
	d = finish(&b);
	assert_true(bytes_noted(d, "QEMU note of processor 0: expected version 1"));
	assert_int_equal(dump_cpu_count(d), 1);
	assert_true(is(dump_cpu_at(d, 0).rip, 0x101) && !dump_cpu_at(d, 0).cr3.present);
	dump_close(d);
	/* its size beyond the note's */
	bytes_u32(&b, at - 440, 1);
	bytes_u32(&b, at - 440 + 4, 441);
	d = finish(&b);
	assert_true(bytes_noted(d, "QEMU note of processor 0"));
	assert_false(dump_cpu_at(d, 0).cr3.present);
	dump_close(d);
	bytes_u32(&b, at - 440 + 4, UINT32_MAX);
	d = finish(&b);
	assert_false(dump_cpu_at(d, 0).cr3.present);
	dump_close(d);
	/* a short NT_PRSTATUS */
	begin(&b, 62);
	at = NOTES;
	(void)core_note(&b, &at, "CORE", 1, 200);
	d = finish(&b);
	assert_true(bytes_noted(d, "NT_PRSTATUS of processor 0: 200 bytes are too few"));
	assert_int_equal(dump_cpu_count(d), 1);
	assert_false(dump_cpu_at(d, 0).rip.present);
	dump_close(d);
	bytes_deinit(&b);
}

/* Sizes that run past the notes end them, whatever they are; what came before stays. */
static void notes_that_run_out(void **state)
{
	static const uint32_t size[] = {UINT32_MAX, UINT32_MAX - 3, 0x7fffffff, 337 + 4};
	struct bytes b = {0};
	struct dump *d;
	size_t at = NOTES, i;

	(void)state;
	begin(&b, 62);
	core_qemu_x64(&b, &at, 0x100, 0x1aa000);
	core_prstatus_x64(&b, &at, 0x100);
	for (i = 0; i < 8; i++) {
		bytes_u32(&b, at - 336 - 20 + 4 * (i % 2), size[i / 2]);
		d = finish(&b);
		assert_true(bytes_noted(d, "of notes ends past them"));
		assert_int_equal(dump_cpu_count(d), 1);
		assert_true(is(dump_cpu_at(d, 0).cr3, 0x1aa000));
		dump_close(d);
		bytes_u32(&b, at - 336 - 20, 5);
		bytes_u32(&b, at - 336 - 20 + 4, 336);
	}
	/* and so does the file's end */
	for (i = NOTES; i < b.n; i++) {
		struct fs_error err;

		assert_int_equal(dump_open(bytes_save_n(&b, i), &d, &err), FS_OK);
		assert_true(dump_cpu_count(d) <= 1);
		assert_int_equal(dump_cpu_count(d), i >= NOTES + 460);
		dump_close(d);
	}
	bytes_deinit(&b);
}

/* The header that a Windows guest gave QEMU: its addresses are used, its times are not. */
static void guest_header(void **state)
{
	struct bytes b = {0}, h = {0};
	const uint8_t *kept;
	struct dump *d;
	size_t at = NOTES, desc, size = 0;

	(void)state;
	begin(&b, 62);
	desc = core_note(&b, &at, "VMCOREINFO", 0, 0x2000);
	assert_int_equal(desc - NOTES, 24);
	bytes_dmp_header(&h, 1);
	bytes_u64(&h, 0x10, 0x1aa000);
	bytes_u64(&h, 0x20, 0xfffff80000001000);
	bytes_u64(&h, 0x28, 0xfffff80000002000);
	bytes_u64(&h, 0x80, 0xfffff80000003000);
	bytes_u32(&h, 0x38, 0x7e);
	bytes_u64(&h, 0xfa8, 77);
	bytes_put(&b, desc, h.v, 0x2000);
	d = finish(&b);
	assert_int_equal(dump_info(d)->build.v, 19041);
	assert_true(is(dump_info(d)->directory_table_base, 0x1aa000));
	assert_true(is(dump_info(d)->ps_loaded_module_list, 0xfffff80000001000));
	assert_true(is(dump_info(d)->ps_active_process_head, 0xfffff80000002000));
	assert_true(is(dump_info(d)->kd_debugger_data_block, 0xfffff80000003000));
	assert_false(dump_info(d)->bugcheck.present || dump_info(d)->system_time.present);
	assert_true(bytes_noted(d, "VMCOREINFO note"));
	kept = dump_guest_header(d, &size);
	assert_int_equal(size, 0x2000);
	assert_memory_equal(kept, h.v, size);
	dump_close(d);
	/* of another machine: told and not used */
	bytes_u32(&b, desc + 0x30, 0xaa64);
	d = finish(&b);
	assert_true(bytes_noted(d, "is of machine 0xaa64, the container of 0x8664"));
	assert_false(dump_info(d)->build.present || dump_info(d)->directory_table_base.present);
	dump_close(d);
	/* what Linux puts there */
	bytes_put(&b, desc, "OSRELEASE=6", 11);
	d = finish(&b);
	assert_null(dump_guest_header(d, &size));
	assert_int_equal(size + dump_note_count(d), 0);
	dump_close(d);
	bytes_deinit(&b);
	bytes_deinit(&h);
}

/* QEMU 7.2 of a 32-bit guest under a name of 64 bits: x86_elf_prstatus of 144 bytes, EIP at 120,
 * ESP at 132, and the same QEMUCPUState, where FS (its base at 240) has the KPCR. */
static void a_32_bit_guest_under_another_name(void **state)
{
	struct bytes b = {0};
	struct dump_cpu c;
	struct dump *d;
	size_t at = NOTES, desc;

	(void)state;
	begin(&b, 62);
	desc = core_note(&b, &at, "CORE", 1, 144);
	bytes_u32(&b, desc + 120, 0x82601234);
	bytes_u32(&b, desc + 132, 0x8d001000);
	d = finish(&b);
	assert_int_equal(dump_info(d)->machine, DUMP_X86);
	assert_true(bytes_noted(d, "notes are those of a 32-bit system"));
	c = dump_cpu_at(d, 0);
	assert_true(is(c.rip, 0x82601234) && is(c.rsp, 0x8d001000) && !c.gs_base.present);
	dump_close(d);
	desc = at + 20;
	core_qemu_x64(&b, &at, 0x100, 0x185000);
	bytes_u64(&b, desc + 240, 0x82f00000);
	d = finish(&b);
	assert_int_equal(dump_info(d)->machine, DUMP_X86);
	c = dump_cpu_at(d, 0);
	assert_true(is(c.cr3, 0x185000) && is(c.fs_base, 0x82f00000));
	dump_close(d);
	/* one of another size: nothing is concluded */
	core_prstatus_x64(&b, &at, 0x200);
	d = finish(&b);
	assert_int_equal(dump_info(d)->machine, DUMP_X64);
	dump_close(d);
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu_processors),    cmocka_unit_test(qemu_note_without_kernel_gs),
		cmocka_unit_test(prstatus_alone),     cmocka_unit_test(notes_of_wrong_size),
		cmocka_unit_test(notes_that_run_out), cmocka_unit_test(guest_header),
		cmocka_unit_test(a_32_bit_guest_under_another_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
