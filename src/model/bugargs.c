/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parameters of a bug check mean, for those that filters cause or meet. Source:
 * Microsoft's "Bug Check Code Reference", one page a code; the words are ours.
 */
#include <stdbool.h>

#include "fltscope/crash.h"

struct row {
	uint32_t code;
	uint64_t low, high; /* of parameter 1 */
	bool perhaps;	    /* records only if an exception led here */
	struct fs_argument argument[4];
};

#define ANY	    0, UINT64_MAX
#define ONLY(n)	    n, n
#define PLAIN(text) {text, FS_ARG_PLAIN}
#define CODE(text)  {text, FS_ARG_CODE}
#define RESERVED    {"reserved", FS_ARG_PLAIN}
#define NOT_TOLD    {"not documented", FS_ARG_PLAIN}
#define BY_FIRST    {"depends on argument 1", FS_ARG_PLAIN}
#define STATUS	    {"exception code", FS_ARG_EXCEPTION_CODE}
#define WHERE	    {"address of the exception", FS_ARG_INSTRUCTION}
#define RECORD	    {"exception record", FS_ARG_EXCEPTION_RECORD}
#define CONTEXT	    {"context record", FS_ARG_CONTEXT}
#define TRAP	    {"trap frame", FS_ARG_TRAP_FRAME}
#define REFERENCED  {"memory that was referenced", FS_ARG_PLAIN}
#define IRQL	    {"IRQL at that time", FS_ARG_PLAIN}
#define OPERATION   {"operation: 0 read, 1 write, 2 or 8 execute", FS_ARG_PLAIN}
/* which bit is a write and which an execution changed between builds */
#define HOW	    {"operation: 0 read, else write or execute", FS_ARG_PLAIN}
#define FROM	    {"instruction that referenced it", FS_ARG_INSTRUCTION}
#define FROM_IF	    {"instruction that referenced it, if known", FS_ARG_INSTRUCTION}
#define FILE_LINE   {"source file (high 16 bits) and line (low 16 bits)", FS_ARG_PLAIN}
#define IRP	    {"IRP", FS_ARG_PLAIN}
#define DEVICE	    {"DEVICE_OBJECT", FS_ARG_PLAIN}
#define CBD	    {"FLT_CALLBACK_DATA of the operation", FS_ARG_PLAIN}
#define FRAME_ID    {"number of the frame", FS_ARG_PLAIN}
#define FCONTEXT    {"context of the minifilter", FS_ARG_PLAIN}
#define NODE	    {"CONTEXT_NODE", FS_ARG_PLAIN}
#define THREAD	    {"thread", FS_ARG_PLAIN}
#define ACCESS(code_) {code_, ANY, false, {REFERENCED, IRQL, OPERATION, FROM}}
#define PAGE_FAULT(code_) {code_, ANY, false, {REFERENCED, HOW, FROM_IF, RESERVED}}
#define RECORD_IF   {"exception record, if an exception led here", FS_ARG_EXCEPTION_RECORD}
#define CONTEXT_IF  {"context record, if an exception led here", FS_ARG_CONTEXT}
#define FILE_SYSTEM(code_) {code_, ANY, true, {FILE_LINE, RECORD_IF, CONTEXT_IF, RESERVED}}
#define FLTMGR(p1, what, b, c, d) {0xf5, ONLY(p1), false, {PLAIN(what), b, c, d}}
#define IO_VERIFIER(p1, what, b, c, d) {0xc9, ONLY(p1), false, {PLAIN(what), b, c, d}}
#define CHECKED(p1, what) {0x139, ONLY(p1), false, {PLAIN("corruption: " what), TRAP, RECORD, RESERVED}}

/* Of rows of one code the first that fits. */
static const struct row rows[] = {
	ACCESS(0x0a),
	ACCESS(0xc5),
	ACCESS(0xd1),
	{0x18, ANY, false, {PLAIN("type of the object whose reference count is lowered"),
			    PLAIN("the object"), RESERVED, RESERVED}},
	{0x19, ANY, false, {PLAIN("kind of damage to the pool"), BY_FIRST, BY_FIRST, BY_FIRST}},
	{0x1a, ANY, false, {PLAIN("kind of violation"), BY_FIRST, BY_FIRST, BY_FIRST}},
	{0x1e, ANY, false, {STATUS, WHERE, PLAIN("parameter 0 of the exception"),
			    PLAIN("parameter 1 of the exception")}},
	FILE_SYSTEM(0x23),
	FILE_SYSTEM(0x24),
	{0x35, ANY, false, {IRP, RESERVED, RESERVED, RESERVED}},
	{0x3b, ANY, false, {STATUS, WHERE, CONTEXT, RESERVED}},
	{0x44, ANY, false, {IRP, RESERVED, RESERVED, RESERVED}},
	{0x50, ANY, false, {REFERENCED, HOW, FROM_IF, PLAIN("type of page fault")}},
	{0x7a, ANY, false, {PLAIN("type of lock (1 to 4), or address of the PTE"),
			    PLAIN("status of the failed read"), BY_FIRST,
			    PLAIN("address that could not be paged in")}},
	{0x7e, ANY, false, {STATUS, WHERE, RECORD, CONTEXT}},
	{0x7f, ONLY(0), false, {PLAIN("trap: divide error"), NOT_TOLD, NOT_TOLD, NOT_TOLD}},
	{0x7f, ONLY(6), false, {PLAIN("trap: invalid opcode"), NOT_TOLD, NOT_TOLD, NOT_TOLD}},
	{0x7f, ONLY(8), false, {PLAIN("trap: double fault, mostly a kernel stack overflow"),
				NOT_TOLD, NOT_TOLD, NOT_TOLD}},
	{0x7f, ANY, false, {PLAIN("number of the trap"), NOT_TOLD, NOT_TOLD, NOT_TOLD}},
	{0x8e, ANY, false, {STATUS, WHERE, TRAP, RESERVED}},
	{0x9f, ONLY(1), false, {PLAIN("a device is freed that has not completed a power request"),
				DEVICE, RESERVED, RESERVED}},
	{0x9f, ONLY(3), false, {PLAIN("a device has held up an IRP for too long"),
				PLAIN("physical device object of the stack"),
				PLAIN("nt!TRIAGE_9F_POWER"), PLAIN("the IRP that is held up")}},
	{0x9f, ONLY(4), false, {PLAIN("the power transition waited for Plug and Play in vain"),
				PLAIN("seconds it waited"),
				PLAIN("thread that holds the Plug and Play lock"),
				PLAIN("nt!TRIAGE_9F_PNP")}},
	{0x9f, ANY, false, {PLAIN("kind of violation"), BY_FIRST, BY_FIRST, BY_FIRST}},
	{0xc4, ANY, false, {PLAIN("what Driver Verifier found"), BY_FIRST, BY_FIRST, BY_FIRST}},
	IO_VERIFIER(0x1, "an object is freed as an IRP that is none", IRP, RESERVED, RESERVED),
	IO_VERIFIER(0x2, "an IRP is freed that a thread still has", IRP, RESERVED, RESERVED),
	IO_VERIFIER(0x3, "IoCallDriver was given no IRP", IRP, RESERVED, RESERVED),
	IO_VERIFIER(0x4, "IoCallDriver was given no device", DEVICE, RESERVED, RESERVED),
	IO_VERIFIER(0x5, "a dispatch routine changed the IRQL", DEVICE, PLAIN("IRQL before"),
		    PLAIN("IRQL after")),
	IO_VERIFIER(0x6, "an IRP is completed as pending", PLAIN("its status"), IRP, RESERVED),
	IO_VERIFIER(0x7, "an IRP is completed with its cancel routine set",
		    CODE("cancel routine"), IRP, RESERVED),
	IO_VERIFIER(0xc, "the I/O status block is on a stack that is gone",
		    PLAIN("I/O status block"), RESERVED, RESERVED),
	IO_VERIFIER(0xd, "the event is on a stack that is gone", PLAIN("event"), RESERVED,
		    RESERVED),
	IO_VERIFIER(0xe, "IoCompleteRequest above DISPATCH_LEVEL", PLAIN("IRQL"), IRP, RESERVED),
	IO_VERIFIER(0xf, "a create for a file object that is closed", DEVICE, IRP,
		    PLAIN("FILE_OBJECT")),
	{0xc9, 0x200, 0xfff, false, {PLAIN("what I/O verification found"),
				     CODE("where the driver was found at it"), IRP,
				     DEVICE}},
	{0xc9, ANY, false, {PLAIN("what I/O verification found"), BY_FIRST, BY_FIRST, BY_FIRST}},
	{0xcb, ANY, false, {{"code that locked the pages, or whose dispatch routine it was",
			     FS_ARG_CODE}, PLAIN("its caller, or its DEVICE_OBJECT"), PLAIN("MDL"),
			    PLAIN("locked pages")}},
	PAGE_FAULT(0xcc),
	PAGE_FAULT(0xcd),
	PAGE_FAULT(0xce),
	PAGE_FAULT(0xd5),
	PAGE_FAULT(0xd6),
	{0xe3, ANY, false, {PLAIN("ERESOURCE"), THREAD, PLAIN("owner table, if there is one"),
			    RESERVED}},
	FLTMGR(0x66, "a pre-operation asked for a post-operation that is not registered", CBD,
	       RESERVED, RESERVED),
	FLTMGR(0x67, "an internal object is full and cannot grow", CBD, RESERVED,
	       PLAIN("status of the operation")),
	FLTMGR(0x68, "a file name information was dereferenced too often", RESERVED,
	       PLAIN("FLT_FILE_NAME_INFORMATION"), RESERVED),
	FLTMGR(0x6a, "a create that has handles cannot be cancelled", PLAIN("FILE_OBJECT"), RESERVED,
	       RESERVED),
	FLTMGR(0x6b, "state of a back-pocket IRP_CTRL is invalid", FRAME_ID, RESERVED, THREAD),
	FLTMGR(0x6c, "too many nested page faults for back-pocket IRP_CTRLs", FRAME_ID,
	       PLAIN("back-pocket list"), THREAD),
	FLTMGR(0x6d, "a context was released too often while attached", FCONTEXT, NODE, RESERVED),
	FLTMGR(0x6e, "a context was referenced after it was freed", FCONTEXT, NODE, RESERVED),
	{0xf5, ANY, false, {PLAIN("what the Filter Manager found"), BY_FIRST, BY_FIRST, BY_FIRST}},
	CHECKED(0, "a stack buffer was overrun"),
	CHECKED(2, "a stack cookie was overwritten"),
	CHECKED(3, "a LIST_ENTRY (a double remove, for example)"),
	CHECKED(14, "a reference count is invalid"),
	{0x139, ANY, false, {PLAIN("type of corruption (FAST_FAIL_* of winnt.h)"), TRAP, RECORD,
			     RESERVED}},
};

const struct fs_argument *fs_bugcheck_arguments(uint64_t code, uint64_t parameter1, bool *ret_sure)
{
	size_t i;

	/* the same, when the dump was small (…_M) */
	if (code >> 28 == 1)
		code &= 0x0fffffff;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code != code || parameter1 < rows[i].low || parameter1 > rows[i].high)
			continue;
		if (ret_sure)
			*ret_sure = !rows[i].perhaps;
		return rows[i].argument;
	}
	return NULL;
}

const char *fs_exception_name(uint64_t code)
{
	static const struct {
		uint32_t code;
		const char *name;
	} names[] = {
		{0x80000001, "STATUS_GUARD_PAGE_VIOLATION"},
		{0x80000002, "STATUS_DATATYPE_MISALIGNMENT"},
		{0x80000003, "STATUS_BREAKPOINT"},
		{0x80000004, "STATUS_SINGLE_STEP"},
		{0xc0000005, "STATUS_ACCESS_VIOLATION"},
		{0xc0000006, "STATUS_IN_PAGE_ERROR"},
		{0xc000001d, "STATUS_ILLEGAL_INSTRUCTION"},
		{0xc0000025, "STATUS_NONCONTINUABLE_EXCEPTION"},
		{0xc0000026, "STATUS_INVALID_DISPOSITION"},
		{0xc000008c, "STATUS_ARRAY_BOUNDS_EXCEEDED"},
		{0xc0000094, "STATUS_INTEGER_DIVIDE_BY_ZERO"},
		{0xc0000095, "STATUS_INTEGER_OVERFLOW"},
		{0xc0000096, "STATUS_PRIVILEGED_INSTRUCTION"},
		{0xc00000fd, "STATUS_STACK_OVERFLOW"},
		{0xc0000409, "STATUS_STACK_BUFFER_OVERRUN"},
		{0xc0000420, "STATUS_ASSERTION_FAILURE"},
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].code == (uint32_t)code)
			return names[i].name;
	return NULL;
}
