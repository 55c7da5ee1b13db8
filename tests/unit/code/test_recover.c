/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/test.h"

#include "code/recover.h"
#include "support/article_bytes.h"

static void expect(const struct recovered *r, uint64_t value, uint64_t at)
{
	assert_true(r->known);
	assert_int_equal(r->value, value);
	assert_int_equal(r->at, at);
}

/* The article's remarks and the facts about this build: FrameList head FltGlobals+0xc0 and
 * lock +0x58, filters at frame+0xb0, PrimaryLink 0x10, DriverObject 0x50, js returns. */
static void windows_7(void **state)
{
	struct recover_offsets o = {0};
	struct fs_error err = {0};
	struct code c;
	struct code_source s;
	struct recovered in_frame;

	(void)state;
	article(&c);
	s = source(&c);
	if (recover_offsets(&s, RECOVER_DRIVER_UNLOAD, UNLOAD, &o, &err) != FS_OK)
		fail_msg("%s", err.text);
	expect(&o.frame_list, ARTICLE_GLOBALS + 0xc0, 0xfffff88001344fe8);
	expect(&o.frame_list_lock, ARTICLE_GLOBALS + 0x58, 0xfffff88001344fd2);
	expect(&o.link_to_filters, 0xa8, 0xfffff88001345003);
	expect(&o.primary_link, 0x10, 0xfffff8800134500f);
	expect(&o.driver_object, 0x50, 0xfffff88001345013);
	assert_true(o.link_to_filters_lock.known && o.link_to_filters_lock.value == 0x40);
	assert_int_equal(o.walk, RECOVER_WALK_GIVES_UP);
	assert_int_equal(o.walk_at, 0xfffff88001345096);
	in_frame = recover_in_frame(&o.link_to_filters, 8);
	expect(&in_frame, 0xb0, 0xfffff88001345003);
	assert_false(o.filter_name.known);
	assert_false(o.instance_list.known);
	assert_false(o.rundown.known);
}

/* Every other role refuses it, and says what it missed. */
static void other_roles(void **state)
{
	struct recover_offsets o;
	struct fs_error err;
	struct code c;
	struct code_source s;
	unsigned role;

	(void)state;
	article(&c);
	s = source(&c);
	for (role = 0; role < RECOVER_ROLES; role++) {
		if (role == RECOVER_DRIVER_UNLOAD)
			continue;
		memset(&o, 0xa5, sizeof(o));
		memset(&err, 0, sizeof(err));
		assert_int_equal(recover_offsets(&s, role, UNLOAD, &o, &err), FS_NOT_FOUND);
		assert_non_null(strstr(err.text, recover_role_name(role)));
		assert_true(o.walk_at == UINT64_C(0xa5a5a5a5a5a5a5a5));
	}
	assert_int_equal(recover_offsets(&s, RECOVER_ROLES, UNLOAD, &o, NULL), FS_INVALID);
}

/* Change one instruction of the article's function. */
static enum fs_status changed(uint64_t va, const char *bytes, size_t n, struct recover_offsets *ret)
{
	struct code c;
	struct code_source s;

	article(&c);
	s = source(&c);
	memcpy(c.bytes + (va - UNLOAD), bytes, n);
	memset(ret, 0, sizeof(*ret));
	return recover_offsets(&s, RECOVER_DRIVER_UNLOAD, UNLOAD, ret, NULL);
}

/* Moved fields are found where they are; what is not shown is not known. */
static void one_instruction_changed(void **state)
{
	struct recover_offsets o;

	(void)state;
	/* cmp qword ptr [rsi+58h],rbp */
	assert_int_equal(changed(0xfffff88001345013, "\x48\x39\x6e\x58", 4, &o), FS_OK);
	assert_int_equal(o.driver_object.value, 0x58);
	/* lea rsi,[rax-18h]: the field moves with the link */
	assert_int_equal(changed(0xfffff8800134500f, "\x48\x8d\x70\xe8", 4, &o), FS_OK);
	assert_int_equal(o.primary_link.value, 0x18);
	assert_int_equal(o.driver_object.value, 0x50);
	/* the element is compared with another address than the head: no walk */
	assert_int_equal(changed(0xfffff8800134501c, "\x49\x3b\xc5", 3, &o), FS_NOT_FOUND);
	/* the list is not the frame's */
	assert_int_equal(changed(0xfffff88001345003, "\x4c\x8d\x9b\xa8", 4, &o), FS_NOT_FOUND);
	/* cmp qword ptr [rsi+50h],rbx: not the argument */
	assert_int_equal(changed(0xfffff88001345013, "\x48\x39\x5e\x50", 4, &o), FS_NOT_FOUND);
	/* mov rcx,rdi: the frame is what is referenced */
	assert_int_equal(changed(0xfffff88001345067, "\x48\x8b\xcf", 3, &o), FS_NOT_FOUND);
	/* FltpDoUnloadFilter is given another address than the reference: which is the filter? */
	assert_int_equal(changed(0xfffff880013450a0, "\x48\x8b\xc8", 3, &o), FS_OK);
	assert_true(o.primary_link.known); /* rax is a status by then: says nothing */
	/* js to where the next element is taken from rax, which the calls have overwritten */
	assert_int_equal(changed(0xfffff88001345096, "\x78\x81", 2, &o), FS_OK);
	assert_int_equal(o.walk, RECOVER_WALK_UNKNOWN);
	/* js to the end of the frame's list: the next frame */
	assert_int_equal(changed(0xfffff88001345096, "\x78\x99", 2, &o), FS_OK);
	assert_int_equal(o.walk, RECOVER_WALK_NEXT_FRAME);
	/* test edi,edi: the sign of something else is asked for */
	assert_int_equal(changed(0xfffff88001345094, "\x85\xff", 2, &o), FS_NOT_FOUND);
}

/* Cut at every length: less is known or nothing, and never another value or "gives up". */
static void truncated(void **state)
{
	struct recover_offsets o;
	struct fs_error err;
	struct code c;
	struct code_source s;
	size_t n, whole;
	enum fs_status status;

	(void)state;
	article(&c);
	whole = c.n;
	s = source(&c);
	for (n = 0; n < whole; n++) {
		c.n = n;
		memset(&o, 0, sizeof(o));
		memset(&err, 0, sizeof(err));
		status = recover_offsets(&s, RECOVER_DRIVER_UNLOAD, UNLOAD, &o, &err);
		assert_true(status == FS_OK || status == FS_NOT_FOUND || status == FS_NOT_IN_DUMP);
		if (status != FS_OK) {
			assert_true(err.text[0] != '\0');
			continue;
		}
		assert_int_equal(o.frame_list.value, ARTICLE_GLOBALS + 0xc0);
		assert_int_equal(o.link_to_filters.value, 0xa8);
		assert_true(!o.driver_object.known || o.driver_object.value == 0x50);
		assert_int_equal(o.walk, RECOVER_WALK_UNKNOWN);
	}
}

/* Each byte replaced by each of a few others: no crash, no hang, bounded. */
static void damaged(void **state)
{
	static const uint8_t with[] = {0x00, 0xff, 0x90, 0xeb, 0x75, 0x48};
	struct recover_offsets o;
	struct code c;
	struct code_source s;
	size_t i, k;
	uint8_t was;

	(void)state;
	article(&c);
	s = source(&c);
	for (i = 0; i < c.n; i++)
		for (k = 0; k < sizeof(with); k++) {
			was = c.bytes[i];
			c.bytes[i] = with[k];
			(void)recover_offsets(&s, RECOVER_DRIVER_UNLOAD, UNLOAD, &o, NULL);
			c.bytes[i] = was;
		}
}

/* A function that branches without end is left, and said to be. */
static void bounded(void **state)
{
	struct recover_offsets o;
	struct fs_error err = {0};
	struct code c = {.va = UNLOAD, .n = sizeof(c.bytes)};
	struct code_source s = source(&c);
	size_t i;

	(void)state;
	/* push rax; je next, over and over, then a jump to the start: ever deeper */
	for (i = 0; i + 8 < sizeof(c.bytes); i += 3)
		memcpy(c.bytes + i, "\x50\x74\x00", 3);
	memcpy(c.bytes + i, "\xe9", 1);
	i += 5;
	memcpy(c.bytes + i - 4, &(int32_t){-(int32_t)i}, 4);
	assert_int_equal(recover_offsets(&s, RECOVER_DRIVER_UNLOAD, UNLOAD, &o, &err),
			 FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "not all of it was followed"));
}

static void merge(void **state)
{
	struct recover_offsets a = {.primary_link = {true, 0x10, 1}},
			       b = {.primary_link = {true, 0x10, 2},
				    .filter_name = {true, 0x38, 3}},
			       c = {.filter_name = {true, 0x30, 4}, .rundown = {true, 8, 5}},
			       d = {.instance_filter_link = {true, 0x10, 6}};
	struct fs_error err = {0};

	(void)state;
	assert_int_equal(recover_merge(&a, &b, &err), FS_OK);
	expect(&a.primary_link, 0x10, 1);
	expect(&a.filter_name, 0x38, 3);
	assert_int_equal(recover_merge(&a, &c, &err), FS_CORRUPT);
	assert_non_null(strstr(err.text, "filter_name is 0x38"));
	assert_false(a.rundown.known);
	/* FltEnumerateInstanceInformationByVolume looks like its sister but for the link */
	assert_int_equal(recover_merge(&a, &d, &err), FS_CORRUPT);
	assert_false(a.instance_filter_link.known);
	a.walk = RECOVER_WALK_GIVES_UP;
	b.walk = RECOVER_WALK_GOES_ON;
	assert_int_equal(recover_merge(&a, &b, &err), FS_CORRUPT);
	assert_int_equal(a.walk, RECOVER_WALK_GIVES_UP);
}

static void machines(void **state)
{
	struct recover_offsets o;
	struct code c;
	struct code_source s;
	struct fs_error err = {0};

	(void)state;
	article(&c);
	s = source(&c);
	s.machine = INSN_X86;
	assert_int_equal(recover_offsets(&s, RECOVER_DRIVER_UNLOAD, UNLOAD, &o, &err),
			 FS_UNSUPPORTED);
	s = source(&c);
	assert_int_equal(recover_offsets(&s, RECOVER_DRIVER_UNLOAD, 0x1000, &o, &err), FS_INVALID);
	s.machine = INSN_ARM64; /* x64 bytes are no ARM64 function that does this */
	assert_int_equal(recover_offsets(&s, RECOVER_DRIVER_UNLOAD, UNLOAD, &o, &err),
			 FS_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_7),
		cmocka_unit_test(other_roles),
		cmocka_unit_test(one_instruction_changed),
		cmocka_unit_test(truncated),
		cmocka_unit_test(damaged),
		cmocka_unit_test(bounded),
		cmocka_unit_test(merge),
		cmocka_unit_test(machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
