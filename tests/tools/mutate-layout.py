#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make a layout of a build that does not exist, to write worlds with.

A world written through a modified layout is memory of an unknown build: the tool,
with its shipped layouts, must refuse it or mark exactly the moved fields.

usage: mutate-layout.py LAYOUT [CHANGE]... > OUT
  --insert TYPE.FIELD N   N new bytes before the field: what follows moves, the type
                          grows, and so does every type that embeds it
  --grow TYPE N           N new bytes at the end of the type, likewise
  --move TYPE.FIELD OFF   this field alone stands at OFF
  --swap TYPE.A TYPE.B    two fields change places
  --build N               the build number that the result claims

Lines that tie a layout to one image (image, rva, symbol) are left out. A type
embedded from another module's layout (nt's in fltmgr) is not followed.
"""
import re
import sys


class Layout:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.lines = [line.rstrip("\n") for line in f]

    def types(self):
        """(name, line of the type, lines of its members)"""
        name, start, members = None, 0, []
        for i, line in enumerate(self.lines + ["end"]):
            word = line.split("#")[0].split()
            if word and word[0] in ("field", "overlay") and name:
                members.append(i)
            elif word:
                if name:
                    yield name, start, members
                name = None
                if word[0] in ("type", "union"):
                    name, start, members = word[1], i, []

    def find(self, name):
        for found, start, members in self.types():
            if found == name:
                return start, members
        sys.exit("no type " + name)

    def field(self, path):
        name, field = path.split(".", 1)
        for i in self.find(name)[1]:
            word = self.lines[i].split()
            if word[0] == "field" and word[3] == field:
                return name, i
        sys.exit("no field " + path)

    def number(self, i, at):
        return int(self.lines[i].split()[at], 0)

    def put(self, i, at, value):
        """Replace one word, keep the rest of the line."""
        parts = re.split(r"(\s+)", self.lines[i])
        words = [k for k, p in enumerate(parts) if p.strip()]
        parts[words[at]] = "0x%x" % value
        self.lines[i] = "".join(parts)

    def widen(self, name, offset, n, depth=0):
        """n bytes appear at `offset` of a type."""
        if depth > 16:
            sys.exit("types embed each other")
        start, members = self.find(name)
        for i in members:
            if self.number(i, 1) >= offset:
                self.put(i, 1, self.number(i, 1) + n)
        if self.lines[start].split()[2] != "?":
            self.put(start, 2, self.number(start, 2) + n)
        for outer, _, inner in list(self.types()):
            # From the last one on, so that offsets still to be used do not move.
            for i in sorted(inner, key=lambda k: -self.number(k, 1)):
                word = self.lines[i].split()
                if word[0] != "field":
                    continue
                m = re.fullmatch(re.escape(name) + r"(?:\[(\d+)\])?", word[2])
                if m:
                    count = int(m.group(1) or 1)
                    self.widen_after(outer, i, n * count, depth + 1)

    def widen_after(self, outer, i, n, depth):
        """The field of line i grew by n: whatever lies behind it moves."""
        base = self.number(i, 1)
        start, members = self.find(outer)
        if self.lines[start].split()[0] == "union":
            self.widen(outer, 1 << 62, n, depth)
            return
        behind = [self.number(k, 1) for k in members if self.number(k, 1) > base]
        self.widen(outer, min(behind) if behind else 1 << 62, n, depth)


def main(argv):
    if len(argv) < 2:
        sys.exit(__doc__)
    layout = Layout(argv[1])
    args = argv[2:]
    while args:
        what = args.pop(0)
        if what == "--insert":
            path, n = args.pop(0), int(args.pop(0), 0)
            name, i = layout.field(path)
            layout.widen(name, layout.number(i, 1), n)
        elif what == "--grow":
            name, n = args.pop(0), int(args.pop(0), 0)
            layout.widen(name, 1 << 62, n)
        elif what == "--move":
            path, off = args.pop(0), int(args.pop(0), 0)
            layout.put(layout.field(path)[1], 1, off)
        elif what == "--swap":
            _, a = layout.field(args.pop(0))
            _, b = layout.field(args.pop(0))
            x, y = layout.number(a, 1), layout.number(b, 1)
            layout.put(a, 1, y)
            layout.put(b, 1, x)
        elif what == "--build":
            n = args.pop(0)
            layout.lines = [re.sub(r"^(module .*build )\d+", r"\g<1>" + n, x) for x in layout.lines]
        else:
            sys.exit(__doc__)
    drop = ("image", "rva", "symbol")
    print("# modified by mutate-layout.py: " + " ".join(argv[2:]))
    for line in layout.lines:
        word = line.split()
        if not word or word[0] not in drop:
            print(line)


if __name__ == "__main__":
    main(sys.argv)
