#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""One world per cause: the cause and stage that must be named, what must prove it, and the
rules that must stay silent, on several builds.

usage: check_causes.py FLTSCOPE MKWORLD WORKDIR [WORLD]...

The rows stand in causes_*.py beside this file, one list `ROWS` each. A row is
    world, options ("by=files"), builds, cause, stage, confidence, and keys:
    state      of the verdict (default "stuck")
    filter     its name, when the world has more than one that is told about
    culprit    (kind, part of its name or address); None: there must be none
    evidence   fields that must be among the verdict's premises
    also       other rules that must fire
    severity   {rule: severity} of findings
    premises   {rule: fields} that its finding must rest on
    silent     rules that must not fire: their names, asserted one by one
    ledger     (kind, address, text of its account, like "3 = 2 open-file + 1 server-port")
    unchecked  rules that must be told as not checked
    gaps       what must be among the gaps
    unsaid     text that must stand nowhere in the document
    said       text that must stand in it
    format     of the dump (default "kernel")
    exact      True: the layout is given with --layout, so its offsets are trusted
cause None: no verdict names a cause.
"""
import importlib
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WORLDS = os.path.normpath(os.path.join(HERE, "..", "..", "fixtures", "worlds"))
LAYOUTS = os.path.normpath(os.path.join(HERE, "..", "..", "pdb-layouts"))
failed = 0


class Row:
    def __init__(self, world, options, builds, cause, stage, confidence, **more):
        self.world, self.options, self.builds = world, options, builds
        self.cause, self.stage, self.confidence = cause, stage, confidence
        self.more = more

    def get(self, key, default=None):
        return self.more.get(key, default)


def run(args):
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ask(tool, command, dump, *args):
    p = run([tool, command, dump, "--json"] + list(args))
    if p.returncode not in (0, 4):
        raise AssertionError("%s ends with %d: %s" % (command, p.returncode, p.stderr[-400:]))
    return json.loads(p.stdout)


def same(what, got, want):
    if got != want:
        raise AssertionError("%s is %r, not %r" % (what, got, want))


def verdict(doc, row):
    v = [x for x in doc["verdicts"] if row.get("filter") in (None, x["name"])]
    if row.cause is None:
        causes = [x["cause"]["id"] for x in v if x.get("cause")]
        same("causes", causes, [])
        return v[0] if v else None
    if not v:
        raise AssertionError("no verdict")
    v = v[0]
    same("cause", (v.get("cause") or {}).get("id"), row.cause)
    same("confidence", v["confidence"], row.confidence)
    same("state", v["state"], row.get("state", "stuck"))
    return v


def culprit(v, row):
    want = row.get("culprit")
    if "culprit" not in row.more:
        return
    got = v.get("culprit")
    if want is None:
        same("culprit", got, None)
        return
    if not got or got["kind"] != want[0] or want[1] not in str(got):
        raise AssertionError("culprit is %r, not %r" % (got, want))


def account(tool, dump, row):
    kind, address, want = row.get("ledger")
    l = ask(tool, kind, dump, address)[kind]["ledger"]
    parts = ["%d %s" % (e["count"], e["holder"]) for e in l["entries"]]
    if l["unexplained"]:
        parts.append("%d not explained" % l["unexplained"])
    same("account", "%s = %s" % (l["total"], " + ".join(parts)), want)


def check(tool, dump, row, build):
    more = []
    if row.get("exact"):
        more = ["--layout", os.path.join(LAYOUTS, "fltmgr", "%d-x64.layout" % build)]
    doc = ask(tool, "diagnose", dump, *more)
    v = verdict(doc, row)
    if v and row.stage:
        same("stage", v["stage"], row.stage)
    rules = {f["rule"]: f for f in doc["findings"]}
    if row.cause and row.cause not in rules:
        raise AssertionError("no finding of the cause")
    for r in row.get("also", ()):
        if r not in rules:
            raise AssertionError("%s does not fire" % r)
    for r in row.get("silent", ()):
        if r in rules:
            raise AssertionError("%s fires: %s" % (r, rules[r]["message"]))
    for r, s in row.get("severity", {}).items():
        same("severity of " + r, rules[r]["severity"], s)
    for r, fields in row.get("premises", {}).items():
        got = [e["field"] for e in rules[r]["evidence"]]
        for f in fields:
            if f not in got:
                raise AssertionError("%s rests on %s, not on %s" % (r, got, f))
    if v:
        culprit(v, row)
        fields = [e["field"] for e in v["because"]]
        for f in row.get("evidence", ()):
            if f not in fields:
                raise AssertionError("%s is no evidence; %s are" % (f, fields))
    unchecked = [n["rule"] for n in doc["not_checked"]]
    for r in row.get("unchecked", ()):
        if r not in unchecked:
            raise AssertionError("%s is not among the not checked %s" % (r, unchecked))
    gaps = [g["what"] for g in doc["gaps"]]
    for g in row.get("gaps", ()):
        if g not in gaps:
            raise AssertionError("%s is not among the gaps %s" % (g, gaps))
    if row.get("unsaid") and row.get("unsaid") in json.dumps(doc):
        raise AssertionError("it says %r" % row.get("unsaid"))
    if row.get("said") and row.get("said") not in json.dumps(doc):
        raise AssertionError("it does not say %r" % row.get("said"))
    if row.get("ledger"):
        account(tool, dump, row)


def one(tool, mkworld, work, row, build):
    global failed
    name = "%s %s on %s" % (row.world, " ".join(row.options), build)
    dump = os.path.join(work, "cause.dmp")
    args = [mkworld, os.path.join(WORLDS, row.world + ".world"), "-o", dump, "--format",
            row.get("format", "kernel"), "--nt", str(build), "--fltmgr", str(build)]
    for o in row.options:
        args += ["-D", o]
    p = run(args)
    try:
        if p.returncode:
            raise AssertionError(p.stderr)
        check(tool, dump, row, build)
        print("ok - causes: %s: %s" % (name, row.cause or "no cause"))
    except (AssertionError, KeyError) as e:
        failed += 1
        print("not ok - causes: %s: %s: %s" % (name, type(e).__name__, e))


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__.split("\n\n")[1])
    tool, mkworld, work = sys.argv[1:4]
    os.makedirs(work, exist_ok=True)
    sys.path.insert(0, HERE)
    for f in sorted(os.listdir(HERE)):
        if not (f.startswith("causes_") and f.endswith(".py")):
            continue
        for values in importlib.import_module(f[:-3]).ROWS:
            row = Row(*values[:6], **values[6])
            if len(sys.argv) > 4 and row.world not in sys.argv[4:]:
                continue
            for build in row.builds:
                one(tool, mkworld, work, row, build)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
