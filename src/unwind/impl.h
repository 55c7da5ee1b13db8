/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of src/unwind only. */
#ifndef UNWIND_IMPL_H
#define UNWIND_IMPL_H

#include "code/insn.h"
#include "unwind/unwind.h"

enum { CHAIN_MAX = 32, TABLE_BYTES_MAX = 16 << 20 };
enum { X64_RSP = 4, X86_EBP = 5, ARM64_FP = 29, ARM64_LR = 30 };

/* An entry of the exception directory; RVAs. */
struct function {
	uint32_t begin, end;
	uint32_t data; /* x64: of the UNWIND_INFO; ARM64: the second word as it stands */
};

/* One operation of a prologue, last first. */
struct x64_op {
	uint8_t at; /* offset in the function behind its instruction */
	uint8_t op, reg;
	uint32_t value; /* bytes */
};
enum { X64_OPS_MAX = 255, X64_EPILOGS_MAX = 254 };
struct x64_info {
	uint64_t va;
	uint8_t version, flags, prolog, frame_reg, frame_offset;
	uint8_t epilog_size; /* version 2; 0: none */
	bool epilog_at_end;
	uint16_t nops, nepilogs;
	struct x64_op op[X64_OPS_MAX];
	uint16_t epilog[X64_EPILOGS_MAX]; /* bytes before the function's end */
	struct function parent;		  /* of a chained one */
};
enum { X64_CHAINED = 4 }; /* UNW_FLAG_CHAININFO */

struct function_slot {
	uint64_t ip;
	struct unwind_image image;
	struct function fn;
	bool used, from_image;
	enum fs_status status; /* FS_OK, or FS_NOT_FOUND: in no function of its image */
};
struct info_slot {
	struct x64_info info;
	bool used, from_image;
};
enum { FUNCTION_SLOTS = 4096, INFO_SLOTS = 512, CALL_SLOTS = 4096 };
struct call_slot {
	uint64_t va;
	int8_t answer;
	bool used, from_image;
};

struct unwind {
	enum unwind_machine machine;
	struct unwind_memory mem;
	struct insn_decoder *decoder;
	struct function_slot *functions; /* direct mapped, by ip */
	struct info_slot *infos;	 /* by VA of the UNWIND_INFO */
	struct call_slot *calls;
	const struct unwind_stack *stack; /* of the walk at hand */
	bool from_image;		  /* something since it was cleared */
};

enum fs_status unwind_bytes(struct unwind *u, uint64_t va, void *buf, size_t n,
			    struct fs_error *err);
/* Bytes of a stack slot. */
static inline unsigned unwind_word(const struct unwind *u)
{
	return u->machine == UNWIND_X86 ? 4 : 8;
}
/* A slot of the stack; FS_CORRUPT outside its segments. */
enum fs_status unwind_slot(struct unwind *u, uint64_t va, uint64_t *ret, struct fs_error *err);
/* The segment that has [va, va + n); NULL. */
const struct unwind_segment *unwind_segment_of(const struct unwind_stack *s, uint64_t va,
					       uint64_t n);

/* A frame register says where the stack pointer was: never below where it is, unless on another
 * stretch of the stack. */
enum fs_status unwind_check_frame(const struct unwind *u, uint64_t sp, uint64_t frame,
				  struct fs_error *err);

/* table.c. The function that ip lies in, and its image. FS_NOT_FOUND: in none of its image's
 * (*ret_image is set then), or in no image. */
enum fs_status unwind_find(struct unwind *u, uint64_t ip, struct unwind_image *ret_image,
			   struct function *ret, struct fs_error *err);
/* The same for a return address: the call before it is in the function. */
enum fs_status unwind_find_caller(struct unwind *u, uint64_t ip, struct unwind_image *ret_image,
				  struct function *ret, struct fs_error *err);

/* x64_info.c */
enum fs_status x64_info_read(struct unwind *u, const struct unwind_image *image,
			     const struct function *fn, const struct x64_info **ret,
			     struct fs_error *err);
/* The function that a chain of pieces begins with. */
enum fs_status x64_primary(struct unwind *u, const struct unwind_image *image, struct function *fn,
			   struct fs_error *err);
/* The bytes of an UNWIND_INFO, header and slots. */
enum fs_status x64_info_parse(const uint8_t *header, const uint8_t *slots, struct x64_info *ret,
			      struct fs_error *err);

/* x64_epilog.c. Is ip in an epilogue? Then *regs is the caller's, its return address was in
 * *ret_at. */
enum fs_status x64_epilog(struct unwind *u, const struct unwind_image *image,
			  const struct function *fn, const struct x64_info *info,
			  struct unwind_result *r, bool *ret_found, struct fs_error *err);

enum fs_status x64_step(struct unwind *u, const struct unwind_regs *regs, bool exact,
			struct unwind_result *ret, struct fs_error *err);
/* The frame that the processor pushes; `skip`: bytes of error code before it. */
enum fs_status x64_machine_frame(struct unwind *u, unsigned skip, struct unwind_result *r,
				 struct fs_error *err);
enum fs_status x64_pop(struct unwind *u, struct unwind_result *r, unsigned reg,
		       struct fs_error *err);
enum fs_status x64_return(struct unwind *u, struct unwind_result *r, struct fs_error *err);

/* x86_step.c. FS_NOT_FOUND: the frame pointer leads to no return address. */
enum fs_status x86_step(struct unwind *u, const struct unwind_regs *regs, struct unwind_result *r,
			struct fs_error *err);

/* arm64_codes.c: unwind codes of one function, full or expanded from the packed form. */
enum { ARM64_BYTES_MAX = 4 * 255 + 4, ARM64_SCOPES_MAX = 65535 };
struct arm64_info {
	uint32_t length; /* of the function, in instructions */
	uint32_t nscopes, nbytes;
	bool single_epilog; /* at the end of the function, its codes begin at `epilog_index` */
	bool fragment;	    /* has no epilogue of its own */
	uint32_t epilog_index;
	uint64_t scopes_va; /* of the epilogue scopes */
	uint8_t code[ARM64_BYTES_MAX];
};
/* FS_CORRUPT, FS_UNSUPPORTED, or the read's. */
enum fs_status arm64_info_read(struct unwind *u, const struct unwind_image *image,
			       const struct function *fn, struct arm64_info *ret,
			       struct fs_error *err);
/* arm64_packed.c: the prologue and epilogue that the packed word stands for. */
enum fs_status arm64_expand(uint32_t packed, struct arm64_info *ret, struct fs_error *err);
/* Bytes of the code that begins with this one, and how many instructions it stands for. */
unsigned arm64_code_size(uint8_t first);
unsigned arm64_code_instructions(uint8_t first);
enum fs_status arm64_step(struct unwind *u, const struct unwind_regs *regs, bool exact,
			  struct unwind_result *ret, struct fs_error *err);
/* arm64_run.c: undo codes from `at` on. */
enum fs_status arm64_run(struct unwind *u, const struct arm64_info *info, uint32_t at,
			 uint32_t skip, struct unwind_result *r, struct fs_error *err);

#endif
