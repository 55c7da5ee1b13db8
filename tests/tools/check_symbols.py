#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""PDBs and images at work: exact layouts, names, missing code, refusals.

check_symbols.py --tool FLTSCOPE --mkworld MKWORLD --work DIR

clang and lld-link make the PDBs from a C description of the Filter Manager's types; worlds of
a build that no shipped layout knows are read with and without them. Debian packages: clang,
lld, llvm. Without them: said, skipped.
"""
import argparse
import http.server
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import layout_to_c  # noqa: E402

FAILED = 0
WATCH = "0xffffe00100110e30"  # WatchTop's DRIVER_OBJECT
ARGS = None
ENV = {k: v for k, v in os.environ.items() if not k.startswith("_NT_")}
CODE = """
int FltGlobals[0x500];
__attribute__((noinline)) void FltpMiniFilterDriverUnload(void *p) { *(volatile int *)p = FltGlobals[3]; }
int DriverEntry(void) { FltpMiniFilterDriverUnload(FltGlobals + 1); return FltGlobals[2]; }
"""


def check(name, good, detail=""):
    global FAILED
    FAILED += not good
    print("%s - %s%s" % ("ok" if good else "not ok", name, "" if good else "\n#   %s" % str(detail)[:600]),
          flush=True)


def work(*names):
    return os.path.join(ARGS.work, *names)


def run(*args, ok=True, env=None):
    r = subprocess.run(args, capture_output=True, text=True, check=False, env={**ENV, **(env or {})})
    if ok and r.returncode != 0:
        raise RuntimeError("%s: exit %d: %s" % (" ".join(args)[:300], r.returncode, r.stderr[-800:]))
    return r


def tool(*args, **kw):
    return run(ARGS.tool, *args, **kw)


def ask(*args, **kw):
    return json.loads(tool(*args, "--json", **kw).stdout)


def compile_pdb(directory, name, source, debug=True, link=()):
    """directory/name.pdb and name.sys; returns the PDB's path."""
    os.makedirs(work(directory), exist_ok=True)
    base = work(directory, name)
    with open(base + ".c", "w", encoding="utf-8") as f:
        f.write(source)
    run("clang", "--target=x86_64-pc-windows-msvc", "-O1", *(["-g", "-gcodeview"] if debug else []),
        "-c", base + ".c", "-o", base + ".obj")
    run("lld-link", "/driver", "/debug", "/entry:DriverEntry", "/subsystem:native", "/nodefaultlib",
        "/force:unresolved", base + ".obj", "/out:" + base + ".sys", "/pdb:" + base + ".pdb", *link)
    return base + ".pdb"


def types_in_c(layout):
    with open(layout, encoding="utf-8") as f:
        types, enums, _ = layout_to_c.parse(f.read())
    missing = {one for t in types.values() for _, s, _ in t.fields
               for one in [layout_to_c.element(s)[0]]
               if re.fullmatch(r"_?[A-Z]\w*", one) and not (one in types and types[one].size)}
    for t in types.values():
        t.fields = [f for f in t.fields if layout_to_c.element(f[1])[0] not in missing]
    return layout_to_c.write(types, enums)[0]


def key_of(pdb):
    info = ask("pdb", "info", pdb)
    return info["guid"], info["age"]


def symbols_of(pdb):
    """RVAs of publics, by llvm-pdbutil."""
    out = run("llvm-pdbutil", "dump", "--publics", "--section-headers", pdb).stdout
    base = [int(x, 16) for x in re.findall(r"([0-9A-F]+) virtual address", out)]
    found = {}
    for name, segment, offset in re.findall(r"S_PUB32 .*?`(\S+)`\n.*?addr = (\d+):(\d+)", out):
        found[name] = base[int(segment) - 1] + int(offset)
    return found


def world(name, pdb, rva, layout, extra="", age=None, fmt="kernel", guid=None, cut=()):
    """healthy.world with the Filter Manager that the PDB belongs to."""
    real_guid, real_age = key_of(pdb)
    with open(os.path.join(TOP, "fixtures/worlds/healthy.world"), encoding="utf-8") as f:
        text = f.read()
    shutil.copy(os.path.join(TOP, "fixtures/worlds/lib.world"), work("lib.world"))
    data = rva["FltGlobals"] & ~0xfff
    old = re.search(r"module FLTMGR.SYS .*", text).group(0)
    new = ("module fltmgr.sys 0xfffff80231000000 0x72000 timestamp 0x61a2b303 section .text 0x1000 0x1000 rx "
           "section .data %#x 0x4000 rw section PAGE 0x34000 0x38000 rx pdb fltMgr.pdb %s %d"
           % (data, guid or real_guid, age or real_age))
    text = text.replace(old, new).replace("set FM FLTMGR", "set FM fltmgr")
    text = text.replace("(@FLTMGR+0x30440)", "(@fltmgr+%#x)" % rva["FltGlobals"])
    text = text.replace("(@FLTMGR+0x35a10)", "(@fltmgr+%#x)" % rva["FltpMiniFilterDriverUnload"])
    with open(work(name + ".world"), "w", encoding="utf-8") as f:
        f.write(text + "\n" + extra + "\n")
    run(ARGS.mkworld, work(name + ".world"), "-o", work(name + ".dmp"), "--format", fmt, "--nt", "19041",
        "--layout", layout, "-D", "build=20349", *cut)
    return work(name + ".dmp")


def moved_layout():
    """A build that nobody knows: one field more in FLT_FILTER, another in FLT_INSTANCE."""
    out = run(sys.executable, os.path.join(HERE, "mutate-layout.py"),
              os.path.join(TOP, "pdb-layouts/fltmgr/19041-x64.layout"), "--insert",
              "_FLT_FILTER.DriverObject", "8", "--build", "20349").stdout
    with open(work("moved.layout"), "w", encoding="utf-8") as f:
        f.write(out)
    return work("moved.layout")


def kept_layout():
    """A build that nobody knows, and that moved nothing."""
    with open(os.path.join(TOP, "pdb-layouts/fltmgr/19041-x64.layout"), encoding="utf-8") as f:
        text = f.read()
    text = re.sub(r"(?m)^(image .*|  rva .*)\n", "", text).replace("build 19041 ", "build 20349 ")
    with open(work("kept.layout"), "w", encoding="utf-8") as f:
        f.write(text)
    return work("kept.layout")


def filters(doc):
    return sorted((f["name"], f["altitude"], f["driver_object"]["address"] if f.get("driver_object") else None)
                  for frame in doc["frames"] for f in frame["filters"])


def check_exact(dump, symbols, rva):
    doc = ask("export", dump, "-y", symbols)
    check("unknown build with its PDB: source pdb", doc["fltmgr"]["layout"]["source"] == "pdb",
          doc["fltmgr"]["layout"])
    check("unknown build with its PDB: FltGlobals where the symbol is",
          doc["fltmgr"]["globals"] == "%#x" % (0xfffff80231000000 + rva["FltGlobals"]), doc["fltmgr"])
    have = filters(doc)
    check("unknown build with its PDB: every filter's driver object",
          len(have) == 7 and all(f[2] for f in have) and have[0][:2] == ("AvShield", "328010"), have)
    check("unknown build with its PDB: nothing is unproved", not tool("filter", dump, "AvShield", "-y", symbols)
          .stdout.count("unproved"))
    text = tool("layouts", dump, "-y", symbols).stdout
    check("layouts tells the source", "(pdb)" in text, text[-900:])
    text = tool("info", dump, "-y", symbols).stdout
    check("info tells who said where FltGlobals is", "symbol FltGlobals" in text, text)
    r = tool("export", dump, "--json", ok=False)
    check("the same without a symbol path: every shipped layout is refused", r.returncode == 4 and
          not json.loads(r.stdout).get("frames") and "fltMgr.pdb" in r.stderr, r.stderr)


def check_in_ci(dump, symbols):
    """check opens dumps itself: what it decides must rest on the same symbols."""
    for how, args, env, status in (("without a symbol path", [], {}, 4), ("-y", ["-y", symbols], {}, 0),
                                   ("_NT_SYMBOL_PATH", [], {"_NT_SYMBOL_PATH": symbols}, 0),
                                   ("-y before the environment", ["-y", work("empty")],
                                    {"_NT_SYMBOL_PATH": symbols}, 4)):
        # not note: the world filters a volume in two frames, which is one
        r = tool("check", *args, "--fail-on", "warning", dump, dump, ok=False, env=env)
        check("check of an unknown build, %s: exit %d" % (how, status), r.returncode == status,
              (r.returncode, r.stdout, r.stderr))


def check_names(dump, symbols, rva):
    doc = ask("drvobj", dump, WATCH, "-y", symbols)
    text = json.dumps(doc)
    check("drvobj: DriverUnload by name", "fltmgr!FltpMiniFilterDriverUnload" in text, text[:500])
    check("drvobj as text", "fltmgr!FltpMiniFilterDriverUnload" in
          tool("drvobj", dump, WATCH, "-y", symbols).stdout)
    text = tool("drvobj", dump, WATCH).stdout
    check("without a path: module and offset",
          "fltmgr+%#x" % rva["FltpMiniFilterDriverUnload"] in text and "!FltpMini" not in text, text[:500])
    ln = tool("ln", dump, "fltmgr!FltGlobals+8", "-y", symbols).stdout
    check("ln fltmgr!FltGlobals+8", "FltGlobals+0x8" in ln, ln)
    x = tool("x", dump, "fltmgr!flt*", "-y", symbols).stdout
    check("x fltmgr!flt*", "FltGlobals" in x and "FltpMiniFilterDriverUnload" in x and "DriverEntry" not in x, x)
    env = {"_NT_SYMBOL_PATH": symbols}
    check("_NT_SYMBOL_PATH", "!FltpMini" in tool("drvobj", dump, WATCH, env=env).stdout)
    check("-y wins over _NT_SYMBOL_PATH",
          "!FltpMini" not in tool("drvobj", dump, WATCH, "-y", work("empty"), env=env).stdout)


def check_list_and_fetch(dump, symbols, pdb):
    guid, age = key_of(pdb)
    listed = {s["module"]: s for s in ask("symbols", "list", dump, "-y", symbols)["symbols"]}
    check("symbols list: the key a colleague must bring",
          listed["fltmgr.sys"]["key"] == "%s%X" % (guid, age) and listed["fltmgr.sys"]["path"] == pdb,
          listed["fltmgr.sys"])
    check("symbols list: why not", listed["Ntfs.sys"]["path"] is None and listed["Ntfs.sys"]["places"],
          listed["Ntfs.sys"])
    check("symbols list: no debug record, no key", listed["CloudSync.sys"]["key"] is None)
    check("symbols list: a path in the debug record is a name", listed["WatchTop.sys"]["pdb"] == "WatchTop.pdb")
    shutil.rmtree(work("store"), ignore_errors=True)
    r = tool("symbols", "fetch", dump, "--store", work("store"), "-y", symbols, "fltmgr")
    target = work("store", "fltMgr.pdb", "%s%X" % (guid, age), "fltMgr.pdb")
    check("symbols fetch fills a store", os.path.exists(target) and target in r.stdout, r.stdout + r.stderr)
    check("the store is a symbol path",
          ask("export", dump, "-y", work("store"))["fltmgr"]["layout"]["source"] == "pdb")
    r = tool("symbols", "fetch", dump, "--store", work("store"), "-y", symbols, ok=False)
    check("symbols fetch: what is missing is told, exit 4", r.returncode == 4 and "ntoskrnl.exe" in r.stdout,
          (r.returncode, r.stdout))
    r = tool("symbols", "fetch", dump, "-y", symbols, ok=False)
    check("symbols fetch without --store is a usage error", r.returncode == 2, r.returncode)
    r = tool("symbols", "fetch", dump, "--store", work("store"), ok=False)
    check("symbols fetch without a path", r.returncode == 4 and "symbol path" in r.stdout, r.stdout)


def check_server(dump):
    """The store of symbols fetch behind HTTP: found at open, kept in the cache, not asked again."""
    asked = []

    class Store(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args, **kw):
            super().__init__(*args, directory=work("store"), **kw)

        def log_message(self, *args):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shutil.rmtree(work("cache"), ignore_errors=True)
    path = "srv*%s*http://127.0.0.1:%d" % (work("cache"), server.server_port)
    r = tool("export", dump, "-y", path, "--offline", ok=False)
    check("--offline: no server is asked", not asked and r.returncode == 4, asked)
    r = tool("check", dump, "-y", path, "--offline", ok=False)
    check("check --offline: no server is asked", not asked and r.returncode == 4, asked)
    doc = ask("export", dump, "-y", path)
    check("a server's PDB makes the layout exact", doc["fltmgr"]["layout"]["source"] == "pdb", doc["fltmgr"])
    names = {p.split("/")[1] for p in asked}
    allowed = {"index2.txt", "ntkrnlmp.pdb", "ntkrnlmp.pd_", "fltMgr.pdb", "fltMgr.pd_"}
    check("only nt's and fltmgr's PDBs are asked for at open", names <= allowed, names)
    server.shutdown()
    server.server_close()
    doc = ask("export", dump, "-y", path, "--offline")
    check("the cache answers without a server", doc["fltmgr"]["layout"]["source"] == "pdb", doc["fltmgr"])


def check_offline(dump):
    path = "srv*%s*http://127.0.0.1:9/none" % work("empty")
    listed = ask("symbols", "list", dump, "-y", path)["symbols"]
    places = json.dumps([s["places"] for s in listed if s["module"] == "fltmgr.sys"])
    check("symbols list asks no server", "127.0.0.1" in places and "refused" not in places.lower(), places)
    doc = ask("export", dump, "-y", path, "--offline")
    check("--offline: the shipped layouts it is", doc["fltmgr"]["layout"]["source"] == "family")


def check_refusals(rva, pdb, layout, source):
    symbols = os.path.dirname(pdb)
    dump = world("wrong", pdb, rva, layout, guid="2D0000000000000000000000000000A2")
    doc = ask("export", dump, "-y", symbols)
    check("another build's PDB in the path is not used", doc["fltmgr"]["layout"]["source"] == "family")
    bare = compile_pdb("typeless", "fltMgr", CODE, debug=False)
    dump = world("typeless", bare, symbols_of(bare), layout)
    doc = ask("layouts", dump, "-y", os.path.dirname(bare))
    text = json.dumps(doc)
    check("a PDB without types: told, next source", "holds no types" in text and "\"pdb\"" in text, text[:900])
    doc = ask("export", dump, "-y", os.path.dirname(bare))
    check("its symbols still serve", doc["fltmgr"]["layout"]["source"] == "family" and
          doc["fltmgr"]["located_by"] == "symbol FltGlobals", doc["fltmgr"])
    less = re.sub(r"struct _UNICODE_STRING Name;", "char NoName[16];", source, count=0)
    lacking = compile_pdb("lacking", "fltMgr", less + CODE)
    dump = world("lacking", lacking, symbols_of(lacking), layout)
    doc = ask("filters", dump, "-y", os.path.dirname(lacking))["filters"]
    check("a field that the PDB lacks stays unknown", "328010" in [f["altitude"] for f in doc] and
          not any("name" in f for f in doc), doc)


def check_nt(rva, pdb, layout):
    """The kernel's own PDB, too."""
    nt = compile_pdb("nt", "ntkrnlmp", types_in_c(os.path.join(TOP, "pdb-layouts/nt/19041-x64.layout")) +
                     "int MiState[0x500]; int DriverEntry(void) { return MiState[2]; }\n")
    shutil.copy(pdb, work("nt"))
    dump = world("nt", pdb, rva, layout)
    guid, age = key_of(nt)
    with open(work("nt.world"), encoding="utf-8") as f:
        text = f.read().replace("2D0000000000000000000000000000A1 1", "%s %d" % (guid, age))
    with open(work("nt.world"), "w", encoding="utf-8") as f:
        f.write(text)
    run(ARGS.mkworld, work("nt.world"), "-o", dump, "--format", "kernel", "--nt", "19041", "--layout", layout,
        "-D", "build=20349")
    doc = ask("layouts", dump, "-y", work("nt"))
    check("nt and fltmgr by their PDBs", doc["nt"]["source"] == "pdb" and doc["fltmgr"]["source"] == "pdb",
          {k: str(v)[:200] for k, v in doc.items()})
    doc = ask("drvobj", dump, WATCH, "-y", work("nt"))
    check("a driver object by nt's PDB", "WatchTop" in json.dumps(doc), doc)


def check_hostile(pdb, rva, layout):
    for i, name in enumerate(('"..\\..\\etc\\passwd"', '"/etc/passwd"', '"CON"', '"a\\x{1b}[31mb.pdb"', '"..."')):
        dump = world("hostile", pdb, rva, layout)
        with open(work("hostile.world"), encoding="utf-8") as f:
            text = f.read().replace("pdb fltMgr.pdb", "pdb " + name)
        with open(work("hostile.world"), "w", encoding="utf-8") as f:
            f.write(text)
        run(ARGS.mkworld, work("hostile.world"), "-o", dump, "--format", "kernel", "--nt", "19041",
            "--layout", layout, "-D", "build=20349")
        r = tool("symbols", "list", dump, "-y", os.path.dirname(pdb))
        check("hostile PDB name %d: nothing reaches the terminal or is found" % i,
              "\x1b" not in r.stdout and tool("export", dump, "-y", os.path.dirname(pdb)).returncode == 0, r.stdout)


EXPORTS = """
#include <stddef.h>
__declspec(dllexport) int Shared = 7;
static int secret = 0x5ec2e7;
__attribute__((noinline)) static int inner(int x) { return x * 3 + secret; }
__declspec(dllexport) __attribute__((noinline)) int AvShieldOpen(int x) { return inner(x) + Shared; }
int (*const table[2])(int) = {AvShieldOpen, inner};
int DriverEntry(void) { return table[AvShieldOpen(4) & 1](5); }
"""


def pe_facts(path):
    with open(path, "rb") as f:
        b = f.read()
    at = struct.unpack_from("<I", b, 0x3c)[0]
    n, stamp = struct.unpack_from("<HI", b, at + 6)
    size = struct.unpack_from("<I", b, at + 24 + 56)[0]
    optional = struct.unpack_from("<H", b, at + 20)[0]
    sections = {}
    for i in range(n):
        s = at + 24 + optional + 40 * i
        sections[b[s:s + 8].rstrip(b"\0").decode()] = struct.unpack_from("<IIII", b, s + 8)
    return b, stamp, size, sections


def check_images(layout, pdb, rva):
    """-i: the code of a driver that a triage dump left out."""
    av = compile_pdb("image", "AvShield", EXPORTS)
    image = av[:-4] + ".sys"
    file, stamp, size, sections = pe_facts(image)
    guid, age = key_of(av)
    world("image", pdb, rva, layout)
    with open(work("image.world"), encoding="utf-8") as f:
        text = f.read()
    # the loader's entry says this image's size; the image itself was not captured
    text = re.sub(r"module AvShield.sys .*",
                  "module AvShield.sys 0xfffff80232100000 0x8000 timestamp %#x pdb AvShield.pdb %s %d"
                  % (stamp, guid, age), text)
    text += "\ndrop 0xfffff80232100000 0x8000\n"
    with open(work("image.world"), "w", encoding="utf-8") as f:
        f.write(text)
    if size > 0x8000:
        raise RuntimeError("the test's image grew to %#x" % size)
    grown = bytearray(file)
    at = struct.unpack_from("<I", file, 0x3c)[0]
    struct.pack_into("<I", grown, at + 24 + 56, 0x8000)
    folder = work("images", "AvShield.sys", "%08X8000" % stamp)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "avshield.SYS"), "wb") as f:
        f.write(grown)
    dump = work("image.dmp")
    run(ARGS.mkworld, work("image.world"), "-o", dump, "--format", "triage", "--nt", "19041", "--layout", layout,
        "-D", "build=20349")
    vsize, text_rva, _, raw = sections[".text"]
    code = "0x%x" % (0xfffff80232100000 + text_rva)
    r = tool("db", dump, code, "L10", ok=False)
    first = " ".join("%02x" % b for b in file[raw:raw + 4])
    check("without -i the code is not there", first not in r.stdout, r.stdout)
    r = tool("db", dump, code, "L10", "-i", work("images"))
    check("with -i the code is there, and marked", first in r.stdout and "image" in r.stdout.lower() + r.stderr.lower(),
          r.stdout + r.stderr)
    r = tool("u", dump, code, "L2", "-i", work("images"))
    check("u with -i", len(r.stdout.splitlines()) >= 2, r.stdout)
    at = sections[".data"][1]
    r = tool("db", dump, "0x%x" % (0xfffff80232100000 + at), "L4", "-i", work("images"), ok=False)
    check(".data is never served", "e7 c2 5e" not in r.stdout and "07 00 00" not in r.stdout, r.stdout)
    # relocated: the table of functions in .rdata points into the module where the dump has it
    rdata = sections[".rdata"]
    r = tool("dq", dump, "0x%x" % (0xfffff80232100000 + rdata[1]), "L%x" % (rdata[0] // 8), "-i", work("images"),
             ok=False)
    check("pointers are relocated", re.search(r"fffff802`?3210[0-9a-f]{4}", r.stdout), r.stdout[:600])
    r = tool("ln", dump, "AvShield!AvShieldOpen+2", "-i", work("images"))
    check("exports out of an image", "AvShield!AvShieldOpen+0x2" in r.stdout, r.stdout)
    struct.pack_into("<I", grown, struct.unpack_from("<I", file, 0x3c)[0] + 8, stamp ^ 1)
    with open(os.path.join(folder, "avshield.SYS"), "wb") as f:
        f.write(grown)
    r = tool("db", dump, code, "L10", "-i", work("images"), ok=False)
    check("another time stamp: not this image", first not in r.stdout, r.stdout)


def main():
    global ARGS
    parser = argparse.ArgumentParser()
    for one in ("tool", "mkworld", "work"):
        parser.add_argument("--" + one, required=True)
    ARGS = parser.parse_args()
    ARGS.tool, ARGS.mkworld, ARGS.work = (os.path.abspath(p) for p in (ARGS.tool, ARGS.mkworld, ARGS.work))
    missing = [t for t in ("clang", "lld-link", "llvm-pdbutil") if not shutil.which(t)]
    if missing:
        print("# skipped: no %s here (Debian packages clang, lld, llvm)" % ", ".join(missing))
        return 0
    os.makedirs(work("empty"), exist_ok=True)
    layout = moved_layout()
    source = types_in_c(layout)
    pdb = compile_pdb("moved", "fltMgr", source + CODE)
    rva = symbols_of(pdb)
    dump = world("moved", pdb, rva, layout)
    symbols = os.path.dirname(pdb)
    check_exact(dump, symbols, rva)
    check_in_ci(dump, symbols)
    check_names(dump, symbols, rva)
    check_list_and_fetch(dump, symbols, pdb)
    check_server(dump)
    kept = kept_layout()
    pdb = compile_pdb("kept", "fltMgr", types_in_c(kept) + CODE)
    rva = symbols_of(pdb)
    check_offline(world("kept", pdb, rva, kept))
    check_refusals(rva, pdb, kept, types_in_c(kept))
    check_nt(rva, pdb, kept)
    check_hostile(pdb, rva, kept)
    check_images(kept, pdb, rva)
    return FAILED > 0


if __name__ == "__main__":
    sys.exit(main())
