#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""C declarations of a layout's types with every gap filled by hand.

Nothing is left to the compiler's alignment (#pragma pack(1)), and gaps are unnamed bit
fields, so that the debug information holds the layout's own members and no others. What
lies over one another goes into unnamed unions, bit fields of one word into one run.
"""
import re

SCALARS = {"u8": ("unsigned char", 1), "u16": ("unsigned short", 2), "u32": ("unsigned int", 4),
           "u64": ("unsigned long long", 8), "i8": ("signed char", 1), "i16": ("short", 2),
           "i32": ("int", 4), "i64": ("long long", 8), "ptr": ("void *", 8),
           "fptr": ("void (*%s)(void)", 8)}
WORDS = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int", 8: "unsigned long long"}
# what the layouts leave off the enumerators' names (pdb-layouts/README.md)
PREFIXES = {"_FLT_OBJECT_FLAGS": "FLT_OBFL_", "_FLT_FILTER_FLAGS": "FLTFL_",
            "_FLT_INSTANCE_FLAGS": "INSFL_", "_FLT_VOLUME_FLAGS": "VOLFL_",
            "_CALLBACK_NODE_FLAGS": "CBNFL_", "_FILE_LIST_CTRL_FLAGS": "FLCFL_",
            "ICC_FLAGS": "ICCFL_", "_FLT_VERIFIER_EXTENSION_FLAGS": "FLTVFL_",
            "_FLT_POSTOP_CALLBACK_STATUS": "FLT_POSTOP_",
            "_FLT_PREOP_CALLBACK_STATUS": "FLT_PREOP_"}


class Type:
    def __init__(self, name, size, union):
        self.name, self.size, self.union = name, size, union
        self.fields = []      # (offset, type, name)
        self.overlays = set()  # (offset, size)


def parse(text):
    """({name: Type}, {enum: [(value, name)]}, [symbol lines]) of a layout's text."""
    types, enums, symbols, at = {}, {}, [], None
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] in ("type", "union"):
            size = 0 if words[2] == "?" else int(words[2], 0)
            at = types[words[1]] = Type(words[1], size, words[0] == "union")
        elif words[0] == "field":
            at.fields.append((int(words[1], 0), words[2], words[3]))
        elif words[0] == "overlay":
            at.overlays.add((int(words[1], 0), int(words[2], 0)))
        elif words[0] == "enum":
            at = enums[words[1]] = []
        elif words[0] == "value":
            at.append((int(words[1], 0), words[2]))
        elif words[0] in ("symbol", "absent", "unknown"):
            symbols.append(tuple(words))
    return types, enums, symbols


def element(spelling):
    m = re.fullmatch(r"(.*?)((?:\[\d+\])?)", spelling)
    return m.group(1), int(m.group(2)[1:-1]) if m.group(2) else None


class Writer:
    def __init__(self, types, enums):
        self.types, self.enums, self.out = types, enums, []
        self.used_enums = set(enums)

    def size_of(self, spelling):
        one, count = element(spelling)
        return self.size_of_one(one) * (1 if count is None else count)

    def size_of_one(self, one):
        if one in SCALARS:
            return SCALARS[one][1]
        if one.startswith("ptr:"):
            return 8
        if one.startswith("enum:"):
            return 4
        if one.startswith(("struct{", "union{")):
            return int(one[one.index("{") + 1:-1], 0)
        return self.types[one].size

    def bits(self, f):
        """The bits that a member takes, from the start of the type."""
        offset, spelling, _ = f
        m = re.fullmatch(r"bits:(\d+)@(\d+)", spelling)
        if m:
            return offset * 8 + int(m.group(2)), offset * 8 + int(m.group(2)) + int(m.group(1))
        return offset * 8, (offset + self.size_of(spelling)) * 8

    def tag(self, name):
        return ("union " if name in self.types and self.types[name].union else "struct ") + name

    def declare(self, f, inner):
        """One member. inner: the members of an unnamed aggregate, below its own name."""
        offset, spelling, path = f
        name = path.split(".")[-1]
        one, count = element(spelling)
        array = "" if count is None else "[%d]" % count
        if one == "fptr":
            return SCALARS[one][0] % (name + array) + ";"
        if one in SCALARS:
            return "%s %s%s;" % (SCALARS[one][0], name, array)
        if one.startswith("ptr:"):
            stars = one.count("ptr:")
            to = one[4 * stars:]
            base = SCALARS[to][0] if to in SCALARS else self.tag(to)
            if to == "fptr":
                return "void (*%s%s%s)(void);" % ("*" * stars, name, array)
            return "%s %s%s%s;" % (base, "*" * stars, name, array)
        if one.startswith("enum:"):
            self.used_enums.add(one[5:])
            return "enum %s %s%s;" % (one[5:], name, array)
        if one.startswith(("struct{", "union{")):
            body = self.body(inner, offset, offset + self.size_of_one(one), one[0] == "u", path)
            return "%s {\n%s} %s%s;" % (one.split("{")[0], body, name, array)
        return "%s %s%s;" % (self.tag(one), name, array)

    @staticmethod
    def gap(n):
        return "unsigned char : 8; " * n + "\n" if n else ""

    def run(self, fields, begin, inner):
        """Members one behind the other; returns (text, end). Bit fields of a word together."""
        text, at, i = "", begin, 0
        while i < len(fields):
            if not fields[i][1].startswith("bits:"):
                offset = fields[i][0]
                text += self.gap(offset - at) + self.declare(fields[i], inner) + "\n"
                at = offset + self.size_of(fields[i][1])
                i += 1
                continue
            word = [f for f in fields[i:] if f[0] == fields[i][0] and f[1].startswith("bits:")]
            offset = word[0][0]
            last = self.bits(word[-1])[1] - offset * 8
            size = next(s for s in (1, 2, 4, 8) if s * 8 >= last)
            text += self.gap(offset - at)
            bit = 0
            for f in word:
                b, e = (x - offset * 8 for x in self.bits(f))
                text += "%s : %d; " % (WORDS[size], b - bit) if b > bit else ""
                text += "%s %s : %d;\n" % (WORDS[size], f[2].split(".")[-1], e - b)
                bit = e
            text += "%s : %d;\n" % (WORDS[size], size * 8 - bit) if bit < size * 8 else ""
            at = offset + size
            i += len(word)
        return text, at

    def alternatives(self, fields, begin, inner):
        """The members of a union: as few runs as it takes."""
        runs = []
        for f in sorted(fields, key=lambda f: self.bits(f)[0]):
            b = self.bits(f)
            for r in runs:
                last = r[-1]
                same = f[0] == last[0] and f[1].startswith("bits:") and last[1].startswith("bits:")
                word = max((g[0] + 8 for g in r if g[1].startswith("bits:")), default=0)
                if self.bits(last)[1] <= b[0] and (same or b[0] % 8 == 0 and
                                                   f[0] >= word and not f[1].startswith("bits:")):
                    r.append(f)
                    break
            else:
                runs.append([f])
        text = ""
        for r in runs:
            inside, _ = self.run(r, begin, inner)
            text += "struct {\n%s};\n" % inside if len(r) > 1 or r[0][0] > begin or \
                r[0][1].startswith("bits:") else inside
        return text

    def body(self, fields, begin, end, union, prefix=""):
        """The inside of an aggregate from byte `begin` to `end`, all gaps filled."""
        depth = prefix.count(".") + 1 if prefix else 0
        mine = [f for f in fields if f[2].count(".") == depth]

        def inner_of(f):
            return [g for g in fields if g[2].startswith(f[2] + ".")]
        inner = fields
        self_declare = self.declare
        self.declare = lambda f, _: self_declare(f, inner_of(f))
        try:
            if union:
                text = self.alternatives(mine, begin, inner)
                text += "struct { %s};\n" % self.gap(end - begin).replace("\n", "") if \
                    end > begin else ""
                return text
            return self.struct_body(mine, begin, end, inner)
        finally:
            self.declare = self_declare

    def struct_body(self, mine, begin, end, inner):
        text, at = "", begin
        order = sorted(mine, key=lambda f: (self.bits(f)[0], -self.bits(f)[1]))
        i = 0
        while i < len(order):
            first = self.bits(order[i])
            top, j = first[1], i + 1
            # members that overlap, and bit fields of the bytes that these reach
            while j < len(order) and (self.bits(order[j])[0] < top or (
                    order[j][1].startswith("bits:") and order[j][0] * 8 < top)):
                top = max(top, self.bits(order[j])[1])
                j += 1
            group = order[i:j]
            lone = all(self.bits(a)[1] <= self.bits(b)[0] for a, b in zip(group, group[1:]))
            offset = group[0][0]
            text += self.gap(offset - at)
            if lone:
                inside, at = self.run(group, offset, inner)
                text += inside
            else:
                text += "union {\n%s};\n" % self.alternatives(group, offset, inner)
                ends = [self.run([f], offset, inner)[1] if not f[1].startswith("bits:")
                        else self.word_end(f, group) for f in group]
                at = max(ends)
            i = j
        return text + self.gap(end - at)

    def word_end(self, f, group):
        last = max(self.bits(g)[1] for g in group if g[0] == f[0] and g[1].startswith("bits:"))
        return f[0] + next(s for s in (1, 2, 4, 8) if s * 8 >= last - f[0] * 8)

    def emit(self, name, done, doing):
        t = self.types[name]
        if name in done:
            return
        assert name not in doing, name
        for _, spelling, _ in t.fields:
            one, _ = element(spelling)
            if one in self.types:
                self.emit(one, done, doing | {name})
        done.add(name)
        self.out.append("%s {\n%s};\n_Static_assert(sizeof(%s) == %d, \"%s\");" % (
            self.tag(name), self.body(t.fields, 0, t.size, t.union), self.tag(name), t.size,
            name))


def write(types, enums):
    """C source that declares every type of known size and a variable of each."""
    w = Writer(types, enums)
    done = set()
    names = [n for n, t in types.items() if t.size]
    for n in names:
        w.emit(n, done, set())
    text = "#pragma pack(push, 1)\n"
    for e in sorted(w.used_enums):
        values = enums.get(e) or [(0, e + "_none")]
        text += "enum %s { %s };\n" % (e, ", ".join(
            "%s%s = %d" % (PREFIXES.get(e, ""), n, v) for v, n in values))
    text += "\n".join(w.out) + "\n#pragma pack(pop)\n"
    for n in names:
        text += "%s var%s;\n" % (w.tag(n), n)
    for e in sorted(w.used_enums):
        text += "enum %s var%s;\n" % (e, e)
    return text, names, sorted(w.used_enums)
