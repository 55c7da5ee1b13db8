#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Dumps whose header is wrong, as DumpIt and LiveKd write them, or whose DirectoryTableBase is a
user-mode CR3: the answer is that of the same dump with its right header, but for `dump`.

check_kernel.py --tool FLTSCOPE --mkworld MKWORLD --work DIR

The right header is the truth; what is spoilt, and that the tool says what it did about it, stands
in each case below.
"""
import argparse
import json
import os
import struct
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILLER = 0x4547415045474150
BUILD, DTB, LIST, KDBG = 0xc, 0x10, 0x20, 0x80
FAILED = 0


def report(name, problem):
    global FAILED
    FAILED += bool(problem)
    print("not ok - %s\n#   %s" % (name, problem) if problem else "ok - " + name)


class Dump:
    def __init__(self, args, world, fmt, *defines):
        self.args = args
        self.path = os.path.join(args.work, "kernel.dmp")
        cmd = [args.mkworld, os.path.join(TOP, "fixtures/worlds", world + ".world"), "-o", self.path,
               "--format", fmt]
        for d in defines:
            cmd += ["-D", d]
        subprocess.run(cmd, check=True)
        with open(self.path, "rb") as f:
            self.whole = bytearray(f.read())
        self.right = self.export()

    def field(self, off):
        return struct.unpack_from("<Q", self.whole, off)[0]

    def spoilt(self, fields):
        """A copy with these u64 (BUILD: u32) fields of its header."""
        b = bytearray(self.whole)
        for off, v in fields.items():
            struct.pack_into("<I" if off == BUILD else "<Q", b, off, v & (0xffffffff if off == BUILD else 2**64 - 1))
        with open(self.path, "wb") as f:
            f.write(b)
        return self

    def export(self, *options):
        r = subprocess.run([self.args.tool, *options, "export", "--json", self.path],
                           capture_output=True, check=False, timeout=60)
        if r.returncode not in (0, 4):
            raise RuntimeError("exit %d: %s" % (r.returncode, r.stderr.decode()[-300:]))
        doc = json.loads(r.stdout)
        notes = doc["dump"].get("notes", [])
        build = doc["dump"]["build"]
        del doc["dump"]
        return {"doc": doc, "notes": notes, "build": build, "exit": r.returncode}


def same(dump, fields, *words, build=None, options=()):
    got = dump.spoilt(fields).export(*options)
    if got["doc"] != dump.right["doc"]:
        keys = [k for k in got["doc"] if got["doc"][k] != dump.right["doc"].get(k)]
        return "the answer differs in %s; notes %s" % (keys, got["notes"])
    if build and got["build"] != build:
        return "build %s" % got["build"]
    for w in words:
        if not any(w in n for n in got["notes"]):
            return "no note says '%s': %s" % (w, got["notes"])
    return None if words or not got["notes"] else "notes without a reason: %s" % got["notes"]


def repairs(args, world, fmt):
    d = Dump(args, world, fmt)
    name = "%s, %s: " % (world, fmt)
    pool = 0xffffe00105555010
    report(name + "a right header needs no note", same(d, {}))
    report(name + "KdDebuggerDataBlock is a pool address",
           same(d, {KDBG: pool}, "KdDebuggerDataBlock 0x%x of the header" % pool))
    report(name + "KdDebuggerDataBlock was never set", same(d, {KDBG: FILLER}, "found in nt's data"))
    report(name + "DirectoryTableBase leads nowhere",
           same(d, {DTB: 0x7ffff000}, "DirectoryTableBase 0x7ffff000 of the header", "contain themselves"))
    report(name + "DirectoryTableBase was never set",
           same(d, {DTB: FILLER, LIST: FILLER}, "page tables at 0x%x" % d.field(DTB)))
    report(name + "DirectoryTableBase with PCID and flags", same(d, {DTB: d.field(DTB) | 0x803}))
    report(name + "PsLoadedModuleList is a pool address",
           same(d, {LIST: pool}, "PsLoadedModuleList 0x%x of the header" % pool, "export"))
    report(name + "nothing in the header is right",
           same(d, {DTB: 0x1000, LIST: pool, KDBG: FILLER}, "DirectoryTableBase", "PsLoadedModuleList"))
    report(name + "--dtb wins", same(d, {DTB: 0x1000}, "--dtb", options=("--dtb", hex(d.field(DTB)))))


def lists(args):
    pool = 0xffffe00105555010
    d = Dump(args, "healthy-machine", "full", "exports=no")
    report("no exports: PsLoadedModuleList by KDDEBUGGER_DATA64", same(d, {LIST: pool}, "KDDEBUGGER_DATA64"))
    d = Dump(args, "healthy-machine", "full", "exports=no", "kdbg=no")
    report("no exports, no KDBG: by search", same(d, {LIST: pool}, "search of nt's data"))
    d = Dump(args, "healthy-machine", "full")
    report("build by KUSER_SHARED_DATA", same(d, {BUILD: FILLER, DTB: FILLER, LIST: FILLER}, "NtBuildNumber",
                                              build=19041))


def nothing(args):
    """No kernel: said, and no answer made up."""
    d = Dump(args, "healthy-machine", "full")
    got = d.spoilt({DTB: 0x1000}).export("--dtb", "0x5000")
    report("--dtb that is wrong finds nothing, whatever else the dump says",
           None if got["exit"] == 4 and not got["doc"]["modules"] and
           any("page tables at 0x5000" in n for n in got["notes"]) else str(got["notes"]))
    at = d.whole.find(b"ntkrnlmp.pdb")
    d.whole[at:at + 12] = b"ntfsdisk.pdb"
    at = d.whole.find(b"ntoskrnl.exe\0")
    d.whole[at:at + 12] = b"ntfsdisk.exe"
    got = d.spoilt({LIST: 0xffffe00105555010}).export()
    report("an image that is no kernel's is not taken for nt",
           None if got["exit"] == 4 and not got["doc"]["modules"] and
           any("kernel was not found" in n for n in got["notes"]) else str(got["notes"]))


def main():
    p = argparse.ArgumentParser()
    for o in ("tool", "mkworld", "work"):
        p.add_argument("--" + o, required=True)
    args = p.parse_args()
    os.makedirs(args.work, exist_ok=True)
    repairs(args, "healthy-machine", "full")
    repairs(args, "seed004-machine", "bitmap")
    lists(args)
    nothing(args)
    return 1 if FAILED else 0


if __name__ == "__main__":
    raise SystemExit(main())
