#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the checks of worlds share: literal offsets and addresses, mkworld, judgements.

The offsets are literal and come from the facts (WinDbg `dt` of 7601, public PDB
type sets of the others), never from pdb-layouts: a wrong shipped layout makes
these checks fail. WORLD_LAYOUTS=DIR uses DIR/{nt,fltmgr}-BUILD-x64.layout.
"""
import os
import subprocess
import sys

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
