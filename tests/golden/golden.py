#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run the golden cases: worlds in, what a user sees out.

golden.py --tool FLTSCOPE --mkworld MKWORLD --work DIR [NAME ...]

A case (cases/NAME.case) is a text file. Its comment header says where its truth
is from. Then `key: value` lines (world, build, format, define, layout, run,
exit) and sections:

  --- in order    these lines appear in stdout in this order, white space aside
  --- present     each of these is part of some line of stdout
  --- absent      none of these is part of any line of stdout
  --- stderr      each of these is part of some line of stderr
  --- json        PATH = JSON value, or PATH ~ substring, or PATH : absent;
                  PATH like verdicts[0].cause.id; [name=MyDrv] picks by key;
                  # gives a length

`world`, `format` and `build` may list several values: the case runs for each
combination. DUMP in `run` stands for the dump's path.
"""
import argparse
import itertools
import json
import os
import re
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))


def squeeze(s):
    return " ".join(s.split())


def parse(path):
    case = {"keys": {}, "sections": [], "truth": False}
    section = None
    with open(path, encoding="utf-8") as f:
        for raw in f:
            line = raw.rstrip("\n")
            if section is None and line.startswith("#"):
                case["truth"] |= "truth:" in line
            elif line.startswith("--- "):
                section = (line[4:].strip(), [])
                case["sections"].append(section)
            elif section is not None:
                if line.strip() and not line.startswith("# "):
                    section[1].append(line)
            elif line.strip():
                key, value = line.split(":", 1)
                case["keys"].setdefault(key.strip(), []).append(value.strip())
    return case


def lookup(doc, path):
    for part in re.findall(r"[^.\[\]]+|\[[^\]]*\]", path):
        if part.startswith("["):
            inner = part[1:-1]
            if "=" in inner:
                key, value = inner.split("=", 1)
                hits = [x for x in doc if str(x.get(key)) == value]
                if len(hits) != 1:
                    raise KeyError("%d entries with %s" % (len(hits), inner))
                doc = hits[0]
            else:
                doc = doc[int(inner)]
        elif part == "#":
            doc = len(doc)
        else:
            doc = doc[part]
    return doc


def check_json(doc, lines):
    for line in lines:
        m = re.match(r"(\S+)\s+([=~:])\s+(.*)$", line.strip())
        if not m:
            return "bad json expectation: " + line
        path, op, want = m.groups()
        try:
            have = lookup(doc, path)
        except (KeyError, IndexError, TypeError) as e:
            if op == ":" and want == "absent":
                continue
            return "%s: not there (%s)" % (path, e)
        if op == ":":
            return "%s: is there: %r" % (path, have)
        if op == "=" and have != json.loads(want):
            return "%s: expected %s, have %s" % (path, want, json.dumps(have))
        if op == "~" and want not in str(have):
            return "%s: expected to contain %r, have %r" % (path, want, have)
    return None


def check_section(kind, lines, out, err):
    have = [squeeze(l) for l in out.splitlines()]
    if kind == "in order":
        i = 0
        for want in (squeeze(l) for l in lines):
            try:
                i = have.index(want, i) + 1
            except ValueError:
                return "missing (or out of order): " + want
    elif kind in ("present", "stderr"):
        where = have if kind == "present" else [squeeze(l) for l in err.splitlines()]
        for want in (squeeze(l) for l in lines):
            if not any(want in l for l in where):
                return "%s has no line with: %s" % (kind, want)
    elif kind == "absent":
        for want in (squeeze(l) for l in lines):
            if any(want in l for l in have):
                return "must not appear: " + want
    elif kind == "json":
        return check_json(json.loads(out), lines)
    else:
        return "unknown section: " + kind
    return None


class Runner:
    def __init__(self, args):
        self.args = args
        self.failed = 0
        os.makedirs(args.work, exist_ok=True)

    def dump(self, world, fmt, build, defines, layouts):
        tag = "-".join([world, fmt] + ([build] if build else []) + defines +
                       [os.path.basename(l) for l in layouts])
        path = os.path.join(self.args.work, re.sub(r"[^\w.=-]", "_", tag) + ".dmp")
        cmd = [self.args.mkworld, os.path.join(TOP, "fixtures/worlds", world + ".world"),
               "-o", path, "--format", fmt]
        if build:
            cmd += ["--nt", "nt/%s.layout" % build, "--fltmgr", "fltmgr/%s.layout" % build]
        for d in defines:
            cmd += ["-D", d]
        for l in layouts:
            cmd += ["--layout", os.path.join(TOP, l)]
        r = subprocess.run(cmd, capture_output=True, text=True, check=False)
        if r.returncode:
            raise RuntimeError("mkworld: " + r.stderr.strip())
        return path

    def one(self, case, world, fmt, build):
        keys = case["keys"]
        dump = self.dump(world, fmt, build, keys.get("define", []), keys.get("layout", []))
        for run in keys["run"]:
            argv = [dump if w == "DUMP" else w for w in shlex.split(run)]
            r = subprocess.run([self.args.tool] + argv, capture_output=True, check=False,
                               env=dict(os.environ, NO_COLOR="1"), timeout=120)
            out = r.stdout.decode("utf-8", "strict")
            err = r.stderr.decode("utf-8", "strict")
            want = int(keys.get("exit", ["0"])[0])
            if r.returncode != want:
                return "exit %d, expected %d; stderr: %s" % (r.returncode, want, err[:2000])
            for kind, lines in case["sections"]:
                bad = check_section(kind, lines, out, err)
                if bad:
                    return bad
        return None

    def case(self, name):
        case = parse(os.path.join(HERE, "cases", name + ".case"))
        if not case["truth"]:
            self.report(name, "its header does not say where its truth is from")
            return
        keys = case["keys"]
        for world, fmt, build in itertools.product(
                keys["world"][0].split(), keys.get("format", ["bitmap"])[0].split(),
                keys.get("build", [""])[0].split() or [""]):
            label = " ".join(x for x in (name, world, fmt, build) if x)
            try:
                self.report(label, self.one(case, world, fmt, build))
            except (RuntimeError, ValueError, OSError, subprocess.TimeoutExpired) as e:
                self.report(label, str(e))

    def report(self, label, problem):
        if problem:
            self.failed += 1
            print("not ok - golden %s\n#   %s" % (label, problem))
        else:
            print("ok - golden " + label)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--tool", required=True)
    p.add_argument("--mkworld", required=True)
    p.add_argument("--work", required=True)
    p.add_argument("name", nargs="*")
    args = p.parse_args()
    names = args.name or sorted(f[:-5] for f in os.listdir(os.path.join(HERE, "cases"))
                                if f.endswith(".case"))
    runner = Runner(args)
    for name in names:
        runner.case(name)
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
