#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The article's hang with symbols: the stack as WinDbg and Mex named it.

check_hang.py TOOL MKWORLD WORKDIR

clang and lld-link make PDBs that have the article's names at the article's places. Without
them: said, skipped.
"""
import json
import os
import re
import shutil
import subprocess
import sys

FAILED = 0
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ENV = {k: v for k, v in os.environ.items() if not k.startswith("_NT_")}

# From seed 000, `!us -p ffffab06b8137800`: the kernel half as printed there.
ARTICLE = """
fffff8035d17e576 nt!KiSwapContext+0x76
fffff8035d0d74fd nt!KiSwapThread+0x17d
fffff8035d0d6f9f nt!KiCommitThreadWait+0x14f
fffff8035d0d8d77 nt!KeWaitForSingleObject+0x377
fffff8022e82bce3 TmXPFlt+0x1bce3
fffff8022e814884 TmXPFlt+0x4884
fffff8022e814d65 TmXPFlt+0x4d65
fffff8022e814f65 TmXPFlt+0x4f65
fffff8022e4b3f8d TmPreFlt!TmpQueryFullName+0x1e85
fffff8022e4b40d8 TmPreFlt!TmpQueryFullName+0x1fd0
fffff8022c603d15 FLTMGR!FltpPerformPostCallbacks+0x2a5
fffff8022c603756 FLTMGR!FltpPassThroughCompletionWorker+0x76
fffff8022c605299 FLTMGR!FltpLegacyProcessingAfterPreCallbacksCompleted+0x239
fffff8022c603146 FLTMGR!FltpDispatch+0xb6
fffff8035d4e75a0 nt!IopCloseFile+0x150
fffff8035d5142c5 nt!ObCloseHandleTableEntry+0x245
fffff8035d43098b nt!NtClose+0xcb
fffff8035d187503 nt!KiSystemServiceCopyEnd+0x13
""".strip().splitlines()
BASES = {"nt": 0xFFFFF8035D000000, "FLTMGR": 0xFFFFF8022C600000, "TmPreFlt": 0xFFFFF8022E4B0000}
FILES = {"nt": ("ntoskrnl", "ntkrnlmp", "2D0000000000000000000000000000B1 1"),
         "FLTMGR": ("fltmgr", "fltMgr", "2D0000000000000000000000000000B2 1"),
         "TmPreFlt": ("TmPreFlt", "TmPreFlt", "2D0000000000000000000000000000B3 1")}


def check(name, good, detail=""):
    global FAILED
    FAILED += not good
    print("%s - %s%s" % ("ok" if good else "not ok", name, "" if good else "\n#   %s" % str(detail)[:3000]), flush=True)


def run(*args):
    r = subprocess.run(args, capture_output=True, text=True, check=False, env=ENV)
    if r.returncode != 0:
        raise RuntimeError("%s: exit %d: %s" % (" ".join(args)[:300], r.returncode, r.stderr[-800:]))
    return r.stdout


def make_pdb(work, module):
    """A PDB whose publics are the article's, each where its offset says; its GUID and age."""
    symbols = {}
    for line in ARTICLE:
        m = re.match(r"(\w+) (\w+)!(\w+)\+0x(\w+)", line)
        if m and m.group(2) == module:
            symbols[m.group(3)] = int(m.group(1), 16) - int(m.group(4), 16) - BASES[module]
    stem, pdb, _ = FILES[module]
    base = os.path.join(work, stem)
    with open(base + ".s", "w", encoding="ascii") as f:
        f.write(".text\n.globl DriverEntry\nDriverEntry: ret\n")
        for name, rva in sorted(symbols.items(), key=lambda x: x[1]):
            f.write(".org 0x%x\n.globl %s\n%s: ret\n" % (rva - 0x1000, name, name))
        f.write(".space 0x10000\n")
    run("clang", "--target=x86_64-pc-windows-msvc", "-c", base + ".s", "-o", base + ".obj")
    out = os.path.join(work, pdb + ".pdb")
    run("lld-link", "/driver", "/debug", "/entry:DriverEntry", "/subsystem:native", "/nodefaultlib",
        base + ".obj", "/out:" + base + ".sys", "/pdb:" + out)
    info = run("llvm-pdbutil", "dump", "--summary", out)
    guid = re.search(r"GUID: \{([0-9A-F-]+)\}", info).group(1).replace("-", "")
    return "%s %d" % (guid, int(re.search(r"Age: (\d+)", info).group(1)))


def main():
    tool, mkworld, work = sys.argv[1:4]
    os.makedirs(work, exist_ok=True)
    missing = [x for x in ("clang", "lld-link", "llvm-pdbutil") if not shutil.which(x)]
    if missing:
        print("ok - the article's hang with symbols # SKIP: %s not installed" % ", ".join(missing))
        return 0
    worlds = os.path.join(TOP, "fixtures", "worlds")
    with open(os.path.join(worlds, "hang.world"), encoding="utf-8") as f:
        text = f.read()
    for name in re.findall(r'^include "(.*)"', text, re.M):
        shutil.copy(os.path.join(worlds, name), work)
    for module, (_, _, key) in FILES.items():
        text = text.replace(key, make_pdb(work, module))
    world, dump = os.path.join(work, "hang.world"), os.path.join(work, "hang.dmp")
    with open(world, "w", encoding="utf-8") as f:
        f.write(text)
    run(mkworld, world, "-o", dump, "--format", "kernel")
    us = run(tool, "us", dump, "-p", "explorer.exe", "-y", work)
    lines = [x.strip() for x in us.splitlines()]
    check("us: the article's 18 frames, by name and in order", lines[1:19] == ARTICLE, us)
    check("us: one stack, one thread", lines[0] == "1 thread: ffffab06b8121080" and
          "1 stack(s) with 1 threads displayed (1 Total threads)" in lines, us)
    kc = run(tool, "kc", dump, "ffffab06b8121080", "-y", work).splitlines()
    check("kc: the names alone", [x.strip() for x in kc][:3] == ["# Call Site", "00 nt!KiSwapContext", "01 nt!KiSwapThread"], kc[:4])
    thread = json.loads(run(tool, "hang", dump, "-y", work, "--json"))["filters"][0]["threads"][0]
    check("hang: FltMgr called a post-operation", thread["call"] == "post-operation", thread["call"])
    check("hang: the sentence names filter, culprit, thread and file", all(
        x in thread["sentence"] for x in ("TmPreFlt", "TmXPFlt", "ffffab06b8121080", "closing", "IconCache.db", "explorer.exe")),
        thread["sentence"])
    return FAILED != 0


if __name__ == "__main__":
    sys.exit(main())
