#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Worlds of builds that do not exist: every field moved, every type grown.

A world is written through a changed layout and read with the shipped ones. The
tool must refuse them, or must not count a single field as proved that stands
elsewhere in that world.

usage: check_mutations.py FLTSCOPE MKWORLD WORKDIR [--only TYPE.FIELD] [--every N] [-v]

--every N takes each N-th change only (`make check`); without, all of them.
"""
import json
import os
import re
import subprocess
import sys

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
LAYOUTS = os.path.join(ROOT, "pdb-layouts", "fltmgr")
TYPES = ("_FLT_OBJECT", "_FLTP_FRAME", "_FLT_FILTER", "_FLT_INSTANCE", "_FLT_VOLUME",
         "_FLT_RESOURCE_LIST_HEAD", "_FLT_MUTEX_LIST_HEAD", "_ALLOCATE_CONTEXT_HEADER",
         "_CALLBACK_NODE", "_FLT_OPERATION_REGISTRATION")
# An address that nothing else in the structure confirms: FltGlobals as a whole.
EXEMPT = re.compile(r"_GLOBALS\.")


def parse(path):
    """{type: {field: (offset, type)}}, with what `from` lines bring."""
    types, name = {}, None
    with open(path, encoding="utf-8") as f:
        for line in f:
            word = line.split("#")[0].split()
            if not word:
                continue
            if word[0] == "from":
                inner = parse(os.path.join(LAYOUTS, os.path.basename(word[1])))
                for t, fields in inner.items():
                    types.setdefault(t, dict(fields))
            elif word[0] in ("type", "union"):
                name = word[1]
                types[name] = {}
            elif word[0] == "field" and name:
                types[name][word[3]] = (int(word[1], 0), word[2])
            elif word[0] not in ("field", "overlay"):
                name = None
    return types


def sizes(path):
    with open(path, encoding="utf-8") as f:
        words = [line.split("#")[0].split() for line in f]
    return {w[1]: int(w[2], 0) for w in words if w and w[0] in ("type", "union") and w[2] != "?"}


def run(args, **kw):
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)


class Checker:
    def __init__(self, tool, mkworld, work):
        self.tool, self.mkworld, self.work = tool, mkworld, work
        self.refused = self.read = self.skipped = 0
        self.every, self.count = 1, 0
        self.wrong = []

    def one(self, base, nt, build, world, change, verbose):
        self.count += 1
        if self.count % self.every:
            return
        layout = os.path.join(self.work, "moved.layout")
        dump = os.path.join(self.work, "moved.dmp")
        made = run([sys.executable, os.path.join(ROOT, "tests/tools/mutate-layout.py"),
                    os.path.join(LAYOUTS, base)] + change + ["--build", str(build)])
        if made.returncode:
            self.skipped += 1
            return
        with open(layout, "w", encoding="utf-8") as f:
            f.write(made.stdout)
        made = run([self.mkworld, os.path.join(ROOT, "fixtures/worlds", world + ".world"), "-o", dump,
                    "--nt", nt, "--layout", layout, "-D", "build=%d" % build, "-D", "leftover=no",
                    *(["--format", "full"] if nt.endswith("x86") else [])])
        if made.returncode:
            if verbose:
                print("skip", change, made.stderr.strip())
            self.skipped += 1
            return
        got = run([self.tool, "layouts", dump, "--json"])
        what = "%s %s" % (base, " ".join(change))
        try:
            doc = json.loads(got.stdout)["fltmgr"]
        except (ValueError, KeyError):
            self.wrong.append("%s: no JSON (exit %d): %s" % (what, got.returncode, got.stderr))
            return
        if not doc.get("id"):
            self.refused += 1
            return
        self.read += 1
        self.compare(what, doc, parse(layout), verbose)

    def compare(self, what, doc, world, verbose):
        name = doc["id"].replace("fltmgr-", "") + ".layout"
        used = parse(os.path.join(LAYOUTS, name))
        proved = set(doc.get("proved", []))
        moved = []
        for t, fields in used.items():
            for f, (offset, _) in fields.items():
                there = world.get(t, {}).get(f)
                if there and there[0] != offset:
                    moved.append(t + "." + f)
        bad = [m for m in moved if m in proved and not EXEMPT.match(m)]
        if bad:
            self.wrong.append("%s (read with %s): counted as proved: %s" %
                              (what, name, " ".join(bad)))
        if verbose:
            print(what, "->", name, "moved", len(moved), "bad", bad)


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    tool, mkworld, work = sys.argv[1:4]
    verbose = "-v" in sys.argv
    only = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else None
    os.makedirs(work, exist_ok=True)
    c = Checker(tool, mkworld, work)
    if "--every" in sys.argv:
        c.every = int(sys.argv[sys.argv.index("--every") + 1])
    # the last one is itself inferred: the likeliest to be wrong where it is used
    for base, nt, build, world, step in (("19041-x64.layout", "19041", 20348, "healthy", 8),
                                         ("22000-x64.layout", "22000", 22621, "healthy", 8),
                                         ("14393-x86.layout", "14393-x86", 14393, "x86-filters", 4)):
        for t, fields in parse(os.path.join(LAYOUTS, base)).items():
            if t not in TYPES:
                continue
            size = sizes(os.path.join(LAYOUTS, base)).get(t)
            order = sorted(fields.items(), key=lambda item: item[1][0])
            for i, (f, (offset, kind)) in enumerate(order):
                path = t + "." + f
                if only and only != path:
                    continue
                c.one(base, nt, build, world, ["--insert", path, str(step)], verbose)
                if size:
                    c.one(base, nt, build, world,
                          ["--grow", t, str(2 * step), "--move", path, hex(size)], verbose)
                if i + 1 < len(order) and order[i + 1][1][1] == kind:
                    c.one(base, nt, build, world, ["--swap", path, t + "." + order[i + 1][0]], verbose)
            if size and not only:
                c.one(base, nt, build, world, ["--grow", t, str(2 * step)], verbose)
    for line in c.wrong:
        print("FAIL", line)
    print("%d worlds of unknown builds: %d read, %d refused, %d not made, %d misread" %
          (c.read + c.refused, c.read, c.refused, c.skipped, len(c.wrong)))
    if c.wrong or (not only and not (c.read and c.refused)):
        sys.exit(1)


main()
