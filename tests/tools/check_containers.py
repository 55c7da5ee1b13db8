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


def main():
    p = argparse.ArgumentParser()
    for o in ("tool", "mkworld", "work"):
        p.add_argument("--" + o, required=True)
    args = p.parse_args()
    os.makedirs(args.work, exist_ok=True)
    no_modules(args)
    no_machine(args)
    return 1 if FAILED else 0


if __name__ == "__main__":
    raise SystemExit(main())
