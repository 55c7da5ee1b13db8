/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine for QEMU to dump: places a world (mkworld --format guest) in memory under
 * Windows-like page tables, points the processors' registers at it, and stops. See
 * README.md for what the file and the command line say.
 */
#include <stddef.h>
#include <stdint.h>

#define PAGE	    4096ull
#define HIGH_START  0x100000000ull
#define TRAMPOLINE  0x8000u
#define LOCAL_APIC  0xfee00000u
#define SELF_MAP    0x1edu
#define E_TABLE	    0x67u
#define E_LEAF	    (0x63u | 1ull << 63)
#define MSR_GS_BASE 0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u

struct guest_file { /* mkworld_guest.c writes it */
	char magic[8];
	uint64_t npages;
	uint64_t header_at, table_at, pages_at; /* file offsets */
	uint64_t idt;				/* VA */
	uint64_t kpcr[2];			/* VA */
	uint64_t kernel_directory[2]; /* VA of KPRCB.KernelDirectoryTableBase; 0: none */
};

struct multiboot {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr;
	uint32_t syms[4], mmap_length, mmap_addr;
};
struct multiboot_module {
	uint32_t start, end, string, reserved;
};
struct multiboot_map {
	uint32_t size;
	uint64_t base, length;
	uint32_t type;
} __attribute__((packed));

extern uint32_t multiboot_info, boot_cr3, boot_cr4;
extern uint8_t trampoline[], trampoline_end[], tr_cr3[], tr_cr4[], boot_pml4[], guest_end[];
void guest_main(void);
void second_main(void);

static struct {
	uint64_t low, low_end, high, high_end; /* free memory */
	unsigned levels;
	uint64_t root, shadow; /* PA */
	uint64_t taken;
	const struct guest_file *file;
} g;
static volatile uint32_t second_runs;

static inline void out8(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}
static inline void out16(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port));
}
static inline void out32(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port));
}
static inline uint8_t in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}

void *memcpy(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
void *memcpy(void *dst, const void *src, size_t n)
{
	uint8_t *d = dst;
	const uint8_t *s = src;

	while (n--)
		*d++ = *s++;
	return dst;
}
void *memset(void *dst, int c, size_t n)
{
	uint8_t *d = dst;

	while (n--)
		*d++ = (uint8_t)c;
	return dst;
}

/* To the debug console: what the test waits for. */
static void say(const char *s)
{
	while (*s)
		out8(0xe9, (uint8_t)*s++);
}
static __attribute__((noreturn)) void stop(const char *why)
{
	say(why);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static int option(const char *name)
{
	const struct multiboot *mb = (const void *)(uintptr_t)multiboot_info;
	const char *s = (const char *)(uintptr_t)mb->cmdline;

	for (; s && *s; s++) {
		size_t n = 0;

		while (name[n] && s[n] == name[n])
			n++;
		if (!name[n])
			return 1;
	}
	return 0;
}

static void find_memory(void)
{
	const struct multiboot *mb = (const void *)(uintptr_t)multiboot_info;
	const struct multiboot_module *mod = (const void *)(uintptr_t)mb->mods_addr;
	uint32_t at = mb->mmap_addr;

	if (mb->mods_count != 1)
		stop("no world\n");
	g.file = (const void *)(uintptr_t)mod->start;
	g.low = (mod->end + PAGE - 1) / PAGE * PAGE;
	while (at < mb->mmap_addr + mb->mmap_length) {
		const struct multiboot_map *m = (const void *)(uintptr_t)at;

		if (m->type == 1 && m->base < HIGH_START && m->base + m->length > g.low)
			g.low_end = (m->base + m->length) / PAGE * PAGE;
		if (m->type == 1 && m->base >= HIGH_START) {
			g.high = m->base;
			g.high_end = m->base + m->length;
		}
		at += m->size + 4;
	}
}

/* A zeroed frame: every other one above 4 GiB where there is memory, every fifth left out. */
static uint64_t frame(void)
{
	uint64_t *from = &g.low, pa;

	if (++g.taken % 2 == 0 && g.high < g.high_end)
		from = &g.high;
	if (g.taken % 5 == 0)
		*from += PAGE;
	pa = *from;
	*from += PAGE;
	if (g.low >= g.low_end)
		stop("not enough memory\n");
	memset((void *)(uintptr_t)pa, 0, PAGE);
	return pa;
}

static uint64_t *entry(uint64_t root, uint64_t va, unsigned last)
{
	uint64_t table = root;
	unsigned level;

	for (level = g.levels;; level--) {
		uint64_t *e = (uint64_t *)(uintptr_t)table + (va >> (3 + 9 * level) & 511);

		if (level == last)
			return e;
		if (!*e)
			*e = frame() | E_TABLE;
		table = *e & 0xffffffffff000ull;
	}
}

static uint64_t new_root(void)
{
	uint64_t pa = frame();
	uint64_t *t = (uint64_t *)(uintptr_t)pa;

	/* This code goes on running at its physical addresses, in the user's half. */
	t[0] = g.levels == 5 ? (uintptr_t)boot_pml4 | 3u : *(uint64_t *)boot_pml4;
	t[SELF_MAP] = pa | E_LEAF;
	return pa;
}

static void place_world(void)
{
	const uint8_t *file = (const void *)g.file;
	const uint64_t *va = (const void *)(file + g.file->table_at);
	uint64_t i;

	g.root = new_root();
	for (i = 0; i < g.file->npages; i++) {
		uint64_t pa = frame();

		memcpy((void *)(uintptr_t)pa, file + g.file->pages_at + i * PAGE, PAGE);
		*entry(g.root, va[i], 1) = pa | E_LEAF;
	}
}

static uint64_t physical(uint64_t va)
{
	return (*entry(g.root, va, 1) & 0xffffffffff000ull) | (va & (PAGE - 1));
}

/* What KVA shadowing leaves of the kernel while user code runs. */
static void make_shadow(void)
{
	const struct guest_file *f = g.file;
	unsigned i;
	uint64_t off;

	g.shadow = new_root();
	*entry(g.shadow, f->idt, 1) = *entry(g.root, f->idt, 1);
	for (i = 0; i < 2; i++) {
		if (!f->kpcr[i] || !f->kernel_directory[i])
			continue;
		*(uint64_t *)(uintptr_t)physical(f->kernel_directory[i]) = g.root;
		for (off = 0; off <= f->kernel_directory[i] - f->kpcr[i]; off += PAGE)
			*entry(g.shadow, f->kpcr[i] + off, 1) =
				*entry(g.root, f->kpcr[i] + off, 1);
	}
}

/* --- QEMU's vmcoreinfo device: where the DUMP_HEADER64 is ------------------------- */

static uint32_t swap32(uint32_t v)
{
	return __builtin_bswap32(v);
}

static uint16_t fw_cfg_find(const char *name)
{
	uint32_t n, i, k;
	uint8_t b[64];

	out16(0x510, 0x19); /* the directory */
	for (n = 0, i = 0; i < 4; i++)
		n = n << 8 | in8(0x511);
	for (; n; n--) {
		for (i = 0; i < sizeof(b); i++)
			b[i] = in8(0x511);
		for (k = 0; name[k] && b[8 + k] == (uint8_t)name[k]; k++)
			;
		if (!name[k])
			return (uint16_t)(b[4] << 8 | b[5]);
	}
	return 0;
}

/* PHYSICAL_MEMORY_DESCRIPTOR of DUMP_HEADER64: QEMU writes the runs that it names. */
static void put_runs(uint8_t *header)
{
	const struct multiboot *mb = (const void *)(uintptr_t)multiboot_info;
	uint64_t *run = (uint64_t *)(header + 0x98), pages = 0;
	uint32_t at = mb->mmap_addr, n = 0;

	while (at < mb->mmap_addr + mb->mmap_length && n < 8) {
		const struct multiboot_map *m = (const void *)(uintptr_t)at;

		if (m->type == 1 && m->length >= PAGE) {
			run[2 * n] = (m->base + PAGE - 1) / PAGE;
			run[2 * n + 1] = (m->base + m->length) / PAGE - run[2 * n];
			pages += run[2 * n++ + 1];
		}
		at += m->size + 4;
	}
	*(uint32_t *)(header + 0x88) = n;
	*(uint64_t *)(header + 0x90) = pages;
}

static void tell_header(void)
{
	static struct {
		uint32_t control, length;
		uint64_t address;
	} dma __attribute__((aligned(8)));
	static struct {
		uint16_t host_format, guest_format;
		uint32_t size;
		uint64_t paddr;
	} __attribute__((packed)) info;
	static struct {
		uint32_t namesz, descsz, type;
		char name[12];
		uint8_t header[8192];
	} note __attribute__((aligned(4096)));
	uint16_t key = fw_cfg_find("etc/vmcoreinfo");

	if (!key)
		return;
	note.namesz = 11;
	note.descsz = sizeof(note.header);
	memcpy(note.name, "VMCOREINFO", 11);
	memcpy(note.header, (const uint8_t *)g.file + g.file->header_at, sizeof(note.header));
	*(uint64_t *)(note.header + 0x10) = g.root; /* DirectoryTableBase */
	put_runs(note.header);
	info.guest_format = 1; /* ELF note */
	info.size = sizeof(note);
	info.paddr = (uintptr_t)&note;
	dma.control = swap32((uint32_t)key << 16 | 0x18); /* select, write */
	dma.length = swap32(sizeof(info));
	dma.address = __builtin_bswap64((uintptr_t)&info);
	out32(0x514, 0);
	out32(0x518, swap32((uint32_t)(uintptr_t)&dma));
}

/* --- processors ----------------------------------------------------------------- */

static void take_registers(unsigned cpu)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) idt = {0xfff, g.file->idt};
	uint64_t cr3 = g.shadow ? g.shadow : g.root;

	__asm__ volatile("mov %0, %%cr3" ::"r"(cr3) : "memory");
	__asm__ volatile("lidt %0" ::"m"(idt));
	/* In user mode GS is the TEB, and the KPCR waits for swapgs. */
	wrmsr(MSR_GS_BASE, g.shadow ? 0x7ffe0000 : g.file->kpcr[cpu]);
	wrmsr(MSR_KERNEL_GS_BASE, g.shadow ? g.file->kpcr[cpu] : 0x7ffe0000);
}

void second_main(void)
{
	take_registers(1);
	second_runs = 1;
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void start_second(void)
{
	volatile uint32_t *icr_low = (volatile uint32_t *)(uintptr_t)(LOCAL_APIC + 0x300);
	volatile uint32_t *icr_high = (volatile uint32_t *)(uintptr_t)(LOCAL_APIC + 0x310);
	uint8_t *at = (uint8_t *)(uintptr_t)TRAMPOLINE;
	uint64_t i;

	/* The APIC's page, in a gigabyte of its own: boot_pdpt[3]. */
	static uint64_t pd[512] __attribute__((aligned(4096)));
	uint64_t *pdpt = (uint64_t *)(uintptr_t)(*(uint64_t *)boot_pml4 & 0xffffffffff000ull);

	pd[LOCAL_APIC >> 21 & 511] = (LOCAL_APIC & 0xffe00000u) | 0x9b;
	pdpt[3] = (uintptr_t)pd | 3;
	*(uint32_t *)tr_cr3 = boot_cr3;
	*(uint32_t *)tr_cr4 = boot_cr4;
	memcpy(at, trampoline, (size_t)(trampoline_end - trampoline));
	*icr_high = 1u << 24;
	*icr_low = 0x4500; /* INIT */
	for (i = 0; i < 1000000; i++)
		__asm__ volatile("pause");
	*icr_high = 1u << 24;
	*icr_low = 0x4600 | TRAMPOLINE >> 12; /* STARTUP */
	for (i = 0; !second_runs; i++) {
		if (i == 2000000000)
			stop("the second processor does not start\n");
		__asm__ volatile("pause");
	}
	pdpt[3] = 0;
}

void guest_main(void)
{
	g.levels = boot_cr4 & 1u << 12 ? 5 : 4;
	find_memory();
	place_world();
	if (option("kvas"))
		make_shadow();
	tell_header();
	if (option("smp"))
		start_second();
	take_registers(0);
	stop("ready\n");
}
