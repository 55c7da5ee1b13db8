#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What must come out of three published triage dumps, by `fltscope export --json`.

usage: check_real.py FLTSCOPE DIR

The expectations were read by hand in the dumps' bytes, with the public 19041 types; the
dumps themselves are not part of the project. Each statement is one line of output
when it fails; exit 1 on any.
"""
import json
import os
import subprocess
import sys

failures = []
checked = 0


def expect(what, got, want):
    global checked
    checked += 1
    if got != want:
        failures.append(what)
        print(f"{what}: got {got!r}, expected {want!r}")


def number(value):
    if isinstance(value, dict):
        value = value.get("value", value.get("address"))
    if isinstance(value, str):
        return int(value, 16)
    return value


def run(fltscope, dump, command="export"):
    done = subprocess.run([fltscope, command, "--json", dump], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=300)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace").strip()


def export(fltscope, dump):
    code, out, notes = run(fltscope, dump)
    expect(f"{os.path.basename(dump)}: exit status ({notes})", code, 0)
    return json.loads(out) if out else {}


def by_tail(entities, tail):
    """The entity whose address ends in these hexadecimal digits; {} when there is none."""
    found = [e for e in entities if e["address"].endswith(tail)]
    return found[0] if len(found) == 1 else {}


def tails(entities, n):
    return [e["address"][-n:] for e in entities]


def module(doc, name):
    found = [m for m in doc.get("modules") or [] if (m.get("name") or "").lower() == name]
    return found[0] if found else {}


def walk(entity, key="walk"):
    w = entity.get(key) or {}
    return w.get("count"), w.get("forward"), w.get("backward")


def instances(doc):
    """Every instance of the document by address."""
    ret = {}
    for frame in doc.get("frames") or []:
        lists = [f.get("instances") or [] for f in frame.get("filters") or []]
        for i in sum(lists, frame.get("other_instances") or []):
            ret[i["address"]] = i
    return ret


def check_minidump(fltscope, dump):
    doc = export(fltscope, dump)
    fltmgr = module(doc, "fltmgr.sys")
    expect("100623: format", doc["dump"]["format"], "dmp-triage")
    expect("100623: build", doc["dump"]["build"], 19041)
    expect("100623: bug check", doc["dump"]["bugcheck"]["code"], 0x50)
    expect("100623: modules", len(doc["modules"]), 192)
    expect("100623: FLTMGR base", number(fltmgr.get("base")), 0xfffff80552430000)
    expect("100623: FLTMGR size", fltmgr.get("size"), 0x6d000)
    # FrameList.rList at image + 0x296c0 is FltGlobals + 0xc0.
    expect("100623: FltGlobals", number(doc["fltmgr"].get("globals")), 0xfffff80552430000 + 0x29600)
    frames = doc.get("frames") or []
    expect("100623: frames", [number(f["address"]) for f in frames], [0xffffe78f8d415010])
    if not frames:
        return
    frame = frames[0]
    expect("100623: frame id", frame.get("id"), 0)
    expect("100623: frame altitudes", frame.get("altitude"), {"low": "0", "high": "409800"})
    check_minidump_filters(frame)
    check_minidump_volumes(doc, frame)


def check_minidump_filters(frame):
    filters = frame.get("filters") or []
    expect("100623: filter count", frame.get("filter_count"), 10)
    # In list order: what the forward walk reached, then what only the backward one did.
    expect("100623: filters reached", tails(filters, 8),
           ["92aa8010", "9034aa20", "92aeda20", "91552c60", "92451830", "8d4d4770", "8d4d4010"])
    expect("100623: directions", walk(frame), (10, 3, 4))
    expect("100623: readable filters", len([f for f in filters if f.get("flags")]), 5)
    bindflt = by_tail(filters, "92aa8010")
    expect("100623: bindflt's name", bindflt.get("name", "absent"), None)
    expect("100623: bindflt by its callbacks", (bindflt.get("name_by_callbacks") or "").lower(),
           "bindflt.sys")
    expect("100623: bindflt's FilterUnload",
           ((bindflt.get("callbacks") or {}).get("FilterUnload") or {}).get("symbol", "").lower(),
           "bindflt+0x21c70")
    npsvc = by_tail(filters, "92451830")
    expect("100623: npsvctrig by its callbacks", (npsvc.get("name_by_callbacks") or "").lower(),
           "npsvctrig.sys")
    wd = by_tail(filters, "9034aa20")
    expect("100623: WdFilter's name", wd.get("name", "absent"), None)
    expect("100623: WdFilter's altitude", wd.get("altitude"), "328010")
    expect("100623: WdFilter's instances' name",
           {i.get("name") for i in wd.get("instances") or []} & {"WdFilter Instance"},
           {"WdFilter Instance"})
    for tail, name, altitude in (("8d4d4010", "FileInfo", "40500"), ("8d4d4770", "Wof", "40700")):
        f = by_tail(filters, tail)
        expect(f"100623: {name}", (f.get("name"), f.get("altitude")), (name, altitude))
    # rCount, instances reached, and a list that came round carries no walk.
    for tail, name, count in (("92aa8010", "bindflt", 0), ("8d4d4010", "FileInfo", 5),
                              ("8d4d4770", "Wof", 3), ("92451830", "npsvctrig", 1)):
        f = by_tail(filters, tail)
        expect(f"100623: {name}'s instances",
               (f.get("instance_count"), len(f.get("instances") or []), "walk" in f),
               (count, count, False))
    w = wd.get("walk") or {}
    expect("100623: WdFilter's instances", (wd.get("instance_count"), w.get("reached")), (5, 5))
    expect("100623: WdFilter's list", (w.get("stopped"), w.get("backward_stopped")),
           ("unreadable", "unreadable"))


def check_minidump_volumes(doc, frame):
    volumes = frame.get("volumes") or []
    expect("100623: volumes", (frame.get("volume_count"), len(volumes)), (7, 7))
    expect("100623: volume directions", walk(frame, "volumes_walk"), (7, 5, 2))
    names = {v.get("name"): v for v in volumes}
    for name, fstype, flags in (("\\Device\\Mup", 13, 0x1e5), ("\\Device\\HarddiskVolume3", 2, 0x564),
                                ("\\Device\\NamedPipe", 25, 0x64)):
        v = names.get(name) or {}
        expect(f"100623: {name}", (v.get("file_system_type"), number(v.get("flags"))),
               (fstype, flags))
    expect("100623: a volume of type 26",
           len([v for v in volumes if v.get("file_system_type") == 26]), 1)
    disk = names.get("\\Device\\HarddiskVolume3") or {}
    known = instances(doc)
    there = [known.get(a) or {} for a in disk.get("instances") or []]
    expect("100623: HarddiskVolume3's instances",
           [(i.get("name"), i.get("altitude")) for i in there],
           [("WdFilter Instance", "328010"), ("WIMMount", "180700"), ("Wof Instance", "40700"),
            ("FileInfo", "40500")])
    expect("100623: HarddiskVolume3's rCount", disk.get("instance_count"), 4)
    # Its own Frame pointer was not captured, so it need not be told under the frame.
    others = (frame.get("other_filters") or []) + (doc.get("other_filters") or [])
    eighth = by_tail(others, "98f09a20")
    expect("100623: the eighth filter is on no reached part of the list",
           (bool(eighth), by_tail(frame.get("filters") or [], "98f09a20")), (True, {}))
    wim = [i for i in there if i.get("name") == "WIMMount"]
    expect("100623: WIMMount's filter", [i.get("filter", "")[-8:] for i in wim], ["98f09a20"])


def check_triage_x64(fltscope, dump):
    doc = export(fltscope, dump)
    expect("triage_x64: build", doc["dump"]["build"], 19041)
    expect("triage_x64: bug check", doc["dump"]["bugcheck"]["code"], 0x1000007e)
    frames = doc.get("frames") or []
    expect("triage_x64: frames", [number(f["address"]) for f in frames], [0xffffc08be3ac7050])
    if not frames:
        return
    frame = frames[0]
    expect("triage_x64: found by its type word", frame.get("by_type_word"), True)
    head = (number(module(doc, "fltmgr.sys").get("base")) or 0) + 0x2b6c0
    expect("triage_x64: the frame's links", {number(v) for v in (frame.get("links") or {}).values()},
           {head})
    expect("triage_x64: filters", (frame.get("filter_count"), len(frame.get("filters") or [])),
           (5, 2))
    expect("triage_x64: volumes", (frame.get("volume_count"), len(frame.get("volumes") or [])),
           (6, 4))
    expect("triage_x64: HarddiskVolume5",
           len([v for v in frame.get("volumes") or []
                if v.get("name") == "\\Device\\HarddiskVolume5"]), 1)


def check_triage_arm64(fltscope, dump):
    code, out, notes = run(fltscope, dump)
    doc = json.loads(out) if out else {}
    expect("triage_arm64: exit status", code in (0, 4), True)
    expect("triage_arm64: machine", doc.get("dump", {}).get("machine"), "arm64")
    expect("triage_arm64: build", doc.get("dump", {}).get("build"), 22000)
    expect("triage_arm64: modules", len(doc.get("modules") or []), 245)
    # What FltMgr's x64 code does is not known of its ARM64 code.
    expect("triage_arm64: unload walk", (doc.get("fltmgr") or {}).get("unload_walk"), None)
    frames = doc.get("frames") or []
    if frames:
        # No ARM64 layout is known: what is shown is shown as not confirmed.
        expect("triage_arm64: frame", number(frames[0]["address"]), 0xffffbb8eb4fe6010)
        expect("triage_arm64: filter count", frames[0].get("filter_count"), 10)
        expect("triage_arm64: layout", doc["fltmgr"]["layout"]["source"], "family")
    else:
        text = (doc.get("not_found") or "") + notes
        expect("triage_arm64: the frame is named", "0xffffbb8eb4fe6010" in text, True)
        expect("triage_arm64: what is missing is said", "layout" in text, True)


CHECKS = {
    "100623-6156-01.dmp": check_minidump,
    "triage_x64.dmp": check_triage_x64,
    "triage_arm64.dmp": check_triage_arm64,
}


def crashing_stack(fltscope, path, least):
    """The thread that crashed: frames of modules, found by a scan and marked so, beyond the first."""
    name = os.path.basename(path)
    code, out, notes = run(fltscope, path, "k")
    expect(f"{name}: k ({notes})", code, 0)
    stack = json.loads(out).get("stack") or [] if out else []
    expect(f"{name}: at least {least} frames", len(stack) >= least, True)
    # A CONTEXT saved on the stack has where the thread stands: no caller of it.
    expect(f"{name}: where it stands is no frame twice",
           [f["ip"] for f in stack[1:] if f["ip"] == stack[0]["ip"]], [])
    expect(f"{name}: each frame in a module", [f for f in stack if "+0x" not in (f.get("symbol") or "")], [])
    expect(f"{name}: how they were found", {f["how"] for f in stack[1:]}, {"scanned"})
    expect(f"{name}: upwards", [f["sp"] for f in stack], sorted((f["sp"] for f in stack), key=number))


STACKS = {"100623-6156-01.dmp": 5, "triage_x64.dmp": 8, "triage_arm64.dmp": 4}


def check_running(fltscope, dump, name, want):
    """The thread of the crashing processor, by the copies of its KPRCB, ETHREAD and EPROCESS."""
    code, out, notes = run(fltscope, dump, "running")
    expect(f"{name}: running: exit status ({notes})", code, 0)
    doc = json.loads(out) if out else {}
    processors, threads = doc.get("processors") or [{}], doc.get("threads") or [{}]
    expect(f"{name}: processors", [(p.get("number"), p.get("current_thread")) for p in processors],
           [(want["processor"], want["thread"])])
    for key in ("tid", "image"):
        expect(f"{name}: running thread's {key}", threads[0].get(key), want.get(key))
    expect(f"{name}: bug check's name", doc.get("dump", {}).get("bugcheck", {}).get("name"),
           want["bugcheck"])
    code, out, _ = run(fltscope, dump, "info")
    at = (json.loads(out) if out else {}).get("crash") or {}
    # Behind a bug check stands a breakpoint: the header's record is its, not the cause's.
    expect(f"{name}: the header's exception", (number(at.get("header_exception", {}).get("code")),
                                               number(at.get("header_exception", {}).get("address"))),
           (0x80000003, want["header"]))
    expect(f"{name}: exception", [number(at.get("exception", {}).get(k)) for k in ("code", "address")],
           want.get("exception", [None, None]))
    expect(f"{name}: faulting instruction and module",
           [number(at.get("faulting", {}).get(k)) for k in ("instruction", "base")], want["faulting"])
    expect(f"{name}: instruction", number(at.get("instruction")), want["instruction"])


RUNNING = {
    "100623-6156-01.dmp": {
        "processor": 1, "thread": "0xffffe78f917b2040", "tid": 0xD50, "image": "System",
        "bugcheck": "PAGE_FAULT_IN_NONPAGED_AREA", "header": 0xFFFFF805531FBCA0,
        # it executed what is no code: parameter 3 is parameter 1
        "faulting": [0xFFFFE78F90345F71, None],
        "instruction": 0xFFFFF805531FBCA0},
    "triage_x64.dmp": {
        "processor": 0, "thread": "0xffffc08bde9e1640", "tid": 0x108, "image": "System",
        "bugcheck": "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_M", "header": 0xFFFFF8047BDF5A80,
        # the record at parameter 3, as parameters 1 and 2 say
        "exception": [0xC0000005, 0xFFFFF8048B58334C],
        "faulting": [0xFFFFF8048B58334C, 0xFFFFF8048B580000],
        "instruction": 0xFFFFF8048B58334C},
    # no layout of ARM64 is known: what nothing confirms is not reported
    "triage_arm64.dmp": {
        "processor": 0, "thread": "0xffffbb8eb1719180", "tid": None, "image": None,
        "bugcheck": "MANUALLY_INITIATED_POWER_BUTTON_HOLD", "header": 0xFFFFF803F32DE014, "faulting": [None, None],
        "instruction": 0xFFFFF803F32DE014},
}


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    fltscope, directory = sys.argv[1:]
    if not os.path.isdir(directory):
        print(f"skip - real dumps: {directory} is not there")
        return
    found = 0
    for name, check in CHECKS.items():
        path = os.path.join(directory, name)
        if not os.path.exists(path):
            print(f"skip - real dump {name} is not there")
            continue
        found += 1
        check(fltscope, path)
        crashing_stack(fltscope, path, STACKS[name])
        check_running(fltscope, path, name, RUNNING[name])
    print(f"{'not ok' if failures else 'ok'} - real dumps: {found} dumps, {checked} statements, "
          f"{len(failures)} do not hold")
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
