/* SPDX-License-Identifier: BSD-2-Clause */
/* Where unwind data is missing: the next stack slot that can be a return address. */
#ifndef UNWIND_SCAN_H
#define UNWIND_SCAN_H

#include "unwind/unwind.h"

struct unwind_walk_state {
	struct unwind *u;
	const struct unwind_stack *stack;
	struct unwind_trace *trace;
	struct unwind_regs regs; /* of the frame at hand */
	bool exact, no_scan, ended;
	bool scanned, from_image; /* of this frame, and so of all that follow */
	enum fs_frame_how how;
	uint32_t seen; /* bit i: stretch i of the stack */
};

/* From regs.sp up to the end of its stretch: a slot counts when it points into code (an
 * executable section, or an image whose section headers cannot be read) and the bytes before
 * that place decode as a call. Sets regs for the frame found. False: there is none. */
bool unwind_scan(struct unwind_walk_state *w);

#endif
