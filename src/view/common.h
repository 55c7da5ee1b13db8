/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the views share: one call tells a value to machine formats (under `key`)
 * and to people (under `label`); either may be NULL. A value that was read is
 * shown; one that is missing is null and, in text, the reason with its address;
 * one that was not looked at is left out. A value read through an unproved
 * offset is marked, and named in the entity's "unproved".
 */
#ifndef VIEW_COMMON_H
#define VIEW_COMMON_H

#include "fltscope/ledger.h"
#include "view/view.h"

/* An open machine object. */
struct fields {
	const char *unproved[48];
	size_t n;
};
void fields_begin(struct view *v, struct fields *f, const char *key);
void fields_end(struct view *v, struct fields *f);
/* Remember `key` when the value is unproved. f may be NULL. */
void fields_mark(struct fields *f, const char *key, bool unproved);

/* Text of values; in v->tmp, valid until the next entity. */
const char *text_ptr(struct view *v, uint64_t va);	/* as wide as the machine's pointers */
/* ", inferred", ", 12 of 180 fields inferred" or "": how much of a layout was seen nowhere. */
const char *text_inferred(struct view *v, const struct fs_layout *l);
const char *text_quoted(struct view *v, const char *s); /* "…", quotes within made visible */
const char *text_reason(struct view *v, int32_t gap);	/* not-in-dump at 0x… */
const char *text_missing(struct view *v, int32_t gap);	/* (not-in-dump at 0x…) */
/* In quotes. `empty` stands for an empty string (NULL: ""). */
const char *text_string(struct view *v, const struct fs_string *s, const char *empty);
/* "name" of what a verdict or a finding is about, for machines: a filter's as the dump has it
 * ("" is one that is empty, null one that was not read); of other things what they are called, or
 * nothing. `kind` and `address` say which it is. */
void json_name(struct view *v, const char *kind, uint64_t address, const char *called);
const char *text_printf(struct view *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "1 frame", "2 frames" */
const char *text_count(struct view *v, uint64_t n, const char *what);
/* " ?" when unproved, and counts it; "" else. For first lines; rows stay as !fltkd
 * prints them, and what is unproved among them is named below them. */
const char *text_mark(struct view *v, bool unproved);
void row_mark(struct view *v, const char *label, bool unproved);
void show_unproved(struct view *v); /* "? unproved: A, B", if any since the last call */

/* Every entity begins with this: formatted values of earlier ones may go. */
void entity_begin(struct view *v);

/* Is text wanted for rows now? */
bool rows_wanted(const struct view *v);

/* NUM_PTR values go out as addresses, the others as numbers. */
enum number_style { NUM_DEC, NUM_HEX8, NUM_HEX2, NUM_PTR, NUM_PTR_0X };
const char *text_value(struct view *v, const struct fs_value *val, enum number_style style);
void show_value(struct view *v, struct fields *f, const char *key, const char *label,
		const struct fs_value *val, enum number_style style);
/* A pointer with the name of what it points at (NULL: not known). */
void show_ref(struct view *v, struct fields *f, const char *key, const char *label,
	      const struct fs_value *val, const char *name);
void show_string(struct view *v, struct fields *f, const char *key, const char *label,
		 const struct fs_string *s);
void show_links(struct view *v, struct fields *f, const char *key, const char *label,
		const struct fs_links *l);
/* Text only: the address of something that lies inside the entity. 0: not known. */
void show_inside(struct view *v, const char *label, uint64_t va);
/* The same with a count that also goes out under `key`: "(addr)  mCount=2". */
void show_counted(struct view *v, struct fields *f, const char *key, const char *label, uint64_t va,
		  const char *word, const struct fs_value *count);
void show_code(struct view *v, struct fields *f, const char *key, const char *label,
	       const struct fs_code *c);

/* FLAGS. `type_bits` are neither named nor unknown. */
void json_flags(struct view *v, struct fields *f, const char *key, const struct fs_flags *flags,
		uint64_t type_bits);
void show_flags(struct view *v, struct fields *f, const char *key, const char *label,
		const struct fs_flags *flags);
/* "[00000002] FilteringInitiated" with the words of !fltkd. */
const char *text_flags(struct view *v, const struct fs_flags *flags);
/* "DOE_UNLOAD_PENDING, DOE_…": the header's names with their prefix; "" for none. */
const char *text_header_flags(struct view *v, const struct fs_flags *flags, const char *prefix,
			      const char *separator);

/* OBJECT under "object", and the FLT_OBJECT block of text. */
void show_object(struct view *v, const struct fs_object *o, uint64_t va);

/* "operation_rundown": a cache-aware rundown with its slots. */
void show_operation_rundown(struct view *v, struct fields *f, const struct fs_instance *in);

/* LEDGER under "ledger", and its rows in text. */
void show_ledger(struct view *v, const struct fs_ledger *l);
/* "reference_log" of a filter, and the newest of it in text. */
void show_reflog(struct view *v, struct fields *f, const struct fs_filter *fl);
/* "server_ports" and "client_ports" of a filter. */
void json_ports(struct view *v, const struct fs_filter_holders *h);

/* Lists. "walk" when it was not walked whole. */
bool list_is_whole(const struct fs_list *l);
void show_walk(struct view *v, const char *key, const struct fs_list *l);
/* Text only: call before entry i and once with i == l->n: tells where the walk broke. */
void remark_walk(struct view *v, const struct fs_list *l, size_t i);

/* The entities: the first line always, the rest unless v->brief. In machine
 * formats always whole. `key` NULL inside an array. */
enum filter_parts { FILTER_WHOLE, FILTER_WITHOUT_INSTANCES };
void show_frame(struct view *v, const char *key, size_t index);
void show_filter(struct view *v, const char *key, size_t index, enum filter_parts parts);
void show_instance(struct view *v, const char *key, size_t index);
void show_volume(struct view *v, const char *key, size_t index);
void show_driver(struct view *v, const char *key, size_t index);
void show_device(struct view *v, const char *key, size_t index);

/* First lines, text only. */
void head_frame(struct view *v, size_t index);
void head_filter(struct view *v, size_t index);
void head_instance(struct view *v, size_t index);
void head_volume(struct view *v, size_t index);

/* Entities that no frame's list reached; part of the frame they belong to, or
 * of the document (frame -1). */
void show_others(struct view *v, int32_t frame);

/* Names of things by index, quoted; NULL when the index is -1 or it has none. */
const char *name_of_frame(struct view *v, int32_t index);
const char *name_of_filter(struct view *v, int32_t index);
const char *name_of_volume(struct view *v, int32_t index);
/* The C string of a model string, NULL unless read. */
const char *plain(const struct fs_string *s);

/* How much an answer of diagnose rests on. */
struct coverage {
	uint64_t counted; /* filters that the frames' lists should hold */
	size_t filters;	  /* reached, and concerned */
	size_t decided;	  /* of those: the stage of the unload could be read */
	bool whole;	  /* no list of frames or filters breaks off */
	bool known;	  /* something of the driver's name is in the dump */
};
/* Of what the name means (view/driver_match.h); NULL: of all. */
struct driver_match;
struct coverage coverage_of(const struct fs_model *m, const struct fs_report *r,
			    const struct driver_match *d);
bool coverage_is_full(const struct coverage *c);
/* Is silence an answer: was anything (of the driver: all of it) looked at? */
bool coverage_answers(const struct coverage *c, const char *driver);
void json_coverage(struct view *v, const struct coverage *c);
/* "No driver was found stuck …", as far as that can be said. */
void coverage_line(struct view *v, const struct coverage *c, const struct fs_report *r,
		   const char *driver, bool alone);

/* The document's own parts. */
void json_dump(struct view *v);
/* The bug check's arguments, what they point to, and what faulted (view_crash.c). */
void json_crash(struct view *v);
void crash_rows(struct view *v);
/* view_registers.c: the processors' registers of a container. */
void json_registers(struct view *v);
void register_rows(struct view *v);
void json_gaps(struct view *v);
void json_module(struct view *v, const struct fs_module *mod);
void json_modules(struct view *v);
void json_layout_summary(struct view *v, const char *key, const struct fs_layout *l);
void json_fltmgr(struct view *v);
/* "213 values could not be read (187 not-in-dump, 26 paged-out)" */
const char *text_gaps(struct view *v, bool dump); /* dump: with those of the dump object */
/* "2023-10-06T09:12:44Z" of a FILETIME. */
const char *text_filetime(struct view *v, uint64_t filetime);
/* The same under `key`, or under `key`_raw what no calendar holds. */
void json_filetime(struct view *v, struct fields *f, const char *key, const struct fs_value *val);

#endif
