#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Containers that are damaged, cut, taken for something else or contradicted by what is in them.

check_containers.py --tool FLTSCOPE --mkworld MKWORLD --work DIR

What must be told of each is in README ("What it reads", exit status). Offsets: elf.h (e_machine),
makedumpfile's diskdump_mod.h (struct disk_dump_header), DUMP_HEADER64 as public readers have it.
"""
import argparse
import json
import os
import struct
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FAILED = 0


def report(name, problem):
    global FAILED
    FAILED += bool(problem)
    print("not ok - %s\n#   %s" % (name, problem) if problem else "ok - " + name, flush=True)


class File:
    """A world's file, and what the tool says of it."""

    def __init__(self, args, world, fmt, *extra):
        self.tool = args.tool
        self.path = os.path.join(args.work, "%s-%s.%s" % (world, fmt, "vmem" if fmt == "vmem" else "dmp"))
        subprocess.run([args.mkworld, os.path.join(TOP, "fixtures/worlds", world + ".world"), "-o", self.path,
                        "--format", fmt, *extra], check=True)
        self.options = ("--raw",) if fmt.startswith("raw") else ()

    def patch(self, at, data):
        with open(self.path, "r+b") as f:
            f.seek(at)
            f.write(data)
        return self

    def cut(self, size):
        os.truncate(self.path, size)
        return self

    def run(self, *what):
        return subprocess.run([self.tool, *self.options, *what, self.path], capture_output=True, text=True,
                              check=False, timeout=120)

    def json(self, command="export"):
        return json.loads(self.run(command, "--json").stdout)

    def rows(self):
        """`info`, label to text."""
        rows = {}
        for line in self.run("info").stdout.splitlines():
            label, colon, text = line.partition(" : ")
            if colon:
                rows.setdefault(label.strip(), []).append(text.strip())
        return rows


def no_modules(args):
    """Exit 4: what was asked for is not in it."""
    f = File(args, "healthy", "full")
    r = f.run("lm")
    report("lm of modules that are there", None if r.returncode == 0 and "FLTMGR.SYS" in r.stdout else r)
    f.cut(12000)
    r = f.run("lm")
    report("lm without a module is no answer", None if r.returncode == 4 and not r.stdout.strip() and
           "no module was read: " in r.stderr else r)
    r = f.run("lm", "--json")
    report("lm --json without a module is no answer", None if r.returncode == 4 and
           json.loads(r.stdout)["modules"] == [] and "no module was read: " in r.stderr else r)


def no_machine(args):
    """Of a memory whose machine is not known no layout is the nearest."""
    f = File(args, "healthy-machine", "raw")
    rows = f.rows()
    report("info names nt's layout of a known machine", None if rows["Machine"] == ["x64"] and
           "nt-19041-x64" in rows["nt layout"][0] else rows)
    f.cut(0x1000)
    rows, doc = f.rows(), f.json("info")
    report("info names no layout of a machine that is not known",
           None if rows["Machine"] == ["unknown"] and "(none: " in rows["nt layout"][0] and
           "is not known" in rows["nt layout"][0] and "nt_layout" not in doc else rows)


def machines(args):
    """The container's word for the machine against nt's IMAGE_FILE_HEADER.Machine (winnt.h)."""
    for fmt, at, arm64, x86 in (("elf", 18, b"\xb7\0", b"\3\0"), ("kdump", 12 + 4 * 65, b"aarch64\0", b"i686\0\0\0\0")):
        for extra in ((), ("--guest-header",)):
            f = File(args, "healthy-machine", fmt, *extra)
            name = " ".join((fmt, *extra))
            doc = f.json()
            report("%s of x64 whose nt is x64's is read" % name, None if doc["dump"]["machine"] == "x64" and
                   len(doc["modules"]) > 5 else doc["dump"])
            doc = f.patch(at, arm64).json()
            notes = " ".join(doc["dump"]["notes"])
            report("%s that is called ARM64's, and whose nt is x64's, is not read" % name,
                   None if doc["dump"]["machine"] == "unknown" and not doc["modules"] and
                   "is for machine x64 (IMAGE_FILE_HEADER.Machine 0x8664), its memory was taken for arm64's" in notes and
                   ("of machine 0x8664, the container of 0xaa64: the header is not used" in notes) == bool(extra)
                   else doc["dump"])
            r = f.patch(at, x86).run("export", "--json")
            doc = json.loads(r.stdout)
            report("%s that is called x86's, and whose nt is x64's, has no modules and no layout" % name,
                   None if r.returncode == 4 and not doc["modules"] and "nt_layout" not in f.json("info") else
                   doc["dump"])


NT_BASE, NT_SIZE = 0xFFFFF80230000000, 0x800000  # healthy-machine.world
DATA_BLOCKS = 0x2078  # TRIAGE_DUMP64.DataBlocksOffset, DataBlocksCount: {u64 VA, u32 offset, u32 size}


def nt_page(args):
    """The page with nt's PE headers, out of a full dump of the world."""
    with open(File(args, "healthy-machine", "full").path, "rb") as f:
        data = f.read()
    for at in range(0x2000, len(data), 4096):
        pe = data.find(b"PE\0\0", at, at + 0x800)
        if data[at:at + 2] == b"MZ" and pe > 0 and data[pe + 24 + 56:pe + 24 + 60] == struct.pack("<I", NT_SIZE):
            return bytearray(data[at:at + 4096]), pe - at
    raise RuntimeError("the world has no nt")


def triage(args):
    """A triage dump that captured nt's headers; what they say is told as of other types."""
    page, pe = nt_page(args)
    for machine, name in ((0x8664, "x64"), (0xAA64, "arm64"), (0x14C, "x86")):
        f = File(args, "healthy-machine", "triage")
        struct.pack_into("<H", page, pe + 4, machine)
        with open(f.path, "rb") as old:
            data = old.read()
        at, count = struct.unpack_from("<II", data, DATA_BLOCKS)
        table = data[at:at + 16 * count] + struct.pack("<QII", NT_BASE, len(data), len(page))
        f.patch(len(data), page + table)
        f.patch(DATA_BLOCKS, struct.pack("<II", len(data) + len(page), count + 1))
        f.patch(0x2004, struct.pack("<I", len(data) + len(page) + len(table)))  # SizeOfDump
        doc = f.json()
        if machine == 0x8664:
            report("triage whose nt is of the header's machine is read", None if doc["dump"]["machine"] == "x64" and
                   len(doc["modules"]) > 5 and doc["frames"] and
                   not any("is for machine" in n for n in doc["dump"].get("notes", [])) else doc["dump"])
            continue
        notes = " ".join(doc["dump"].get("notes", []))
        report("triage whose nt is %s's is not read as x64's" % name,
               None if doc["dump"]["machine"] == "unknown" and not doc["modules"] and "frames" not in doc and
               "nt at 0x%x is for machine %s (IMAGE_FILE_HEADER.Machine 0x%x), the header says x64" %
               (NT_BASE, name, machine) in notes else doc["dump"])


def short_vmem(args):
    """A .vmem that is shorter than its state file says, by its regions or by a processor's CR3."""
    f = File(args, "healthy-machine", "vmem", "--ram", "6G", "--high")
    whole = os.path.getsize(f.path)
    head = f.json("info")["dump"]
    report("vmem as long as its regions is whole", None if whole == 5 << 30 and head["truncated"] is False else head)
    for missing in (1, 4096, 1 << 30, whole - 4096):
        r = f.cut(whole - missing).run("info", "--json")
        head = json.loads(r.stdout)["dump"]
        report("vmem that lacks %d bytes of its regions" % missing,
               None if head["truncated"] and head["missing_bytes"] == missing and
               "truncated: %d bytes" % missing in r.stderr else (head, r.stderr))
    words = "(its CR3) lie behind the "
    f = File(args, "healthy-machine", "vmem")  # in one piece, its page tables at 0x103000
    report("vmem in one piece is whole", None if not any("cut off" in n for n in f.json("info")["dump"]["notes"]) else
           f.rows())
    notes = " ".join(f.cut(0x104000).json("info")["dump"]["notes"])
    report("vmem in one piece up to its page tables", None if words not in notes else notes)
    notes = " ".join(f.cut(0x103800).json("info")["dump"]["notes"])
    report("vmem in one piece that ends before its page tables",
           None if "processor 0 at PA 0x103000 " + words + "0x103 pages" in notes and "no whole pages" in notes else notes)


def main():
    p = argparse.ArgumentParser()
    for o in ("tool", "mkworld", "work"):
        p.add_argument("--" + o, required=True)
    args = p.parse_args()
    os.makedirs(args.work, exist_ok=True)
    no_modules(args)
    no_machine(args)
    machines(args)
    triage(args)
    short_vmem(args)
    return 1 if FAILED else 0


if __name__ == "__main__":
    raise SystemExit(main())
