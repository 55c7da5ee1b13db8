/* SPDX-License-Identifier: BSD-2-Clause */
/* A small pair of layouts whose offsets belong to no real build. */
#ifndef READ_READER_FIXTURE_H
#define READ_READER_FIXTURE_H

#include "layout/layout.h"
#include "read/object.h"
#include "support/fakedump.h"

#define OBJ 0xffffa20f10e5b100ull

static const char nt_text[] = "# made up\n"
			      "module ntoskrnl.exe build 1 machine x64\n"
			      "type _LIST_ENTRY 0x10\n"
			      "  field 0x0 ptr:_LIST_ENTRY Flink\n"
			      "  field 0x8 ptr:_LIST_ENTRY Blink\n"
			      "type _UNICODE_STRING 0x10\n"
			      "  field 0x0 u16 Length\n"
			      "  field 0x2 u16 MaximumLength\n"
			      "  field 0x8 ptr:u16 Buffer\n"
			      "type _OBJECT_HEADER 0x38\n"
			      "  field 0x0 i32 PointerCount\n";

static const char flt_text[] = "# made up\n"
			       "module fltmgr.sys build 1 machine x64\n"
			       "type _LIST_ENTRY 0x10\n"
			       "  field 0x0 ptr:_LIST_ENTRY Flink\n"
			       "  field 0x8 ptr:_LIST_ENTRY Blink\n"
			       "type _UNICODE_STRING 0x10\n"
			       "  field 0x0 u16 Length\n"
			       "  field 0x2 u16 MaximumLength\n"
			       "  field 0x8 ptr:u16 Buffer\n"
			       "type _FLT_RESOURCE_LIST_HEAD 0x80\n"
			       "  field 0x68 _LIST_ENTRY rList\n"
			       "  field 0x78 u32 rCount\n"
			       "type _FLT_OBJECT 0x30\n"
			       "  field 0x20 _LIST_ENTRY PrimaryLink\n"
			       "type _FLT_FILTER 0x200\n"
			       "  field 0x30 ptr Frame\n"
			       "  field 0x38 _UNICODE_STRING Name\n"
			       "  field 0x60 u32 Flags\n"
			       "  field 0x70 _FLT_RESOURCE_LIST_HEAD InstanceList\n"
			       "absent _FLT_FILTER.SectionNotification\n";

struct fixture {
	struct fakedump *d;
	struct vm *vm;
	struct reader r;
	struct layout *nt, *flt;
};

static inline struct layout *parse(const char *name, const char *text)
{
	struct fs_error err = {0};
	struct layout *l = NULL;

	if (layout_parse(name, text, strlen(text), NULL, NULL, &l, &err) != FS_OK)
		fail_msg("%s", err.text);
	return l;
}

static inline void fixture_make(struct fixture *f)
{
	f->nt = parse("nt-test.layout", nt_text);
	f->flt = parse("flt-test.layout", flt_text);
	f->d = fake_new(4);
	f->vm = NULL;
}

/* After the memory has been written. */
static inline const struct reader *fixture_reader(struct fixture *f)
{
	f->vm = fake_vm(f->d);
	f->r = (struct reader){.vm = f->vm, .nt = f->nt, .fltmgr = f->flt};
	return &f->r;
}

static inline void fixture_free(struct fixture *f)
{
	vm_destroy(f->vm);
	free(f->d);
	layout_free(f->nt);
	layout_free(f->flt);
}

#endif
