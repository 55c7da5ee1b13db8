/* SPDX-License-Identifier: BSD-2-Clause */
/* mkworld WORLD -o OUT.dmp [options]: see fixtures/README.md. */
#include "mkworld.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: mkworld WORLD -o OUT.dmp [--format FORMAT] [--layout FILE]…\n"
	"               [--fltmgr NAME] [--nt NAME] [--ram SIZE] [--high] [--cut BYTES]\n"
	"               [--guest-header] [--no-notes] [-D NAME=VALUE]…\n"
	"formats: full bitmap kernel summary triage rdmp rdmp-complete elf elf32 elf-paging\n"
	"         kdump kdump32 kdump-flat guest raw raw-compact raw-q35 vmem vmss\n";

void die(const struct world *w, const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout);
	(void)fprintf(stderr, "mkworld: ");
	if (w && w->at)
		(void)fprintf(stderr, "%s:%d: ", w->at->file, w->at->no);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "\n");
	exit(1);
}

static uint64_t size_value(struct world *w, const char *s)
{
	char *end;
	uint64_t v = strtoull(s, &end, 0);

	switch (*end) {
	case 'K':
		v <<= 10, end++;
		break;
	case 'M':
		v <<= 20, end++;
		break;
	case 'G':
		v <<= 30, end++;
		break;
	default:
		break;
	}
	if (*end || !v)
		die(w, "bad size %s", s);
	return v;
}

struct options {
	const char *world, *out, *format;
	VEC(const char *) layouts;
};

static void define(struct world *w, const char *arg)
{
	const char *eq = strchr(arg, '=');

	if (!eq)
		die(w, "-D wants NAME=VALUE");
	var_set(w, xstrndup(arg, (size_t)(eq - arg)), eq + 1);
}

static void with_value(struct world *w, struct options *o, const char *arg, const char *value)
{
	if (!value)
		die(w, "%s wants a value", arg);
	if (!strcmp(arg, "-o"))
		o->out = value;
	else if (!strcmp(arg, "--format"))
		o->format = value;
	else if (!strcmp(arg, "--layout"))
		*(const char **)push(w, &o->layouts) = value;
	else if (!strcmp(arg, "--fltmgr"))
		w->fltmgr_name = value;
	else if (!strcmp(arg, "--nt"))
		w->nt_name = value;
	else if (!strcmp(arg, "--ram"))
		w->ram = size_value(w, value);
	else if (!strcmp(arg, "--cut"))
		w->cut = size_value(w, value);
	else if (!strcmp(arg, "-D"))
		define(w, value);
	else
		die(w, "no option %s\n%s", arg, usage);
}

static void options_read(struct world *w, struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--high")) {
			w->high = true;
		} else if (!strcmp(argv[i], "--guest-header")) {
			w->guest_header = true;
		} else if (!strcmp(argv[i], "--no-notes")) {
			w->no_notes = true;
		} else if (argv[i][0] == '-') {
			with_value(w, o, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
			i++;
		} else if (!o->world) {
			o->world = argv[i];
		} else {
			die(w, "one world at a time\n%s", usage);
		}
	}
	if (!o->world || !o->out)
		die(w, "a world and -o are needed\n%s", usage);
}

/* $build is that of the layouts asked for, unless -D says otherwise. */
static void choose_layouts(struct world *w)
{
	char build[16];
	uint32_t n = 0;

	layouts_named(w);
	if (w->nt)
		n = layout_build(w->nt);
	if (!n && w->fltmgr)
		n = layout_build(w->fltmgr);
	(void)snprintf(build, sizeof(build), "%u", n);
	if (n && !var_get(w, "build"))
		var_set(w, "build", build);
}

static void check_format(struct world *w, const char *format)
{
	w->narrow_file = !strcmp(format, "elf32") || !strcmp(format, "kdump32");
	if (w->narrow_file && (w->machine != MACHINE_X86 || w->ram_pages > 1u << 20))
		die(w, "--format %s: of 32-bit worlds below 4 GiB only", format);
	if (w->machine == MACHINE_X86 && !strstr("full bitmap kernel summary triage elf elf32 kdump "
						 "kdump32 kdump-flat raw raw-compact vmem", format))
		die(w, "--format %s is not built of 32-bit worlds", format);
	if (w->machine == MACHINE_ARM64 &&
	    !strstr("full bitmap kernel summary triage rdmp rdmp-complete", format))
		die(w, "of ARM64 only Microsoft's dumps are built: registers and headers of "
		       "the others are x64's here");
}

int main(int argc, char **argv)
{
	static struct world w;
	struct options o = {.format = "full"};
	struct block text = {0};

	w.processors = 2;
	w.pool = 0xfffffa8009000000u;
	w.ctx_rip = 0xfffff80001681000u;
	w.ctx_rsp = 0xfffff80000b9c000u;
	options_read(&w, &o, argc, argv);
	for (size_t i = 0; i < o.layouts.n; i++)
		layouts_use(&w, o.layouts.v[i]);
	choose_layouts(&w);
	text_load(&w, o.world, &text);
	text_run(&w, &text);
	w.at = NULL;
	modules_finish(&w);
	tables_build(&w);
	check_format(&w, o.format);
	if (!strcmp(o.format, "full"))
		write_full(&w, o.out);
	else if (!strcmp(o.format, "bitmap"))
		write_bitmap(&w, o.out, 5);
	else if (!strcmp(o.format, "kernel"))
		write_bitmap(&w, o.out, 6);
	else if (!strcmp(o.format, "summary"))
		write_bitmap(&w, o.out, 2);
	else if (!strcmp(o.format, "triage"))
		write_triage(&w, o.out);
	else if (!strcmp(o.format, "guest"))
		write_guest(&w, o.out);
	else if (!strcmp(o.format, "rdmp"))
		write_rdmp(&w, o.out, 8);
	else if (!strcmp(o.format, "rdmp-complete"))
		write_rdmp(&w, o.out, 10);
	else if (!strcmp(o.format, "raw"))
		write_raw(&w, o.out, true);
	else if (!strcmp(o.format, "raw-compact"))
		write_raw(&w, o.out, false);
	else if (!strcmp(o.format, "raw-q35"))
		write_raw_q35(&w, o.out);
	else if (!strcmp(o.format, "vmem"))
		write_vmware(&w, o.out);
	else if (!strcmp(o.format, "vmss"))
		write_vmware_whole(&w, o.out);
	else if (!strcmp(o.format, "elf") || !strcmp(o.format, "elf32"))
		write_elf(&w, o.out, false);
	else if (!strcmp(o.format, "elf-paging"))
		write_elf(&w, o.out, true);
	else if (!strcmp(o.format, "kdump") || !strcmp(o.format, "kdump32"))
		write_kdump(&w, o.out, false);
	else if (!strcmp(o.format, "kdump-flat"))
		write_kdump(&w, o.out, true);
	else
		die(&w, "no format %s\n%s", o.format, usage);
	return 0;
}
