#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_code.py FLTSCOPE MKWORLD WORKDIR: what the unload walk does, out of the code of a dump.

A layout that does not say it, on the seed case: with the article's code in the dump the verdict is
proved all the same; without that code it is only possible.
"""
import json
import os
import subprocess
import sys

TOOL, MKWORLD, WORK = (os.path.abspath(a) for a in sys.argv[1:4])
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
LAYOUT = os.path.join(WORK, "silent.layout")
failed = 0


def verdict(world):
    dump = os.path.join(WORK, world + ".dmp")
    subprocess.run([MKWORLD, os.path.join(TOP, "fixtures/worlds", world + ".world"), "-o", dump,
                    "--format", "kernel"], check=True)
    r = subprocess.run([TOOL, "diagnose", dump, "--json", "--layout", LAYOUT], check=True,
                       capture_output=True)
    doc = json.loads(r.stdout)
    v = [x for x in doc["verdicts"] if "MyDrv" in x["driver"]][0]
    return v["state"], v["cause"]["id"], v["confidence"]


def check(what, have, want):
    global failed
    failed += have != want
    print("%s - code %s%s" % ("ok" if have == want else "not ok", what,
                              "" if have == want else "\n#   %s, expected %s" % (have, want)))


os.makedirs(WORK, exist_ok=True)
with open(os.path.join(TOP, "pdb-layouts/fltmgr/7601-x64.layout"), encoding="utf-8") as f:
    lines = f.readlines()
silent = [l for l in lines if not l.startswith("fact unload-walk")]
assert len(silent) == len(lines) - 1
with open(LAYOUT, "w", encoding="utf-8") as f:
    f.writelines(silent)
check("there: proved", verdict("seed004-code"), ("stuck", "driver-object-crosslink", "proved"))
check("not there: possible", verdict("seed004"), ("unknown", "driver-object-crosslink", "possible"))
sys.exit(1 if failed else 0)
