#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_pdb.py BUILD: src/pdb against llvm-pdbutil, on PDBs made here.

clang and lld-link make real PDBs, llvm-pdbutil says what is in them, pdbprobe what the
project's own reader finds. Debian packages: clang, lld, llvm. Without them: said, skipped.
"""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import layout_to_c  # noqa: E402

BUILD = sys.argv[1] if len(sys.argv) > 1 else "build"
WORK = os.path.join(BUILD, "pdb")
SAN = os.path.abspath(os.path.join(BUILD, "san", "pdbprobe"))
REL = os.path.abspath(os.path.join(BUILD, "rel", "pdbprobe"))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TARGETS = {"x64": "x86_64", "x86": "i686", "arm64": "aarch64"}
failures = []

MIXED = r"""
typedef unsigned long ULONG; typedef unsigned short USHORT;
typedef unsigned char UCHAR; typedef unsigned long long U64;
typedef struct _LIST_ENTRY { struct _LIST_ENTRY *Flink, *Blink; } LIST_ENTRY;
enum _COLOR { RED = 1, BLUE = -3, TOP = 0x7fffffff };
enum _MASK { M_LOW = 1, M_TOP = 0x80000000u };
typedef union _MIX {
	struct { U64 a : 3; U64 b : 40; };
	struct { ULONG Low; ULONG High; } u;
	U64 Quad;
} MIX;
struct _FWD;
typedef struct _BIG {
	LIST_ENTRY L; MIX M;
	union { void *P; struct { ULONG X; UCHAR Y : 3, Z : 5; }; };
	int Arr[7]; struct _FWD *F; void (*Fn)(int); enum _COLOR C; enum _MASK K;
	const volatile USHORT W[3][5];
	struct { ULONG q; union { ULONG r; UCHAR s[4]; } in; } Named;
	struct { char c; } Vec[4];
	double D; USHORT *Str; struct _BIG **PP; enum _COLOR *PC; void *(*Arrays[2])(void);
	UCHAR Flex[];
} BIG;
BIG g;
static int hidden_counter[10];
int NEVER_INLINE_helper(int x);
__attribute__((noinline)) static int helper(int x) { return x * 3 + hidden_counter[x & 7]++; }
int __stdcall Other(int x) { return helper(x) + 1; }
int DriverEntry(void) { return g.Arr[0] + hidden_counter[2] + Other(3); }
"""
CPLUSPLUS = r"""
struct A { int a; virtual void f(); };
struct B { int b; virtual int g(); static int s; };
struct V : virtual A { int v; };
struct C : A, B {
	int c; void f() override; int h(int); int h(short); struct In { short x; } in;
	enum class E : unsigned char { P = 200, Q } e; bool fl; float ff; friend struct A; A *next;
	int A::*mp;
};
namespace deep { template <class T> struct Box { T t; struct Lid { T u; } lid; }; }
void A::f() {} int B::g() { return 1; } void C::f() {}
int C::h(int x) { return x; } int C::h(short x) { return x; }
C gc; V *pv; V gv; deep::Box<C::In> box; deep::Box<long long>::Lid lid;
extern "C" int DriverEntry() { return gc.c + (pv ? pv->v : 0); }
extern "C" int _fltused; void operator delete(void *, unsigned long long) {}
"""


def check(what, good, detail=""):
    print("%s - %s%s" % ("ok" if good else "not ok", what,
                         "" if good else ": " + str(detail)[:900]), flush=True)
    if not good:
        failures.append(what)
    return good


def run(*args, ok=True):
    r = subprocess.run(args, capture_output=True, text=True, cwd=WORK)
    if ok and r.returncode != 0:
        raise RuntimeError("%s: %s" % (" ".join(args)[:300], r.stderr[-2000:]))
    return r


def make_pdb(name, source, machine="x64", debug=True, link=(), cxx=False):
    src = name + (".cpp" if cxx else ".c")
    with open(os.path.join(WORK, src), "w", encoding="utf-8") as f:
        f.write(source)
    run("clang++" if cxx else "clang", "--target=%s-pc-windows-msvc" % TARGETS[machine], "-O1",
        *(["-g", "-gcodeview"] if debug else []), *(["-fno-rtti", "-fno-exceptions"] if cxx else []),
        "-c", src, "-o", name + ".obj")
    run("lld-link", "/driver", "/debug", "/entry:DriverEntry", "/subsystem:native",
        "/nodefaultlib", "/force:unresolved", name + ".obj", "/out:" + name + ".sys",
        "/pdb:" + name + ".pdb", *link)
    return name + ".pdb"


def oracle_records(pdb):
    """{index: (kind, name, [lines])} as llvm-pdbutil prints them."""
    records, at = {}, None
    for line in run("llvm-pdbutil", "dump", "-types", pdb).stdout.splitlines():
        m = re.match(r"\s+(0x[0-9A-F]+) \| (LF_\w+) \[size = \d+\](?: `(.*)`)?", line)
        if m:
            at = []
            records[int(m.group(1), 16)] = (m.group(2), m.group(3), at)
        elif at is not None:
            at.append(line.strip())
    return records


def number(pattern, lines, base=0):
    m = re.search(pattern, " ".join(lines))
    return int(m.group(1), base) if m else 0


def oracle_fields(records, index):
    members, values = [], []
    while index:
        lines, index = records[index][2], 0
        for i, line in enumerate(lines):
            m = re.match(r"- LF_MEMBER \[name = `(.*)`, Type = (0x[0-9A-F]+).*, offset = (\d+),", line)
            if m:
                members.append((int(m.group(3)), int(m.group(2), 16), m.group(1) or "-"))
            m = re.match(r"- LF_ENUMERATE \[(.*) = (-?\d+)\]", line)
            if m:
                values.append((int(m.group(2)), m.group(1)))
            if line == "- LF_BCLASS":
                m = re.match(r"type = (0x[0-9A-F]+), offset = (\d+)", lines[i + 1])
                members.append((int(m.group(2)), int(m.group(1), 16), "-"))
            m = re.search(r"LF_INDEX.*?(0x[0-9A-F]+)", line)
            if m or "continuation = " in line:
                index = int((m or re.search(r"= (0x[0-9A-F]+)", line)).group(1), 16)
    return members, values


def oracle_types(pdb):
    """Definitions in the file's order, and what each single record says."""
    records, out = oracle_records(pdb), []
    for index, (kind, name, lines) in records.items():
        text = " ".join(lines)
        if kind not in ("LF_STRUCTURE", "LF_CLASS", "LF_UNION", "LF_ENUM") or "forward ref" in text:
            continue
        members, values = oracle_fields(records, number(r"field list: (0x[0-9A-F]+)", lines))
        if kind == "LF_ENUM":
            below = re.search(r"underlying type: 0x[0-9A-F]+ \((.*?)\)", text).group(1)
            bits = {"int": 32, "unsigned": 32, "unsigned char": 8}[below]
            values = [((v % 2 ** bits) - 2 ** bits if below == "int" and v % 2 ** bits >> (bits - 1)
                       else v % 2 ** bits, n) for v, n in values]
        out.append((index, {"LF_UNION": "union", "LF_ENUM": "enum"}.get(kind, "struct"),
                    number(r"sizeof (\d+)", lines), name, members, values))
    return out, records


def our_types(pdb):
    out, details = [], {}
    for line in run(SAN, "types", pdb).stdout.splitlines():
        w = line.split(" ")
        if line.startswith("  m "):
            out[-1][4].append((int(w[3]), int(w[4], 16), line.split(" ", 5)[5]))
        elif line.startswith("  v "):
            out[-1][5].append((int(w[3]), w[4]))
        elif line.startswith("  t "):
            details[int(w[3], 16)] = w[4:]
        else:
            w = line.split(" ", 3)
            out.append((int(w[0], 16), w[1], int(w[2]), w[3], [], []))
    return out, details


def check_types(what, pdb, least):
    theirs, records = oracle_types(pdb)
    ours, details = our_types(pdb)
    strip = [t if t[1] != "enum" else t[:2] + (0,) + t[3:] for t in ours]
    wrong = [(a, b) for a, b in zip(theirs, strip) if a != b]
    check("%s: %d types, members and enumerators" % (what, len(theirs)),
          len(theirs) >= least and len(theirs) == len(ours) and not wrong, wrong[:1] or len(ours))
    bad, seen = [], 0
    for index, d in details.items():  # kind size target count pos len name
        kind, _, lines = records.get(index, (None, None, None))
        if kind == "LF_BITFIELD":
            want = [number(r"bit offset = (\d+)", lines), number(r"# bits = (\d+)", lines)]
            got = [int(d[4]), int(d[5])]
        elif kind == "LF_ARRAY":
            want = [number(r"size: (\d+)", lines), number(r"element type: (0x[0-9A-F]+)", lines)]
            got = [int(d[1]), int(d[2], 16)]
        elif kind == "LF_POINTER":
            want, got = [number(r"referent = (0x[0-9A-F]+)", lines)], [int(d[2], 16)]
        elif kind in ("LF_STRUCTURE", "LF_UNION"):
            to = number(r"forward ref \(-> (0x[0-9A-F]+)\)", lines) or index
            want, got = [number(r"sizeof (\d+)", records[to][2])], [int(d[1])]
        else:
            continue
        seen += 1
        if want != got:
            bad.append((hex(index), kind, want, got))
    check("%s: %d arrays, pointers, bit fields, references" % (what, seen), seen and not bad, bad)


def oracle_symbols(pdb):
    out, name = set(), None
    for flag in ("-publics", "-symbols", "-globals"):
        for line in run("llvm-pdbutil", "dump", flag, pdb).stdout.splitlines():
            m = re.search(r"\| S_(PUB32|GPROC32|LPROC32|GDATA32|LDATA32)(?:_ID)? \[size = \d+\] `(.*)`", line)
            if m:
                name = m
            m = re.search(r"addr = (\d+):(\d+)", line)
            if m and name:
                kind = {"PUB": "public", "GPR": "function", "LPR": "function"}.get(name.group(1)[:3], "data")
                out.add((kind, int(m.group(1)), int(m.group(2)), name.group(2)))
                name = None
    return out


def check_symbols(what, pdb):
    head = run("llvm-pdbutil", "dump", "-section-headers", pdb).stdout
    sections = re.findall(r"SECTION HEADER #\d+\s+(\S+) name\s+([0-9A-F]+) virtual size\s+"
                          r"([0-9A-F]+) virtual address", head)
    info = run(SAN, "info", pdb, ok=False).stdout
    got = re.findall(r"^section (\S+) 0x(\w+) 0x(\w+)", info, re.M)
    check("%s: %d section headers" % (what, len(sections)), sections and
          [(n, int(r, 16), int(s, 16)) for n, r, s in got] ==
          [(n, int(r, 16), int(s, 16)) for n, s, r in sections], (sections, got))
    theirs, ours, rvas = oracle_symbols(pdb), set(), {}
    for line in run(SAN, "symbols", pdb).stdout.splitlines():
        kind, segment, offset, rva, _, name = line.split(" ", 5)
        ours.add((kind, int(segment), int(offset, 16), name))
        rvas.setdefault(int(rva, 16), set()).add(name)
        if int(rva, 16) != int(sections[int(segment) - 1][2], 16) + int(offset, 16):
            check("%s: RVA of %s" % (what, name), False, line)
    check("%s: %d symbols" % (what, len(theirs)), theirs and theirs == ours, theirs ^ ours)
    near = run(SAN, "near", pdb, *[hex(r) for r in rvas]).stdout.splitlines()
    check("%s: nearest symbol of each address" % what,
          all(n.split()[1] in rvas[int(n.split()[0], 16)] for n in near), near[:3])
    return info


def check_machines():
    for machine in TARGETS:
        pdb = make_pdb("mixed-" + machine, MIXED, machine)
        check_types(machine, pdb, 9)
        info = check_symbols(machine, pdb)
        summary = run("llvm-pdbutil", "dump", "-summary", pdb).stdout
        guid = re.search(r"GUID: \{(.*)\}", summary).group(1).replace("-", "")
        key = guid + "%X" % int(re.search(r"Age: (\d+)", summary).group(1))
        check("%s: key and machine" % machine, "key %s\n" % key in info and
              "machine %s " % machine in info, info)
        check("%s: right key" % machine, run(SAN, "match", pdb, key.lower(), ok=False).returncode == 0)
        # the linker takes the GUID from the content and the paths in it: it may begin with any digit
        other = ("1" if key[0] == "0" else "0") + key[1:-1] + "F"
        for wrong, why in ((other, "the wrong PDB"), (key[:-1] + "7", "age is 1")):
            r = run(SAN, "match", pdb, wrong, ok=False)
            check("%s: %s" % (machine, why), r.returncode != 0 and why in r.stderr, r.stderr)
    for name in ("DriverEntry", "Other", "g", "hidden_counter"):
        text = run(SAN, "layout", "mixed-x86.pdb", "fltmgr.sys", "1", "_BIG", "@" + name).stdout
        check("x86: %s without decoration" % name, re.search(r"^symbol %s 0x" % name, text, re.M), text)
    check_types("C++", make_pdb("classes", CPLUSPLUS, cxx=True), 8)


def check_blocks():
    sizes = (512, 1024, 2048, 4096, 8192, 16384, 32768)
    want = run(SAN, "types", "mixed-x64.pdb").stdout
    run("llvm-pdbutil", "pdb2yaml", "-all", "mixed-x64.pdb")
    yaml = run("llvm-pdbutil", "pdb2yaml", "-all", "mixed-x64.pdb").stdout
    for size in sizes:
        with open(os.path.join(WORK, "block.yaml"), "w", encoding="utf-8") as f:
            f.write(re.sub(r"BlockSize: .*", "BlockSize: %d" % size, yaml))
        run("llvm-pdbutil", "yaml2pdb", "block.yaml", "-pdb=block.pdb")
        info = run(SAN, "info", "block.pdb").stdout
        check("yaml2pdb, blocks of %d" % size, "block-size %d\n" % size in info and
              run(SAN, "types", "block.pdb").stdout == want, info)
        if size >= 4096:
            make_pdb("paged", MIXED, link=("/pdbpagesize:%d" % size,))
            check_symbols("lld-link, blocks of %d" % size, "paged.pdb")


def check_many():
    out = ["#define P(T) T *p##T"]
    for i in range(20000):
        out.append("struct _T%05d { unsigned a%d; struct _T%05d *next; union { int x; char y[%d]; }; "
                   "unsigned f : 3, g : 7; long long a_member_with_a_name_as_long_as_they_are_%d; "
                   "void *another_member_that_makes_the_file_as_large_as_those_of_kernels_%d; } v%d;"
                   % (i, i, (i * 7919) % 20000, 1 + i % 61, i % 13, i, i))
    values = ", ".join("E%d = %d" % (i, i * 3) for i in range(9000))
    out.append("enum _MANY { %s }; enum _MANY many;" % values)
    out.append("struct _WIDE { %s } wide;" % " ".join("int wide_member_%d;" % i for i in range(5000)))
    out.append("int DriverEntry(void) { return 0; }")
    pdb = make_pdb("many", "\n".join(out))
    check_types("20,000 types", pdb, 20002)
    info = run(SAN, "info", pdb).stdout
    size = os.path.getsize(os.path.join(WORK, pdb))
    costs = []
    for name in ("_T00000", "_T19999", "_T12345", "_WIDE"):
        text = run(REL, "find", pdb, name).stdout
        m = re.search(r"cost ([\d.]+) ms, (\d+) KiB, (\d+) reads, (\d+) bytes", text)
        costs.append((name, float(m.group(1)), int(m.group(2)), int(m.group(4))))
    print("# %d bytes, %s: %s" % (size, re.search(r"types \d+", info).group(0), costs))
    # the milliseconds are for the reader: how long it takes is the machine's affair
    check("one struct of it within 8 MiB", all(c[2] < 8192 for c in costs), costs)
    check("and without reading half of the file", all(c[3] < size / 2 for c in costs), costs)
    r = run(SAN, "find", pdb, "_T20000", ok=False)
    check("a type that is not there", r.returncode and "no definition of a type named" in r.stderr,
          r.stderr)


def check_layouts():
    for build in ("19041", "14393", "22000"):
        path = os.path.join(ROOT, "pdb-layouts", "fltmgr", build + "-x64.layout")
        with open(path, encoding="utf-8") as f:
            types, enums, _ = layout_to_c.parse(f.read())
        missing = {one for t in types.values() for _, s, _ in t.fields
                   for one in [layout_to_c.element(s)[0]]
                   if re.fullmatch(r"_?[A-Z]\w*", one) and not (one in types and types[one].size)}
        for t in types.values():
            t.fields = [f for f in t.fields if layout_to_c.element(f[1])[0] not in missing]
        text, names, used = layout_to_c.write(types, enums)
        pdb = make_pdb("fltmgr-" + build, text + "int FltGlobals; int DriverEntry(void) { return 0; }\n")
        out = run(SAN, "layout", pdb, "fltmgr.sys", build, *names, *used, "@FltGlobals",
                  "_FLT_FILTER.Nowhere", "_NOT_HERE.Field", "_FLT_FILTER.Base").stdout
        got, values, other = layout_to_c.parse(out)
        wrong = [n for n in names if n not in got or got[n].size != types[n].size or
                 set(got[n].fields) != set(types[n].fields) or got[n].union != types[n].union or
                 got[n].overlays != types[n].overlays]
        check("fltmgr %s: %d types as shipped" % (build, len(names)), len(names) > 50 and not wrong,
              [(n, set(types[n].fields) ^ set(got[n].fields), types[n].overlays ^ got[n].overlays)
               for n in wrong[:2] if n in got] or wrong)
        bad = [n for n in enums if values.get(n) != enums[n]]
        check("fltmgr %s: %d enums as shipped" % (build, len(enums)), enums and not bad,
              [(n, enums[n][:3], values.get(n, [])[:3]) for n in bad[:3]])
        words = [o[:2] for o in other]
        check("fltmgr %s: symbol, absent, unknown" % build,
              words == [("symbol", "FltGlobals"), ("absent", "_FLT_FILTER.Nowhere"),
                        ("unknown", "_NOT_HERE.Field")], other)


def check_sentences():
    pdb = make_pdb("typeless", MIXED, debug=False)
    r = run(SAN, "info", pdb, ok=False)
    check("compiled without -g", r.returncode and "holds no types" in r.stderr, r.stderr)
    check_symbols("compiled without -g", pdb)


def check_damage():
    for pdb, count in (("mixed-x64.pdb", 4000), ("mixed-x86.pdb", 3000), ("classes.pdb", 3000)):
        r = run(SAN, "cut", pdb, "31", ok=False)
        check("%s cut off: %s" % (pdb, r.stdout.strip()), r.returncode == 0, r.stderr)
        r = run(SAN, "mutate", pdb, "20241", str(count), ok=False)
        check("%s damaged: %s" % (pdb, r.stdout.strip()), r.returncode == 0, r.stderr)


def main():
    tools = ("clang", "lld-link", "llvm-pdbutil")
    missing = [t for t in tools if not shutil.which(t)]
    if missing:
        print("# skipped: no %s here (Debian packages clang, lld, llvm)" % ", ".join(missing))
        return 0
    os.makedirs(WORK, exist_ok=True)
    for part in (check_machines, check_blocks, check_many, check_layouts, check_sentences,
                 check_damage):
        part()
    print("# %d failed" % len(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
