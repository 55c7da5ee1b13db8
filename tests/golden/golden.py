#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run the golden cases: worlds in, what a user sees out.

golden.py --tool FLTSCOPE --mkworld MKWORLD --work DIR [NAME ...]

A case (cases/NAME.case) is a text file. Its comment header says where its truth
is from ("# truth: ..."): facts, transcripts, the text of the world; never what
the tool printed. Then `key: value` lines: world, build, format, define, mkworld,
run, exit. `build: 22000` is --nt and --fltmgr of mkworld; `define: A=B` is -D and
may stand several times (a build number of its own: `define: build=22621`);
`mkworld: --cut 0x100` is anything else. Then sections:

  --- whole       all lines of stdout but empty ones, with their indentation
  --- exact       these lines, with their indentation, in this order
  --- in order    these lines appear in stdout in this order, white space aside
  --- present     each of these is part of some line of stdout
  --- absent      none of these is part of any line of stdout
  --- text        each of these is part of stdout, line breaks and white space aside
  --- stderr      each of these is part of some line of stderr
  --- stderr lines  so many lines of stderr
  --- json        PATH = JSON value, PATH ~ substring, or PATH : absent;
                  PATH like verdicts[0].cause.id; [name=MyDrv] picks by key;
                  # gives a length
  --- run ARGS    what follows is about another command on the same dump
  --- exit N      of this command

`world`, `format` and `build` may list several values: the case runs for each
combination. DUMP in `run` stands for the dump's path.

Whatever a case says: stdout and stderr hold no control character and nothing
that turns or hides text, and what --json prints is one JSON document in ASCII.
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


# Characters that a terminal acts on, that turn text around or that cannot be seen.
UNFIT = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


class Block:
    """Commands, and what each of them must show."""

    def __init__(self, runs=()):
        self.runs = list(runs)
        self.exit = 0
        self.sections = []


def parse(path):
    case = {"keys": {}, "blocks": [Block()], "truth": False}
    lines = None
    with open(path, encoding="utf-8") as f:
        for raw in f:
            line = raw.rstrip("\n")
            block = case["blocks"][-1]
            if lines is None and line.startswith("#"):
                case["truth"] |= "truth:" in line
            elif line.startswith("--- run "):
                if block.sections:
                    block = Block()
                    case["blocks"].append(block)
                block.runs.append(line[8:].strip())
                lines = []
            elif line.startswith("--- exit "):
                block.exit = int(line[9:])
                lines = []
            elif line.startswith("--- "):
                lines = []
                block.sections.append((line[4:].strip(), lines))
            elif lines is not None:
                if line.strip() and not line.startswith("# "):
                    lines.append(line)
            elif line.strip():
                key, value = line.split(":", 1)
                case["keys"].setdefault(key.strip(), []).append(value.strip())
    first = case["blocks"][0]
    first.runs[:0] = case["keys"].get("run", [])
    first.exit = int(case["keys"].get("exit", [first.exit])[0])
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


def in_order(wanted, have):
    i = 0
    for want in wanted:
        try:
            i = have.index(want, i) + 1
        except ValueError:
            return "missing (or out of order): " + want
    return None


def check_whole(wanted, have):
    for i, want in enumerate(wanted):
        if i >= len(have) or have[i] != want:
            return "line %d: expected %r, have %r" % (i + 1, want, have[i:i + 1])
    return "more than expected: " + have[len(wanted)] if len(have) > len(wanted) else None


def check_section(kind, lines, out, err):
    printed = [l.rstrip() for l in out.splitlines() if l.strip()]
    have = [squeeze(l) for l in printed]
    told = [squeeze(l) for l in err.splitlines()]
    if kind == "whole":
        return check_whole([l.rstrip() for l in lines], printed)
    if kind == "exact":
        return in_order([l.rstrip() for l in lines], printed)
    if kind == "in order":
        return in_order([squeeze(l) for l in lines], have)
    if kind == "json":
        return check_json(json.loads(out), lines)
    if kind == "stderr lines":
        return None if len(told) == int(lines[0]) else "stderr has %d lines" % len(told)
    for want in (squeeze(l) for l in lines):
        if kind == "absent":
            if any(want in l for l in have):
                return "must not appear: " + want
        elif kind in ("present", "stderr"):
            if not any(want in l for l in (have if kind == "present" else told)):
                return "%s has no line with: %s" % (kind, want)
        elif kind == "text":
            if want not in squeeze(out):
                return "nowhere in the text: " + want
        else:
            return "unknown section: " + kind
    return None


class Runner:
    def __init__(self, args):
        self.args = args
        self.failed = 0
        os.makedirs(args.work, exist_ok=True)

    def dump(self, keys, world, fmt, build):
        path = os.path.join(self.args.work, "golden-%d.%s" % (os.getpid(),
                                                                "vmem" if fmt == "vmem" else "dmp"))
        cmd = [self.args.mkworld, os.path.join(TOP, "fixtures/worlds", world + ".world"),
               "-o", path, "--format", fmt]
        if build:
            cmd += ["--nt", build, "--fltmgr", build]
        for d in keys.get("define", []):
            cmd += ["-D", d]
        for more in keys.get("mkworld", []):
            cmd += shlex.split(more)
        r = subprocess.run(cmd, capture_output=True, text=True, check=False)
        if r.returncode:
            raise RuntimeError("mkworld: " + r.stderr.strip())
        return path

    def command(self, dump, run, block):
        argv = [dump if w == "DUMP" else w for w in shlex.split(run)]
        r = subprocess.run([self.args.tool] + argv, capture_output=True, check=False,
                           env=dict(os.environ, NO_COLOR="1"), timeout=120)
        out = r.stdout.decode("utf-8", "strict")
        err = r.stderr.decode("utf-8", "strict")
        if r.returncode != block.exit:
            return "exit %d, expected %d; stderr: %s" % (r.returncode, block.exit, err[:2000])
        bad = UNFIT.search(out) or UNFIT.search(err)
        if bad:
            return "a character that is no text: U+%04X" % ord(bad.group())
        if "--json" in argv and out:
            json.loads(out.encode("ascii"))
        for kind, lines in block.sections:
            bad = check_section(kind, lines, out, err)
            if bad:
                return bad
        return None

    def one(self, case, world, fmt, build):
        dump = self.dump(case["keys"], world, fmt, build)
        for block in case["blocks"]:
            for run in block.runs:
                bad = self.command(dump, run, block)
                if bad:
                    return "%s: %s" % (run, bad)
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
    dump = os.path.join(args.work, "golden-%d.dmp" % os.getpid())
    if os.path.exists(dump):
        os.remove(dump)
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
