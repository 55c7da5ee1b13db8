/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files share that read threads and all that hangs on them. */
#ifndef NT_LOOK_H
#define NT_LOOK_H

#include "nt/impl.h"
#include "nt/threads.h"

/* KOBJECTS of nt's PDB: DISPATCHER_HEADER.Type, the same on all builds. */
enum { KOBJECT_MUTANT = 2, KOBJECT_PROCESS = 3, KOBJECT_THREAD = 6 };
/* KOBJECT_LOCK_BIT of the Lock word that Type is the first byte of: set while an
 * object is being changed. */
#define KOBJECT_TYPE(v) ((v)&0x7f)

/* One statement about nt's offsets, counted over all objects that it was asked of. */
enum nt_claim {
	CLAIM_THREAD_TYPE,
	CLAIM_STACK,
	CLAIM_STACK_CURRENT,
	CLAIM_THREAD_PROCESS,
	CLAIM_CID,
	CLAIM_PROCESS_TYPE,
	CLAIM_IMAGE,
	CLAIM_RUNNING,
	CLAIM_WAIT_THREAD,
	CLAIM_WAIT_OBJECT,
	CLAIM_START,
	CLAIM_OWNER,
	CLAIMS
};

struct nt_tally {
	size_t held, failed;
	uint64_t failed_at;
};

struct nt_look {
	const struct reader *r;
	const struct modules *m;
	struct model_builder *b;
	struct nt_sites sites;
	size_t thread_span, process_span; /* bytes of ETHREAD, EPROCESS with all fields wanted */
	bool thread_links_own;		  /* by ETHREAD.ThreadListEntry, else KTHREAD's */
	struct nt_tally claim[CLAIMS];
	bool limited; /* not all threads or processes fit, or a list broke */
	const char *why;
	struct nt_object object; /* the one that is being read */
};

void nt_tell(struct nt_look *k, enum nt_claim c, bool held, uint64_t at);
/* A gap in words; its index. */
__attribute__((format(printf, 5, 6))) int32_t
nt_gap(struct nt_look *k, const char *what, uint64_t va, enum fs_status st, const char *fmt, ...);
/* Say once that not everything was read. */
void nt_limited(struct nt_look *k, const char *why);

/* thread.c: by its address; NULL process: whoever it names. -1: no thread. */
int32_t nt_thread(struct nt_look *k, uint64_t va);
/* process.c */
int32_t nt_process(struct nt_look *k, uint64_t va);
/* wait.c: what the thread with this index waits for. */
void nt_read_waits(struct nt_look *k, size_t thread);
/* "NotificationEvent", as WinDbg prints it; NULL not known. Static or in the arena. */
/* "WrRundown"; NULL not known. */
const char *nt_wait_reason(struct nt_look *k, uint64_t reason);
const char *nt_dispatcher_kind(struct nt_look *k, uint64_t type);
/* judge.c: claims into model.nt, and what they leave unproved. */
void nt_judge_threads(struct nt_look *k);
/* thread.c, process.c: the values of an entity with the field that each was read from. */
const struct nt_field *nt_thread_fields(size_t *ret_n);
const struct nt_field *nt_process_fields(size_t *ret_n);

#endif
