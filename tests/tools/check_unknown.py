#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_unknown.py FLTSCOPE MKWORLD WORKDIR: builds that have no layout of their own.

A world of such a build whose structures no shipped layout reads, on 32-bit x86 and on ARM64: the
answer must be that the layout of this build is not known, with the name and the key of the PDB to
bring (both stand in the world), exit status 4, and not one object. Its look-alike, the same world laid
out as a build that is known: read, and said to be of another build or machine.
"""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
TOOL, MKWORLD, WORK = (os.path.abspath(a) for a in sys.argv[1:4])
# every list of the Filter Manager's leads elsewhere
MOVED = ["_FLT_FILTER.Frame", "_FLT_OBJECT.RundownRef", "_FLTP_FRAME.RegisteredFilters", "_FLT_INSTANCE.FilterLink"]
failed = 0


def check(what, good, detail=""):
    global failed
    failed += not good
    print("%s - unknown builds: %s%s" % ("ok" if good else "not ok", what,
                                         "" if good else "\n#   %s" % str(detail)[:900]), flush=True)


def run(*args):
    return subprocess.run([TOOL, *args], capture_output=True, text=True, check=False)


def build_world(name, world, options):
    dump = os.path.join(WORK, name + ".dmp")
    subprocess.run([MKWORLD, os.path.join(TOP, "fixtures/worlds", world + ".world"), "-o", dump,
                    "--format", "full", *options], check=True)
    return dump


def not_known(machine, world, build, base, nt, pdb):
    moved = os.path.join(WORK, machine + ".layout")
    text = subprocess.run([sys.executable, os.path.join(HERE, "mutate-layout.py"),
                           os.path.join(TOP, "pdb-layouts/fltmgr", base + ".layout"),
                           *[a for m in MOVED for a in ("--insert", m, "24")], "--build", build],
                          check=True, capture_output=True, text=True).stdout
    with open(moved, "w", encoding="utf-8") as f:
        f.write(text)
    dump = build_world(machine, world, ["--nt", nt, "--layout", moved, "-D", "build=" + build])
    want = ["the layout of this build (%s, %s) is not known" % (build, machine),
            "give it with -y (%s)" % pdb, "nearest, fltmgr-"]
    r = run("diagnose", dump)
    check("%s: diagnose says so and what to bring" % machine,
          r.returncode == 4 and not r.stdout.strip() and all(w in r.stderr for w in want), r)
    check("%s: in one line" % machine, len(r.stderr.strip().splitlines()) == 1, r.stderr)
    r = run("frames", dump)
    check("%s: no list is shown" % machine, r.returncode == 4 and "FLT_" not in r.stdout, r)
    r = run("info", dump)
    check("%s: info says so" % machine,
          r.returncode == 0 and want[0] in " ".join(r.stdout.split()) and pdb in " ".join(r.stdout.split()), r)
    r = run("check", dump)
    check("%s: check does not call it clean" % machine, r.returncode == 4, r)
    r = run("layouts", "--json", dump)
    doc = json.loads(r.stdout)["fltmgr"]
    check("%s: each candidate was refused, with a reason" % machine,
          "id" not in doc and doc["candidates"] and
          all(c["refused"] and c["why"] for c in doc["candidates"]), doc)


def known_elsewhere(machine, world, build, base, filters):
    """The look-alike: another build's layout reads it, and is not passed off as its own."""
    dump = build_world(machine + "-family", world, ["--nt", base, "--fltmgr", base, "-D", "build=" + build,
                                                    "-D", "leftover=no"])
    doc = json.loads(run("layouts", "--json", dump).stdout)["fltmgr"]
    # the first that is not refused: of 10240 the older neighbour, 8.1, comes before
    first = [c for c in doc["candidates"] if not c["refused"]][0]
    check("%s: the nearest to %s that fits is taken, as family" % (machine, build),
          doc["source"] == "family" and doc["id"] == first["id"] == "fltmgr-" +
          (base if "-" in base else base + "-x64") and first["match"] == "family", doc)
    # the structures confirm what they touch; on another machine than the layout's nothing counts
    check("%s: proved on the structures, or said to be another machine's" % machine,
          bool(doc["proved"]) if machine == "x86" else
          not doc["proved"] and "another machine" in first["why"], doc)
    r = run("filters", dump)
    check("%s: the filters are there, with a note whose layout it is" % machine,
          r.returncode == 0 and all('"%s"' % f in r.stdout for f in filters) and
          "is not this image's own" in r.stderr, r)
    doc = json.loads(run("diagnose", "--json", dump).stdout)
    check("%s: a healthy one, and nothing is said against it" % machine, not doc["verdicts"], doc["verdicts"])


def main():
    os.makedirs(WORK, exist_ok=True)
    not_known("x86", "x86-filters", "15063", "14393-x86", "14393-x86", "fltMgr.pdb 2D0000000000000000000000000000B21")
    not_known("arm64", "healthy-arm64", "20349", "19041-x64", "19041", "fltMgr.pdb 2D0000000000000000000000000000A21")
    for build in ("10240", "15063"):
        known_elsewhere("x86", "x86-filters", build, "14393-x86", ["WatchTop", "AvShield"])
    known_elsewhere("arm64", "healthy-arm64", "20349", "19041", ["WatchTop", "AvShield", "RootCopy"])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
