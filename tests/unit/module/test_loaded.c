/* SPDX-License-Identifier: BSD-2-Clause */
/* Loaded and unloaded modules out of nt's list and out of a triage dump. */
#include "support/test.h"

#include "dump/dump.h"
#include "module/module.h"
#include "support/triage_builder.h"

#define NT_BASE	 0xfffff80002000000ull
#define FLT_BASE 0xfffff88001330000ull
#define DRV_BASE 0xfffff88004000000ull
#define HEAD	 0xfffff80002200000ull /* PsLoadedModuleList */
#define ENTRIES	 0xfffffa8001000000ull /* one loader entry every 0x400 bytes */
#define STRIDE	 0x400ull
#define KDBG	 0xfffff80002201000ull
#define RING	 0xfffffa8002000000ull

struct world {
	struct triage t;
	struct dump *dump;
	struct vm *vm;
	struct layout *layout;
	struct modules m;
};

static int set_up(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	triage_init(&w.t);
	*state = &w;
	return layout_load_shipped("nt/stable-x64.layout", &w.layout, NULL);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	modules_deinit(&w->m);
	vm_destroy(w->vm);
	dump_close(w->dump);
	layout_free(w->layout);
	triage_deinit(&w->t);
	return 0;
}

static struct reader reader_of(struct world *w)
{
	return (struct reader){.vm = w->vm, .nt = w->layout};
}

static enum fs_status read_modules(struct world *w, const char *path, struct fs_error *err)
{
	struct reader r;

	if (dump_open(path, &w->dump, err) || vm_create(w->dump, &w->vm, err))
		fail_msg("%s", err->text);
	r = reader_of(w);
	return modules_read(&r, &w->m, err);
}

static uint64_t entry_at(size_t i)
{
	return ENTRIES + i * STRIDE;
}

/* A loader entry with the offsets that all x64 PDBs agree on. */
static void put_entry(struct triage *t, size_t i, const char *path, const char *name, uint64_t base,
		      uint32_t size)
{
	uint64_t e = entry_at(i);

	triage_u64(t, e + 0x30, base);
	triage_u64(t, e + 0x38, base + 0x1000);
	triage_u32(t, e + 0x40, size);
	triage_ustr(t, e + 0x48, e + 0x100, path);
	triage_ustr(t, e + 0x58, e + 0x300, name);
}

static void link_entries(struct triage *t, size_t n)
{
	size_t i;

	triage_links(t, HEAD, entry_at(0), entry_at(n - 1));
	for (i = 0; i < n; i++)
		triage_links(t, entry_at(i), i + 1 < n ? entry_at(i + 1) : HEAD,
			     i > 0 ? entry_at(i - 1) : HEAD);
}

static void put_list(struct triage *t)
{
	t->modules = HEAD;
	triage_map(t, HEAD, 16);
	triage_map(t, ENTRIES, 3 * STRIDE);
	put_entry(t, 0, "\\SystemRoot\\system32\\ntkrnlmp.exe", "ntoskrnl.exe", NT_BASE, 0x5ea000);
	put_entry(t, 1, "\\SystemRoot\\system32\\drivers\\fltmgr.sys", "fltmgr.sys", FLT_BASE,
		  0x4c000);
	put_entry(t, 2, "\\??\\C:\\MyDrv.sys", "", DRV_BASE, 0x10000);
	link_entries(t, 3);
}

static void the_loader_list(void **state)
{
	struct world *w = *state;
	struct fs_error err;
	char s[64];

	put_list(&w->t);
	assert_int_equal(read_modules(w, triage_write_full(&w->t), &err), FS_OK);
	assert_true(w->m.complete);
	assert_int_equal(w->m.gaps.n, 0);
	assert_int_equal(w->m.list.n, 3);
	assert_string_equal(w->m.list.v[1].name, "fltmgr.sys");
	assert_string_equal(w->m.list.v[1].path, "\\SystemRoot\\system32\\drivers\\fltmgr.sys");
	assert_true(w->m.list.v[1].base == FLT_BASE);
	assert_int_equal(w->m.list.v[1].size, 0x4c000);
	assert_true(w->m.list.v[1].entry == FLT_BASE + 0x1000);
	assert_true(w->m.list.v[1].ldr == entry_at(1));
	/* This layout does not know the field: not read, not 0. */
	assert_false(w->m.list.v[1].timestamp_read);
	/* No base name: the last component of the path. */
	assert_string_equal(w->m.list.v[2].name, "MyDrv.sys");
	assert_ptr_equal(module_nt(&w->m), &w->m.list.v[0]);
	assert_ptr_equal(module_fltmgr(&w->m), &w->m.list.v[1]);
	assert_true(module_symbol(&w->m, FLT_BASE + 0x2c5a0, s, sizeof(s)));
	assert_string_equal(s, "fltmgr+0x2c5a0");
	assert_true(module_symbol(&w->m, NT_BASE, s, sizeof(s)));
	assert_string_equal(s, "nt+0x0");
}

static void the_edges_of_a_module(void **state)
{
	struct world *w = *state;
	struct fs_error err;
	char s[8] = "old";

	put_list(&w->t);
	assert_int_equal(read_modules(w, triage_write_full(&w->t), &err), FS_OK);
	assert_null(module_at(&w->m, FLT_BASE - 1));
	assert_ptr_equal(module_at(&w->m, FLT_BASE), &w->m.list.v[1]);
	assert_ptr_equal(module_at(&w->m, FLT_BASE + 0x4bfff), &w->m.list.v[1]);
	assert_null(module_at(&w->m, FLT_BASE + 0x4c000));
	assert_null(module_at(&w->m, 0));
	assert_null(module_at(&w->m, UINT64_MAX));
	assert_false(module_symbol(&w->m, FLT_BASE - 1, s, sizeof(s)));
	assert_string_equal(s, "old");
}

static void names_are_found_or_ambiguous(void **state)
{
	struct world *w = *state;
	struct fs_error err;

	triage_driver(&w->t, "ntoskrnl.exe", NT_BASE, 0x1000, 1);
	triage_driver(&w->t, "FLTMGR.SYS", FLT_BASE, 0x4c000, 2);
	triage_driver(&w->t, "\\SystemRoot\\drivers\\twice.sys", DRV_BASE, 0x1000, 3);
	triage_driver(&w->t, "TWICE.SYS", DRV_BASE + 0x1000, 0x1000, 4);
	triage_driver(&w->t, "fltmgr2.sys", DRV_BASE + 0x2000, 0x1000, 5);
	triage_driver(&w->t, "a.b.sys", DRV_BASE + 0x3000, 0x1000, 6);
	assert_int_equal(read_modules(w, triage_write(&w->t), &err), FS_OK);
	assert_ptr_equal(module_fltmgr(&w->m), &w->m.list.v[1]);
	assert_ptr_equal(module_named(&w->m, "fltmgr"), &w->m.list.v[1]);
	assert_ptr_equal(module_named(&w->m, "FltMgr.sys"), &w->m.list.v[1]);
	assert_null(module_named(&w->m, "fltmg"));
	assert_null(module_named(&w->m, ""));
	assert_null(module_named(&w->m, "fltmgr.exe"));
	assert_null(module_named(&w->m, "twice.sys"));
	assert_ptr_equal(module_named(&w->m, "a.b"), &w->m.list.v[5]);
	assert_ptr_equal(module_named(&w->m, "nt"), &w->m.list.v[0]);
	assert_string_equal(w->m.list.v[2].name, "twice.sys");
	assert_string_equal(w->m.list.v[2].path, "\\SystemRoot\\drivers\\twice.sys");
	assert_null(w->m.list.v[3].path);
}

static void the_triage_lists(void **state)
{
	struct world *w = *state;
	struct fs_error err;
	char s[64];

	triage_driver(&w->t, "ntoskrnl.exe", NT_BASE, 0x1046000, 0x11111111);
	triage_driver(&w->t, "FLTMGR.SYS", FLT_BASE, 0x6d000, 0x22222222);
	triage_driver(&w->t, "", DRV_BASE, 0x2000, 3);
	triage_unloaded(&w->t, "SomeDrv.sys", DRV_BASE + 0x10000, DRV_BASE + 0x18000);
	assert_int_equal(read_modules(w, triage_write(&w->t), &err), FS_OK);
	assert_int_equal(w->m.list.n, 3);
	assert_true(w->m.complete);
	assert_true(w->m.list.v[1].timestamp_read);
	assert_int_equal(w->m.list.v[1].timestamp, 0x22222222);
	assert_true(w->m.list.v[1].ldr == 0);
	/* Case is the file's. */
	assert_true(module_symbol(&w->m, FLT_BASE + 0x296c0, s, sizeof(s)));
	assert_string_equal(s, "FLTMGR+0x296c0");
	/* A module without a name is a module all the same. */
	assert_null(w->m.list.v[2].name);
	assert_int_equal(w->m.gaps.n, 1);
	assert_true(module_symbol(&w->m, DRV_BASE + 4, s, sizeof(s)));
	assert_string_equal(s, "Unknown_Module_fffff88004000000+0x4");
	assert_int_equal(w->m.unloaded.n, 1);
	assert_string_equal(w->m.unloaded.v[0].name, "SomeDrv.sys");
	assert_null(unloaded_at(&w->m, DRV_BASE + 0xffff));
	assert_null(unloaded_at(&w->m, DRV_BASE + 0x18000));
	assert_true(module_unloaded_symbol(&w->m, DRV_BASE + 0x10010, s, sizeof(s)));
	assert_string_equal(s, "<Unloaded_SomeDrv.sys>+0x10");
	assert_false(module_unloaded_symbol(&w->m, FLT_BASE, s, sizeof(s)));
}

static void overlaps_are_kept_and_told(void **state)
{
	struct world *w = *state;
	struct fs_error err;

	/* A giant over two others, and a twin. */
	triage_driver(&w->t, "small.sys", DRV_BASE + 0x1000, 0x1000, 1);
	triage_driver(&w->t, "giant.sys", DRV_BASE, 0x100000, 1);
	triage_driver(&w->t, "twin.sys", DRV_BASE + 0x5000, 0x1000, 1);
	triage_driver(&w->t, "twin2.sys", DRV_BASE + 0x5000, 0x1000, 1);
	triage_driver(&w->t, "end.sys", UINT64_MAX - 0xfff, 0xffffffff, 1);
	assert_int_equal(read_modules(w, triage_write(&w->t), &err), FS_OK);
	assert_int_equal(w->m.list.n, 5);
	assert_int_equal(w->m.gaps.n, 3);
	assert_string_equal(module_at(&w->m, DRV_BASE + 0x1800)->name, "small.sys");
	assert_string_equal(module_at(&w->m, DRV_BASE + 0x2000)->name, "giant.sys");
	assert_string_equal(module_at(&w->m, DRV_BASE + 0xfffff)->name, "giant.sys");
	assert_null(module_at(&w->m, DRV_BASE + 0x100000));
	assert_string_equal(module_at(&w->m, UINT64_MAX)->name, "end.sys");
	/* No ntoskrnl.exe: the first in load order is the kernel. */
	assert_ptr_equal(module_nt(&w->m), &w->m.list.v[0]);
}

/* Each inside the one before: what is behind the inner ones is the outer ones' again, and
 * there are no more stretches to search than modules have ends. */
static void nested_modules(void **state)
{
	struct world *w = *state;
	struct fs_error err;

	triage_driver(&w->t, "a.sys", DRV_BASE, 0x9000, 1);
	triage_driver(&w->t, "b.sys", DRV_BASE + 0x1000, 0x5000, 1);
	triage_driver(&w->t, "c.sys", DRV_BASE + 0x2000, 0x2000, 1);
	triage_driver(&w->t, "d.sys", DRV_BASE + 0x3000, 0x4000, 1); /* outlives b and c */
	triage_driver(&w->t, "e.sys", DRV_BASE + 0x9000, 0x1000, 1);
	triage_driver(&w->t, "none.sys", DRV_BASE + 0x800, 0, 1);
	assert_int_equal(read_modules(w, triage_write(&w->t), &err), FS_OK);
	assert_null(module_at(&w->m, DRV_BASE - 1));
	assert_string_equal(module_at(&w->m, DRV_BASE)->name, "a.sys");
	assert_string_equal(module_at(&w->m, DRV_BASE + 0x800)->name, "a.sys");
	assert_string_equal(module_at(&w->m, DRV_BASE + 0x1fff)->name, "b.sys");
	assert_string_equal(module_at(&w->m, DRV_BASE + 0x2fff)->name, "c.sys");
	assert_string_equal(module_at(&w->m, DRV_BASE + 0x3000)->name, "d.sys");
	assert_string_equal(module_at(&w->m, DRV_BASE + 0x6fff)->name, "d.sys");
	assert_string_equal(module_at(&w->m, DRV_BASE + 0x7000)->name, "a.sys");
	assert_string_equal(module_at(&w->m, DRV_BASE + 0x9000)->name, "e.sys");
	assert_null(module_at(&w->m, DRV_BASE + 0xa000));
	assert_true(w->m.ranges.n <= 2 * w->m.list.n);
}

/* It came round, but one entry's links are the last of what was captured of it. */
static void an_entry_without_its_range(void **state)
{
	const uint64_t page = 0xfffffa8009000000ull, entry = page + 0xff0;
	struct world *w = *state;
	struct fs_error err;

	put_list(&w->t);
	triage_map(&w->t, page, 0x1000);
	triage_links(&w->t, entry_at(1), entry, entry_at(0));
	triage_links(&w->t, entry, entry_at(2), entry_at(1));
	triage_links(&w->t, entry_at(2), HEAD, entry);
	assert_int_equal(read_modules(w, triage_write_full(&w->t), &err), FS_OK);
	assert_int_equal(w->m.walk.stop, FS_STOP_CLOSED);
	assert_int_equal(w->m.list.n, 3);
	assert_false(w->m.complete);
}

/* The list breaks after the first entry: both ends are reached, the kernel is known. */
static void a_broken_list(void **state)
{
	struct world *w = *state;
	struct fs_error err;

	put_list(&w->t);
	triage_links(&w->t, entry_at(0), 0xfffffa8009000000, HEAD);
	triage_links(&w->t, entry_at(2), HEAD, 0xfffffa8009000000);
	assert_int_equal(read_modules(w, triage_write_full(&w->t), &err), FS_OK);
	assert_false(w->m.complete);
	assert_int_equal(w->m.list.n, 2);
	assert_string_equal(w->m.list.v[0].name, "ntoskrnl.exe");
	assert_string_equal(w->m.list.v[1].name, "MyDrv.sys");
	/* One for the walk, and one for the entry whose address is known and no more. */
	assert_int_equal(w->m.gaps.n, 2);
	assert_int_equal(w->m.gaps.v[0].why, FS_NOT_IN_DUMP);
	assert_ptr_equal(module_nt(&w->m), &w->m.list.v[0]);
}

/* Only the tail is reached: its first entry is not taken for the kernel. */
static void a_list_without_a_beginning(void **state)
{
	struct world *w = *state;
	struct fs_error err;

	put_list(&w->t);
	triage_links(&w->t, HEAD, 0xfffffa8009000000, entry_at(2));
	triage_links(&w->t, entry_at(1), entry_at(2), 0xfffffa8009000000);
	assert_int_equal(read_modules(w, triage_write_full(&w->t), &err), FS_OK);
	assert_int_equal(w->m.list.n, 2);
	assert_null(module_nt(&w->m));
	assert_ptr_equal(module_fltmgr(&w->m), &w->m.list.v[0]);
}

static void a_name_that_cannot_be(void **state)
{
	struct world *w = *state;
	struct fs_error err;

	put_list(&w->t);
	/* An odd Length. */
	triage_u16(&w->t, entry_at(1) + 0x58, 3);
	assert_int_equal(read_modules(w, triage_write_full(&w->t), &err), FS_OK);
	assert_int_equal(w->m.list.n, 3);
	assert_string_equal(w->m.list.v[1].name, "fltmgr.sys");
	assert_int_equal(w->m.gaps.n, 1);
	assert_int_equal(w->m.gaps.v[0].why, FS_CORRUPT);
	assert_true(w->m.gaps.v[0].address == entry_at(1) + 0x58);
}

static void no_list_is_an_error(void **state)
{
	struct world *w = *state;
	struct fs_error err;

	put_list(&w->t);
	w->t.modules = 0;
	assert_int_equal(read_modules(w, triage_write_full(&w->t), &err), FS_NOT_FOUND);
	assert_int_equal(w->m.list.n, 0);
	assert_null(module_nt(&w->m));
}

static void no_triage_list_is_an_error(void **state)
{
	struct world *w = *state;
	struct fs_error err;

	triage_map(&w->t, HEAD, 16);
	assert_int_equal(read_modules(w, triage_write(&w->t), &err), FS_NOT_FOUND);
	assert_null(module_at(&w->m, HEAD));
}

static void put_unloaded(struct triage *t, size_t i, const char *name, uint64_t start, uint64_t end)
{
	uint64_t e = RING + i * 0x28;

	triage_ustr(t, e, RING + 0x1000 + i * 0x40, name);
	triage_u64(t, e + 0x10, start);
	triage_u64(t, e + 0x18, end);
}

static void put_ring(struct triage *t)
{
	put_list(t);
	t->kdbg = KDBG;
	triage_map(t, KDBG, 0x400);
	triage_put(t, KDBG + 0x10, "KDBG", 4);
	triage_u64(t, KDBG + 0x220, KDBG + 0x3f0); /* the variable … */
	triage_u64(t, KDBG + 0x3f0, RING);	   /* … and what it holds */
	triage_map(t, RING, 0x2000);
	put_unloaded(t, 0, "SomeDrv.sys", DRV_BASE + 0x20000, DRV_BASE + 0x28000);
	put_unloaded(t, 49, "last.sys", DRV_BASE + 0x30000, DRV_BASE + 0x38000);
}

static void the_unloaded_ring(void **state)
{
	struct world *w = *state;
	struct fs_error err;
	struct reader r;

	put_ring(&w->t);
	/* A 51st is somebody else's memory. */
	put_unloaded(&w->t, 50, "beyond.sys", DRV_BASE + 0x40000, DRV_BASE + 0x48000);
	assert_int_equal(read_modules(w, triage_write_full(&w->t), &err), FS_OK);
	r = reader_of(w);
	modules_read_unloaded(&r, KDBG, &w->m);
	assert_int_equal(w->m.gaps.n, 0);
	assert_int_equal(w->m.unloaded.n, 2);
	assert_string_equal(w->m.unloaded.v[0].name, "SomeDrv.sys");
	assert_string_equal(w->m.unloaded.v[1].name, "last.sys");
	assert_string_equal(unloaded_at(&w->m, DRV_BASE + 0x27fff)->name, "SomeDrv.sys");
}

static void a_kdbg_that_is_none(void **state)
{
	struct world *w = *state;
	struct fs_error err;
	struct reader r;

	put_ring(&w->t);
	triage_put(&w->t, KDBG + 0x10, "\x12\x34\x56\x78", 4);
	assert_int_equal(read_modules(w, triage_write_full(&w->t), &err), FS_OK);
	r = reader_of(w);
	modules_read_unloaded(&r, KDBG, &w->m);
	assert_int_equal(w->m.unloaded.n, 0);
	assert_int_equal(w->m.gaps.n, 1);
	assert_int_equal(w->m.gaps.v[0].why, FS_UNSUPPORTED);
}

static void an_unloaded_entry_that_is_none(void **state)
{
	struct world *w = *state;
	struct fs_error err;
	struct reader r;

	put_ring(&w->t);
	put_unloaded(&w->t, 1, "bad.sys", DRV_BASE + 0x28000, DRV_BASE + 0x20000);
	assert_int_equal(read_modules(w, triage_write_full(&w->t), &err), FS_OK);
	r = reader_of(w);
	modules_read_unloaded(&r, KDBG, &w->m);
	assert_int_equal(w->m.unloaded.n, 1);
	assert_int_equal(w->m.gaps.n, 1);
	assert_true(w->m.gaps.v[0].address == RING + 0x28);
	modules_read_unloaded(&r, UINT64_MAX - 4, &w->m);
	assert_int_equal(w->m.gaps.n, 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_loader_list),
		T(the_edges_of_a_module),
		T(names_are_found_or_ambiguous),
		T(the_triage_lists),
		T(overlaps_are_kept_and_told),
		T(nested_modules),
		T(an_entry_without_its_range),
		T(a_broken_list),
		T(a_list_without_a_beginning),
		T(a_name_that_cannot_be),
		T(no_list_is_an_error),
		T(no_triage_list_is_an_error),
		T(the_unloaded_ring),
		T(a_kdbg_that_is_none),
		T(an_unloaded_entry_that_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
