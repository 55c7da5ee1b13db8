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


GIB = 1 << 30
PAGE = 4096
NTFS = 0xFFFFF80231200000  # healthy.world: a module, whose headers are a page of their own
HOLES = {"pc": 0xC0000000, "q35": 0x80000000}


class Raw(File):
    """Raw memory, whose page tables are named: looking for them takes its time."""

    def __init__(self, args, fmt, *extra):
        super().__init__(args, "healthy-machine", fmt, *extra)
        with open(File(args, "healthy-machine", "full", *extra).path, "rb") as f:
            f.seek(0x10)
            self.dtb = struct.unpack("<Q", f.read(8))[0]
        self.options = ("--raw", "--dtb", hex(self.dtb))

    def u64(self, at):
        with open(self.path, "rb") as f:
            f.seek(at)
            return struct.unpack("<Q", f.read(8))[0]

    def entry(self, va):
        """Where the page-table entry of a 4 KiB page is (SDM vol. 3A, 4.5), memory being as it is."""
        table = self.dtb
        for shift in (39, 30, 21):
            table = self.u64(table + (va >> shift & 511) * 8) & 0xFFFFFFFFFF000
        return table + (va >> 12 & 511) * 8

    def move(self, va, pa, place):
        """The page of va to physical address pa, which stands at `place` of the file."""
        at = self.entry(va)
        e = self.u64(at)
        assert e & 1, "not present"
        with open(self.path, "r+b") as f:
            f.seek(e & 0xFFFFFFFFFF000)
            page = f.read(PAGE)
            f.seek(e & 0xFFFFFFFFFF000)
            f.write(bytes(PAGE))
            f.seek(place)
            f.write(page)
            f.seek(at)
            f.write(struct.pack("<Q", e & ~0xFFFFFFFFFF000 | pa))
        return self

    def size(self, n):
        os.truncate(self.path, n)
        return self


def told(f, *words):
    """The notes on holes, and whether the world is read."""
    doc = f.json()
    notes = [n for n in doc["dump"].get("notes", []) if "raw-hole" in n]
    names = [x["name"] for fr in doc.get("frames", []) for x in fr["filters"]]
    return notes, names, doc


def holes(args):
    """QEMU's backend files and VMware's .vmem lack the hole below 4 GiB; what is in memory tells which
    hole it is, and a file that has it gets no word of this."""
    right = told(Raw(args, "raw"))
    want = [right[2][k] for k in ("modules", "frames", "drivers")]
    high = ("--ram", "6G", "--high")
    notes, names, doc = told(Raw(args, "raw", *high))
    report("raw memory with its hole gets no word of one", None if not notes and names == right[1] else (notes, names))
    for fmt, kind in (("raw-compact", "pc"), ("raw-q35", "q35")):
        f = Raw(args, fmt, *high)
        notes, names, doc = told(f)
        report("%s: the kernel is found only with the hole of %s, which is told" % (fmt, kind),
               None if names == right[1] and len(notes) == 1 and
               "read as --raw-hole 0x%x-0x100000000 " % HOLES[kind] in notes[0] and
               kind in notes[0] and "only so the kernel is found" in notes[0] else (notes, names))
        f.options += ("--raw-hole", "0x%x-0x100000000" % HOLES[kind])
        notes, again, given = told(f)
        report("%s: the same as with the option, and then no note" % fmt,
               None if not notes and again == names and
               all(given[k] == doc[k] for k in given if k != "dump") else notes)
        f.options = f.options[:-1] + ("0xa0000000-0x100000000",)
        notes, names, doc = told(f)
        report("%s: another hole, which the user names, is not replaced" % fmt,
               None if not notes and not names else (notes, names))
    for kind, start in HOLES.items():
        # one image's headers above 4 GiB: 16 pages of it, so that both holes are tried
        f = Raw(args, "raw").move(NTFS, 4 * GIB + 5 * PAGE, start + 5 * PAGE).size(start + 16 * PAGE + 2 * GIB)
        notes, names, doc = told(f)
        report("an image above 4 GiB proves the hole of %s" % kind,
               None if [doc[k] for k in ("modules", "frames", "drivers")] == want and len(notes) == 1 and
               "read as --raw-hole 0x%x-" % start in notes[0] and
               "all 1 images of modules from PA 0x80000000 on are where they are mapped, without it 1 are not" in notes[0]
               else notes)
    f = Raw(args, "raw").move(NTFS, 4 * GIB + 5 * PAGE, 4 * GIB + 5 * PAGE).size(5 * GIB)
    notes, names, doc = told(f)
    report("the same image where it says, of a file with its hole", None if not notes and names == right[1] and
           doc["modules"] == want[0] else notes)
    notes, names, doc = told(f.size(4 * GIB))
    report("the same, cut off: no hole is made up", None if names == right[1] and len(notes) == 1 and
           notes[0].startswith("1 images of modules are not where they are mapped, nor are all with --raw-hole ") and
           "cut off" in notes[0] else notes)
    notes, names, doc = told(Raw(args, "raw").size(5 * GIB))
    report("large raw memory with nothing above", None if not notes and names == right[1] else notes)
    f = Raw(args, "raw").size(4 * GIB)
    f.options = ("--raw", "--dtb", "0x1000")
    notes, names, doc = told(f)
    report("large raw memory without the kernel: both holes were tried, and are named",
           None if not names and len(notes) == 1 and "nor is the kernel found with --raw-hole 0xc0000000-0x100000000" in
           notes[0] and "0x80000000-0x100000000" in notes[0] else notes)


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
    holes(args)
    return 1 if FAILED else 0


if __name__ == "__main__":
    raise SystemExit(main())
