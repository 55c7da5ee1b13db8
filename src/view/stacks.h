/* SPDX-License-Identifier: BSD-2-Clause */
/* k kc kv us: kernel stacks as WinDbg and Mex print them. */
#ifndef VIEW_STACKS_H
#define VIEW_STACKS_H

#include "fltscope/debug.h"
#include "fltscope/fltscope.h"
#include "view/view.h"

enum view_k { VIEW_K, VIEW_KC, VIEW_KV };

struct view_stack {
	enum view_k kind;
	const struct fs_stack *stack;
	int32_t thread;	  /* index, -1: a context's */
	uint64_t context; /* VA of the CONTEXT, 0: the header's; of thread -1 */
	const struct fs_standing *at; /* of a processor's registers; NULL */
	struct fltscope *fs;
	/* kv: four words behind each return address */
	enum fs_status (*read)(struct fltscope *fs, uint64_t va, void *buf, size_t n,
			       size_t *ret_read, bool *from_image, struct fs_error *err);
};
void view_stack(struct view *v, const struct view_stack *s);

/* Which threads: all fit together. */
struct view_threads {
	int32_t process; /* index, -1 any */
	int32_t through; /* a module on the stack, -1 any */
	bool running;	 /* those that run on a processor */
};
/* Unique stacks. False: no thread of these has a stack. */
bool view_us(struct view *v, const struct view_threads *which);

/* Shared with other views. */
/* "stack", "stack_end", "stack_why" of an open object. */
void json_kernel_stack(struct view *v, const struct fs_stack *s);
/* "nt!KiSwapContext+0x76", an address when it has no name; v->tmp. */
const char *text_site(struct view *v, const struct fs_code *c);
/* "  (scanned)", "  (frame pointer)", "  (image file)", "" */
const char *text_how(const struct fs_stack_frame *f);
/* "explorer.exe", NULL not known. */
const char *image_of_thread(const struct view *v, const struct fs_thread *t);
bool thread_is_wanted(const struct fs_model *m, const struct fs_thread *t,
		      const struct view_threads *which);

#endif
