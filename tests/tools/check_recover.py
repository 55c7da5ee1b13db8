#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Offsets out of compiled code: the same walks, moved fields, two machines, three levels.

usage: check_recover.py RECOVER_FILE WORKDIR

Compiles small functions that do what Filter Manager functions do (written here, from
their documented behaviour) with clang for Windows, links them with lld, and asks
RECOVER_FILE for each. Whatever the compiler made of them, the offsets must be those the
structures were declared with, and functions that do something else must give nothing.
"""
import os
import re
import shutil
import subprocess
import sys

STRUCTURES = r"""
typedef struct entry { struct entry *next, *prev; } entry;
typedef struct { char bytes[LOCK]; } lock;
typedef struct { lock l; entry head; unsigned count; } list;
typedef struct { unsigned short length, max; void *buffer; } text;
typedef struct { char pad[RUNDOWN]; unsigned long long rundown;
                 char pad2[LINK - RUNDOWN - 8]; entry link; } object;
typedef struct {
    object base;
    char pad[NAME - LINK - 16];
    text name;
    char pad2[DRIVER - NAME - sizeof(text)];
    void *driver;
    char pad3[INSTANCES - DRIVER - 8];
    list instances;
} filter;
typedef struct { object base; char pad[FILTERLINK - LINK - 16]; entry filter_link; } instance;
typedef struct { char pad[LINKS]; entry links; char pad2[FILTERS - LINKS - 16]; list filters; } frame;
struct globals { char pad[FRAMES]; list frames; };
extern struct globals the_globals;
#define RECORD(p, type, member) ((type *)((char *)(p) - __builtin_offsetof(type, member)))
#define IMPORT __declspec(dllimport)
#define EXPORT __declspec(dllexport)
IMPORT void enter_region(void);
IMPORT void leave_region(void);
IMPORT char take(lock *, char);
IMPORT void drop(lock *);
IMPORT char equal_text(const text *, const text *, char);
IMPORT char take_rundown(unsigned long long *);
IMPORT void drop_rundown(unsigned long long *);
int reference(object *);
void dereference(object *);
int do_unload(filter *, unsigned, char);
int describe(instance *, int, void *, unsigned, unsigned *);
"""

# Defined apart, so that no call is seen through.
OTHERS = r"""
struct globals the_globals = {{1}};
EXPORT int reference_object(object *o) { return take_rundown(&o->rundown) ? 0 : (int)0xC01C000B; }
int reference(object *o) { return reference_object(o); }
void dereference(object *o) { drop_rundown(&o->rundown); }
int do_unload(filter *f, unsigned flags, char from_driver) { return f->driver != 0 && flags && from_driver; }
int describe(instance *i, int what, void *to, unsigned size, unsigned *used)
{ *used = size; return what + (to != i); }
int entry_point(void) { return 0; }
"""

WALKS = r"""
/* as Windows 7: the first match or nothing */
EXPORT void gives_up(void *driver)
{
    entry *a, *b;
    enter_region(); take(&the_globals.frames.l, 1);
    for (a = the_globals.frames.head.next; a != &the_globals.frames.head; a = a->next) {
        frame *fr = RECORD(a, frame, links);
        enter_region(); take(&fr->filters.l, 1);
        for (b = fr->filters.head.next; b != &fr->filters.head; b = b->next) {
            filter *f = RECORD(b, filter, base.link);
            if (f->driver == driver) {
                int status = reference(&f->base);
                drop(&fr->filters.l); leave_region();
                drop(&the_globals.frames.l); leave_region();
                if (status >= 0)
                    do_unload(f, 1, 1);
                return;
            }
        }
        drop(&fr->filters.l); leave_region();
    }
    drop(&the_globals.frames.l); leave_region();
}

/* as later builds */
EXPORT void goes_on(void *driver)
{
    entry *a, *b;
    enter_region(); take(&the_globals.frames.l, 1);
    for (a = the_globals.frames.head.next; a != &the_globals.frames.head; a = a->next) {
        frame *fr = RECORD(a, frame, links);
        enter_region(); take(&fr->filters.l, 1);
        for (b = fr->filters.head.next; b != &fr->filters.head; b = b->next) {
            filter *f = RECORD(b, filter, base.link);
            if (f->driver == driver && reference(&f->base) >= 0) {
                drop(&fr->filters.l); leave_region();
                drop(&the_globals.frames.l); leave_region();
                do_unload(f, 1, 1);
                return;
            }
        }
        drop(&fr->filters.l); leave_region();
    }
    drop(&the_globals.frames.l); leave_region();
}

/* one way out, a variable that says whether there is something to do */
EXPORT int gives_up_found(void *driver)
{
    filter *found = 0;
    int status = (int)0xC0000034;
    entry *a, *b;
    enter_region(); take(&the_globals.frames.l, 1);
    for (a = the_globals.frames.head.next; a != &the_globals.frames.head && !found; a = a->next) {
        frame *fr = RECORD(a, frame, links);
        take(&fr->filters.l, 1);
        for (b = fr->filters.head.next; b != &fr->filters.head; b = b->next) {
            filter *f = RECORD(b, filter, base.link);
            if (f->driver == driver) {
                status = reference(&f->base);
                found = f;
                break;
            }
        }
        drop(&fr->filters.l);
    }
    drop(&the_globals.frames.l); leave_region();
    if (status < 0)
        return status;
    return do_unload(found, 1, 1);
}

EXPORT int goes_on_found(void *driver)
{
    filter *found = 0;
    entry *a, *b;
    enter_region(); take(&the_globals.frames.l, 1);
    for (a = the_globals.frames.head.next; a != &the_globals.frames.head && !found; a = a->next) {
        frame *fr = RECORD(a, frame, links);
        take(&fr->filters.l, 1);
        for (b = fr->filters.head.next; b != &fr->filters.head; b = b->next) {
            filter *f = RECORD(b, filter, base.link);
            if (f->driver != driver)
                continue;
            if (reference(&f->base) < 0)
                continue;
            found = f;
            break;
        }
        drop(&fr->filters.l);
    }
    drop(&the_globals.frames.l); leave_region();
    return found ? do_unload(found, 1, 1) : 0;
}

/* a failure ends the frame's list, not the walk */
EXPORT void next_frame(void *driver)
{
    entry *a, *b;
    enter_region(); take(&the_globals.frames.l, 1);
    for (a = the_globals.frames.head.next; a != &the_globals.frames.head; a = a->next) {
        frame *fr = RECORD(a, frame, links);
        take(&fr->filters.l, 1);
        for (b = fr->filters.head.next; b != &fr->filters.head; b = b->next) {
            filter *f = RECORD(b, filter, base.link);
            if (f->driver == driver) {
                if (reference(&f->base) < 0)
                    break;
                drop(&fr->filters.l); drop(&the_globals.frames.l); leave_region();
                do_unload(f, 1, 1);
                return;
            }
        }
        drop(&fr->filters.l);
    }
    drop(&the_globals.frames.l); leave_region();
}

EXPORT int from_name(const text *name, filter **ret)
{
    char found = 0;
    entry *a, *b;
    enter_region(); take(&the_globals.frames.l, 1);
    for (a = the_globals.frames.head.next; a != &the_globals.frames.head && !found; a = a->next) {
        frame *fr = RECORD(a, frame, links);
        take(&fr->filters.l, 1);
        for (b = fr->filters.head.next; b != &fr->filters.head; b = b->next) {
            filter *f = RECORD(b, filter, base.link);
            if (equal_text(name, &f->name, 1) && reference(&f->base) >= 0) {
                *ret = f;
                found = 1;
                break;
            }
        }
        drop(&fr->filters.l);
    }
    drop(&the_globals.frames.l); leave_region();
    return found ? 0 : (int)0xC01C0013;
}

EXPORT int enumerate(filter **to, unsigned room, unsigned *used)
{
    unsigned n = 0;
    entry *a, *b;
    enter_region(); take(&the_globals.frames.l, 1);
    for (a = the_globals.frames.head.next; a != &the_globals.frames.head; a = a->next) {
        frame *fr = RECORD(a, frame, links);
        take(&fr->filters.l, 1);
        for (b = fr->filters.head.next; b != &fr->filters.head; b = b->next) {
            filter *f = RECORD(b, filter, base.link);
            if (n < room) {
                if (reference(&f->base) < 0)
                    continue;
                to[n] = f;
            }
            n++;
        }
        drop(&fr->filters.l);
    }
    drop(&the_globals.frames.l); leave_region();
    *used = n;
    if (n <= room)
        return 0;
    for (n = 0; n < room; n++)
        dereference(&to[n]->base);
    return (int)0xC0000023;
}

EXPORT int instances(filter *f, unsigned index, int what, void *to, unsigned size, unsigned *used)
{
    int status = (int)0x8000001A;
    unsigned n = 0;
    entry *b;
    enter_region(); take(&f->instances.l, 1);
    for (b = f->instances.head.next; b != &f->instances.head; b = b->next) {
        instance *i = RECORD(b, instance, filter_link);
        if (reference(&i->base) < 0)
            continue;
        if (n++ == index) {
            drop(&f->instances.l); leave_region();
            status = describe(i, what, to, size, used);
            dereference(&i->base);
            return status;
        }
        dereference(&i->base);
    }
    drop(&f->instances.l); leave_region();
    return status;
}
"""

# None of these is what any role looks for, however near.
UNRELATED = r"""
/* one list only */
EXPORT void *one_level(void *driver)
{
    entry *a;
    for (a = the_globals.frames.head.next; a != &the_globals.frames.head; a = a->next) {
        filter *f = RECORD(a, filter, base.link);
        if (f->driver == driver && reference(&f->base) >= 0)
            return f;
    }
    return 0;
}
/* both lists, nobody asked for */
EXPORT unsigned counts(void)
{
    unsigned n = 0;
    entry *a, *b;
    for (a = the_globals.frames.head.next; a != &the_globals.frames.head; a = a->next)
        for (b = RECORD(a, frame, links)->filters.head.next; b != &RECORD(a, frame, links)->filters.head; b = b->next)
            n++;
    return n;
}
/* a match that nobody references */
EXPORT int only_looks(void *driver)
{
    entry *a, *b;
    for (a = the_globals.frames.head.next; a != &the_globals.frames.head; a = a->next)
        for (b = RECORD(a, frame, links)->filters.head.next; b != &RECORD(a, frame, links)->filters.head; b = b->next)
            if (RECORD(b, filter, base.link)->driver == driver)
                return 1;
    return 0;
}
/* the second argument is what is looked for */
EXPORT int second_argument(void *x, void *driver)
{
    entry *a, *b;
    for (a = the_globals.frames.head.next; a != &the_globals.frames.head; a = a->next)
        for (b = RECORD(a, frame, links)->filters.head.next; b != &RECORD(a, frame, links)->filters.head; b = b->next)
            if (RECORD(b, filter, base.link)->driver == driver)
                return reference(&RECORD(b, filter, base.link)->base) < 0 ? x == 0 : 7;
    return 0;
}
/* an array of frames, not a list */
EXPORT void *array(void *driver, frame **frames, unsigned n)
{
    unsigned i;
    entry *b;
    for (i = 0; i < n; i++)
        for (b = frames[i]->filters.head.next; b != &frames[i]->filters.head; b = b->next)
            if (RECORD(b, filter, base.link)->driver == driver &&
                reference(&RECORD(b, filter, base.link)->base) >= 0)
                return b;
    return 0;
}
/* lists that end with null */
EXPORT void *null_ended(void *driver)
{
    entry *a, *b;
    for (a = the_globals.frames.head.next; a; a = a->next)
        for (b = RECORD(a, frame, links)->filters.head.next; b; b = b->next)
            if (RECORD(b, filter, base.link)->driver == driver &&
                reference(&RECORD(b, filter, base.link)->base) >= 0)
                return b;
    return 0;
}
EXPORT int sums(const int *v, unsigned n)
{
    int s = 0;
    while (n--)
        s += v[n];
    return s;
}
EXPORT int another_status(object *o) { return take_rundown(&o->rundown) ? 0 : (int)0xC000000D; }
"""

LAYOUTS = [
    # Windows 7 SP1 and Windows 10 as the facts have them, and two that never were
    dict(LOCK=0x68, RUNDOWN=8, LINK=0x10, NAME=0x28, DRIVER=0x50, INSTANCES=0x58, FILTERLINK=0x60,
         LINKS=8, FILTERS=0x48, FRAMES=0x58),
    dict(LOCK=0x68, RUNDOWN=8, LINK=0x10, NAME=0x38, DRIVER=0x60, INSTANCES=0x68, FILTERLINK=0x70,
         LINKS=8, FILTERS=0x48, FRAMES=0x58),
    dict(LOCK=0x88, RUNDOWN=0x18, LINK=0x28, NAME=0x50, DRIVER=0x98, INSTANCES=0xb0, FILTERLINK=0x90,
         LINKS=0x20, FILTERS=0x118, FRAMES=0x98),
    dict(LOCK=0x70, RUNDOWN=0x10, LINK=0x18, NAME=0x130, DRIVER=0x1a0, INSTANCES=0x1c8, FILTERLINK=0x50,
         LINKS=0x10, FILTERS=0x1008, FRAMES=0x20),
]
IMPORTS = "enter_region leave_region take drop equal_text take_rundown drop_rundown".split()
MACHINES = [("x64", "x86_64-pc-windows-msvc", "i386:x86-64"), ("arm64", "aarch64-pc-windows-msvc", "arm64")]
ROLES = ["unload", "name", "filters", "instances", "reference"]


def run(*args):
    r = subprocess.run(args, capture_output=True, text=True)
    if r.returncode:
        raise SystemExit(f"not ok - {' '.join(args)}\n{r.stdout}{r.stderr}")
    return r.stdout


def build(work, machine, target, tool_machine, level, number, layout):
    """One PE file; returns its path and the RVA of the_globals."""
    stem = f"{work}/{machine}{level}-{number}"
    defines = "".join(f"#define {k} {v}\n" for k, v in layout.items())
    objects = []
    for name, body in (("walks", WALKS + UNRELATED), ("others", OTHERS)):
        with open(f"{stem}-{name}.c", "w") as f:
            f.write(defines + STRUCTURES + body)
        run("clang", f"--target={target}", level, "-ffreestanding", "-c", f"{stem}-{name}.c",
            "-o", f"{stem}-{name}.obj")
        objects.append(f"{stem}-{name}.obj")
    with open(f"{work}/{machine}.def", "w") as f:
        f.write("LIBRARY nt.exe\nEXPORTS\n" + "\n".join(IMPORTS) + "\n")
    run("llvm-dlltool", "-m", tool_machine, "-d", f"{work}/{machine}.def", "-l", f"{work}/{machine}.lib")
    run("lld-link", "/nologo", "/driver", "/nodefaultlib", "/entry:entry_point", "/subsystem:native",
        f"/out:{stem}.sys", f"/map:{stem}.map", *objects, f"{work}/{machine}.lib")
    with open(f"{stem}.map") as f:
        for line in f:
            m = re.match(r"\s*\S+\s+the_globals\s+([0-9a-f]+)\s", line)
            if m:
                return f"{stem}.sys", int(m.group(1), 16)
    raise SystemExit("not ok - the_globals is not in the map")


def ask(tool, image, role):
    """What every exported function gives as `role`: None for nothing; and the line itself."""
    answers = {}
    for line in run(tool, image, role, "exports").splitlines():
        name, text = line.split(":", 1)
        values = None
        if not text.startswith(" nothing: "):
            values = {}
            for word in text.split():
                k, v = word.split("=")
                values[k] = v if k == "walk" else int(v.split("@")[0], 16)
        answers[name] = values, text.strip()
    return answers


def wanted(layout, head):
    """What each function must show, from the declarations."""
    lists = {
        "frame_list": head + layout["FRAMES"] + layout["LOCK"],
        "frame_list_lock": head + layout["FRAMES"],
        "link_to_filters": layout["FILTERS"] + layout["LOCK"] - layout["LINKS"],
        "link_to_filters_lock": layout["FILTERS"] - layout["LINKS"],
        "primary_link": layout["LINK"],
    }
    unload = dict(lists, driver_object=layout["DRIVER"])
    return {
        ("unload", "gives_up"): dict(unload, walk="gives-up"),
        ("unload", "goes_on"): dict(unload, walk="goes-on"),
        ("unload", "gives_up_found"): dict(unload, walk="gives-up"),
        ("unload", "goes_on_found"): dict(unload, walk="goes-on"),
        ("unload", "next_frame"): dict(unload, walk="next-frame"),
        ("name", "from_name"): dict(lists, filter_name=layout["NAME"], walk="unknown"),
        ("filters", "enumerate"): dict(lists, walk="unknown"),
        ("instances", "instances"): {
            "instance_list": layout["INSTANCES"] + layout["LOCK"],
            "instance_list_lock": layout["INSTANCES"],
            "instance_filter_link": layout["FILTERLINK"],
            "walk": "unknown",
        },
        ("reference", "reference_object"): {"rundown": layout["RUNDOWN"], "walk": "unknown"},
    }


def check(tool, image, head, layout):
    bad, asked = [], 0
    right = wanted(layout, head)
    functions = {f for _, f in right} | set(re.findall(r"EXPORT .*?(\w+)\(", UNRELATED))
    for role in ROLES:
        answers = ask(tool, image, role)
        assert set(answers) == functions, "exports of " + image
        for function in sorted(functions):
            got, text = answers[function]
            want = right.get((role, function))
            asked += 1
            if got != want:
                bad.append(f"{image} {function} as {role}: wanted {want}, got {text}")
    return bad, asked


def main():
    tool, work = sys.argv[1:3]
    for needed in ("clang", "lld-link", "llvm-dlltool"):
        if not shutil.which(needed):
            raise SystemExit(f"not ok - {needed} is missing (packages clang, lld, llvm)")
    os.makedirs(work, exist_ok=True)
    failed = False
    for machine, target, tool_machine in MACHINES:
        for level in ("-O1", "-O2", "-Os"):
            bad, asked = [], 0
            for number, layout in enumerate(LAYOUTS):
                image, rva = build(work, machine, target, tool_machine, level, number, layout)
                b, n = check(tool, image, rva, layout)
                bad += b
                asked += n
            for line in bad:
                print(line)
            print(f"{'not ok' if bad else 'ok'} - offsets from {machine} code of clang {level}: "
                  f"{asked} answers, {len(bad)} wrong")
            failed |= bool(bad)
    return failed


if __name__ == "__main__":
    sys.exit(main())
