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
import re
import shutil
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
    report(name + "DirectoryTableBase alone was never set",
           same(d, {DTB: FILLER}, "DirectoryTableBase is not set in the header: 0x%x is used" % d.field(DTB)))
    report(name + "PsLoadedModuleList alone was never set",
           same(d, {LIST: FILLER}, "PsLoadedModuleList is not set in the header: 0x%x is used" % d.field(LIST)))
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


def encoded(args):
    """The block of a running system, made by the inverse of what readers do; clang and lld make the PDB."""
    never, always = 0x8A31C77D0B5E9F26, 0x00F3B1D4C2A59687
    base = os.path.join(args.work, "ntkrnlmp")
    with open(base + ".c", "w", encoding="ascii") as f:
        f.write("unsigned long long KiWaitNever = 1, KiWaitAlways = 1; unsigned char KdpDataBlockEncoded = 1;\n"
                "unsigned char KdDebuggerDataBlock[0x400] = {1};\nint DriverEntry(void) { return 0; }\n")
    subprocess.run(["clang", "--target=x86_64-pc-windows-msvc", "-O1", "-g", "-gcodeview", "-c", base + ".c",
                    "-o", base + ".obj"], check=True)
    subprocess.run(["lld-link", "/driver", "/debug", "/entry:DriverEntry", "/subsystem:native", "/nodefaultlib",
                    base + ".obj", "/out:" + base + ".exe", "/pdb:" + base + ".pdb"], check=True)
    info = json.loads(subprocess.run([args.tool, "pdb", "info", base + ".pdb", "--json"], capture_output=True,
                                     check=True).stdout)
    out = subprocess.run(["llvm-pdbutil", "dump", "--publics", "--section-headers", base + ".pdb"],
                         capture_output=True, text=True, check=True).stdout
    sections = [int(x, 16) for x in re.findall(r"([0-9A-F]+) virtual address", out)]
    rva = {n: sections[int(s) - 1] + int(o)
           for n, s, o in re.findall(r"S_PUB32 .*?`(\S+)`\n.*?addr = (\d+):(\d+)", out)}
    nt, data = 0xFFFFF80230000000, 0xFFFFF80230400000
    plain = bytearray(0x340)
    struct.pack_into("<4sIQ", plain, 0x10, b"KDBG", 0x340, nt)
    struct.pack_into("<QQ", plain, 0x48, data + 0x100, data + 0x120)
    struct.pack_into("<QQ", plain, 0x220, data + 0x600, data + 0x608)
    words = []
    for (v,) in struct.iter_unpack("<Q", plain):
        v = int.from_bytes((v ^ always).to_bytes(8, "little"), "big") ^ (nt + rva["KdpDataBlockEncoded"])
        turn = never & 63
        words.append(((v >> turn | v << (64 - turn)) & (2**64 - 1)) ^ never)
    for name in ("lib", "healthy", "machine"):
        shutil.copy(os.path.join(TOP, "fixtures/worlds", name + ".world"), args.work)
    with open(os.path.join(args.work, "healthy.world"), encoding="utf-8") as f:
        text = f.read()
    old = "pdb ntkrnlmp.pdb 2D0000000000000000000000000000A1 1"
    assert old in text
    with open(os.path.join(args.work, "encoded.world"), "w", encoding="utf-8") as f:
        f.write(text.replace(old, "pdb ntkrnlmp.pdb %s %d" % (info["guid"], info["age"])))
        f.write('\ninclude "machine.world"\nu64 (@nt+%d) %d\nu64 (@nt+%d) %d\n' %
                (rva["KiWaitNever"], never, rva["KiWaitAlways"], always))
        f.write("".join("u64 (@nt+%d) %d\n" % (rva["KdDebuggerDataBlock"] + 8 * i, w) for i, w in enumerate(words)))
    d = Dump(args, "healthy-machine", "full")
    right = d.right["doc"]["unloaded_modules"]
    d = Dump(args, os.path.join(os.path.abspath(args.work), "encoded"), "full", "kdbg=no")
    with_pdb = d.spoilt({KDBG: FILLER}).export("-y", args.work)["doc"]["unloaded_modules"]
    without = d.export()["doc"]["unloaded_modules"]
    report("an encoded KDDEBUGGER_DATA64 is decoded with nt's PDB",
           None if len(right) == 2 and with_pdb == right else str(with_pdb))
    report("without the PDB nothing is made up", None if not without else str(without))
    at = d.whole.find(struct.pack("<Q", never))
    d.whole[at] ^= 1
    got = d.spoilt({KDBG: FILLER}).export("-y", args.work)["doc"]["unloaded_modules"]
    report("decoded with a wrong KiWaitNever it is no block, and not used", None if not got else str(got))


def other_lists(args):
    """A closed list in seed004's memory, of FLT_INSTANCEs: no loader entries."""
    d = Dump(args, "seed004-machine", "full")
    other = 0xfffffa80039e5218
    report("PsLoadedModuleList is the head of a list of something else",
           same(d, {LIST: other}, "PsLoadedModuleList 0x%x of the header is no list of modules" % other))


def nothing(args):
    """No kernel: said, and no answer made up."""
    d = Dump(args, "healthy-machine", "full")
    got = d.spoilt({DTB: 0x1000}).export("--dtb", "0x5000")
    got = d.spoilt({}).export("--dtb", "0x5000")
    report("--dtb that is wrong: what is used instead is said",
           None if got["doc"]["modules"] and
           any("header's DirectoryTableBase 0x%x is" % d.field(DTB) in n for n in got["notes"]) else str(got["notes"]))
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


class Image(Dump):
    """Memory in any container; edit() changes bytes of it."""

    def __init__(self, args, world, fmt, *extra):  # pylint: disable=super-init-not-called
        self.args = args
        self.path = os.path.join(args.work, "image." + ("vmem" if fmt == "vmem" else "bin"))
        subprocess.run([args.mkworld, os.path.join(TOP, "fixtures/worlds", world + ".world"), "-o", self.path,
                        "--format", fmt, *extra], check=True)
        with open(self.path, "rb") as f:
            self.whole = bytearray(f.read())

    def edit(self, old, new):
        assert old in self.whole
        with open(self.path, "wb") as f:
            f.write(self.whole.replace(old, new))
        return self

    def told(self, *options):
        r = subprocess.run([self.args.tool, *options, "export", "--json", self.path],
                           capture_output=True, check=False, timeout=60)
        if r.returncode not in (0, 4):
            raise RuntimeError("exit %d: %s" % (r.returncode, r.stderr.decode()[-300:]))
        return json.loads(r.stdout)


def unknown_machine(doc, words):
    ok = (doc["dump"]["machine"] == "unknown" and not doc["modules"] and
          any(g["what"] == "dump.machine" for g in doc["dump"]["gaps"]) and
          any(words in n for n in doc["dump"]["notes"]))
    return None if ok else "%s, %d modules, %s" % (doc["dump"]["machine"], len(doc["modules"]),
                                                   doc["dump"]["notes"])


def machines(args):
    """IMAGE_FILE_HEADER.Machine (winnt.h) of nt is the judge of what the container says or was
    taken for. ARM64's page tables can be walked as x64's."""
    x64, arm64 = b"PE\0\0\x64\x86", b"PE\0\0\x64\xaa"
    for fmt, options in (("raw", ("--raw",)), ("elf", ()), ("vmem", ()), ("full", ())):
        d = Image(args, "healthy-machine", fmt)
        doc = d.told(*options)
        report("%s of x64 is x64" % fmt, None if doc["dump"]["machine"] == "x64" and doc["modules"] else
               str(doc["dump"]))
        report("%s whose nt is ARM64's is not read as x64's" % fmt,
               unknown_machine(d.edit(x64, arm64).told(*options), "is for machine arm64"))
    d = Image(args, "healthy-arm64", "full")
    report("a header of ARM64 whose nt is ARM64's", None if d.told()["modules"] else "no modules")
    struct.pack_into("<I", d.whole, 0x30, 0x8664)
    report("a header that calls ARM64's memory x64's", unknown_machine(d.edit(b"", b"").told(), "is for machine arm64"))
    d.path = os.path.join(args.work, "noise.bin")
    d.whole = bytearray((i * i * 2654435761 >> 13) & 0xff for i in range(65536))
    report("raw noise is of no machine that is known",
           unknown_machine(d.edit(b"", b"").told("--raw"), "no page tables were found"))
    for fmt in ("raw", "raw-compact", "elf", "elf-paging", "kdump", "kdump-flat", "vmem"):
        r = subprocess.run([args.mkworld, os.path.join(TOP, "fixtures/worlds/healthy-arm64.world"), "-o",
                            os.path.join(args.work, "no.vmem"), "--format", fmt], capture_output=True, check=False)
        report("no ARM64 world is built as %s" % fmt, None if r.returncode == 1 else "exit %d" % r.returncode)


def five_levels(args):
    """CR4.LA57 is bit 12 (SDM vol. 3A, 2.5): with it the first CR3 leads to the kernel."""
    for name in ("lib", "healthy", "machine", "healthy-machine"):
        shutil.copy(os.path.join(TOP, "fixtures/worlds", name + ".world"), args.work)
    world = os.path.join(os.path.abspath(args.work), "la57-machine")
    with open(world + ".world", "w", encoding="ascii") as f:
        f.write('la57\ninclude "healthy-machine.world"\n')
    for fmt in ("elf", "vmem"):
        d = Image(args, world, fmt)
        notes = d.told()["dump"]["notes"]
        cr4 = [struct.pack("<Q", v) in (d.whole if fmt == "elf" else state(d)) for v in (0x3416f8, 0x3506f8, 0x3406f8)]
        report("LA57 as %s is found by CR3 of processor 0" % fmt,
               None if any("by CR3 of processor 0" in n for n in notes) and cr4 == [True, False, False] else
               "%s %s" % (notes, cr4))


def state(d):
    with open(d.path[:-4] + "vmsn", "rb") as f:
        return f.read()


def guest_header(args):
    """The header that a guest gave its hypervisor, with a build (0xc) that is not nt's."""
    d = Image(args, "healthy-machine", "elf", "--guest-header")
    at = d.whole.find(b"PAGEDU64")
    right = d.told()["dump"]
    report("a guest's header with nt's build", None if right["build"] == 19041 and
           not any("not nt's" in n for n in right["notes"]) else str(right))
    struct.pack_into("<I", d.whole, at + BUILD, 14393)
    got = d.edit(b"", b"").told()["dump"]
    report("a guest's header with another build", None if got["build"] == 19041 and
           any("build 14393 of the guest's own header is not nt's" in n for n in got["notes"]) else str(got))


def many_roots(args):
    """Tables that contain themselves and lead to no kernel, below the right ones."""
    d = Image(args, "healthy-machine", "raw", "--ram", "16M", "--high")
    right = d.told("--raw")
    root = int(right["dump"]["directory_table_base"], 16)
    assert root > 0x200000
    for i in range(0x100, 0x180):
        for at, v in ((0xF68, i << 12), (0xF78, (i + 1) << 12), (0xF80, (i + 2) << 12)):
            struct.pack_into("<Q", d.whole, (i << 12) + at, v | 0x63)
    got = d.edit(b"", b"").told("--raw")
    report("128 tables that contain themselves come before the right one",
           None if got == right and got["modules"] else str(got["dump"]))


def main():
    p = argparse.ArgumentParser()
    for o in ("tool", "mkworld", "work"):
        p.add_argument("--" + o, required=True)
    args = p.parse_args()
    os.makedirs(args.work, exist_ok=True)
    repairs(args, "healthy-machine", "full")
    repairs(args, "seed004-machine", "bitmap")
    lists(args)
    other_lists(args)
    encoded(args)
    nothing(args)
    machines(args)
    five_levels(args)
    guest_header(args)
    many_roots(args)
    return 1 if FAILED else 0


if __name__ == "__main__":
    raise SystemExit(main())
