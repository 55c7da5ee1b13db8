/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layouts of 32-bit builds later than 7 SP1: fltmgr's are inferred, so they are held against
 * what was seen elsewhere, and must say of every member that it is inferred.
 */
#include "support/test.h"

#include "layout/layout.h"

static struct layout *shipped(const char *name)
{
	struct layout *l = NULL;
	struct fs_error err = {0};

	if (layout_load_shipped(name, &l, &err) != FS_OK)
		fail_msg("%s", err.text);
	return l;
}

static uint32_t offset_of(const struct layout *l, const char *type, const char *path)
{
	struct layout_field_info f;

	if (!layout_find_path(l, NULL, type, path, &f))
		fail_msg("%s: no %s.%s", layout_id(l), type, path);
	return f.offset;
}

static uint32_t size_of(const struct layout *l, const char *type)
{
	uint32_t size = 0;

	if (!layout_size_of(l, type, &size))
		fail_msg("%s: no %s", layout_id(l), type);
	return size;
}

static const char *const later[] = {"fltmgr/14393-x86.layout", "fltmgr/19041-x86.layout"};

/* Public anti-rootkit sources read FLT_FILTER.Operations there: 0xe4 on 10, 0xd4 on 8.1. */
static void operations_is_where_others_read_it(void **state)
{
	struct layout *l = shipped("fltmgr/9600-x86.layout");

	(void)state;
	assert_int_equal(offset_of(l, "_FLT_FILTER", "Operations"), 0xd4);
	assert_int_equal(layout_field(l, F_FLT_FILTER_Operations)->origin, FO_KNOWN);
	layout_free(l);
	for (size_t i = 0; i < 2; i++) {
		l = shipped(later[i]);
		assert_int_equal(offset_of(l, "_FLT_FILTER", "Operations"), 0xe4);
		layout_free(l);
	}
}

/* Types that 64 bits did not change from 7 to 10 have the sizes of the 32-bit PDB of 7. */
static void unchanged_types_are_those_of_windows_7(void **state)
{
	static const char *const types[] = {
		"_STREAM_LIST_CTRL",	"_CONTEXT_LIST_CTRL",	    "_CALLBACK_CTRL",
		"_FLT_PORT_OBJECT",	"_FLT_SERVER_PORT_OBJECT",  "_NAME_CACHE_NODE",
		"_FLT_MUTEX_LIST_HEAD", "_FLT_RESOURCE_LIST_HEAD",  "_CALLBACK_NODE",
		"_TREE_NODE",		"_FLT_CONTEXT_REGISTRATION"};
	struct layout *seven = shipped("fltmgr/7601-x86.layout");

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct layout *l = shipped(later[i]);

		for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++)
			assert_int_equal(size_of(l, types[k]), size_of(seven, types[k]));
		/* the WDK: SIZE_T Size, and Reserved1 at the end */
		assert_int_equal(size_of(l, "_FLT_CONTEXT_REGISTRATION"), 0x1c);
		assert_int_equal(offset_of(l, "_FLT_CONTEXT_REGISTRATION", "PoolTag"), 0xc);
		assert_int_equal(size_of(l, "_FLT_OPERATION_REGISTRATION"), 0x14);
		/* a KSPIN_LOCK has 4 bytes: what follows it stands at 4 */
		assert_int_equal(offset_of(l, "_COMPLETION_NODE_TRACKING_LIST", "ActiveList"), 4);
		layout_free(l);
	}
	layout_free(seven);
}

/* No proof by order alone: none of them was seen in a PDB of its own machine. */
static void no_order_was_seen(void **state)
{
	static const char *const inferred[] = {"fltmgr/9600-x86.layout", "fltmgr/14393-x86.layout",
					       "fltmgr/19041-x86.layout", "fltmgr/9600-x64.layout"};
	struct layout *l;

	(void)state;
	for (size_t i = 0; i < sizeof(inferred) / sizeof(inferred[0]); i++) {
		l = shipped(inferred[i]);
		assert_string_equal(layout_fact(l, "member-order"), "inferred");
		/* nor the code of their builds */
		assert_null(layout_fact(l, "unload-walk"));
		assert_null(layout_fact(l, "rundown-accounting"));
		layout_free(l);
	}
	l = shipped("fltmgr/7601-x86.layout");
	assert_null(layout_fact(l, "member-order"));
	layout_free(l);
}

/* Nothing of the Filter Manager's own types may pass for seen. */
static void every_member_is_marked(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct layout *l = shipped(later[i]);
		size_t n, inferred, own = 0;

		for (int id = 0; id < F_COUNT; id++) {
			const struct field_decl *d = field_decl((enum field_id)id);
			const struct layout_field *f = layout_field(l, (enum field_id)id);

			if (!f || d->module != LM_FLTMGR ||
			    strcmp(d->type_name, "_WORK_QUEUE_ITEM") == 0)
				continue;
			own++;
			if (f->origin != FO_INFERRED)
				fail_msg("%s: %s.%s is not marked", layout_id(l), d->type_name,
					 d->name);
		}
		n = layout_count_fields(l, &inferred);
		/* the rest is nt's WORK_QUEUE_ITEM, of the same build's PDB */
		assert_true(own > 150);
		assert_int_equal(inferred, own);
		assert_in_range(n - inferred, 1, 4);
		layout_free(l);
	}
}

/* wdm.h, and what WinDbg shows of every 32-bit system. */
static void agrees_with_public_kernel_types(void **state)
{
	static const char *const names[] = {"nt/7601-x86.layout", "nt/9600-x86.layout",
					    "nt/14393-x86.layout", "nt/19041-x86.layout"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct layout *l = shipped(names[i]);

		assert_int_equal(layout_type_size(l, T_DRIVER_OBJECT), 0xa8);
		assert_int_equal(layout_type_size(l, T_DEVICE_OBJECT), 0xb8);
		assert_int_equal(layout_type_size(l, T_ERESOURCE), 0x38);
		assert_int_equal(layout_type_size(l, T_OBJECT_HEADER), 0x20);
		assert_int_equal(layout_field(l, F_DRIVER_OBJECT_MajorFunction)->offset, 0x38);
		assert_int_equal(layout_field(l, F_DRIVER_OBJECT_MajorFunction)->size, 28 * 4);
		assert_int_equal(layout_field(l, F_DEVICE_OBJECT_DeviceObjectExtension)->offset,
				 0xb0);
		/* the source that counts a union's offset twice has Queue.Wcb at 0x68 */
		assert_int_equal(offset_of(l, "_DEVICE_OBJECT", "Queue.Wcb"), 0x34);
		assert_int_equal(offset_of(l, "_DEVICE_OBJECT", "DeviceQueue"), 0x60);
		layout_free(l);
	}
}

static void irps_have_their_tail(void **state)
{
	static const char *const names[] = {"nt/9600-x86.layout", "nt/14393-x86.layout",
					    "nt/19041-x86.layout"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct layout *l = shipped(names[i]);

		/* wdm.h: an IRP of 0x70 bytes, whose Tail is at 0x40 */
		assert_int_equal(size_of(l, "_IRP"), 0x70);
		assert_int_equal(offset_of(l, "_IRP", "Tail.Overlay.Thread"), 0x50);
		assert_int_equal(offset_of(l, "_IRP", "Tail.Overlay.CurrentStackLocation"), 0x60);
		assert_int_equal(offset_of(l, "_IRP", "AssociatedIrp.SystemBuffer"), 0xc);
		assert_int_equal(size_of(l, "_IO_STACK_LOCATION"), 0x24);
		layout_free(l);
	}
}

/* 8.1's PDB has the bits of an entry one behind the other; of 10 they are inferred to be. */
static void handle_entries_keep_29_bits_of_the_address(void **state)
{
	static const char *const names[] = {"nt/9600-x86.layout", "nt/14393-x86.layout",
					    "nt/19041-x86.layout"};
	struct layout_field_info f;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct layout *l = shipped(names[i]);

		assert_true(
			layout_find_path(l, NULL, "_HANDLE_TABLE_ENTRY", "ObjectPointerBits", &f));
		assert_string_equal(f.type, "bits:29@3");
		assert_int_equal(f.origin, i == 0 ? FO_KNOWN : FO_INFERRED);
		layout_free(l);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_is_where_others_read_it),
		cmocka_unit_test(unchanged_types_are_those_of_windows_7),
		cmocka_unit_test(no_order_was_seen),
		cmocka_unit_test(every_member_is_marked),
		cmocka_unit_test(agrees_with_public_kernel_types),
		cmocka_unit_test(irps_have_their_tail),
		cmocka_unit_test(handle_entries_keep_29_bits_of_the_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
