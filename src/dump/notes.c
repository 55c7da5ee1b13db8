/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What QEMU's dump-guest-memory writes (target/i386/arch_dump.c, target/arm/arch_dump.c):
 * first an NT_PRSTATUS for each processor, then on x86 a "QEMU" note for each, with the
 * control registers and segment bases; then the note that the guest put into fw_cfg's
 * vmcoreinfo, which for Windows holds a DUMP_HEADER64 (dump/win_dump.c). Other
 * hypervisors write NT_PRSTATUS alone.
 */
#include "dump/notes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "dump/dmp.h"

#define NT_PRSTATUS 1u

#define EM_386	   3u
#define EM_X86_64  62u
#define EM_AARCH64 183u

#define DUMP_HEADER32_SIZE 0x1000u

#define CPUS_MAX 4096u

bool notes_machine(struct dump *d, uint16_t e_machine)
{
	switch (e_machine) {
	case EM_386:
		d->info.machine = DUMP_X86;
		d->info.machine_raw = 0x14c;
		return true;
	case EM_X86_64:
		d->info.machine = DUMP_X64;
		d->info.machine_raw = 0x8664;
		return true;
	case EM_AARCH64:
		d->info.machine = DUMP_ARM64;
		d->info.machine_raw = 0xaa64;
		return true;
	default:
		return false;
	}
}

static enum fs_status add_prstatus(struct notes *s, struct dump *d, const uint8_t *p, size_t n,
				   struct fs_error *err)
{
	struct dump_cpu cpu = {.number = (uint32_t)s->prstatus.n}, *to;
	enum dump_machine machine = d->info.machine;

	if (s->prstatus.n == CPUS_MAX)
		return FS_OK;
	/* QEMU chooses by the first processor: of a system that is not in long mode all are so */
	if (machine == DUMP_X64 && n == NOTE_PRSTATUS_X86_QEMU) {
		s->narrow++;
		machine = DUMP_X86;
	}
	if (!note_prstatus(machine, p, n, &cpu) && !s->bad_prstatus) {
		s->bad_prstatus = true;
		dump_note_add(d,
			      "NT_PRSTATUS of processor %u: %zu bytes are too few for its "
			      "registers",
			      cpu.number, n);
	}
	to = vec_push(&s->prstatus);
	if (!to)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the processors");
	*to = cpu;
	return FS_OK;
}

static enum fs_status add_qemu(struct notes *s, struct dump *d, const uint8_t *p, size_t n,
			       struct fs_error *err)
{
	struct dump_cpu cpu = {.number = (uint32_t)s->qemu.n}, *to;

	if (s->qemu.n == CPUS_MAX)
		return FS_OK;
	if (!note_qemu(d->info.machine, p, n, &cpu) && !s->bad_qemu) {
		s->bad_qemu = true;
		dump_note_add(
			d,
			"QEMU note of processor %u: expected version %u and %u bytes or more, "
			"found version %u with %u bytes in a note of %zu: it is not used",
			cpu.number, NOTE_QEMU_VERSION, NOTE_QEMU_BYTES, n >= 8 ? load_u32(p) : 0,
			n >= 8 ? load_u32(p + 4) : 0, n);
	}
	to = vec_push(&s->qemu);
	if (!to)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the processors");
	*to = cpu;
	return FS_OK;
}

static enum fs_status add_guest_header(struct dump *d, const uint8_t *p, size_t n,
				       struct fs_error *err)
{
	size_t size = 0;

	if (n >= DMP_HEADER_SIZE && memcmp(p, "PAGEDU64", 8) == 0)
		size = DMP_HEADER_SIZE;
	else if (n >= DUMP_HEADER32_SIZE && memcmp(p, "PAGEDUMP", 8) == 0)
		size = DUMP_HEADER32_SIZE;
	/* Linux guests put text there. */
	if (size == 0 || d->guest_header)
		return FS_OK;
	d->guest_header = malloc(size);
	if (!d->guest_header)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the guest's dump header");
	memcpy(d->guest_header, p, size);
	d->guest_header_size = size;
	return FS_OK;
}

struct note {
	const uint8_t *name, *desc;
	uint32_t namesz, descsz, type;
};

static bool is_named(const struct note *e, const char *name)
{
	size_t n = strlen(name);

	/* With its terminator, and the odd writer without. */
	return (e->namesz == n || (e->namesz == n + 1 && e->name[n] == 0)) &&
	       memcmp(e->name, name, n) == 0;
}

static enum fs_status one_note(struct notes *s, struct dump *d, const struct note *e,
			       struct fs_error *err)
{
	if (is_named(e, "CORE") && e->type == NT_PRSTATUS)
		return add_prstatus(s, d, e->desc, e->descsz, err);
	if (is_named(e, "QEMU"))
		return add_qemu(s, d, e->desc, e->descsz, err);
	if (is_named(e, "VMCOREINFO"))
		return add_guest_header(d, e->desc, e->descsz, err);
	return FS_OK;
}

/* Name and description, padded to 4 bytes each; the last one's padding may be missing. */
static bool view_padded(struct cursor *c, uint32_t n, const uint8_t **ret)
{
	size_t pad = (4 - n % 4) % 4;

	if (cursor_view(c, n, ret, NULL) != FS_OK)
		return false;
	if (pad > c->size - c->pos)
		pad = c->size - c->pos;
	return cursor_skip(c, pad, NULL) == FS_OK;
}

enum fs_status notes_parse(struct notes *s, struct dump *d, const uint8_t *data, size_t n,
			   struct fs_error *err)
{
	struct cursor c;

	cursor_init(&c, data, n, 0, "notes");
	while (c.pos < c.size) {
		size_t at = c.pos;
		struct note e = {0};
		enum fs_status st;

		if (cursor_u32(&c, &e.namesz, NULL) != FS_OK ||
		    cursor_u32(&c, &e.descsz, NULL) != FS_OK ||
		    cursor_u32(&c, &e.type, NULL) != FS_OK || !view_padded(&c, e.namesz, &e.name) ||
		    !view_padded(&c, e.descsz, &e.desc)) {
			dump_note_add(d,
				      "the note at 0x%zx of 0x%zx bytes of notes ends past them: "
				      "the notes from there are not read",
				      at, n);
			break;
		}
		st = one_note(s, d, &e, err);
		if (st != FS_OK)
			return st;
	}
	return FS_OK;
}

/* Kernel addresses and versions stay true while the guest runs; the bug check, the times
 * and the context of a header made at its start would not. */
static void use_guest_header(struct dump *d)
{
	struct dump_info g = {0};

	if (d->guest_header_size != DMP_HEADER_SIZE)
		return;
	dmp_parse_info(&g, d->guest_header);
	if (g.machine != d->info.machine) {
		dump_note_add(d,
			      "the guest's own dump header (VMCOREINFO note) is of machine 0x%x, "
			      "the container of 0x%x: the header is not used",
			      g.machine_raw, d->info.machine_raw);
		return;
	}
	d->info.major = g.major;
	d->info.build = g.build;
	d->info.directory_table_base = g.directory_table_base;
	d->info.pfn_database = g.pfn_database;
	d->info.ps_loaded_module_list = g.ps_loaded_module_list;
	d->info.ps_active_process_head = g.ps_active_process_head;
	d->info.kd_debugger_data_block = g.kd_debugger_data_block;
	dump_note_add(d, "versions and kernel addresses of the header are those that the guest "
			 "gave its hypervisor (VMCOREINFO note)");
}

/* Both are written of one processor at one moment. */
static bool registers_differ(const struct dump_cpu *a, const struct dump_cpu *b)
{
	uint32_t both = a->gprs & b->gprs;
	unsigned i;

	for (i = 0; i < DUMP_GPRS; i++)
		if (both >> i & 1 && a->gpr[i] != b->gpr[i])
			return true;
	return (a->rip.present && b->rip.present && a->rip.v != b->rip.v) ||
	       (a->rsp.present && b->rsp.present && a->rsp.v != b->rsp.v);
}

static void compare(struct notes *s, struct dump *d, size_t i)
{
	if (s->differ || i >= s->prstatus.n || !registers_differ(&s->prstatus.v[i], &s->qemu.v[i]))
		return;
	s->differ = true;
	dump_note_add(d,
		      "processor %zu: its NT_PRSTATUS and its QEMU note have different registers: "
		      "the QEMU note's are used",
		      i);
}

/* A QEMU note says more than the NT_PRSTATUS of the same processor. */
static bool merge(struct notes *s, struct dump *d, size_t i, unsigned *unstarted)
{
	struct dump_cpu *to;
	const struct dump_cpu *q = i < s->qemu.n ? &s->qemu.v[i] : NULL;

	if (q && q->cr3.present && q->cr3.v == 0) {
		(*unstarted)++;
		return true;
	}
	to = vec_push(&d->cpus);
	if (!to)
		return false;
	if (q && q->cr3.present)
		compare(s, d, i);
	*to = q && q->cr3.present ? *q : i < s->prstatus.n ? s->prstatus.v[i] : *q;
	return true;
}

enum fs_status notes_finish(struct notes *s, struct dump *d, struct fs_error *err)
{
	size_t i, n = s->qemu.n > s->prstatus.n ? s->qemu.n : s->prstatus.n;
	unsigned unstarted = 0;

	for (i = 0; i < n; i++) {
		if (!merge(s, d, i, &unstarted))
			return fs_fail(err, FS_NO_MEMORY, "no memory for the processors");
	}
	if (unstarted)
		dump_note_add(d, "%u of %zu processors never started (CR3 is 0)", unstarted, n);
	if (s->qemu.n && s->prstatus.n && s->qemu.n != s->prstatus.n)
		dump_note_add(d,
			      "%zu NT_PRSTATUS and %zu QEMU notes: one of each is expected for "
			      "a processor",
			      s->prstatus.n, s->qemu.n);
	/* kdump's header has the name of QEMU's machine, these are the guest's registers */
	if (s->narrow && s->narrow == s->prstatus.n) {
		dump_note_add(d, "the header says x64; the processors' notes are those of a 32-bit system");
		(void)notes_machine(d, EM_386);
	}
	if (n > 0)
		d->info.processors = (struct dump_u32){(uint32_t)d->cpus.n, true};
	if (d->guest_header)
		use_guest_header(d);
	return FS_OK;
}

void notes_deinit(struct notes *s)
{
	vec_free(&s->prstatus);
	vec_free(&s->qemu);
}
