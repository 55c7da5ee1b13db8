#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A 32-bit kernel where no header says where it is, or a header is wrong: the answer is that of the
same world's full dump with its right header, but for `dump`.

check_kernel32.py --tool FLTSCOPE --fast FLTSCOPE --mkworld MKWORLD --work DIR

--fast is for what takes many looks: the same tool built without sanitizers.

Truth is the full dump; what is taken away or spoilt stands in each case. Offsets of the files are
those of elf.h, QEMU's arch_dump.c and DUMP_HEADER32 (volatility's crash_vtypes), of tables the SDM's.
"""
import argparse
import json
import os
import struct
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILLER, IDT = 0x45474150, 0x85F00000
BUILD, DTB, LIST, PAE, KDBG = 0xC, 0x10, 0x18, 0x5C, 0x60
FAILED = 0


def report(name, problem):
    global FAILED
    FAILED += bool(problem)
    print("not ok - %s\n#   %s" % (name, problem) if problem else "ok - " + name)


class Image:
    """x86-machine in any container; `whole` are its bytes, to be changed."""

    def __init__(self, args, fmt, *extra):
        self.tool, self.fmt = args.tool, fmt
        self.path = os.path.join(args.work, "k32." + ("vmem" if fmt == "vmem" else "bin"))
        subprocess.run([args.mkworld, os.path.join(TOP, "fixtures/worlds/x86-machine.world"), "-o", self.path,
                        "--format", fmt, *extra], check=True)
        size = os.path.getsize(self.path)
        with open(self.path, "rb") as f:
            self.whole = bytearray(f.read()) if size < 64 << 20 else None

    def export(self, *options):
        if self.whole is not None:
            with open(self.path, "wb") as f:
                f.write(self.whole)
        raw = ("--raw",) if self.fmt == "raw" else ()
        r = subprocess.run([self.tool, *raw, *options, "export", "--json", self.path],
                           capture_output=True, check=False, timeout=100)
        if r.returncode not in (0, 4):
            raise RuntimeError("exit %d: %s" % (r.returncode, r.stderr.decode()[-300:]))
        return json.loads(r.stdout)

    def put32(self, off, v):
        struct.pack_into("<I", self.whole, off, v)


def answer(doc):
    return {k: [g for g in v if not g["what"].startswith("DUMP_HEADER.")] if k == "gaps" else v
            for k, v in doc.items() if k != "dump"}


def same(right, doc, *words, build=7601):
    notes = doc["dump"].get("notes", [])
    if answer(right) != answer(doc):
        keys = [k for k in answer(doc) if answer(doc)[k] != answer(right).get(k)]
        return "the answer differs in %s; notes %s" % (keys, notes)
    if (doc["dump"]["machine"], doc["dump"]["build"]) != ("x86", build):
        return "machine %s, build %s" % (doc["dump"]["machine"], doc["dump"]["build"])
    for w in words:
        if not any(w in n for n in notes):
            return "no note says '%s': %s" % (w, notes)
    return None


def containers(args):
    for build, pae, extra in (("7601", "yes", ()), ("7601", "no", ()), ("19041", "yes", ()),
                              ("7601", "yes", ("--ram", "6G", "--high"))):
        more = ("--nt", build + "-x86", "--fltmgr", build + "-x86", "-D", "pae=" + pae, *extra)
        right = Image(args, "full", *more).export()
        if right["dump"]["machine"] != "x86" or len(right["frames"]) != 1 or len(right["modules"]) != 4:
            report("x86-machine is what it should be", str(right["dump"]))
        for fmt in ("elf", "elf32", "kdump", "kdump32", "kdump-flat", "raw", "vmem"):
            if extra and fmt.endswith("32"):
                continue
            words = ["themselves" if fmt == "raw" else "CR3 of processor 0"]
            if fmt in ("raw", "vmem"):  # they name no machine
                words.append("machine x86 by nt's image")
            if fmt in ("kdump", "kdump-flat"):
                words.append("the header says x64; the processors' notes")
            report("%s of 32-bit %s, pae=%s %s" % (fmt, build, pae, " ".join(extra)),
                   same(right, Image(args, fmt, *more).export(), *words, build=int(build)))


def notes_without(args):
    """What the notes lack, or what is wrong in them, is found otherwise."""
    right = Image(args, "full").export()
    for fmt in ("elf", "elf32", "kdump", "kdump32"):
        report(fmt + " without notes", same(right, Image(args, fmt, "--no-notes").export(), "contain themselves"))
    d = Image(args, "elf")
    head = bytes(d.whole[:0x1000])
    assert head.count(struct.pack("<Q", IDT)) == 2
    d.whole[:0x1000] = head.replace(struct.pack("<Q", IDT), bytes(8))
    report("no IDT in the notes: by the KPCR in FS", same(right, d.export(), "the KPCR names"))
    for kpcr in (IDT + 0x10000, IDT + 0x20000):
        d.whole[:0x1000] = bytes(d.whole[:0x1000]).replace(struct.pack("<Q", kpcr), bytes(8))
    report("no KPCR either: by a search of all mapped pages", same(right, d.export(), "all mapped pages"))
    cr3 = struct.pack("<Q", int(right["dump"]["directory_table_base"], 16))
    assert head.count(cr3) == 2
    for wrong, how in ((0x7FFFFFE0, "out of memory"), (0x101020, "garbage")):
        d.whole[:0x1000] = head.replace(cr3, struct.pack("<Q", wrong))
        report("CR3 that leads to a PDPT of %s: by search" % how, same(right, d.export(), "contain themselves"))
    d.whole[:0x1000] = head.replace(struct.pack("<Q", 0x3406F8), bytes(8))
    report("CR4 not known: both depths are tried", same(right, d.export(), "CR3 of processor 0"))
    d.whole[:0x1000] = head.replace(struct.pack("<Q", 0x3406F8), struct.pack("<Q", 0x3406D8))
    report("CR4 that denies PAE: by search", same(right, d.export(), "contain themselves"))


def worlds_without(args):
    report("raw without KUSER_SHARED_DATA", same(Image(args, "full", "-D", "kuser=no").export(),
                                                 Image(args, "raw", "-D", "kuser=no").export(), "themselves"))
    # the export tells the build, without which other layouts stand beside the right one: the list is the same
    for more, word in ((("exports=no",), "KDDEBUGGER_DATA64"), (("exports=no", "kdbg=no"), "search of nt's data")):
        options = [x for d in more for x in ("-D", d)]
        doc = Image(args, "raw", *options).export()
        report("raw with %s" % " ".join(more),
               None if doc["modules"] == Image(args, "full", *options).export()["modules"] and
               [x["name"] for x in doc["frames"][0]["filters"]] == ["WatchTop", "AvShield", "Gone"] and
               doc["dump"]["build"] is None and any(word in n for n in doc["dump"]["notes"]) else str(doc["dump"]))


def as_x64(args):
    """VirtualBox writes EM_X86_64 whatever the guest is: memory of a 32-bit one under its name."""
    right = Image(args, "full").export()
    d = Image(args, "raw")
    size = len(d.whole)
    ehdr = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    phdr = struct.pack("<IIQQQQQQ", 1, 0, 0x1000, 0, 0, size, size, 0)
    d.fmt, d.whole = "elf", bytearray((ehdr + phdr).ljust(0x1000, b"\0")) + d.whole
    report("ELF of EM_X86_64 with a 32-bit system's memory", same(right, d.export(), "machine x86 by nt's image"))


def headers(args):
    """DUMP_HEADER32 whose fields lie, as x64's are repaired."""
    for pae in ("yes", "no"):
        for fmt in ("full", "bitmap"):
            d = Image(args, fmt, "-D", "pae=" + pae)
            right, head, name = d.export(), bytes(d.whole[:0x1000]), "%s, pae=%s: " % (fmt, pae)
            dtb, lists = (struct.unpack_from("<I", head, o)[0] for o in (DTB, LIST))
            report(name + "a right header needs no note",
                   None if not right["dump"].get("notes") else str(right["dump"]["notes"]))
            for what, fields, words in (
                    ("DirectoryTableBase leads nowhere", {DTB: 0x7FFFF000}, ("contain themselves",)),
                    ("DirectoryTableBase was never set", {DTB: FILLER},
                     ("DirectoryTableBase is not set in the header: 0x%x is used" % dtb,)),
                    ("PsLoadedModuleList is a pool address", {LIST: 0x85001010},
                     ("PsLoadedModuleList 0x85001010 of the header", "export")),
                    ("PsLoadedModuleList was never set", {LIST: FILLER},
                     ("PsLoadedModuleList is not set in the header: 0x%x is used" % lists,)),
                    ("KdDebuggerDataBlock is a pool address", {KDBG: 0x85001010},
                     ("KdDebuggerDataBlock 0x85001010 of the header",)),
                    ("nothing in the header is right", {DTB: 0x1000, LIST: 0x85001010, KDBG: FILLER},
                     ("DirectoryTableBase", "PsLoadedModuleList")),
                    ("neither is set", {DTB: FILLER, LIST: FILLER}, ("page tables at 0x%x" % dtb,))):
                d.whole[:0x1000] = head
                for off, v in fields.items():
                    d.put32(off, v)
                report(name + what, same(right, d.export(), *words))
            d.whole[:0x1000] = head
            d.put32(DTB, 0x7FFFF000)
            d.whole[PAE] ^= 1
            report(name + "DirectoryTableBase and PaeEnabled are wrong",
                   same(right, d.export(), "DirectoryTableBase 0x7ffff000 of the header"))


def none_found(doc, words):
    notes = doc["dump"].get("notes", [])
    ok = doc["dump"]["machine"] == "unknown" and not doc["modules"] and any(words in n for n in notes) and \
        not any("in the 0 mapped" in n for n in notes)
    return None if ok else "%s, %d modules, %s" % (doc["dump"]["machine"], len(doc["modules"]), notes)


def tables(args):
    """What leads to no kernel: said, for both machines, and nothing is made up."""
    both = "looked for: x64 and x86"
    for pae in ("yes", "no"):
        d = Image(args, "raw", "-D", "pae=" + pae)
        right = d.export()
        root = int(right["dump"]["directory_table_base"], 16)
        keep = bytes(d.whole)
        if pae == "yes":
            pd3 = struct.unpack_from("<Q", d.whole, root + 24)[0] & ~0xFFF
            struct.pack_into("<Q", d.whole, pd3 + 24, 0x7FFFF063)
        else:
            d.put32(root + 0xC00, 0x7FFFF063)
        report("pae=%s: a self-map that points out of memory is none" % pae, none_found(d.export(), both))
        d.whole[:] = keep
        report("pae=%s: --dtb leads there all the same" % pae,
               same(right, d.export("--dtb", hex(root)), "--dtb"))
        report("pae=%s: --dtb that is wrong" % pae, none_found(d.export("--dtb", "0x5000"), both))
        d.whole[:] = keep.replace(b"ntkrpamp", b"ntfsdisk")
        report("pae=%s: an image that is no kernel's" % pae, none_found(d.export(), both))
        d.whole[:] = keep.replace(b"PE\0\0\x4c\x01", b"PE\0\0\x64\x86")
        doc = d.export()
        report("pae=%s: nt of another machine under 32-bit tables" % pae, none_found(doc, "is for machine x64"))
    # the page of PDPTs read as a PML4 whose upper half leads into itself
    d = Image(args, "raw")
    right = d.export()
    root = int(right["dump"]["directory_table_base"], 16)
    struct.pack_into("<QQ", d.whole, root + 0xF68, root | 0x63, 0)
    struct.pack_into("<Q", d.whole, root + 0xF80, root | 0x63)
    report("tables that could be x64's, too", same(right, d.export(), "machine x86 by nt's image"))
    # and a PDPT of four entries that look like one, before the right one
    struct.pack_into("<QQQQ", d.whole, 0x8020, 0x9001, 0xA001, 0xB001, 0xC001)
    report("four entries in a row that are no PDPT", same(right, d.export(), "page tables at 0x%x" % root))


def fake_page(name, pa):
    page = bytearray(0x1000)
    if name == "x64":
        struct.pack_into("<Q", page, 0xF68, pa | 0x63)
        struct.pack_into("<QQ", page, 0xF78, pa | 0x63, (pa + 0x1000) | 0x63)
    elif name == "without PAE":
        struct.pack_into("<I", page, 0xC00, pa | 0x63)
        struct.pack_into("<I", page, 0xFFC, pa | 0x63)
    else:
        page[:] = struct.pack("<Q", pa | 1) * 512
    return page


def fakes(args):
    """Many roots that contain themselves and lead to no kernel: bounded work, and it is said."""
    d = Image(args, "raw")
    right = d.export()
    # how many of a kind are looked at: src/module/kernel.c CHECKS_MAX, kernel_roots.c PDPT_READS_MAX
    for name, pages in (("x64", 4200), ("without PAE", 4200), ("PDPT", 8300)):
        fake = Image(args, "raw")
        fake.tool = args.fast
        at = len(fake.whole)
        fake.whole += b"".join(bytes(fake_page(name, at + i * 0x1000)) for i in range(pages))
        report("%d fake roots %s behind a 32-bit system's" % (pages, name), same(right, fake.export()))
        fake.tool = args.fast if name == "PDPT" else args.tool
        fake.whole[:at] = bytes(fake.whole[:at]).replace(b"ntkrpamp", b"ntfsdisk")
        report("%d fake roots %s and no kernel" % (pages, name), none_found(fake.export(), "a bound was reached"))


def main():
    p = argparse.ArgumentParser()
    for o in ("tool", "fast", "mkworld", "work"):
        p.add_argument("--" + o, required=True)
    args = p.parse_args()
    os.makedirs(args.work, exist_ok=True)
    for part in (containers, notes_without, worlds_without, as_x64, headers, tables, fakes):
        try:
            part(args)
        except (RuntimeError, KeyError, subprocess.TimeoutExpired) as e:
            report(part.__name__, repr(e))
    return 1 if FAILED else 0


if __name__ == "__main__":
    raise SystemExit(main())
