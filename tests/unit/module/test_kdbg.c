/* SPDX-License-Identifier: BSD-2-Clause */
/* KDDEBUGGER_DATA64 of a running system, encoded. */
#include "support/fakedump.h"

#include "module/kernel.h"

/* Made by the inverse of the public algorithm, with invented values. */
static void encoded_kdbg(void **state)
{
	uint8_t b[16];

	(void)state;
	fake_store(b, 0x94a30c712b922b58ull, 8);
	fake_store(b + 8, 0x49a8e38ed6bf3a51ull, 8);
	kernel_kdbg_decode(b, 16, 0x8a31c77d0b5e9f26ull, 0x00f3b1d4c2a59687ull,
			   0xfffff80230003008ull);
	assert_memory_equal(b, "KDBG\x40\x03\0\0\0\0\0\x30\x02\xf8\xff\xff", 16);
	/* A turn of 0 is none. */
	fake_store(b, 0x0102030405060708ull, 8);
	kernel_kdbg_decode(b, 8, 0, 0, 0);
	assert_memory_equal(b, "\1\2\3\4\5\6\7\x8", 8);
}

/* What comes out must be a block of this nt's. */
static void is_a_block(void **state)
{
	struct fakedump *d = fake_new(4);
	uint8_t b[KERNEL_KDBG_BYTES] = {0};
	struct vm *vm = fake_vm(d);

	(void)state;
	memcpy(b + 0x10, "KDBG", 4);
	fake_store(b + 0x14, 0x340, 4);
	fake_store(b + 0x18, 0xfffff80230000000ull, 8);
	assert_true(kernel_kdbg_is(vm, b, 0xfffff80230000000ull));
	assert_false(kernel_kdbg_is(vm, b, 0xfffff80230001000ull));
	fake_store(b + 0x14, 0x10, 4);
	assert_false(kernel_kdbg_is(vm, b, 0xfffff80230000000ull));
	fake_store(b + 0x14, 0x340, 4);
	b[0x10] = 'k';
	assert_false(kernel_kdbg_is(vm, b, 0xfffff80230000000ull));
	vm_destroy(vm);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encoded_kdbg),
		cmocka_unit_test(is_a_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
