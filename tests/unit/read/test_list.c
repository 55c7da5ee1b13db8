/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists, whole and damaged. An entry is named by the number it was made with. */
#include "read/list.h"
#include "support/fakedump.h"

#define HEAD	0xffffa20f10e5b008ull
#define NODE(i) (0xffffa20f20000010ull + (uint64_t)(i)*0x100)

/* head <-> 0 <-> 1 … <-> n-1 <-> head */
static struct fakedump *ring(size_t n)
{
	struct fakedump *d = fake_new(4);
	size_t i;

	fake_links(d, HEAD, n ? NODE(0) : HEAD, n ? NODE(n - 1) : HEAD);
	for (i = 0; i < n; i++)
		fake_links(d, NODE(i), i + 1 < n ? NODE(i + 1) : HEAD, i ? NODE(i - 1) : HEAD);
	return d;
}

static void walk(struct fakedump *d, size_t max, struct list_walk *w)
{
	struct vm *vm = fake_vm(d);
	struct fs_error err = {0};

	if (list_walk(vm, HEAD, max, "a list", w, &err) != FS_OK)
		fail_msg("%s", err.text);
	vm_destroy(vm);
}

/* Entries, in order, with how each was reached: "f", "b" or "fb", and "?" when its
 * links were not read. For example "0f 1f? 4b 5b". */
static void is(const struct list_walk *w, const char *expect)
{
	char buf[512] = "";
	size_t i, n = 0;

	for (i = 0; i < w->entries.n && n < sizeof(buf) - 32; i++) {
		const struct list_entry *e = &w->entries.v[i];

		n += (size_t)snprintf(buf + n, sizeof(buf) - n, "%s%d%s%s%s", i ? " " : "",
				      (int)((e->link - NODE(0)) / 0x100), e->by_forward ? "f" : "",
				      e->by_backward ? "b" : "", e->links_read ? "" : "?");
	}
	assert_string_equal(buf, expect);
}

static void closed(void **state)
{
	struct list_walk w;
	struct fakedump *d = ring(3);

	(void)state;
	walk(d, 3, &w);
	is(&w, "0f 1f 2f");
	assert_int_equal(w.stop, FS_STOP_CLOSED);
	assert_int_equal(w.backward_stop, FS_STOP_NOT_WALKED);
	assert_true(w.forward == 3 && w.backward == 0 && w.broken_at == 0 && w.head == HEAD);
	list_walk_deinit(&w);
	free(d);
}

static void empty(void **state)
{
	struct list_walk w;
	struct fakedump *d = ring(0);

	(void)state;
	walk(d, 0, &w);
	assert_int_equal(w.stop, FS_STOP_CLOSED);
	assert_true(w.entries.n == 0 && w.broken_at == 0);
	list_walk_deinit(&w);
	/* Empty forwards only: the head's own Blink does not fit. */
	fake_links(d, HEAD, HEAD, NODE(4));
	walk(d, 10, &w);
	assert_int_equal(w.stop, FS_STOP_CLOSED);
	assert_true(w.broken_at == HEAD && w.broken_blink == NODE(4) && w.broken_expected == HEAD);
	list_walk_deinit(&w);
	free(d);
}

static void limit(void **state)
{
	struct list_walk w;
	struct fakedump *d = ring(5);

	(void)state;
	walk(d, 4, &w);
	is(&w, "0f 1f 2f 3f");
	assert_int_equal(w.stop, FS_STOP_LIMIT);
	assert_true(w.stop_at == NODE(3) && w.stop_value == NODE(4));
	assert_int_equal(w.backward_stop, FS_STOP_LIMIT);
	list_walk_deinit(&w);
	free(d);
}

/* The middle is not in the dump: each direction reaches what the other cannot. */
static void unreadable_middle(void **state)
{
	struct list_walk w;
	struct fakedump *d = fake_new(4);
	const uint64_t gone = 0xffffa20f30000010, gone2 = 0xffffa20f30001010;

	(void)state;
	fake_links(d, HEAD, NODE(0), NODE(9));
	fake_links(d, NODE(0), gone, HEAD);
	fake_links(d, NODE(8), NODE(9), gone2);
	fake_links(d, NODE(9), HEAD, NODE(8));
	walk(d, 100, &w);
	assert_true(w.forward == 2 && w.backward == 3 && w.entries.n == 5);
	assert_true(w.entries.v[0].link == NODE(0) && w.entries.v[0].links_read);
	assert_true(w.entries.v[1].link == gone && !w.entries.v[1].links_read);
	assert_true(w.entries.v[2].link == gone2 && !w.entries.v[2].links_read);
	assert_true(w.entries.v[2].by_backward && !w.entries.v[2].by_forward);
	assert_true(w.entries.v[3].link == NODE(8) && w.entries.v[4].link == NODE(9));
	assert_int_equal(w.stop, FS_STOP_UNREADABLE);
	assert_int_equal(w.backward_stop, FS_STOP_UNREADABLE);
	assert_int_equal(w.why, FS_NOT_IN_DUMP);
	assert_true(w.stop_at == gone && w.backward_stop_at == gone2);
	list_walk_deinit(&w);
	free(d);
}

/* Both directions end at the same missing entry: it is one entry. */
static void unreadable_one(void **state)
{
	struct list_walk w;
	struct fakedump *d = ring(2);
	const uint64_t gone = 0xffffa20f30000010;

	(void)state;
	fake_links(d, NODE(0), gone, HEAD);
	fake_links(d, NODE(1), HEAD, gone);
	fake_put64(d, fake_entry(d, gone, 1), 0xffffa20f12340400); /* prototype */
	walk(d, 100, &w);
	assert_true(w.entries.n == 3 && w.forward == 2 && w.backward == 2);
	assert_true(w.entries.v[1].link == gone && w.entries.v[1].by_forward);
	assert_true(w.entries.v[1].by_backward && w.entries.v[2].link == NODE(1));
	assert_int_equal(w.why, FS_PAGED_OUT);
	list_walk_deinit(&w);
	free(d);
}

/* A cycle that the head is not part of. Backwards the list is whole. */
static void cycle_beside_the_head(void **state)
{
	struct list_walk w;
	struct fakedump *d = ring(5);

	(void)state;
	fake_links(d, NODE(3), NODE(1), NODE(2));
	walk(d, 1000, &w);
	is(&w, "0fb 1fb 2fb 3fb 4b");
	assert_int_equal(w.stop, FS_STOP_CYCLE);
	assert_true(w.stop_at == NODE(3) && w.stop_value == NODE(1));
	assert_int_equal(w.backward_stop, FS_STOP_CLOSED);
	assert_true(w.forward == 4 && w.backward == 5);
	list_walk_deinit(&w);
	free(d);
}

static void entry_that_points_to_itself(void **state)
{
	struct list_walk w;
	struct fakedump *d = ring(2);

	(void)state;
	fake_links(d, NODE(0), NODE(0), NODE(0)); /* as after InitializeListHead */
	walk(d, 1000, &w);
	is(&w, "0fb 1b");
	assert_int_equal(w.stop, FS_STOP_CYCLE);
	/* Backwards: 1, then 0, whose Blink is 0 again. */
	assert_int_equal(w.backward_stop, FS_STOP_CYCLE);
	assert_true(w.broken_at == NODE(0) && w.broken_blink == NODE(0) &&
		    w.broken_expected == HEAD);
	list_walk_deinit(&w);
	free(d);
}

/* A long cycle costs as many steps as it has entries, not max. */
static void cycle_is_found_at_once(void **state)
{
	struct list_walk w;
	struct fakedump *d = ring(2000);
	size_t before;
	struct vm *vm;

	(void)state;
	fake_write(d, NODE(1999), NODE(7), 8);
	fake_write(d, HEAD + 8, 0, 8);
	vm = fake_vm(d);
	before = d->reads;
	assert_int_equal(list_walk(vm, HEAD, 10000000, "a list", &w, NULL), FS_OK);
	assert_int_equal(w.stop, FS_STOP_CYCLE);
	assert_int_equal(w.backward_stop, FS_STOP_BAD_LINK);
	assert_true(w.forward == 2000 && w.backward == 0);
	assert_true(d->reads - before < 2 * 2000 + 200);
	list_walk_deinit(&w);
	vm_destroy(vm);
	free(d);
}

/* A Blink that does not fit is reported once, and the walk goes on past it. */
static void broken_blink(void **state)
{
	struct list_walk w;
	struct fakedump *d = ring(4);

	(void)state;
	fake_links(d, NODE(1), NODE(2), NODE(77));
	fake_links(d, NODE(3), HEAD, 0);
	walk(d, 1000, &w);
	is(&w, "0f 1f 2f 3f");
	assert_int_equal(w.stop, FS_STOP_CLOSED);
	assert_true(w.broken_at == NODE(1) && w.broken_blink == NODE(77) &&
		    w.broken_expected == NODE(0));
	list_walk_deinit(&w);
	/* The head's Blink is checked last. */
	fake_links(d, NODE(1), NODE(2), NODE(0));
	fake_links(d, NODE(3), HEAD, NODE(2));
	fake_write(d, HEAD + 8, NODE(2), 8);
	walk(d, 1000, &w);
	assert_true(w.broken_at == HEAD && w.broken_blink == NODE(2) &&
		    w.broken_expected == NODE(3));
	list_walk_deinit(&w);
	free(d);
}

static void bad_links(void **state)
{
	static const uint64_t bad[] = {
		0,		    /* zeroed */
		0x00007ff612345678, /* user half */
		0x1234567890123450, /* not canonical */
		NODE(2) + 4,	    /* misaligned */
		NODE(2) + 1,
		UINT64_MAX,
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct list_walk w;
		struct fakedump *d = ring(4);

		fake_write(d, NODE(1), bad[i], 8);
		walk(d, 1000, &w);
		is(&w, "0fb 1fb 2b 3b");
		assert_int_equal(w.stop, FS_STOP_BAD_LINK);
		assert_true(w.stop_at == NODE(1) && w.stop_value == bad[i]);
		assert_int_equal(w.backward_stop, FS_STOP_CLOSED);
		assert_int_equal(w.why, FS_OK);
		list_walk_deinit(&w);
		free(d);
	}
}

/* `why` is that of the direction that met something unreadable. */
static void unreadable_backwards_only(void **state)
{
	struct list_walk w;
	struct fakedump *d = ring(3);

	(void)state;
	fake_write(d, NODE(0), 0, 8);
	fake_write(d, NODE(2) + 8, 0xffffa20f30000010, 8);
	walk(d, 100, &w);
	assert_int_equal(w.stop, FS_STOP_BAD_LINK);
	assert_int_equal(w.backward_stop, FS_STOP_UNREADABLE);
	assert_int_equal(w.why, FS_NOT_IN_DUMP);
	assert_true(w.entries.n == 3 && w.entries.v[1].link == 0xffffa20f30000010);
	list_walk_deinit(&w);
	free(d);
}

static void head_unreadable(void **state)
{
	struct fakedump *d = ring(1);
	struct fs_error err = {0};
	struct list_walk w;
	struct vm *vm;

	(void)state;
	memset(&w, 0xee, sizeof(w));
	fake_put64(d, fake_entry(d, HEAD, 1), 0);
	vm = fake_vm(d);
	assert_int_equal(list_walk(vm, HEAD, 10, "FrameList", &w, &err), FS_NOT_IN_DUMP);
	assert_true(err.address == HEAD && ((uint8_t *)&w)[0] == 0xee);
	assert_non_null(strstr(err.text, "FrameList at 0xffffa20f10e5b008"));
	vm_destroy(vm);
	free(d);
}

/* Triage ranges cut structures: a Flink without its Blink still leads on. */
static void half_an_entry(void **state)
{
	uint8_t head[16], a[8], b[16];
	struct fakedump *d = fake_triage(DUMP_X64);
	struct list_walk w;

	(void)state;
	fake_store(head, NODE(0), 8);
	fake_store(head + 8, NODE(1), 8);
	fake_store(a, NODE(1), 8);
	fake_store(b, HEAD, 8);
	fake_store(b + 8, NODE(0), 8);
	fake_block(d, HEAD, head, 16);
	fake_block(d, NODE(0), a, 8);
	fake_block(d, NODE(1), b, 16);
	walk(d, 10, &w);
	is(&w, "0f? 1f");
	assert_int_equal(w.stop, FS_STOP_CLOSED);
	assert_int_equal(w.broken_at, 0);
	list_walk_deinit(&w);
	free(d);
}

/* Only the head's Blink was captured: backwards from there. */
static void half_a_head(void **state)
{
	uint8_t head[8], a[16];
	struct fakedump *d = fake_triage(DUMP_X64);
	struct list_walk w;

	(void)state;
	fake_store(head, NODE(0), 8);
	fake_store(a, HEAD, 8);
	fake_store(a + 8, HEAD, 8);
	fake_block(d, HEAD + 8, head, 8);
	fake_block(d, NODE(0), a, 16);
	walk(d, 10, &w);
	is(&w, "0b");
	assert_int_equal(w.stop, FS_STOP_UNREADABLE);
	assert_true(w.stop_at == HEAD && w.why == FS_NOT_IN_DUMP);
	assert_int_equal(w.backward_stop, FS_STOP_CLOSED);
	list_walk_deinit(&w);
	free(d);
}

/* 32-bit links are four bytes and aligned to four. */
static void x86_list(void **state)
{
	uint8_t head[8], a[8];
	struct fakedump *d = fake_triage(DUMP_X86);
	struct list_walk w;
	struct vm *vm;

	(void)state;
	fake_store(head, 0x82345674, 4);
	fake_store(head + 4, 0x82345674, 4);
	fake_store(a, 0x81234564, 4);
	fake_store(a + 4, 0x81234564, 4);
	fake_block(d, 0x81234564, head, 8);
	fake_block(d, 0x82345674, a, 8);
	vm = fake_vm(d);
	assert_int_equal(list_walk(vm, 0x81234564, 10, "x", &w, NULL), FS_OK);
	assert_int_equal(w.stop, FS_STOP_CLOSED);
	assert_true(w.entries.n == 1 && w.entries.v[0].link == 0x82345674 && w.broken_at == 0);
	list_walk_deinit(&w);
	vm_destroy(vm);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed),
		cmocka_unit_test(empty),
		cmocka_unit_test(limit),
		cmocka_unit_test(unreadable_middle),
		cmocka_unit_test(unreadable_one),
		cmocka_unit_test(cycle_beside_the_head),
		cmocka_unit_test(entry_that_points_to_itself),
		cmocka_unit_test(cycle_is_found_at_once),
		cmocka_unit_test(broken_blink),
		cmocka_unit_test(bad_links),
		cmocka_unit_test(unreadable_backwards_only),
		cmocka_unit_test(head_unreadable),
		cmocka_unit_test(half_an_entry),
		cmocka_unit_test(half_a_head),
		cmocka_unit_test(x86_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
