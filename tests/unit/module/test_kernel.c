/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding the kernel without a dump header, in memory made byte by byte: offsets are those
 * of the PE specification, of KPCR, KIDTENTRY64 and KUSER_SHARED_DATA in the public nt PDBs,
 * and of KDDEBUGGER_DATA64 in wdbgexts.h. Each witness lies in turn.
 */
#include "support/fakedump.h"

#include "layout/layout.h"
#include "module/kernel.h"

#define NT     0xfffff80012000000ull
#define NT_SIZE 0x20000u
#define LIST   (NT + 0x8100)
#define KDBG   (NT + 0x8400)
#define LDR    0xffffa00000001000ull
#define LDR2   0xffffa00000001200ull
#define IDT    0xfffff80010000000ull
#define KPCR   0xfffff80010010000ull
#define KUSER  0xfffff78000000000ull
#define SHADOW 0x1c0000ull /* another root */

static struct fakedump *d;
static struct layout *stable;
static struct kernel_cpu cpu;
static struct kernel_hints hints;
static struct kernel_found found;
static struct fs_error err;

static void text(uint64_t va, const char *s)
{
	size_t i;

	for (i = 0; i <= strlen(s); i++)
		fake_write(d, va + i, (uint8_t)s[i], 1);
}

static void utf16(uint64_t va, const char *s)
{
	for (; *s; s++, va += 2)
		fake_write(d, va, (uint8_t)*s, 2);
}

/* Headers, .text from 0x1000, .data at 0x8000, .rdata with exports and resources at 0xa000. */
static void put_image(void)
{
	static const struct {
		const char *name;
		uint32_t rva, size, flags;
	} s[3] = {{".text", 0x1000, 0x7000, 0x60000020},
		  {".data", 0x8000, 0x2000, 0xc8000040},
		  {".rdata", 0xa000, 0x1000, 0x40000040}};
	uint64_t nt = NT + 0x80, opt = nt + 24;
	size_t i;

	fake_write(d, NT, 0x5a4d, 2);
	fake_write(d, NT + 0x3c, 0x80, 4);
	fake_write(d, nt, 0x4550, 4);
	fake_write(d, nt + 4, 0x8664, 2);
	fake_write(d, nt + 6, 3, 2);
	fake_write(d, nt + 20, 0xf0, 2);
	fake_write(d, opt, 0x20b, 2);
	fake_write(d, opt + 56, NT_SIZE, 4);
	fake_write(d, opt + 108, 16, 4);
	fake_write(d, opt + 112, 0xa000, 4); /* exports */
	fake_write(d, opt + 116, 0x200, 4);
	fake_write(d, opt + 128, 0xa400, 4); /* resources */
	for (i = 0; i < 3; i++) {
		uint64_t at = opt + 0xf0 + 40 * i;

		text(at, s[i].name);
		fake_write(d, at + 8, s[i].size, 4);
		fake_write(d, at + 12, s[i].rva, 4);
		fake_write(d, at + 36, s[i].flags, 4);
	}
	(void)fake_at(d, NT + 0x9000);
	fake_write(d, NT + 0xa000 + 12, 0xa100, 4);
	text(NT + 0xa100, "ntoskrnl.exe");
}

static void put_exports(void)
{
	uint64_t e = NT + 0xa000;

	fake_write(d, e + 20, 2, 4);
	fake_write(d, e + 24, 2, 4);
	fake_write(d, e + 28, 0xa040, 4);
	fake_write(d, e + 32, 0xa050, 4);
	fake_write(d, e + 36, 0xa060, 4);
	fake_write(d, e + 0x40, 0x8040, 4);
	fake_write(d, e + 0x44, LIST - NT, 4);
	fake_write(d, e + 0x50, 0xa120, 4);
	fake_write(d, e + 0x54, 0xa140, 4);
	fake_write(d, e + 0x60, 0, 2);
	fake_write(d, e + 0x62, 1, 2);
	text(e + 0x120, "NtBuildNumber");
	text(e + 0x140, "PsLoadedModuleList");
	fake_write(d, NT + 0x8040, 0xf0004a61, 4); /* free build 19041 */
}

static void put_entry(uint64_t va, uint64_t base, const char *name)
{
	fake_write(d, va + 0x30, base, 8);
	fake_write(d, va + 0x40, NT_SIZE, 4);
	fake_write(d, va + 0x58, strlen(name) * 2, 2);
	fake_write(d, va + 0x5a, strlen(name) * 2, 2);
	fake_write(d, va + 0x60, va + 0x80, 8);
	utf16(va + 0x80, name);
}

static void put_kdbg(void)
{
	fake_links(d, KDBG, KDBG, KDBG);
	text(KDBG + 0x10, "KDBG");
	fake_write(d, KDBG + 0x14, 0x340, 4);
	fake_write(d, KDBG + 0x18, NT, 8);
	fake_write(d, KDBG + 0x48, LIST, 8);
	fake_write(d, KDBG + 0x50, NT + 0x8200, 8);
}

static void put_idt(uint64_t handler)
{
	unsigned i;

	for (i = 0; i < 32; i++) {
		fake_write(d, IDT + 16 * i, handler & 0xffff, 2);
		fake_write(d, IDT + 16 * i + 2, 0x10, 2);
		fake_write(d, IDT + 16 * i + 4, 0x8e00, 2);
		fake_write(d, IDT + 16 * i + 6, handler >> 16 & 0xffff, 2);
		fake_write(d, IDT + 16 * i + 8, handler >> 32, 4);
	}
}

static void make_levels(unsigned levels)
{
	if (layout_load_shipped("nt/stable-x64.layout", &stable, &err) != FS_OK)
		fail_msg("%s", err.text);
	d = fake_new(levels);
	d->dump.info.directory_table_base.present = false;
	d->dump.info.ps_loaded_module_list.present = false;
	put_image();
	put_exports();
	put_kdbg();
	fake_links(d, LIST, LDR, LDR2);
	fake_links(d, LDR, LDR2, LIST);
	fake_links(d, LDR2, LIST, LDR);
	put_entry(LDR, NT, "ntoskrnl.exe");
	put_entry(LDR2, NT + 0x100000, "hal.dll");
	put_idt(NT + 0x1234);
	fake_write(d, KPCR + 0x18, KPCR, 8);
	fake_write(d, KPCR + 0x20, KPCR + 0x180, 8);
	fake_write(d, KPCR + 0x38, IDT, 8);
	utf16(KUSER + 0x30, "C:\\Windows");
	fake_write(d, KUSER + 0x260, 19045, 4);
	fake_write(d, KUSER + 0x26c, 10, 4);
	cpu = (struct kernel_cpu){.cr3 = FAKE_ROOT | 0x2, .cr4 = 0x370678, .gs_base = KPCR,
				  .idt_base = IDT};
	hints = (struct kernel_hints){
		.machine = DUMP_X64, .cpu = &cpu, .ncpus = 1, .stable = stable};
}

static int make(void **state)
{
	(void)state;
	make_levels(4);
	return 0;
}

static int done(void **state)
{
	(void)state;
	free(d);
	layout_free(stable);
	return 0;
}

static void finds(const char *base_from, const char *list_from)
{
	if (kernel_find(&d->dump, &hints, &found, &err) != FS_OK)
		fail_msg("%s", err.text);
	assert_int_equal(found.root.pa & ~0xfffull, FAKE_ROOT);
	assert_int_equal(found.module_list, LIST);
	if (base_from)
		assert_non_null(strstr(found.base_from, base_from));
	if (list_from)
		assert_non_null(strstr(found.list_from, list_from));
}

static void finds_nothing(const char *word)
{
	assert_int_not_equal(kernel_find(&d->dump, &hints, &found, &err), FS_OK);
	assert_non_null(strstr(err.text, word));
	assert_int_equal(found.module_list, 0);
}

static void from_cr3_and_idt(void **state)
{
	(void)state;
	finds("descriptor table", "export");
	assert_int_equal(found.base, NT);
	assert_int_equal(found.size, NT_SIZE);
	assert_int_equal(found.kdbg, KDBG);
	assert_int_equal(found.process_head, NT + 0x8200);
	assert_int_equal(found.build, 19045);
}

static void la57_is_taken_from_cr4_or_tried(void **state)
{
	cpu.cr4 = 0; /* not known: both are tried */
	finds("descriptor table", "export");
	assert_int_equal(found.root.levels, 4);
	(void)done(state);
	make_levels(5);
	finds_nothing("kernel image"); /* CR4 says four */
	cpu.cr4 |= 1u << 12;
	finds("descriptor table", "export");
	assert_int_equal(found.root.levels, 5);
	cpu.cr4 = 0;
	finds("descriptor table", "export");
	assert_int_equal(found.root.levels, 5);
}

static void idt_that_lies(void **state)
{
	(void)state;
	put_idt(0xfffff80055555000ull); /* nothing there */
	finds("search of all mapped pages", "export");
	put_idt(0x7ff612340000ull); /* user space */
	finds("search of all mapped pages", "export");
	put_idt(NT + NT_SIZE + 0x1000); /* above nt's end: the image below is not its */
	(void)fake_at(d, NT + NT_SIZE + 0x1000);
	finds("search of all mapped pages", "export");
}

static void kpcr_names_the_idt(void **state)
{
	(void)state;
	cpu.idt_base = 0;
	finds("KPCR", "export");
	cpu.kernel_gs_base = KPCR;
	cpu.gs_base = 0x7ffe0000;
	finds("KPCR", "export");
	fake_write(d, KPCR + 0x18, KPCR + 8, 8); /* Self is not this */
	finds("search of all mapped pages", "export");
}

static void code_address(void **state)
{
	(void)state;
	cpu.idt_base = cpu.gs_base = 0;
	cpu.code = NT + 0x2345;
	finds("code", "export");
}

static void pe_that_loops(void **state)
{
	(void)state;
	fake_write(d, NT + 0x3c, 0, 4); /* e_lfanew is the DOS header again */
	finds_nothing("kernel image");
	fake_write(d, NT + 0x3c, 0xfffffff0, 4);
	finds_nothing("kernel image");
	fake_write(d, NT + 0x3c, 0x80, 4);
	fake_write(d, NT + 0x80 + 6, 0xffff, 2); /* sections */
	finds_nothing("kernel image");
	fake_write(d, NT + 0x80 + 6, 3, 2);
	fake_write(d, NT + 0x80 + 24 + 56, 0xfffff000, 4); /* SizeOfImage */
	finds_nothing("kernel image");
}

static void another_image_is_no_kernel(void **state)
{
	(void)state;
	text(NT + 0xa100, "ntfs.sys");
	finds_nothing("kernel image");
	fake_write(d, NT + 0xa000 + 12, 0xfffffff0, 4); /* the name is outside */
	finds_nothing("kernel image");
}

static void list_by_kdbg(void **state)
{
	(void)state;
	text(NT + 0xa140, "PsLoadedModuleLisp");
	finds(NULL, "KDDEBUGGER_DATA64");
}

static void list_by_search(void **state)
{
	(void)state;
	text(NT + 0xa140, "PsLoadedModuleLisp");
	text(KDBG + 0x10, "kdbg");
	finds(NULL, "search of nt's data");
	assert_int_equal(found.kdbg, 0);
}

static void kdbg_that_lies(void **state)
{
	(void)state;
	text(NT + 0xa140, "PsLoadedModuleLisp");
	fake_write(d, KDBG + 0x18, NT + 0x1000, 8); /* another KernBase */
	finds(NULL, "search of nt's data");
	fake_write(d, KDBG + 0x18, NT, 8);
	fake_write(d, KDBG + 0x14, 0xffffffff, 4); /* size */
	finds(NULL, "search of nt's data");
	fake_write(d, KDBG + 0x14, 0x340, 4);
	fake_write(d, KDBG + 0x48, KDBG + 0x40, 8); /* no list there */
	finds(NULL, "search of nt's data");
}

/* Nothing names the list, and the one that stands there does not prove itself. */
static void lists_that_lie(void **state)
{
	(void)state;
	text(NT + 0xa140, "PsLoadedModuleLisp");
	text(KDBG + 0x10, "kdbg");
	fake_links(d, LDR2, LDR, LDR); /* a loop that misses the head */
	finds_nothing("PsLoadedModuleList");
	fake_links(d, LDR2, LIST, LDR);
	fake_write(d, LDR + 8, LDR2, 8); /* Blink */
	finds_nothing("PsLoadedModuleList");
	fake_write(d, LDR + 8, LIST, 8);
	fake_write(d, LDR + 0x30, NT + 0x1000, 8); /* DllBase is not nt's */
	finds_nothing("PsLoadedModuleList");
	fake_write(d, LDR + 0x30, NT, 8);
	fake_write(d, LDR + 0x40, 0, 4); /* SizeOfImage */
	finds_nothing("PsLoadedModuleList");
	fake_write(d, LDR + 0x40, NT_SIZE, 4);
	fake_write(d, LDR + 0x80, 7, 2); /* a bell in the name */
	finds_nothing("PsLoadedModuleList");
	fake_write(d, LDR + 0x80, 'n', 2);
	finds(NULL, "search of nt's data");
}

/* The export is nt's own word: what is damaged behind it is told by who walks the list. */
static void exported_list_may_be_damaged(void **state)
{
	(void)state;
	fake_links(d, LDR2, LDR, LDR);
	finds(NULL, "export");
}

static void build_by_export_and_resource(void **state)
{
	(void)state;
	fake_write(d, KUSER + 0x260, 0, 4); /* as before Windows 10 */
	finds(NULL, NULL);
	assert_int_equal(found.build, 19041);
	text(NT + 0xa120, "NtBuildNumbes");
	finds(NULL, NULL);
	assert_int_equal(found.build, 0);
	/* type 16, name, language, data; then VS_FIXEDFILEINFO 6.1.7601.24540 */
	fake_write(d, NT + 0xa400 + 14, 1, 2);
	fake_write(d, NT + 0xa410, 16, 4);
	fake_write(d, NT + 0xa414, 0x80000020, 4);
	fake_write(d, NT + 0xa420 + 14, 1, 2);
	fake_write(d, NT + 0xa434, 0x80000040, 4);
	fake_write(d, NT + 0xa440 + 14, 1, 2);
	fake_write(d, NT + 0xa454, 0x60, 4);
	fake_write(d, NT + 0xa460, 0xa500, 4);
	fake_write(d, NT + 0xa528, 0xfeef04bd, 4);
	fake_write(d, NT + 0xa530, 0x00060001, 4);
	fake_write(d, NT + 0xa534, 7601u << 16 | 24540, 4);
	finds(NULL, NULL);
	assert_int_equal(found.build, 7601);
	assert_non_null(strstr(found.build_from, "version resource"));
	fake_write(d, NT + 0xa434, 0x80000020, 4); /* a directory that is its own child */
	finds(NULL, NULL);
	assert_int_equal(found.build, 0);
}

/* A user-mode CR3 maps the IDT and the KPCR, and nothing of nt. */
static void put_shadow(uint64_t kernel_directory)
{
	size_t i;

	(void)fake_page(d, SHADOW);
	for (i = 0; i < 512; i++)
		fake_put64(d, SHADOW + 8 * i, 0);
	/* IDT and KPCR lie in one page directory's range: share down to a private page table. */
	fake_put64(d, SHADOW + 0x1f0 * 8, 0x300000 | 0x63);
	(void)fake_page(d, 0x300000);
	(void)fake_page(d, 0x301000);
	fake_put64(d, 0x300000, 0x301000 | 0x63);
	fake_put64(d, 0x301000 + 0x80 * 8,
		   fake_get64(d, fake_entry(d, IDT, 2)));
	fake_write(d, KPCR + 0x180 + 0x8e80, kernel_directory, 8);
	cpu.cr3 = SHADOW | 0x8000000000000002ull;
	cpu.gs_base = 0x7ffe0000;
	cpu.kernel_gs_base = KPCR;
}

static void kva_shadow(void **state)
{
	(void)state;
	put_shadow(FAKE_ROOT | 0x3);
	finds(NULL, "export");
	assert_non_null(strstr(found.root_from, "KernelDirectoryTableBase"));
}

static void kva_shadow_that_lies(void **state)
{
	(void)state;
	put_shadow(0x333000);
	/* no self-map and no start block: nothing else leads to the tables */
	finds_nothing("kernel");
	put_shadow(SHADOW);
	finds_nothing("kernel");
}

static void another_processor_helps(void **state)
{
	struct kernel_cpu two[2];

	(void)state;
	put_shadow(0);
	two[0] = cpu;
	two[1] = (struct kernel_cpu){.number = 1, .cr3 = FAKE_ROOT, .idt_base = IDT};
	hints.cpu = two;
	hints.ncpus = 2;
	finds("descriptor table", "export");
	assert_int_equal(found.root_cpu, 1);
}

static void by_self_map(void **state)
{
	(void)state;
	hints.ncpus = 0;
	finds_nothing("no page tables");
	fake_put64(d, 0x180000 + 0x1ed * 8, 0x180000 | 0x63); /* one that maps nothing */
	fake_put64(d, FAKE_ROOT + 0x1ed * 8, FAKE_ROOT | 0x63);
	finds(NULL, "export");
	assert_non_null(strstr(found.root_from, "contain themselves"));
}

static void by_start_block(void **state)
{
	(void)state;
	hints.ncpus = 0;
	fake_put64(d, 0x13000, 0x00000001000600e9ull);
	fake_put64(d, 0x13070, NT + 0x1000);
	fake_put64(d, 0x130a0, 0x666000); /* Cr3 that is none */
	finds_nothing("page tables at 0x666000");
	fake_put64(d, 0x130a0, FAKE_ROOT);
	finds(NULL, "export");
	assert_non_null(strstr(found.root_from, "start block"));
}

static void the_users_root_wins(void **state)
{
	(void)state;
	hints.user_root = 0x444000;
	finds_nothing("page tables at 0x444000");
	hints.user_root = FAKE_ROOT;
	cpu.cr3 = 0x444000;
	finds(NULL, "export");
	assert_non_null(strstr(found.root_from, "--dtb"));
}

static void a_given_list_proves_a_root(void **state)
{
	(void)state;
	hints.ncpus = 0;
	hints.header_root = FAKE_ROOT;
	hints.module_list = LIST;
	fake_write(d, NT, 0, 2); /* nt's own header is not there */
	finds("first entry", "header");
	assert_int_equal(found.base, 0);
	hints.module_list = LIST + 0x20; /* no list: nt would be needed */
	finds_nothing("kernel image");
}

#define T(f) cmocka_unit_test_setup_teardown(f, make, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(from_cr3_and_idt),
		T(la57_is_taken_from_cr4_or_tried),
		T(idt_that_lies),
		T(kpcr_names_the_idt),
		T(code_address),
		T(pe_that_loops),
		T(another_image_is_no_kernel),
		T(list_by_kdbg),
		T(list_by_search),
		T(kdbg_that_lies),
		T(lists_that_lie),
		T(exported_list_may_be_damaged),
		T(build_by_export_and_resource),
		T(kva_shadow),
		T(kva_shadow_that_lies),
		T(another_processor_helps),
		T(by_self_map),
		T(by_start_block),
		T(the_users_root_wins),
		T(a_given_list_proves_a_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
