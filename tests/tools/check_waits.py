#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The causes that threads, locks and drivers tell, each in a world of its own: what must
be said of it, who waits, and which rules must stay silent; the look-alikes beside them.

usage: check_waits.py --tool FLTSCOPE --mkworld MKWORLD --work DIR [--sweep SWEEP] [NAME]...

The table is waits_cases.py; its expectations are those of the facts (the catalogue's
evidence, the worlds' own text), never what the tool printed. Each case is built for
each of its builds, read with `diagnose --json`, and compared. With --sweep, every page
of every case's first build is removed in turn, and of every world of check_causes.py: no
verdict may become another one, and none surer. Of worlds that damage another one
(spoil=, count=) none is swept, and each on one build.
"""
import argparse
import glob
import importlib
import json
import os
import re
import shutil
import subprocess
import sys

import waits_cases

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
IDS = {}


def rules(tool):
    run = subprocess.run([tool, "rules", "--json"], capture_output=True, check=True)
    for r in json.loads(run.stdout)["rules"]:
        IDS[r["id"]] = r["severity"]


class Wrong(Exception):
    pass


def same(what, have, want):
    if have != want:
        raise Wrong(f"{what}: have {have!r}, must be {want!r}")


def per_build(value, build):
    """One value for all builds, or {build: value, None: others}."""
    if isinstance(value, dict):
        return value.get(build, value.get(None))
    return value


def build_world(args, case, build):
    path = os.path.join(args.work, "cause.dmp")
    cmd = [args.mkworld, os.path.join(TOP, "fixtures/worlds", case["world"] + ".world"), "-o", path,
           "--format", "bitmap", "--nt", str(build), "--fltmgr", str(build)]
    for name, value in case.get("define", {}).items():
        cmd += ["-D", f"{name}={value}"]
    run = subprocess.run(cmd, capture_output=True, text=True, check=False)
    if run.returncode:
        raise Wrong("mkworld: " + run.stderr.strip())
    return path


def diagnose(tool, dump):
    run = subprocess.run([tool, "diagnose", "--json", dump], capture_output=True, check=False,
                         timeout=120)
    if run.returncode:
        raise Wrong(f"exit {run.returncode}: {run.stderr.decode(errors='replace')[:1500]}")
    return json.loads(run.stdout)


def check_verdict(name, have, want, build):
    cause = (have.get("cause") or {}).get("id")
    same(f"{name}: cause", cause, want.get("cause"))
    for key in ("stage", "state", "confidence"):
        if key in want:
            same(f"{name}: {key}", have.get(key), per_build(want[key], build))
    if "waiter" in want:
        same(f"{name}: waiter", (have.get("waiter") or {}).get("thread"),
             per_build(want["waiter"], build))
    for key in ("kind", "address", "thread"):
        if key in want.get("culprit", {}):
            same(f"{name}: culprit's {key}", (have.get("culprit") or {}).get(key),
                 per_build(want["culprit"][key], build))
    fields = {e.get("field"): e.get("value") for e in have["because"]}
    for field, value in want.get("fields", {}).items():
        if field not in fields:
            raise Wrong(f"{name}: no evidence {field}, have {sorted(fields)}")
        if value is not None:
            same(f"{name}: {field}", fields[field], value)
    for text in ("summary", "advice"):
        if not have.get(text):
            raise Wrong(f"{name}: no {text}")
    said = have["summary"] + " " + have["advice"]
    for text, there in [(t, True) for t in want.get("says", [])] + \
                       [(t, False) for t in want.get("unsaid", [])]:
        if (text in said) != there:
            raise Wrong(f"{name}: {text!r} is {'missing' if there else 'there'}: {said}")


def check(case, build, doc):
    verdicts = {v.get("name"): v for v in doc["verdicts"]}
    wanted = case.get("verdicts", {})
    same("verdicts about", sorted(verdicts), sorted(wanted))
    for name, want in wanted.items():
        check_verdict(name, verdicts[name], want, build)
    fired = {f["rule"] for f in doc["findings"]}
    for rule, text in case.get("messages", {}).items():
        if not any(text in f["message"] for f in doc["findings"] if f["rule"] == rule):
            raise Wrong(f"{rule} does not say {text!r}")
    for rule in case.get("fires", []):
        if rule not in fired:
            raise Wrong(f"{rule} is silent; fired: {sorted(fired)}")
    # by name: a rule that nobody speaks of is no rule that stays silent
    for rule in case["silent"]:
        if rule not in IDS:
            raise Wrong(f"there is no rule {rule}")
        if rule in fired:
            raise Wrong(f"{rule} must stay silent")
    loud = {r for r in fired if IDS[r] == "error"} - set(case.get("fires", []))
    if loud:
        raise Wrong(f"nobody expects {sorted(loud)}")
    for f in doc["findings"]:
        if not f.get("advice"):
            raise Wrong(f"{f['rule']} advises nothing")
    unchecked = {n["rule"] for n in doc["not_checked"]}
    for rule in case.get("not_checked", []):
        if rule not in unchecked:
            raise Wrong(f"{rule} is not told as not checked")
    same("cycles", len(doc["wait_for"]["cycles"]), case.get("cycles", 0))


ID = r'(?:n\d+)'
ATTRIBUTES = r'\[(?:\w+=(?:\w+|"(?:[^"\\]|\\.)*")(?:, )?)*\];'
NODE = re.compile(rf"\t({ID}) {ATTRIBUTES}")
EDGE = re.compile(rf"\t({ID}) -> ({ID}) {ATTRIBUTES}")


def draw(tool, dump, doc):
    """--dot: the DOT language's statements, and the same graph as wait_for has."""
    run = subprocess.run([tool, "diagnose", "--dot", dump], capture_output=True, check=False,
                         timeout=120)
    same("exit of --dot", run.returncode, 0)
    lines = run.stdout.decode().splitlines()
    same("first line", lines[0], "digraph wait_for {")
    same("last line", lines[-1], "}")
    nodes, edges = set(), []
    for line in lines[1:-1]:
        edge = EDGE.fullmatch(line)
        node = NODE.fullmatch(line)
        if edge:
            edges.append((int(edge.group(1)[1:]), int(edge.group(2)[1:])))
        elif node:
            nodes.add(int(node.group(1)[1:]))
        elif line not in ("\trankdir=LR;", '\tnode [fontname="monospace"];'):
            raise Wrong(f"--dot: no statement: {line!r}")
    graph = doc["wait_for"]
    same("nodes drawn", nodes, {n["id"] for n in graph["nodes"]})
    same("edges drawn", edges, [(e["from"], e["to"]) for e in graph["edges"]])
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tcanon"], input=run.stdout, stdout=subprocess.DEVNULL, check=True)


# Bytes of the fields that evidence cites; what is not here is no single word.
WORDS = {"KWAIT_BLOCK.Object": 8, "FilterUnloadLock.OwnerThread": 8, "ERESOURCE.OwnerThread": 8,
         "ERESOURCE waiters": 8, "ERESOURCE.ExclusiveWaiters": 8, "ERESOURCE.SharedWaiters": 8,
         "stack slot (scanned)": 8, "KTHREAD.StackLimit": 8, "KMUTANT.OwnerThread": 8,
         "FilterUnloadLock.NumberOfExclusiveWaiters": 4, "FilterUnloadLock.ActiveCount": 2}


def true_words(tool, dump, doc):
    """Evidence is what stands in the dump: dq at its address gives its value."""
    cited = {(e["address"], e["field"], e["value"]) for of, key in
             (("verdicts", "because"), ("findings", "evidence")) for x in doc[of]
             for e in x.get(key, []) if e.get("field") in WORDS and e["value"] != "not read"}
    for address, field, value in sorted(cited):
        run = subprocess.run([tool, "dq", "--json", dump, address, "L1"], capture_output=True,
                             check=True, timeout=120)
        word = int(json.loads(run.stdout)["values"][0], 0)
        same(f"{field} at {address}", hex(word & (1 << 8 * WORDS[field]) - 1),
             hex(int(value, 0)))


def status(tool, case, dump):
    for more, code in [([], case.get("exit", 1))] + case.get("checks", []):
        run = subprocess.run([tool, "check", dump] + more, capture_output=True, check=False,
                             timeout=120)
        same(" ".join(["exit of check"] + more), run.returncode, code)


def sweep(args, dump):
    run = subprocess.run([args.sweep, "pages", dump, dump + ".cut"], capture_output=True, text=True,
                         check=False, timeout=600)
    if run.returncode:
        raise Wrong("sweep: " + run.stdout.strip().replace("\n", "\n#   "))


def swept(path):
    """What --sweep goes through: the cases, then check_causes.py's rows that are no case."""
    seen = set()
    for c in waits_cases.CASES:
        if c.get("sweep", True):
            key = (c["world"], tuple(f"{k}={v}" for k, v in c.get("define", {}).items()))
            seen.add(key)
            yield c["name"], c, c["builds"][0]
    for f in sorted(glob.glob(os.path.join(path, "causes_*.py"))):
        for world, options, builds, *_, more in importlib.import_module(
                os.path.basename(f)[:-3]).ROWS:
            key = (world, tuple(options))
            if key in seen or "format" in more or any(
                    not o.startswith(("by=", "case=")) for o in options):
                continue
            seen.add(key)
            yield (" ".join((world,) + key[1]),
                   dict(world=world, define=dict(o.split("=", 1) for o in options)),
                   19041 if 19041 in builds else builds[0])


def sweep_all(args):
    failed = 0
    for name, case, build in swept(os.path.dirname(os.path.abspath(__file__))):
        if args.name and name not in args.name:
            continue
        try:
            sweep(args, build_world(args, case, build))
            print(f"ok - sweep of cause {name} {build}", flush=True)
        except (Wrong, OSError, subprocess.TimeoutExpired) as e:
            failed += 1
            print(f"not ok - sweep of cause {name} {build}\n#   {type(e).__name__}: {e}")
    return 1 if failed else 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--tool", required=True)
    p.add_argument("--mkworld", required=True)
    p.add_argument("--work", required=True)
    p.add_argument("--sweep")
    p.add_argument("name", nargs="*")
    args = p.parse_args()
    os.makedirs(args.work, exist_ok=True)
    if args.sweep:
        return sweep_all(args)
    rules(args.tool)
    failed = 0
    for case in waits_cases.CASES:
        if args.name and case["name"] not in args.name:
            continue
        for build in case["builds"]:
            label = f"cause {case['name']} {build}"
            try:
                dump = build_world(args, case, build)
                doc = diagnose(args.tool, dump)
                check(case, build, doc)
                true_words(args.tool, dump, doc)
                draw(args.tool, dump, doc)
                status(args.tool, case, dump)
                print("ok - " + label)
            except (Wrong, KeyError, OSError, subprocess.TimeoutExpired) as e:
                failed += 1
                print(f"not ok - {label}\n#   {type(e).__name__}: {e}")
    covered = {v.get("cause") for c in waits_cases.CASES for v in c.get("verdicts", {}).values()}
    covered |= {r for c in waits_cases.CASES for r in c.get("fires", [])}
    if not args.name:
        # unload-unfinished is check's own word for a driver that no rule explains
        missing = sorted(set(IDS) - covered - set(waits_cases.ELSEWHERE) - {"unload-unfinished"})
        if missing:
            failed += 1
            print("not ok - every rule has a case\n#   without one: " + ", ".join(missing))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
