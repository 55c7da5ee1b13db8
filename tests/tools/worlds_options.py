# SPDX-License-Identifier: BSD-2-Clause
"""Checks of mkworld's options: stages, sizes, cuts, moved layouts, mistakes in a world."""
import os
import subprocess
import sys

import readdump
from worlds_common import (AV, BUILDS, F, HFRAMES, ONLY, TOP, WORK, WORLDS, Missing,
                           check_healthy, mkworld, must_miss, report, same)

# --- stages, options, mistakes ------------------------------------------------------

STUCK, BLOCK = 0xFFFFE0010102D010, 0xFFFFB30812345700
STAGES = {  # object flags, rundown, instances
    "S0": (0x02000000, 6, 2), "S1": (0x02000001, 6, 2), "S2": (0x02000001, 4, 1),
    "S3": (0x02000001, BLOCK | 1, 0), "S3b": (0x02000001, BLOCK | 1, 1),
    "S4": (0x02000001, 1, 0), "S5": (0x02000003, 1, 0),
}


def check_stages(build):
    f = F(build)
    for stage, (flags, rundown, n) in STAGES.items():
        d = readdump.Dump(mkworld("stage", build, "kernel", "-D", "stage=" + stage))
        same(stage + " flags", d.num(STUCK, 4), flags)
        same(stage + " rundown", d.num(STUCK + 8), rundown)
        inst = [x - f.instance["link"] for x in d.walk(STUCK + f.filter["instances"])]
        same(stage + " instances", len(inst), n)
        same(stage + " lock owner", d.num(HFRAMES[1] + 0x208 + 0x30), 0xFFFFE00100200080)
        if rundown == BLOCK | 1:
            same(stage + " wait count", d.num(BLOCK), 3 if stage == "S3" else 1)
        if stage in ("S1", "S2", "S3b"):
            same(stage + " instance", d.num(inst[0], 4), 0x01000001)
            same(stage + " tracking", d.num(inst[0] + f.instance["tracking"]) == 0, stage == "S2")
            same(stage + " rundown", d.num(inst[0] + 8), BLOCK | 1 if stage == "S2" else 2)


def check_sizes():
    f = F(19041)
    for ram in ("256M", "4G", "64G"):
        for more in ((), ("--high",)):
            path = mkworld("healthy", 19041, "bitmap", "--ram", ram, *more)
            if os.stat(path).st_blocks * 512 > 4 << 20:
                raise AssertionError("%s takes %d bytes" % (ram, os.stat(path).st_blocks * 512))
            d = readdump.Dump(path)
            check_healthy(d, f)
            pages = {"256M": 1 << 16, "4G": 1 << 20, "64G": 1 << 24}[ram]
            same("highest page of " + ram, max(d.pages), pages - 1)
            same("low pages of " + ram, min(d.pages) < 0x200, not more)


def check_rdmp():
    for fmt in ("rdmp", "rdmp-complete"):
        d = readdump.Dump(mkworld("healthy", 19041, fmt, "--ram", "6G", "--high"))
        same("type", d.type, 8 if fmt == "rdmp" else 10)
        same("highest page", max(pfn + n for pfn, n, _ in d.runs), 6 << 18)
        check_healthy(d, F(19041))
        same("the last page is the file's end", d.runs[-1][2] + d.runs[-1][1] * 4096, d.size)


def check_cut():
    d = readdump.Dump(mkworld("healthy", 19041, "triage", "--cut", "0x100"))
    same("first part", d.ustr(AV + 0x38), "AvShield")
    same("last byte", len(d.read(AV, 0x100)), 0x100)
    must_miss("second part", "captured", lambda: d.num(AV + 0x100))


def check_mutations():
    own = os.environ.get("WORLD_LAYOUTS")
    base = (own + "/fltmgr-19041-x64.layout") if own else TOP + "/pdb-layouts/fltmgr/19041-x64.layout"
    out = os.path.join(WORK, "mutated.layout")
    tool = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mutate-layout.py")
    for change, at in ((["--insert", "_FLT_FILTER.DriverObject", "8"], 0x68),
                       (["--insert", "_FLT_OBJECT.UniqueIdentifier", "8"], 0x68),
                       (["--grow", "_FLT_OBJECT", "0x10"], 0x70),
                       (["--insert", "_FLT_FILTER.Name", "0x20"], 0x80),
                       (["--swap", "_FLT_FILTER.Frame", "_FLT_FILTER.DriverObject"], 0x30)):
        text = subprocess.run([sys.executable, tool, base] + change + ["--build", "20348"],
                              check=True, capture_output=True, text=True).stdout
        with open(out, "w", encoding="utf-8") as f:
            f.write(text)
        d = readdump.Dump(mkworld("healthy", 19041, "full", "--layout", out, "-D", "build=20348"))
        same(" ".join(change), d.num(d.num(AV + at), 2), 4)
        same("build", d.build, 20348)


def check_mistakes():
    bad = os.path.join(os.path.abspath(WORK), "bad.world")
    head = 'include "%s/lib.world"\nbuild 19041\n' % os.path.relpath(WORLDS, os.path.abspath(WORK))
    head += "module ntoskrnl.exe 0xfffff80230000000 0x800000\n"
    for text, words in (
            ("object _FLT_FILTER 0xffffe00100001000 a {\n\tNoSuch = 1\n}\n", "no field NoSuch"),
            ("object _FLT_FILTER 0xffffe00100001000 a {\n\tFrame = @nobody\n}\n", "no label nobody"),
            ("object _NO_TYPE 0xffffe00100001000 a\n", "no type _NO_TYPE"),
            ("nonsense 1 2\n", "no statement or macro"),
            ("object _FLT_FILTER 0xffffe00100001000 a {\n\tFlags = 0x100000000\n}\n", "does not fit"),
            ("set x $nothing\n", "no variable $nothing"),
            ("append 0xffffe00100001000 0xffffe00100002000\n", "nothing was placed")):
        with open(bad, "w", encoding="utf-8") as f:
            f.write(head + text)
        try:
            mkworld(bad, 19041, "full")
        except AssertionError as e:
            if words not in str(e) or "bad.world:" not in str(e):
                raise AssertionError("'%s' does not say '%s' and where" % (e, words)) from e
            continue
        raise AssertionError("accepted: " + text)
    with open(bad, "w", encoding="utf-8") as f:
        f.write(head + "object _FLT_FILTER 0xffffe00100001000 a {\n\tNoSuch? = 1\n\tFlags = 2\n}\n")
    mkworld(bad, 19041, "full")


def extra(name, call, *args):
    if ONLY and name.split()[0] not in ONLY:
        return
    try:
        call(*args)
        report(name)
    except (AssertionError, Missing, SystemExit, subprocess.CalledProcessError) as e:
        report(name, "%s: %s" % (type(e).__name__, e))


def run():
    for build in BUILDS:
        extra("stages %d" % build, check_stages, build)
    extra("sizes: sparse, low and high", check_sizes)
    extra("cut: triage ranges end inside objects", check_cut)
    extra("rdmp: ranges above 4 GiB", check_rdmp)
    extra("mutations of a layout", check_mutations)
    extra("mistakes are refused with their place", check_mistakes)
