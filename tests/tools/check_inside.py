#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What is said of threads inside filters, in words, and with which exit status; the
look-alikes beside them. Truth: the worlds' own text and the facts, see each row.

usage: check_inside.py TOOL MKWORLD WORKDIR [NAME]...
"""
import os
import re
import subprocess
import sys

import inside_cases

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")


class Wrong(Exception):
    pass


def one(tool, dump, args, rc, says, silent):
    cmd = [tool] + [dump if a == "DUMP" else a for a in args]
    run = subprocess.run(cmd, capture_output=True, text=True, check=False, timeout=120)
    text = re.sub(r"\s+", " ", run.stdout + run.stderr)
    if run.returncode != rc:
        raise Wrong(f"{' '.join(args)}: exit {run.returncode}, must be {rc}: {text[:2500]}")
    for s in says:
        if s not in text:
            raise Wrong(f"{' '.join(args)}: must say {s!r}: {text[:2500]}")
    for s in silent:
        if s in text:
            raise Wrong(f"{' '.join(args)}: must not say {s!r}: {text[:2500]}")


def main():
    tool, mkworld, work, *names = sys.argv[1:]
    os.makedirs(work, exist_ok=True)
    failed = 0
    dump = os.path.join(work, "inside.dmp")
    for name, world, defines, commands in inside_cases.CASES:
        if names and name not in names:
            continue
        cmd = [mkworld, os.path.join(TOP, "fixtures/worlds", world + ".world"), "-o", dump,
               "--format", "kernel"]
        for d in defines:
            cmd += ["-D", d]
        try:
            run = subprocess.run(cmd, capture_output=True, text=True, check=False)
            if run.returncode:
                raise Wrong("mkworld: " + run.stderr.strip())
            for command in commands:
                one(tool, dump, *command)
            print("ok - inside: " + name)
        except (Wrong, subprocess.TimeoutExpired) as e:
            failed += 1
            print(f"not ok - inside: {name}\n#   {e}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
