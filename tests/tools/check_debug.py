#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_debug.py FLTSCOPE MKWORLD WORKDIR: the debugger commands with a PDB of the names that the
article of the seed case shows.

No PDB of that fltmgr is public any more, so one is made: an assembler file whose labels stand
where the article says (fltmgr at fffff880`01310000, as in fixtures/worlds/seed004.world), linked
by lld. The world gets its GUID. Expected text: WinDbg's lines in the article, quoted in
tests/unit/support/article_code.h. Debian packages clang, lld, llvm; without them: said, skipped.
"""
import json
import os
import re
import shutil
import subprocess
import sys

TOOL, MKWORLD, WORK = (os.path.abspath(a) for a in sys.argv[1:4])
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
BASE = 0xFFFFF88001310000
NAMES = {  # what the article names, and where
    "FltObjectReference": 0xFFFFF88001318720,
    "__imp_ExAcquireResourceSharedLite": 0xFFFFF88001326110,
    "__imp_KeEnterCriticalRegion": 0xFFFFF88001326118,
    "__imp_KeLeaveCriticalRegion": 0xFFFFF88001326120,
    "__imp_ExReleaseResourceLite": 0xFFFFF88001326128,
    "FltGlobals": 0xFFFFF88001330200,
    "FltpDoUnloadFilter": 0xFFFFF88001344D10,
    "FltpMiniFilterDriverUnload": 0xFFFFF88001344FB0,
    "FltpNextFunction": 0xFFFFF880013450B0,  # not the article's: an end for ln
}
failed = 0


def check(what, good, detail=""):
    global failed
    failed += not good
    print("%s - debug %s%s" % ("ok" if good else "not ok", what,
                               "" if good else "\n#   " + str(detail)[:3000].replace("\n", "\n#   ")))


def run(*argv, ok=True):
    r = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=WORK, timeout=120,
                       env=dict(os.environ, NO_COLOR="1"))
    if ok and r.returncode:
        raise RuntimeError("%s: %s%s" % (" ".join(argv), r.stdout, r.stderr))
    return r


def squeeze(s):
    return " ".join(s.split())


def make_pdb():
    """One section from RVA 0x1000 on; its labels by .org."""
    text = ".text\n.globl entry\nentry:\n"
    for name, va in sorted(NAMES.items(), key=lambda x: x[1]):
        text += ".org 0x%x\n.globl %s\n%s:\n" % (va - BASE - 0x1000, name, name)
    with open(os.path.join(WORK, "fltMgr.s"), "w", encoding="ascii") as f:
        f.write(text + "nop\n")
    run("clang", "--target=x86_64-pc-windows-msvc", "-c", "fltMgr.s", "-o", "fltMgr.obj")
    run("lld-link", "/driver", "/debug", "/entry:entry", "/subsystem:native", "/nodefaultlib",
        "/out:fltMgr.sys", "/pdb:fltMgr.pdb", "fltMgr.obj")
    out = run("llvm-pdbutil", "dump", "-summary", "fltMgr.pdb").stdout
    return re.search(r"GUID: \{([0-9A-Fa-f-]+)\}", out).group(1).replace("-", "").upper()


def article():
    with open(os.path.join(TOP, "tests/unit/support/article_code.h"), encoding="utf-8") as f:
        text = f.read()
    unload = text[text.index("article_unload[]"):text.index("article_others[]")]
    lines = re.findall(r'UINT64_C\(0x([0-9a-f]{16})\), "([0-9a-f]+)",\s*"([^"]*)"', unload)
    return ["%s`%s %s %s" % (va[:8], va[8:], b, squeeze(t)) for va, b, t in lines]


def main():
    missing = [t for t in ("clang", "lld-link", "llvm-pdbutil") if not shutil.which(t)]
    if missing:
        print("# skipped: no %s here (Debian packages clang, lld, llvm)" % ", ".join(missing))
        return 0
    os.makedirs(WORK, exist_ok=True)
    guid = make_pdb()
    run(MKWORLD, os.path.abspath(os.path.join(TOP, "fixtures/worlds/seed004-code.world")), "-o",
        "code.dmp", "--format", "kernel", "-D", "FLTMGR_PDB=" + guid)

    def tool(*argv, ok=True):
        return run(TOOL, argv[0], "code.dmp", *argv[1:], "-y", WORK, ok=ok)

    want = ["fltmgr!FltpMiniFilterDriverUnload:"] + article()
    for args in (("u", "fltmgr!FltpMiniFilterDriverUnload", "L%x" % (len(want) - 1)),
                 ("uf", "fltmgr!FltpMiniFilterDriverUnload"), ("uf", "fffff880`01344fb0")):
        have = [squeeze(l) for l in tool(*args).stdout.splitlines()]
        check(" ".join(args), have == want,
              "\n".join("%s | %s" % x for x in zip(have, want) if x[0] != x[1]) or have[-3:])
    doc = json.loads(tool("u", "fltmgr!FltpMiniFilterDriverUnload", "L1", "--json").stdout)
    check("u --json", doc["instructions"] == [
        {"address": "0xfffff88001344fb0", "bytes": "488bc4", "mnemonic": "mov",
         "operands": "rax,rsp"}], doc)

    have = [squeeze(l) for l in tool("x", "fltmgr!fltp*unload*").stdout.splitlines()]
    check("x", have == ["fffff880`01344d10 fltmgr!FltpDoUnloadFilter",
                        "fffff880`01344fb0 fltmgr!FltpMiniFilterDriverUnload"], have)
    check("x of nothing", tool("x", "fltmgr!NoSuch*", ok=False).returncode == 4)
    have = [squeeze(l) for l in tool("ln", "fffff880`01344fb0").stdout.splitlines()]
    check("ln", have[0] == "(fffff880`01344fb0) fltmgr!FltpMiniFilterDriverUnload | "
          "(fffff880`013450b0) fltmgr!FltpNextFunction" and "Exact matches:" in have, have)
    have = squeeze(tool("ln", "fffff88001344fb4").stdout)
    check("ln within", have.startswith("(fffff880`01344fb0) fltmgr!FltpMiniFilterDriverUnload+0x4 | "),
          have)
    have = squeeze(tool("dq", "fltmgr!FltGlobals+0xc0", "L1").stdout)
    check("dq of a symbol", have == "fffff880`013302c0 fffffa80`039e5018", have)
    # DRIVER_OBJECT.DriverUnload of MyDrv [A]
    have = squeeze(tool("dt", "nt!_DRIVER_OBJECT", "fffffa80`03673c80", "DriverUnload").stdout)
    check("dt of a function pointer",
          have.startswith("+0x068 DriverUnload : 0xfffff880`01344fb0 "
                          "fltmgr!FltpMiniFilterDriverUnload+0"), have)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
