#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`fltscope check`: exit status, the same findings in every format, what --driver,
--rule, --fail-on and --ignore do.

check_ci.py --tool FLTSCOPE --mkworld MKWORLD --work DIR

Expectations are the worlds' own comments. JSON is read by Python and jq, XML by
Python and xmllint; JUnit is held against the elements and attributes of Jenkins'
junit-10.xsd, SARIF against the required properties, enumerations and types of the
2.1.0 schema (OASIS), both written down here from their text.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FORMATS = ("text", "json", "ndjson", "junit", "sarif")
CROSS, ZOMBIE, CORRUPT = "driver-object-crosslink", "zombie-leftover", "corrupt-list"
OPEN = "unload-unfinished"
TWO_FRAMES = ("legacy-filter-between", "note")  # these worlds filter a volume in two frames
FAILED = 0

# world: build's format, exit status, findings (rule, severity) that are there
WORLDS = {
    "seed004": ("kernel", 1, {(CROSS, "error"), (ZOMBIE, "warning"), TWO_FRAMES}),
    "healthy": ("bitmap", 0, {TWO_FRAMES}),
    "zombie": ("bitmap", 0, {(ZOMBIE, "warning"), TWO_FRAMES}),
    # 19041: the walk goes on, a warning; but the unload that was asked for is not done
    "crosslink": ("bitmap", 4, {(CROSS, "warning"), (ZOMBIE, "warning"), TWO_FRAMES}),
    "queued": ("bitmap", 4, {TWO_FRAMES}),
    "stage": ("bitmap", 1, None),  # whatever rule explains it: an error about Stuck
    "nofltmgr": ("bitmap", 4, set()),
    "damaged-backlink": ("bitmap", 1, {(CORRUPT, "error"), TWO_FRAMES}),
    "damaged-loop": ("bitmap", 1, {(CORRUPT, "error"), TWO_FRAMES}),
    "damaged-count": ("bitmap", 1, {(CORRUPT, "error"), TWO_FRAMES}),
    "damaged-wild": ("bitmap", 1, {(CORRUPT, "error"), TWO_FRAMES}),
    "damaged-missing": ("bitmap", 4, {TWO_FRAMES}),
    "damaged-unmapped": ("bitmap", 4, {TWO_FRAMES}),
    "damaged-table": ("bitmap", 4, {TWO_FRAMES}),
}


def report(name, problem=None):
    global FAILED
    FAILED += problem is not None
    print("ok - check: " + name if problem is None else
          "not ok - check: %s\n#   %s" % (name, str(problem).replace("\n", "\n#   ")))


class Wrong(Exception):
    pass


def want(what, have, wanted):
    if have != wanted:
        raise Wrong("%s: %r, wanted %r" % (what, have, wanted))


def need(what, truth):
    if not truth:
        raise Wrong(what)


class Tool:
    def __init__(self, path, work):
        self.path, self.work = path, work

    def run(self, *args):
        r = subprocess.run([self.path, "check"] + list(args), capture_output=True, cwd=self.work,
                           timeout=120, check=False)
        need("sanitizer: " + r.stderr.decode("utf-8", "replace")[-800:],
             b"Sanitizer" not in r.stderr and b"runtime error" not in r.stderr)
        return r

    def status(self, wanted, *args):
        r = self.run(*args)
        if r.returncode != wanted:
            raise Wrong("%s: exit %d, wanted %d\n%s%s" % (
                " ".join(args), r.returncode, wanted, r.stdout.decode("utf-8", "replace")[-600:],
                r.stderr.decode("utf-8", "replace")[-600:]))
        return r

    def document(self, wanted, *args):
        return json.loads(self.status(wanted, "--json", *args).stdout)


# --- what each format says: {(path, kind, rule, fate, address)} -------------------------

def of_json_dump(d):
    out = set()
    for kind in ("findings", "undecided"):
        for f in d[kind] if kind in d else []:
            fate = "ignored" if "ignored" in f else "counts" if f["counts"] else "told"
            out.add((d["path"], kind, f["rule"], fate, (f.get("subject") or {}).get("address")))
    return out


def of_json(data):
    doc = json.loads(data)
    want("schema", doc["schema"], "fltscope.check/1")
    return set().union(*[of_json_dump(d) for d in doc["dumps"]]), \
        {d["path"]: d["status"] for d in doc["dumps"]}


def of_ndjson(data):
    docs = [json.loads(x) for x in data.decode("ascii").split("\n")[:-1]]
    need("the last line ends", data.endswith(b"\n"))
    for d in docs:
        want("schema", d["schema"], "fltscope.check/1")
    return set().union(*[of_json_dump(d) for d in docs]), {d["path"]: d["status"] for d in docs}


def of_junit(data):
    out, statuses = set(), {}
    for suite in ET.fromstring(data).findall("testsuite"):
        path, failed, error, unreadable = suite.get("name"), False, False, False
        for case in suite.findall("testcase"):
            rule, name = case.get("classname"), case.get("name")
            parts = {c.tag for c in case}
            failed |= "failure" in parts
            error |= "error" in parts
            if rule == "dump":
                unreadable |= "error" in parts and case.find("error").get("type") == "unreadable"
                continue
            text = "".join((c.text or "") for c in case)
            if "Severity: " not in text:
                continue  # a rule with nothing to say
            at = re.search(r"0x[0-9a-f]+$", name)
            opened = ("error" in parts or ("skipped" in parts and "Confidence: " not in text) or
                      "State: unknown" in text and rule == OPEN)
            ignored = "\nIgnored: " in text
            fate = ("ignored" if ignored else
                    "counts" if "failure" in parts or "error" in parts else "told")
            out.add((path, "undecided" if opened else "findings", rule, fate,
                     at.group(0) if at else None))
        statuses[path] = 3 if unreadable else 1 if failed else 4 if error else 0
    return out, statuses


def of_sarif(data):
    run = json.loads(data)["runs"][0]
    out = set()
    for r in run["results"]:
        loc = r["locations"][0]
        where = [x for x in loc["logicalLocations"] if x["properties"]["kind"] != "driver"]
        fate = ("ignored" if r["suppressions"] else
                "counts" if r["properties"]["counts"] else "told")
        out.add((loc["physicalLocation"]["artifactLocation"]["uri"],
                 "undecided" if r["kind"] == "open" else "findings", r["ruleId"], fate,
                 where[0]["properties"].get("address") if where else None))
    seen = {(x[0], x[2]) for x in out}
    for n in run["invocations"][0]["toolExecutionNotifications"]:
        rule = (n.get("associatedRule") or {}).get("id")
        if not rule or "locations" not in n:
            continue
        path = n["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        if (path, rule) not in seen:
            out.add((path, "undecided", rule, "counts" if n["level"] == "error" else "told", None))
    return out, None


def of_text(data):
    """Findings only by rule and address: text groups what is open."""
    out, path, statuses = set(), None, {}
    for line in data.decode("utf-8").split("\n"):
        head = re.match(r"^(\S.*?): (clean|undecided|unreadable|\d+ findings? at)", line)
        if head:
            path = head.group(1)
            statuses[path] = {"clean": 0, "undecided": 4, "unreadable": 3}.get(head.group(2), 1)
        m = re.match(r"^   (ignored: )?(error|warning|note): (\S+)  .*?(0x[0-9a-f]+)", line)
        if m:
            out.add((path, "findings", m.group(3), bool(m.group(1)), m.group(4)))
    return out, statuses


READ = {"json": of_json, "ndjson": of_ndjson, "junit": of_junit, "sarif": of_sarif}


# --- structure ---------------------------------------------------------------------------

JUNIT = {  # junit-10.xsd: element -> (children, attributes, required attributes)
    "testsuites": ({"testsuite"}, {"name", "time", "tests", "failures", "disabled", "errors"},
                   set()),
    "testsuite": ({"properties", "testcase", "system-out", "system-err"},
                  {"name", "tests", "failures", "errors", "time", "disabled", "skipped",
                   "timestamp", "hostname", "id", "package", "file", "log", "url", "version",
                   "group"}, {"name"}),
    "properties": ({"property"}, set(), set()),
    "property": (set(), {"name", "value"}, {"name", "value"}),
    "testcase": ({"skipped", "error", "failure", "system-out", "system-err"},
                 {"name", "time", "classname", "group", "assertions", "status", "class", "file",
                  "line", "log", "url", "version"}, {"name"}),
    "error": (set(), {"type", "message"}, set()), "failure": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()), "system-out": (set(), set(), set()),
}


def junit_shape(data):
    def visit(e):
        children, attributes, required = JUNIT[e.tag]
        need("<%s> has %s" % (e.tag, set(e.attrib) - attributes), set(e.attrib) <= attributes)
        need("<%s> lacks %s" % (e.tag, required - set(e.attrib)), required <= set(e.attrib))
        for c in e:
            need("<%s> in <%s>" % (c.tag, e.tag), c.tag in children)
            visit(c)
    root = ET.fromstring(data)
    want("root", root.tag, "testsuites")
    visit(root)
    for suite in root:
        cases = suite.findall("testcase")
        want("tests of " + suite.get("name"), int(suite.get("tests")), len(cases))
        for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            want(key + " of " + suite.get("name"), int(suite.get(key)),
                 sum(c.find(tag) is not None for c in cases))
        names = [(c.get("classname"), c.get("name")) for c in cases]
        want("testcases named twice in " + suite.get("name"), len(set(names)), len(names))
    r = subprocess.run(["xmllint", "--noout", "-"], input=data, capture_output=True, check=False)
    want("xmllint", (r.returncode, r.stderr), (0, b""))


def text_of(what, o):
    need(what + " is a message", isinstance(o, dict) and isinstance(o.get("text"), str) and
         o["text"])


def location_shape(what, loc):
    uri = loc["physicalLocation"]["artifactLocation"]["uri"]
    need(what + ": uri " + uri, re.fullmatch(r"(file://)?[A-Za-z0-9._~/%-]+", uri))
    for x in loc.get("logicalLocations", []):
        need(what + ": logicalLocation", isinstance(x["name"], str) and isinstance(x["kind"], str))


def sarif_shape(data):
    doc = json.loads(data)
    want("version", doc["version"], "2.1.0")
    need("$schema", doc["$schema"].startswith("https://"))
    need("nothing else at the root", set(doc) <= {"$schema", "version", "runs", "properties"})
    need("runs", isinstance(doc["runs"], list))
    for run in doc["runs"]:
        driver = run["tool"]["driver"]
        need("driver.name", driver["name"] == "fltscope" and driver["version"])
        need("no informationUri that leads nowhere", "informationUri" not in driver)
        ids = [r["id"] for r in driver["rules"]]
        want("rule ids", len(set(ids)), len(ids))
        for r in driver["rules"]:
            for key in ("shortDescription", "fullDescription", "help"):
                text_of(r["id"] + "." + key, r[key])
            need("level", r["defaultConfiguration"]["level"] in ("none", "note", "warning",
                                                                 "error"))
        for r in run["results"]:
            text_of("result.message", r["message"])
            need("level", r["level"] in ("none", "note", "warning", "error"))
            need("kind", r["kind"] in ("pass", "open", "informational", "notApplicable", "review",
                                       "fail"))
            need("a level needs kind fail (3.27.10)", r["kind"] == "fail" or r["level"] == "none")
            need("ruleIndex", "ruleIndex" not in r or ids[r["ruleIndex"]] == r["ruleId"])
            for loc in r["locations"]:
                location_shape(r["ruleId"], loc)
            for s in r["suppressions"]:
                need("suppression", s["kind"] in ("inSource", "external") and s["justification"] and
                     s["status"] in ("accepted", "underReview", "rejected"))
        for i in run["invocations"]:
            need("executionSuccessful", isinstance(i["executionSuccessful"], bool))
            need("exitCode", isinstance(i["exitCode"], int))
            for n in i["toolExecutionNotifications"]:
                text_of("notification", n["message"])
                need("level", n["level"] in ("none", "note", "warning", "error"))
                for loc in n.get("locations", []):
                    location_shape("notification", loc)


READER = """
import sys
from junitparser import JUnitXml
for s in JUnitXml.fromfile(sys.argv[1]):
    cases = list(s)
    print(s.tests == len(cases), s.failures, s.errors, s.skipped, s.name)
"""


def readers(t):
    """A JUnit reader that is not ours (Debian: python3-junitparser)."""
    paths = ["seed004.dmp", "healthy.dmp", "nofltmgr.dmp", "text.dmp", "hostile-stuck.dmp"]
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            r = subprocess.run([python, "-c", "import junitparser"], capture_output=True,
                               check=False)
        except OSError:
            continue
        if r.returncode == 0:
            break
    else:
        print("skip - check: no junitparser for Python is here")
        return

    def case():
        with open(os.path.join(t.work, "reader.xml"), "wb") as f:
            f.write(t.status(3, "--format", "junit", "--rule", CROSS, "--rule", ZOMBIE,
                             "--rule", OPEN, *paths).stdout)
        r = subprocess.run([python, "-c", READER, os.path.join(t.work, "reader.xml")],
                           capture_output=True, text=True, check=False)
        need(r.stderr, r.returncode == 0)
        rows = [x.split(" ", 4) for x in r.stdout.splitlines()]
        want("suites", [x[4] for x in rows], paths)
        need("tests are counted", all(x[0] == "True" for x in rows))
        want("failures, errors, skipped", [tuple(map(int, x[1:4])) for x in rows[:4]],
             [(1, 0, 0), (0, 0, 0), (0, 1, 3), (0, 1, 0)])
    yield "another JUnit reader counts the same", case


def jq(data, program):
    r = subprocess.run(["jq", "-c", program], input=data, capture_output=True, check=False)
    need("jq: " + r.stderr.decode(), r.returncode == 0)
    return r.stdout.decode().split()


def quiet(data):
    bad = [c for c in data if c < 0x20 and c not in (9, 10)]
    need("control characters %r" % bad[:5], not bad)


# --- the cases -------------------------------------------------------------------------------

def statuses(t):
    for world, (_, status, findings) in WORLDS.items():
        def case():
            d = t.document(status, world + ".dmp")
            want("status", (d["status"], d["dumps"][0]["status"]), (status, status))
            have = {(f["rule"], f["severity"]) for f in d["dumps"][0].get("findings", [])}
            if findings is None:
                need("an error about Stuck", any(
                    "Stuck" in str(f.get("subject")) and f["severity"] == "error" and f["counts"]
                    for f in d["dumps"][0]["findings"]))
            else:
                want("findings", have, findings)
            need("a reason", status != 4 or d["dumps"][0].get("problem") or
                 any(u["counts"] for u in d["dumps"][0]["undecided"]))
        yield "%s gives %d" % (world, status), case


def formats(t):
    paths = [w + ".dmp" for w in WORLDS] + ["text.dmp", "hostile-names.dmp", "hostile-stuck.dmp"]
    for extra in ([], ["--fail-on", "note", "--ignore", "some.ignore"],
                  ["--driver", "MyDrv"], ["--rule", ZOMBIE, "--fail-on", "warning"]):
        def case():
            data = {f: t.status(3, "--format", f, *extra, *paths).stdout for f in FORMATS}
            for d in data.values():
                quiet(d)
            junit_shape(data["junit"])
            sarif_shape(data["sarif"])
            truth, status = of_json(data["json"])
            want("all dumps told", set(status), set(paths))
            for f in ("ndjson", "junit", "sarif"):
                have, own = READ[f](data[f])
                want("%s lacks / adds" % f, (truth - have, have - truth), (set(), set()))
                if own is not None:
                    want("statuses of " + f, own, status)
            have, own = of_text(data["text"])
            want("text", have, {x[:3] + (x[3] == "ignored", x[4]) for x in truth
                                if x[1] == "findings"})
            want("statuses of text", own, status)
            want("jq", [int(x) for x in jq(data["ndjson"], ".status")],
                 [status[p] for p in paths])
            want("jq of sarif", jq(data["sarif"], ".runs[0].invocations[0].exitCode"), ["3"])
            # each dump alone has the status that it has among the others
            want("jq of json", jq(data["json"], ".status"), ["3"])
        yield "the same findings in every format " + " ".join(extra), case


def precedence(t):
    order = [("text.dmp", 3), ("seed004.dmp", 1), ("nofltmgr.dmp", 4), ("healthy.dmp", 0)]

    def case():
        for i, (worse, status) in enumerate(order):
            for other, _ in order[i:]:
                t.status(status, worse, other)
                t.status(status, other, worse)
        t.status(3, "no-such-file.dmp", "healthy.dmp")
    yield "of many dumps 3 wins, then 1, then 4, then 0", case


def levels(t):
    def case():
        t.status(0, "zombie.dmp")
        t.status(1, "zombie.dmp", "--fail-on", "warning")
        t.status(1, "zombie.dmp", "--fail-on=note")
        t.status(0, "healthy.dmp", "--fail-on", "warning")
        t.status(1, "healthy.dmp", "--fail-on", "note")
        t.status(0, "healthy.dmp", "--fail-on", "note", "--rule", CORRUPT)
        t.status(2, "zombie.dmp", "--fail-on", "fatal")
        t.status(2, "zombie.dmp", "--format", "html")
        t.status(2, "zombie.dmp", "--json", "--format", "sarif")
        t.status(2)
    yield "--fail-on and usage", case


def rules(t):
    def case():
        t.status(1, "seed004.dmp", "--rule", CROSS)
        t.status(0, "seed004.dmp", "--rule", CORRUPT)
        t.status(0, "seed004.dmp", "--rule", ZOMBIE)
        t.status(1, "seed004.dmp", "--rule", ZOMBIE, "--rule", CROSS)
        # asked for and not checked: the DriverObject of one filter was not read
        t.status(4, "damaged-missing.dmp", "--rule", CROSS)
        t.status(0, "stage.dmp", "--rule", CROSS)
        # no thread is in this dump: a rule that looks at threads is not answered
        t.status(4, "healthy.dmp", "--rule", "lock-cycle")
        t.status(4, "healthy.dmp", "--rule", "driver-thread-running")
        r = t.status(2, "seed004.dmp", "--rule", "no-such-rule")
        need("it is named", b"no-such-rule" in r.stderr)
        need("nothing on stdout", not r.stdout)
    yield "--rule narrows the question", case


def drivers(t):
    def kinds(doc):
        return {(m["kind"], m["name"].lower()) for m in doc["dumps"][0]["matches"]}

    def case():
        d = t.document(1, "seed004.dmp", "--driver", "MyDrv")
        need("says which", ("filter", "mydrv") in kinds(d))
        need("and what else", ("driver-object", "\\driver\\mydrv") in kinds(d))
        t.status(1, "seed004.dmp", "--driver", "mydrv.sys")
        t.status(1, "seed004.dmp", "--driver", "\\Driver\\MyDrv")
        # 19041: the walk goes on: stuck is nobody, but another driver asked for is fine
        t.status(0, "stage.dmp", "--driver", "AvShield")
        t.status(1, "stage.dmp", "--driver", "Stuck")
        t.status(0, "queued.dmp", "--driver", "AvShield")
        t.status(4, "queued.dmp", "--driver", "StopMe")
    yield "--driver matches filter, driver object and image", case

    def unloaded():
        d = t.document(0, "unloaded.dmp", "--driver", "Gone")
        want("matched", {m["kind"] for m in d["dumps"][0]["matches"]}, {"unloaded-image"})
        need("it says so", "was unloaded" in d["dumps"][0]["looked_at"])
        # look-alikes: never seen; unloaded, but its filter is still there
        d = t.document(4, "healthy.dmp", "--driver", "Gone")
        need("never seen", "never seen" in d["dumps"][0]["problem"])
        t.status(1, "zombie.dmp", "--driver", "Gone", "--fail-on", "warning")
        # with a list broken off its filter may be where nobody looked
        t.status(4, "unloaded-damaged.dmp", "--driver", "Gone")
    yield "--driver: unloaded is shown, never seen is not decided", unloaded

    def loaded():
        said = t.status(4, "loaded.dmp", "--driver", "Idle").stdout.decode()
        need("it has no filter", "is loaded and has no filter" in " ".join(said.split()))
        # look-alike: a filter was not reached, and may be its own
        said = t.status(4, "loaded-damaged.dmp", "--driver", "Idle").stdout.decode()
        need("not what was not reached", "has no filter" not in " ".join(said.split()))
    yield "--driver: loaded and without a filter, or with one that was not reached", loaded


def ignored(t):
    def write(text):
        with open(os.path.join(t.work, "case.ignore"), "w", encoding="utf-8") as f:
            f.write(text)
        return "--ignore", "case.ignore"

    def case():
        for line in (CROSS + " # known\n", CROSS + " * # known\n", CROSS + " SomeDrv # known\n",
                     "# comment\n\n  " + CROSS + "\tSomeDrv.sys   # known\r\n"):
            d = t.document(0, "seed004.dmp", *write(line))
            have = {f["rule"]: f.get("ignored") for f in d["dumps"][0]["findings"]}
            want("shown as ignored", have[CROSS], {"reason": "known"})
            want("the other is not", have[ZOMBIE], None)
            want("unused", d["unused_ignores"], [])
        d = t.document(1, "seed004.dmp", *write(CROSS + " Other # not this one\n"))
        want("unused", [(u["line"], u["rule"], u["subject"]) for u in d["unused_ignores"]],
             [(1, CROSS, "Other")])
        r = t.run("seed004.dmp", "--ignore", "case.ignore")
        need("told on stderr", b"line 1 (" + CROSS.encode() + b" Other) was not needed" in r.stderr)
        # an open question can be lived with, too
        t.status(4, "damaged-missing.dmp", *write(CROSS + " # one page is missing\n"))
    yield "--ignore with reasons", case

    def bad():
        for text, line in ((CROSS + "\n", 1), ("\n" + CROSS + " SomeDrv\n", 2),
                           (CROSS + " #\n", 1), (CROSS + " SomeDrv #   \n", 1),
                           ("\n\nnope # reason\n", 3), (CROSS + " Some#Drv\n", 1)):
            r = t.status(2, "seed004.dmp", *write(text))
            need("line %d is named: %r" % (line, r.stderr), b"line %d:" % line in r.stderr)
            need("nothing on stdout", not r.stdout)
        t.status(2, "seed004.dmp", "--ignore", "no-such-file")
    yield "--ignore without a reason is an error with its line", bad


def hostile(t):
    def case():
        d = t.document(1, "hostile-stuck.dmp")
        names = {f["subject"].get("name") for f in d["dumps"][0]["findings"]}
        need("JSON says the name whole", "S\x1b[31m&<]]>\"\x07\u202e\ufffe\ufffdx" in names)
        junit = t.status(1, "--format", "junit", "hostile-stuck.dmp").stdout
        visible = "S\\x1b[31m&<]]>\"\\x07\\u{202e}\\u{fffe}\ufffdx"
        cases = ET.fromstring(junit).iter("testcase")
        need("XML says it visibly", any(visible in c.get("name") for c in cases))
    yield "hostile names", case


def bad_output(t):
    def case():
        with open("/dev/full", "wb") as full:
            for f in FORMATS:
                r = subprocess.run([t.path, "check", "--format", f, "healthy.dmp"], stdout=full,
                                   stderr=subprocess.PIPE, cwd=t.work, check=False)
                want("exit of " + f, r.returncode, 2)
                need("a word", b"cannot write" in r.stderr)
    if os.path.exists("/dev/full"):
        yield "an answer that cannot be written is no pass", case


def make(mkworld, work):
    def build(world, name, fmt):
        subprocess.run([mkworld, world, "-o", os.path.join(work, name + ".dmp"), "--format", fmt],
                       check=True)

    def invent(name, text):
        path = os.path.join(work, name + ".world")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        build(path, name, "bitmap")

    worlds = os.path.join(TOP, "fixtures/worlds")
    for world, (fmt, _, _) in WORLDS.items():
        build(os.path.join(worlds, world + ".world"), world, fmt)
    build(os.path.join(worlds, "hostile-names.world"), "hostile-names", "bitmap")
    gone = 'unloaded Gone.sys 0xfffff80234100000 0xfffff80234128000\n'
    near = os.path.relpath(worlds, work)  # include is relative to the world
    healthy = 'include "%s/healthy.world"\n' % near
    invent("unloaded", healthy + gone)
    idle = "module Idle.sys 0xfffff80239000000 0x20000\n"
    invent("loaded", healthy + idle)
    invent("loaded-damaged", 'include "%s/damaged-missing.world"\n' % near + idle)
    invent("unloaded-damaged", 'include "%s/damaged-missing.world"\n' % near + gone)
    invent("hostile-stuck", 'include "%s/stage.world"\n' % near +
           '@stuck.Name = "S\\x{1b}[31m&<]]>\\"\\x{7}\\u{202e}\\x{fffe}\\x{d800}x"\n')
    shutil.copy(os.path.join(TOP, "README.md"), os.path.join(work, "text.dmp"))
    with open(os.path.join(work, "some.ignore"), "w", encoding="utf-8") as f:
        f.write("%s SomeDrv # the vendor knows\n%s # leftovers are reset every night\n"
                "%s # slow machine\n" % (CROSS, ZOMBIE, OPEN))


def main():
    p = argparse.ArgumentParser()
    for a in ("--tool", "--mkworld", "--work"):
        p.add_argument(a, required=True)
    args = p.parse_args()
    os.makedirs(args.work, exist_ok=True)
    make(os.path.abspath(args.mkworld), args.work)
    t = Tool(os.path.abspath(args.tool), args.work)
    for group in (statuses, formats, precedence, levels, rules, drivers, ignored, hostile,
                  bad_output, readers):
        # one by one: a case closes over its group's variables
        for name, case in group(t):
            try:
                case()
                report(name)
            except (Wrong, ValueError, KeyError, IndexError, TypeError, ET.ParseError) as e:
                report(name, "%s: %s" % (type(e).__name__, e))
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
