/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF notes of a machine's dump, which kdump files hold too. Private to src/dump. */
#ifndef DUMP_NOTES_H
#define DUMP_NOTES_H

#include "dump/format.h"

/* A processor has less than 1 KiB of notes; more than this is not read. */
#define NOTES_SIZE_MAX (16u << 20)

/* Collects over several blocks. Zero-initialise. */
struct notes {
	VEC(struct dump_cpu) prstatus; /* in the file's order */
	VEC(struct dump_cpu) qemu;
	size_t narrow; /* of prstatus: x86's, where x64's were expected */
	bool bad_prstatus, bad_qemu, differ; /* said once */
};

/* One block of notes, n bytes. Damage becomes a dump_note; d->info.machine is known.
 * The guest's header goes to d->guest_header. FS_NO_MEMORY alone fails. */
enum fs_status notes_parse(struct notes *s, struct dump *d, const uint8_t *data, size_t n,
			   struct fs_error *err);
/* After the last block: d->cpus, and what the guest's header says into d->info. */
enum fs_status notes_finish(struct notes *s, struct dump *d, struct fs_error *err);
void notes_deinit(struct notes *s);

/* note_regs.c: one note's registers. False: it is too short for this machine's, or (QEMU's) of
 * another form. */
bool note_prstatus(enum dump_machine machine, const uint8_t *p, size_t n, struct dump_cpu *ret);
bool note_qemu(enum dump_machine machine, const uint8_t *p, size_t n, struct dump_cpu *ret);
/* QEMU's x86_elf_prstatus as a whole: such a note is of 32 bits, whatever the header says. */
#define NOTE_PRSTATUS_X86_QEMU 144u
#define NOTE_QEMU_VERSION      1u
#define NOTE_QEMU_BYTES	  432u /* of the first form: up to CR4 */

/* EM_* of elf.h into d->info's machine; false: none that Windows runs on. */
bool notes_machine(struct dump *d, uint16_t e_machine);

#endif
