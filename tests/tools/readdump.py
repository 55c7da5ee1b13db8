#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A small reader of Windows x64 crash dumps, to judge the world builder by.

It shares no code and no layouts with fltscope: every offset below is literal,
from the Intel manual (page tables), the PE/COFF specification, and what public
readers agree on for DUMP_HEADER64, the bitmap header, the triage header and the
first part of the loader entry (unchanged from Vista to Windows 11).

usage: readdump.py DUMP info | modules | unloaded | read VA LEN | translate VA
"""
import struct
import sys

PAGE = 4096


class Missing(Exception):
    """Not readable, and why."""


def u(data, off, fmt):
    return struct.unpack_from("<" + fmt, data, off)[0]


class Dump:
    def __init__(self, path):
        self.f = open(path, "rb")
        self.size = self.f.seek(0, 2)
        h = self.at(0, 8192)
        if h[:8] != b"PAGEDU64":
            raise SystemExit("%s: not a 64-bit crash dump" % path)
        self.header = h
        self.major, self.build = u(h, 8, "I"), u(h, 0xC, "I")
        self.cr3 = u(h, 0x10, "Q") & ~0xFFF
        self.loaded, self.kdbg = u(h, 0x20, "Q"), u(h, 0x80, "Q")
        self.machine, self.processors = u(h, 0x30, "I"), u(h, 0x34, "I")
        self.bugcheck = u(h, 0x38, "I")
        self.type = u(h, 0xF98, "I")
        self.pages = {}  # bitmap dumps: pfn -> file offset
        self.runs = []  # full dumps: (pfn, count, file offset)
        self.ranges = []  # triage dumps: (va, size, file offset)
        self.levels = 4
        if self.type == 1:
            self.open_full()
        elif self.type in (5, 6):
            self.open_bitmap()
        elif self.type in (8, 9, 10):
            self.open_rdmp()
        elif self.type == 4:
            self.open_triage()
        else:
            raise SystemExit("dump type %d is not read here" % self.type)
        if self.type != 4:
            self.choose_levels()

    def at(self, off, n):
        self.f.seek(off)
        data = self.f.read(n)
        if len(data) != n:
            raise Missing("file ends before offset 0x%x" % (off + n))
        return data

    # physical memory

    def open_full(self):
        n, total = u(self.header, 0x88, "I"), u(self.header, 0x90, "Q")
        off = 0x2000
        for i in range(n):
            pfn, count = struct.unpack_from("<QQ", self.header, 0x98 + 16 * i)
            self.runs.append((pfn, count, off))
            off += count * PAGE
        if total != sum(r[1] for r in self.runs):
            raise SystemExit("NumberOfPages is not the sum of the runs")

    def open_bitmap(self):
        h = self.at(0x2000, 0x38)
        if h[:8] not in (b"SDMPDUMP", b"FDMPDUMP"):
            raise SystemExit("no bitmap header at 0x2000")
        first, present, bits = struct.unpack_from("<QQQ", h, 0x20)
        raw = self.at(0x2038, (bits + 7) // 8)
        n = 0
        for byte in range(len(raw)):
            if not raw[byte]:
                continue
            for bit in range(8):
                if raw[byte] >> bit & 1 and byte * 8 + bit < bits:
                    self.pages[byte * 8 + bit] = first + n * PAGE
                    n += 1
        if n != present:
            raise SystemExit("%d bits are set, the header says %d" % (n, present))

    def open_rdmp(self):
        h = self.at(0x2000, 0x30)
        if h[:12] != b"\x40\0\0\0RDMPDUMP":
            raise SystemExit("no RDMP header at 0x2000")
        size, first = struct.unpack_from("<QQ", h, 0x10)
        if size != first - 0x2020:
            raise SystemExit("metadata size and first page do not agree")
        left = u(h, 0x28, "Q") if self.type == 10 else 1 << 52
        off = first
        for at in range(0x2030, first - 15, 16):
            pfn, count = struct.unpack("<QQ", self.at(at, 16))
            if pfn == 0 or left <= 0:
                break
            self.runs.append((pfn, count, off))
            off += count * PAGE
            left -= count

    def physical(self, pa, n):
        pfn, off = pa // PAGE, pa % PAGE
        assert off + n <= PAGE
        if pfn in self.pages:
            return self.at(self.pages[pfn] + off, n)
        for base, count, file_off in self.runs:
            if base <= pfn < base + count:
                return self.at(file_off + (pfn - base) * PAGE + off, n)
        raise Missing("physical page 0x%x is not in the dump" % pfn)

    # virtual memory

    def entry(self, table, index):
        return struct.unpack("<Q", self.physical(table + index * 8, 8))[0]

    def translate(self, va, levels=None):
        """Physical address of va, and what kind of page it is."""
        levels = levels or self.levels
        table = self.cr3
        for level in range(levels, 0, -1):
            e = self.entry(table, va >> (3 + 9 * level) & 0x1FF)
            shift = 3 + 9 * level
            if not e & 1:
                return self.not_present(va, e, level)
            base = e & 0x000FFFFFFFFFF000
            if level == 1:
                return base | va & 0xFFF, "4K"
            if level < 4 and e & 0x80:
                mask = (1 << shift) - 1
                return base & ~mask | va & mask, "2M" if level == 2 else "1G"
            table = base
        raise AssertionError

    def not_present(self, va, e, level):
        if level > 1 or e == 0:
            raise Missing("0x%x is not mapped (level %d)" % (va, level))
        if e & 0x400:
            raise Missing("0x%x is behind a prototype entry" % va)
        if e & 0x800:
            # The PFN is plain where the swizzle bit is set, and before there was one.
            return e & 0x0000FFFFFFFFF000 | va & 0xFFF, (
                "transition, swizzle" if e & 0x10 else "transition"
            )
        if e >> 32:
            raise Missing("0x%x is in a page file" % va)
        raise Missing("0x%x is demand zero" % va)

    def choose_levels(self):
        for levels in (4, 5):
            try:
                pa, _ = self.translate(self.loaded, levels)
                flink = struct.unpack("<Q", self.physical(pa, 8))[0]
                pa, _ = self.translate(flink + 8, levels)
                if struct.unpack("<Q", self.physical(pa, 8))[0] == self.loaded:
                    self.levels = levels
                    return
            except Missing:
                pass
        raise SystemExit("PsLoadedModuleList cannot be translated")

    def read(self, va, n):
        out = b""
        while n:
            part = min(n, PAGE - va % PAGE)
            if self.type == 4:
                out += self.captured(va, part)
            else:
                out += self.physical(self.translate(va)[0], part)
            va += part
            n -= part
        return out

    def captured(self, va, n):
        out = b""
        while n:
            for base, size, off in self.ranges:
                if base <= va < base + size:
                    part = min(n, base + size - va)
                    out += self.at(off + va - base, part)
                    va += part
                    n -= part
                    break
            else:
                raise Missing("0x%x was not captured" % va)
        return out

    def num(self, va, size=8):
        return int.from_bytes(self.read(va, size), "little")

    def ustr(self, va):
        length, _, _, buf = struct.unpack("<HHIQ", self.read(va, 16))
        return self.read(buf, length).decode("utf-16-le", "surrogatepass") if length else ""

    def walk(self, head, limit=10000):
        """Link addresses, checked in both directions."""
        out, prev, at = [], head, self.num(head)
        while at != head:
            if self.num(at + 8) != prev or len(out) == limit:
                raise Missing("list at 0x%x is broken at 0x%x" % (head, at))
            out.append(at)
            prev, at = at, self.num(at)
        if self.num(head + 8) != prev:
            raise Missing("list at 0x%x does not come round" % head)
        return out

    # triage

    def open_triage(self):
        t = self.at(0x2000, 0x80)
        valid = u(t, 8, "I")
        if self.at(valid, 4) != b"TRGD":
            raise SystemExit("no TRGD at 0x%x" % valid)
        off, count = u(t, 0x78, "I"), u(t, 0x7C, "I")
        for i in range(count):
            self.ranges.append(struct.unpack("<QII", self.at(off + 16 * i, 16)))
        self.ranges = [(va, size, o) for va, o, size in self.ranges]
        self.triage = t

    def triage_modules(self):
        off, count = u(self.triage, 0x30, "I"), u(self.triage, 0x34, "I")
        pool = u(self.triage, 0x38, "I")
        stride = (pool - off) // count
        for i in range(count):
            e = self.at(off + stride * i, stride)
            name = u(e, 0, "I")
            n = u(self.at(name, 4), 0, "I")
            text = self.at(name + 4, n * 2).decode("utf-16-le")
            yield text, u(e, 8 + 0x30, "Q"), u(e, 8 + 0x40, "I")

    # what there is

    def modules(self):
        if self.type == 4:
            return list(self.triage_modules())
        return [
            (self.ustr(e + 0x58), self.num(e + 0x30), self.num(e + 0x40, 4))
            for e in self.walk(self.loaded)
        ]

    def unloaded(self):
        if self.type == 4:
            off = u(self.triage, 0x18, "I")
            n = u(self.at(off, 8), 0, "Q")
            for i in range(n):
                e = self.at(off + 8 + 0x38 * i, 0x38)
                name = e[16 : 16 + u(e, 0, "H")].decode("utf-16-le")
                yield name, u(e, 0x28, "Q"), u(e, 0x30, "Q")
            return
        if self.read(self.kdbg + 0x10, 4) != b"KDBG":
            raise Missing("no KDBG")
        table, last = self.num(self.num(self.kdbg + 0x220)), self.num(self.num(self.kdbg + 0x228), 4)
        for i in range(last):
            e = table + 0x28 * i
            yield self.ustr(e), self.num(e + 0x10), self.num(e + 0x18)

    def rsds(self, base):
        pe = base + self.num(base + 0x3C, 4)
        if self.read(pe, 4) != b"PE\0\0":
            raise Missing("no PE header at 0x%x" % base)
        rva = self.num(pe + 24 + 112 + 48, 4)
        if not rva:
            return None
        size, at = self.num(base + rva + 16, 4), self.num(base + rva + 20, 4)
        r = self.read(base + at, size)
        a, b, c = struct.unpack_from("<IHH", r, 4)
        guid = "%08X%04X%04X%s" % (a, b, c, r[12:20].hex().upper())
        return r[24:-1].decode(), guid, u(r, 20, "I")


def show_info(d):
    print("type %d  build %d  machine 0x%x  processors %d" % (d.type, d.build, d.machine, d.processors))
    print("bugcheck 0x%x  cr3 0x%x  PsLoadedModuleList 0x%x" % (d.bugcheck, d.cr3, d.loaded))
    if d.type == 4:
        print("%d virtual ranges" % len(d.ranges))
    else:
        n = len(d.pages) or sum(r[1] for r in d.runs)
        print("%d pages, %d levels" % (n, d.levels))


def show_bytes(va, data):
    for i in range(0, len(data), 16):
        row = data[i : i + 16]
        text = "".join(chr(c) if 32 <= c < 127 else "." for c in row)
        print("%016x  %-47s  %s" % (va + i, row.hex(" "), text))


def main(argv):
    if len(argv) < 3:
        sys.exit(__doc__)
    d = Dump(argv[1])
    try:
        if argv[2] == "info":
            show_info(d)
        elif argv[2] == "modules":
            for name, base, size in d.modules():
                print("%016x %8x %s" % (base, size, name))
        elif argv[2] == "unloaded":
            for name, start, end in d.unloaded():
                print("%016x %016x %s" % (start, end, name))
        elif argv[2] == "read":
            show_bytes(int(argv[3], 16), d.read(int(argv[3], 16), int(argv[4], 0)))
        elif argv[2] == "translate":
            print("0x%x %s" % d.translate(int(argv[3], 16)))
        else:
            sys.exit(__doc__)
    except Missing as e:
        sys.exit(str(e))


if __name__ == "__main__":
    main(sys.argv)
