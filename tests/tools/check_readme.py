#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What README.md shows is what happens.

usage: check_readme.py BUILD

* Each ```console block: its `$ build/fltscope ...` lines are run beside the demo's MEMORY.DMP, and what
  the block shows below them is what stdout has; a line "..." stands for any lines.
* Each ```c block is compiled by every C compiler that is here, linked with BUILD/libfltscope.a, and run
  beside the same dump: it must find the demo's two verdicts.
* Each `make TARGET` is a target, and each command of the tool is told of.
"""
import os
import re
import shlex
import shutil
import subprocess
import sys

TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
BUILD = os.path.abspath(sys.argv[1])
WORK = os.path.join(BUILD, "readme")
TOOL = os.path.join(BUILD, "fltscope")
failed = 0


def report(name, problem=None):
    global failed
    if problem:
        failed += 1
        print("not ok - readme: %s\n# %s" % (name, problem.replace("\n", "\n# ")))
    else:
        print("ok - readme: " + name)


def blocks(text, kind):
    return re.findall(r"^```%s\n(.*?)^```$" % kind, text, re.S | re.M)


def sessions(block):
    """[(command, lines shown below it)]"""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found:
            found[-1][1].append(line.rstrip())
    return found


def differs(shown, have):
    """Where the lines differ; "..." matches any number of lines."""
    at, skip = 0, False
    for want in shown:
        if want.strip() == "...":
            skip = True
            continue
        while skip and at < len(have) and have[at] != want:
            at += 1
        if at >= len(have) or have[at] != want:
            return "shown:  %s\nprinted: %s" % (want, have[at] if at < len(have) else "(the end)")
        at, skip = at + 1, False
    return None if skip or at == len(have) else "printed and not shown: " + have[at]


def session(command, shown):
    argv = shlex.split(command)
    if argv[0] != "build/fltscope":
        return "not a command of this test"
    r = subprocess.run([TOOL] + argv[1:], cwd=WORK, capture_output=True,
                       env=dict(os.environ, NO_COLOR="1"), check=False, timeout=60)
    if r.returncode:
        return "exit %d" % r.returncode
    have = [l.rstrip() for l in r.stdout.decode("utf-8").splitlines()]
    while shown and not shown[-1]:
        shown.pop()
    while have and not have[-1]:
        have.pop()
    return differs(shown, have)


HELPERS = """
static size_t used;
static int complain(const char *text) { return fprintf(stderr, "%s\\n", text) ? 1 : 2; }
static void use(const struct fs_verdict *v) { used += v->cause_id != NULL; }
"""


def program(block, compiler):
    """An example is statements: its includes go on top, the rest into main()."""
    lines = block.splitlines()
    top = ["#include <stdio.h>"] + [l for l in lines if l.startswith("#include")]
    body = [l for l in lines if not l.startswith("#include")]
    source = os.path.join(WORK, "example.c")
    with open(source, "w", encoding="utf-8") as f:
        f.write("\n".join(top) + HELPERS + "int main(void)\n{\n" + "\n".join(body) +
                "\nreturn used == 2 ? 0 : 3;\n}\n")
    libs = subprocess.run(["pkg-config", "--libs", "libaddrxlat", "zlib", "lzo2", "libzstd"], check=True,
                          capture_output=True, text=True).stdout.split()
    out = os.path.join(WORK, "example")
    r = subprocess.run([compiler, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I",
                        os.path.join(TOP, "include"), "-o", out, source,
                        os.path.join(BUILD, "libfltscope.a")] + libs + ["-ldl"],
                       capture_output=True, text=True, check=False)
    if r.returncode:
        return r.stderr
    r = subprocess.run([out], cwd=WORK, capture_output=True, text=True, check=False, timeout=60)
    return "exit %d %s" % (r.returncode, r.stderr) if r.returncode else None


def main():
    os.makedirs(WORK, exist_ok=True)
    subprocess.run([os.path.join(BUILD, "mkworld"), os.path.join(TOP, "fixtures/worlds/seed004.world"),
                    "-o", os.path.join(WORK, "MEMORY.DMP"), "--format", "kernel"], check=True)
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as f:
        text = f.read()
    shown = [s for b in blocks(text, "console") for s in sessions(b)]
    examples = blocks(text, "c")
    report("has sessions and an example of the library",
           None if len(shown) >= 3 and examples else "%d and %d" % (len(shown), len(examples)))
    for command, lines in shown:
        report(command, session(command, lines) if lines else "nothing is shown below it")
    for compiler in ("cc", "gcc", "clang"):
        for block in examples if shutil.which(compiler) else []:
            report("library example, " + compiler, program(block, compiler))
    with open(os.path.join(TOP, "Makefile"), encoding="utf-8") as f:
        makefile = f.read()
    for name in sorted({a or b for a, b in re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", text, re.M)}):
        report("make " + name, None if re.search(r"^%s:" % name, makefile, re.M) else "no such target")
    usage = subprocess.run([TOOL, "--help"], capture_output=True, text=True, check=True).stdout
    commands = re.findall(r"^ {2}([a-z]+) ", usage, re.M)
    missing = [c for c in commands if not re.search(r"`[^`]*\b%s\b[^`]*`" % c, text)]
    report("tells of %d commands" % len(commands),
           ("not told of: " + " ".join(missing)) if missing or len(commands) < 16 else None)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
