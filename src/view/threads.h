/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads, processes, processors, locks and handles, as kd prints them. */
#ifndef VIEW_THREADS_H
#define VIEW_THREADS_H

#include "view/common.h"

enum thread_parts { THREAD_HEAD, THREAD_WHOLE };
/* !thread: the first line and what it waits for, or the whole block. JSON is always whole. */
void show_thread(struct view *v, const char *key, size_t index, enum thread_parts parts);
/* !process: what of it text shows; machine formats have all but the threads. */
struct process_parts {
	bool times;	  /* of one process */
	unsigned threads; /* 1 their first lines, 2 their whole blocks */
};
void show_process(struct view *v, const char *key, size_t index, struct process_parts parts);
void show_lock(struct view *v, const char *key, size_t index);

/* Every thread; `index` one of them. */
void view_threads(struct view *v);
void view_thread(struct view *v, size_t index);
/* Those with these indices. */
void view_process(struct view *v, const size_t *index, size_t n, unsigned threads);
void view_running(struct view *v);
void view_locks(struct view *v);

/* !vm: what is known of the counters, and what the processes have committed. */
struct view_counter {
	const char *name;
	bool bytes;
	struct fs_value value;
};
void view_vm(struct view *v, const struct view_counter *counters, size_t n);

/* For export. */
void json_threads(struct view *v);

/* text_value with a mark when it is unproved. */
const char *shown(struct view *v, const struct fs_value *val, enum number_style style);
/* A FILETIME likewise, as a date. */
const char *shown_time(struct view *v, const struct fs_value *time);
/* "0004.0018"; what is not known is "????". */
const char *text_cid(struct view *v, const struct fs_thread *t);

#endif
