#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Build every world in every format and on every build, and read it back with
readdump.py, before the tool itself is judged by these dumps.

usage: check-worlds.py MKWORLD WORKDIR [NAME]...

The offsets below are literal and come from the facts (WinDbg `dt` of 7601,
public PDB type sets of the others), never from pdb-layouts: a wrong shipped
layout makes these checks fail. WORLD_LAYOUTS=DIR uses DIR/{nt,fltmgr}-BUILD-x64.layout.
"""
import glob
import os
import re
import subprocess
import sys

import readdump
from readdump import Missing

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
WORLDS = os.path.join(TOP, "fixtures/worlds")
BUILDS = (7601, 14393, 17763, 19041, 22000)
FORMATS = ("full", "bitmap", "kernel", "triage")
MKWORLD, WORK = sys.argv[1], sys.argv[2]
ONLY = sys.argv[3:]
failed = 0


class F:
    """Literal offsets of one build."""

    def __init__(self, build):
        b = 0 if build == 7601 else 0x10  # FLT_OBJECT: 0x20, from Windows 10 on 0x30
        self.link = 0x10  # FLT_OBJECT.PrimaryLink
        self.filter = {"frame": 0x20 + b, "name": 0x28 + b, "altitude": 0x38 + b, "flags": 0x48 + b,
                       "driver": 0x50 + b, "instances": 0xC0 + b}
        self.instance = {"volume": 0x28 + b, "filter": 0x30 + b, "altitude": 0x40 + b,
                         "name": 0x50 + b, "link": 0x60 + b,
                         "tracking": {7601: 0x88, 22000: 0xA0}.get(build, 0x98)}
        self.volume = {"name": 0x50 + b, "frame": 0x48 + b, "instances": 0xF8 + b,
                       "opens": {7601: 0x720, 22000: 0x740}.get(build, 0x738)}
        self.frame_word = 0x0540F103 if build == 7601 else 0x0780F103
        self.filter_flags = {7601: 2, 22000: 0x92}.get(build, 0x12)
        # 14393 got the bit with an update: which one its layout is of, is not ours to say.
        self.swizzle = None if build == 14393 else build >= 17763
        self.operations = {7601: 0x290, 22000: 0x2B8}.get(build, 0x2B0)


def report(name, problem=None):
    global failed
    if problem:
        failed += 1
        print("not ok - %s\n# %s" % (name, str(problem).replace("\n", "\n# ")))
    else:
        print("ok - " + name)


def layout_args(build):
    own = os.environ.get("WORLD_LAYOUTS")
    if own:
        return [x for m in ("nt", "fltmgr")
                for x in ("--layout", "%s/%s-%d-x64.layout" % (own, m, build))]
    return ["--nt", str(build), "--fltmgr", str(build)]


def mkworld(world, build, fmt, *more):
    out = os.path.join(WORK, "check.dmp")
    path = world if os.path.isabs(world) else os.path.join(WORLDS, world + ".world")
    cmd = [MKWORLD, path, "-o", out, "--format", fmt] + layout_args(build) + list(more)
    r = subprocess.run(cmd, capture_output=True, text=True, check=False)
    if r.returncode:
        raise AssertionError("mkworld exits %d: %s" % (r.returncode, r.stderr.strip()))
    return out


def same(what, have, want):
    if have != want:
        raise AssertionError("%s is %s, must be %s" % (
            what, hex(have) if isinstance(have, int) else repr(have),
            hex(want) if isinstance(want, int) else repr(want)))


def must_miss(what, words, call):
    try:
        call()
    except Missing as e:
        if words not in str(e):
            raise AssertionError("%s: '%s' does not say '%s'" % (what, e, words)) from e
        return
    raise AssertionError("%s can be read" % what)


def world_says(world, seen=()):
    """(modules, unloaded) as the text has them."""
    mods, gone = [], []
    with open(os.path.join(WORLDS, world), encoding="utf-8") as f:
        for line in f:
            m = re.match(r'include "(.*)"', line)
            if m and m.group(1) not in seen:
                a, b = world_says(m.group(1), seen + (world,))
                mods, gone = mods + a, gone + b
            m = re.match(r"module (\S+) (0x\w+) (0x\w+)", line)
            if m:
                mods.append((m.group(1), int(m.group(2), 16), int(m.group(3), 16)))
            m = re.match(r"unloaded (\S+) (0x\w+) (0x\w+)", line)
            if m:
                gone.append((m.group(1), int(m.group(2), 16), int(m.group(3), 16)))
    return mods, gone


def check_modules(d, world):
    mods, gone = world_says(world + ".world")
    if world == "damaged-loader" and d.type != 4:
        # The list breaks behind nt; walked backwards it still has all but nt's neighbour.
        must_miss("the loader list", "not in the dump", d.modules)
        same("first loader entry", d.num(d.num(d.loaded) + 0x30), mods[0][1])
        same("last loader entry", d.num(d.num(d.loaded + 8) + 0x30), mods[-1][1])
        return
    same("modules", d.modules(), mods)
    have = list(d.unloaded())
    if d.type == 4:  # 12 characters fit there
        gone = [(n[:12], s, e) for n, s, e in gone]
    same("unloaded modules", have if gone else [], gone)


# --- the seed -------------------------------------------------------------------

SOME, MY, FRAME1, FRAME0 = 0xFFFFFA8006DCC960, 0xFFFFFA800290D900, 0xFFFFFA80039E5010, 0xFFFFFA8001B2AAC0
DRV, DEV, HEAD = 0xFFFFFA8003673C80, 0xFFFFFA8002E8F550, 0xFFFFF880013302C0

# (address, bytes, value) as the article prints them, by WinDbg's offsets.
SEED = (
    (SOME, 4, 0x02000003), (SOME + 4, 4, 1), (SOME + 8, 8, 1),
    (SOME + 0x10, 8, 0xFFFFFA800B400020), (SOME + 0x18, 8, 0xFFFFFA80039E50C0),
    (SOME + 0x20, 8, FRAME1), (SOME + 0x38, 2, 0), (SOME + 0x48, 4, 2), (SOME + 0x50, 8, DRV),
    (SOME + 0x150, 8, 0), (SOME + 0x158, 8, 0),
    (MY, 4, 0x02000000), (MY + 4, 4, 1), (MY + 8, 8, 0x44),
    (MY + 0x10, 8, 0xFFFFFA8004770020), (MY + 0x18, 8, 0xFFFFFA8001CB5390),
    (MY + 0x20, 8, FRAME0), (MY + 0x48, 4, 2), (MY + 0x50, 8, DRV),
    (FRAME1, 4, 0x0540F103), (FRAME1 + 0x18, 4, 1), (FRAME0, 4, 0x0540F103), (FRAME0 + 0x18, 4, 0),
    (DRV, 4, 0x01500004), (DRV + 8, 8, DEV), (DRV + 0x10, 4, 0x13), (DRV + 0x18, 8, 0xFFFFF88004A00000),
    (DRV + 0x68, 8, 0xFFFFF88001344FB0),
    (DEV, 2, 3), (DEV + 4, 4, 0), (DEV + 8, 8, DRV), (DEV + 0x10, 8, 0), (DEV + 0x20, 8, 0),
    (DEV + 0x30, 4, 0x40), (DEV + 0x34, 4, 0), (DEV + 0x40, 8, 0), (DEV + 0x48, 4, 0x22),
    (DEV + 0x110, 8, 0xFFFFF9A1000846E1), (DEV + 0x138, 8, 0xFFFFFA8002E8F6A0),
    (0xFFFFFA8002E8F6A0 + 8, 8, DEV), (0xFFFFFA8002E8F6A0 + 0x20, 4, 0x801),
)
SEED_STRINGS = (
    (SOME + 0x28, "SomeDrv"), (MY + 0x28, "MyDrv"), (MY + 0x38, "326020"),
    (FRAME1 + 0x20, "429998.99"), (FRAME1 + 0x30, "429999.280700"),
    (FRAME0 + 0x20, "0"), (FRAME0 + 0x30, "429998.99"), (DRV + 0x38, "\\Driver\\MyDrv"),
)


def check_seed(d):
    for va, size, value in SEED:
        same("0x%x" % va, d.num(va, size), value)
    for va, text in SEED_STRINGS:
        same("string at 0x%x" % va, d.ustr(va), text)
    same("frames", [x - 8 for x in d.walk(HEAD)], [FRAME1, FRAME0])
    same("filters of frame 1", d.walk(FRAME1 + 0xB0)[0] - 0x10, SOME)
    if MY + 0x10 not in d.walk(FRAME0 + 0xB0):
        raise AssertionError("MyDrv is not in frame 0")
    inst = [x - 0x60 for x in d.walk(MY + 0xC0)]
    same("instances", inst, [0xFFFFFA80031B4330, 0xFFFFFA800699D170, 0xFFFFFA8003658B40])
    for i in inst:
        same("instance name", d.ustr(i + 0x50), "MyDrv Instance")
        same("instance altitude", d.ustr(i + 0x40), "326020")
        same("instance filter", d.num(i + 0x30), MY)
    # The object header before the device: creator info between it and the name.
    same("device InfoMask", d.num(DEV - 0x30 + 0x1A, 1), 3)
    same("device name", d.ustr(DEV - 0x30 - 0x20 - 0x20 + 8), "MyDrv")
    same("driver InfoMask", d.num(DRV - 0x30 + 0x1A, 1), 2)
    same("driver object name", d.ustr(DRV - 0x30 - 0x20 + 8), "MyDrv")


# --- the healthy system -----------------------------------------------------------

HHEAD = 0xFFFFF80231030440 + 0xC0
HFRAMES = [0xFFFFE00101001010, 0xFFFFE00101002880]
HFILTERS = {
    "LegacyUp": ("400100", 1), "WatchTop": ("389800", 2), "AvShield": ("328010", 3),
    "CloudSync": ("180451", 1), "PageCrypt": ("141100.5", 0), "RootCopy": ("135000", 2),
    "FileFacts": ("40500", 4),
}
HVOLUMES = {"\\Device\\Mup": 1, "\\Device\\HarddiskVolume1": 4, "\\Device\\NamedPipe": 2}
AV, CLOUD, WATCH = 0xFFFFE00101022D80, 0xFFFFE00101425B20, 0xFFFFE00101020010
ROOTC = 0xFFFFE00101029C60


def check_healthy(d, f):
    frames = [x - 8 for x in d.walk(HHEAD)]
    same("frames", frames, HFRAMES)
    have = {}
    for frame in frames:
        same("frame type word", d.num(frame, 4), f.frame_word)
        filters = [x - f.link for x in d.walk(frame + 0xB0)]
        same("filter count", d.num(frame + 0xC0, 4), len(filters))
        same("volume count", d.num(frame + 0x140, 4), len(d.walk(frame + 0x130)))
        for flt in filters:
            check_filter(d, f, frame, flt, have)
        for vol in d.walk(frame + 0x130):
            check_volume(d, f, frame, vol - f.link)
    same("filters", have, HFILTERS)
    same("av rundown", d.num(AV + 8), 2 * (1 + 3 + 1 + 1840))
    same("av pointers", d.num(AV + 4, 4), 2)


def check_filter(d, f, frame, flt, have):
    g = f.filter
    same("type bits", d.num(flt, 4), 0x02000000)
    same("filter.Frame", d.num(flt + g["frame"]), frame)
    provider = 4 if flt == CLOUD else 0
    same("filter flags", d.num(flt + g["flags"], 4), f.filter_flags | provider)
    inst = [x - f.instance["link"] for x in d.walk(flt + g["instances"])]
    same("instance count", d.num(flt + g["instances"] + 0x10, 4), len(inst))
    name = d.ustr(flt + g["name"])
    have[name] = (d.ustr(flt + g["altitude"]), len(inst))
    driver = d.num(flt + g["driver"])
    same("driver type", d.num(driver, 2), 4)
    same("driver name", d.ustr(driver + 0x38), "\\FileSystem\\" + name)
    same("first operation", d.num(flt + f.operations, 1), 0)
    same("last operation", d.num(flt + f.operations + 3 * 0x20, 1), 0x80)
    for i in inst:
        same("instance type bits", d.num(i, 4), 0x01000000)
        same("instance rundown", d.num(i + 8), 0)
        same("instance.Filter", d.num(i + f.instance["filter"]), flt)
        if not d.num(i + f.instance["tracking"]):
            raise AssertionError("instance.TrackCompletionNodes is 0")
        vol = d.num(i + f.instance["volume"])
        if i + f.link not in d.walk(vol + f.volume["instances"]):
            raise AssertionError("instance 0x%x is not on its volume" % i)


def check_volume(d, f, frame, vol):
    same("volume type bits", d.num(vol, 4), 0x04000000)
    same("volume.Frame", d.num(vol + f.volume["frame"]), frame)
    n = len(d.walk(vol + f.volume["instances"]))
    name = d.ustr(vol + f.volume["name"])
    if frame == HFRAMES[1] and name in HVOLUMES:
        same("instances of " + name, n, HVOLUMES[name])
    opens = d.num(vol + f.volume["opens"], 4)
    same("volume rundown", d.num(vol + 8), 2 * (1 + n + opens))


# --- what a variant is about --------------------------------------------------------


def filters_of(d, frame):
    return [x - 0x10 for x in d.walk(frame + 0xB0)]


def check_queued(d, f):
    check_healthy_part(d)
    stop = 0xFFFFE0010102D010
    drv = d.num(stop + f.filter["driver"])
    same("StopMe's driver flags", d.num(drv + 0x10, 4), 0x13)
    same("its device", d.num(d.num(d.num(drv + 8) + 0x138) + 0x20, 4), 0x801)
    others = [d.num(x + f.filter["driver"]) for fr in HFRAMES for x in filters_of(d, fr)]
    same("filters with that driver object", others.count(drv), 1)


def check_healthy_part(d):
    same("frames", len(d.walk(HHEAD)) >= 2, True)


def check_crosslink(d, f):
    a, b = 0xFFFFE0010102D010, 0xFFFFE0010102F010
    same("DriverObject of both", d.num(a + f.filter["driver"]), d.num(b + f.filter["driver"]))
    same("zombie", d.num(a, 4), 0x02000003)
    same("victim", d.num(b, 4), 0x02000000)
    same("zombie's frame", a in filters_of(d, HFRAMES[0]), True)


def check_zombie(d, f):
    gone = 0xFFFFE0010102D010
    same("frame 2", filters_of(d, 0xFFFFE00101003010), [gone])
    same("flags", d.num(gone, 4), 0x02000003)
    same("pointers", d.num(gone + 4, 4), 1)
    same("altitude", d.ustr(gone + f.filter["altitude"]), "")
    same("driver memory", d.num(d.num(gone + f.filter["driver"])), 0x4141414141414141)


def check_emptyframe(d, _):
    same("frame 2", filters_of(d, 0xFFFFE00101003010), [])


def check_loop(d, _):
    same("CloudSync's Flink", d.num(CLOUD + 0x10), AV + 0x10)
    must_miss("the list", "broken", lambda: filters_of(d, HFRAMES[1]))


def check_backlink(d, _):
    same("RootCopy's Blink", d.num(ROOTC + 0x18), WATCH + 0x10)
    must_miss("the list", "broken", lambda: filters_of(d, HFRAMES[1]))


def gap(words):
    def check(d, _):
        word = "captured" if d.type == 4 else words
        must_miss("CloudSync", word, lambda: d.num(CLOUD + 0x10))
        same("AvShield's Flink", d.num(AV + 0x10), CLOUD + 0x10)
        last = d.num(HFRAMES[1] + 0xB0 + 8)
        n = 0
        while last != CLOUD + 0x10:
            last = d.num(last + 8)
            n += 1
        same("filters reached backwards", n, 3)
    return check


def check_names_out(d, f):
    for flt, words in ((AV, "page file"), (WATCH, "prototype"), (CLOUD, "demand zero")):
        word = "captured" if d.type == 4 else words
        same("length", d.num(flt + f.filter["name"], 2) > 0, True)
        must_miss("a name", word, lambda flt=flt: d.ustr(flt + f.filter["name"]))


def check_transition(d, f):
    check_healthy(d, f)
    if d.type != 4 and f.swizzle is not None:
        same("page", d.translate(CLOUD)[1], "transition, swizzle" if f.swizzle else "transition")


def check_masked(d, _):
    if d.type != 4:
        must_miss("CloudSync", "not in the dump", lambda: d.num(CLOUD))


def check_backpointer(d, f):
    same("instance.Filter", d.num(0xFFFFE00103005870 + f.instance["filter"]), CLOUD)


def check_count(d, _):
    same("rCount", d.num(HFRAMES[1] + 0xC0, 4), 5)
    same("walked", len(filters_of(d, HFRAMES[1])), 6)


def check_padding(d, f):
    check_healthy(d, f)
    # Between Flags (4 bytes) and DriverObject (8) of a filter nothing stands.
    same("padding", d.num(AV + f.filter["flags"] + 4, 4), 0xA5A5A5A5)
    if d.type != 4:
        same("around objects", d.num(AV - 8), 0xA5A5A5A5A5A5A5A5)


def check_la57(d, f):
    check_healthy(d, f)
    if d.type != 4:
        same("levels", d.levels, 5)


def check_large(d, f):
    check_healthy(d, f)
    if d.type != 4:
        same("kernel", d.translate(d.loaded)[1], "2M")
        same("pool", d.translate(AV)[1], "1G")


def check_hostile(d, f):
    same("name", d.ustr(WATCH + f.filter["name"]), "\x1b[31mRed\x1b]0;title\x07")
    same("name", d.ustr(AV + f.filter["name"]), "quote\" back\\slash 'apostrophe' &amp; <tag>")
    same("name", d.ustr(CLOUD + f.filter["name"]), "sys\u202egnp.exe")
    same("name", d.ustr(0xFFFFE00101027740 + f.filter["name"]), "zero\u200bwidth\ufeff \U0001f525")
    same("name", d.ustr(0xFFFFE00103009010 + f.instance["name"]), "lone\ud800surrogate")


def check_strings(d, f):
    same("odd length", d.num(WATCH + f.filter["name"], 2), 7)
    same("long length", d.num(AV + f.filter["name"], 2), 0x800)


def check_nodata(d, _):
    word = "captured" if d.type == 4 else "not in the dump"
    must_miss("fltmgr's data", word, lambda: d.num(0xFFFFF80231030440))


def check_type(d, _):
    same("type bits", d.num(AV, 4), 0x01000000)
    same("frame 1", d.num(HFRAMES[0], 2), 0xF104)


def check_big(d, f):
    filters = filters_of(d, HFRAMES[1])
    same("filters", len(filters), 46)
    same("instances of the last", d.num(filters[-1] + f.filter["instances"] + 0x10, 4), 5)


def check_wild(d, _):
    same("CloudSync's Flink", d.num(CLOUD + 0x10), 0x41414141)


CHECKS = {
    "healthy": check_healthy, "queued": check_queued, "crosslink": check_crosslink,
    "zombie": check_zombie, "emptyframe": check_emptyframe, "stage": lambda d, f: check_healthy_part(d),
    "damaged-loop": check_loop, "damaged-backlink": check_backlink, "damaged-wild": check_wild,
    "damaged-missing": gap("not in the dump"), "damaged-table": gap("not in the dump"),
    "damaged-unmapped": gap("not mapped"), "pagedout-name": check_names_out,
    "pagedout-filter": lambda d, f: must_miss(
        "AvShield", "captured" if d.type == 4 else "page file", lambda: d.num(AV)),
    "transition": check_transition, "transition-masked": check_masked,
    "damaged-backpointer": check_backpointer, "damaged-count": check_count,
    "damaged-type": check_type, "damaged-strings": check_strings,
    "damaged-loader": lambda d, f: check_healthy(d, f), "padding": check_padding,
    "la57": check_la57, "large": check_large, "hostile-names": check_hostile,
    "nofltmgr": lambda d, f: None, "fltmgr-nodata": check_nodata,
    "big": check_big,
    "seed004": lambda d, f: check_seed(d),
}


def one(world, build, fmt):
    name = "%s %d %s" % (world, build, fmt)
    try:
        d = readdump.Dump(mkworld(world, build, fmt))
        same("build", d.build, build)
        check_modules(d, world)
        CHECKS[world](d, F(build))
        report(name)
    except (AssertionError, Missing, SystemExit, KeyError) as e:
        report(name, "%s: %s" % (type(e).__name__, e))


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


def main():
    os.makedirs(WORK, exist_ok=True)
    for path in sorted(glob.glob(WORLDS + "/*.world")):
        world = os.path.basename(path)[:-6]
        if world == "lib" or (ONLY and world not in ONLY):
            continue
        for build in (7601,) if world == "seed004" else BUILDS:
            # Every format on one build, every build in one format.
            for fmt in FORMATS if build in (7601, 19041) else FORMATS[:1]:
                one(world, build, fmt)
    for build in BUILDS:
        extra("stages %d" % build, check_stages, build)
    extra("sizes: sparse, low and high", check_sizes)
    extra("cut: triage ranges end inside objects", check_cut)
    extra("mutations of a layout", check_mutations)
    extra("mistakes are refused with their place", check_mistakes)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
