#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compare `fltscope export --json` with what the real driver left in memory.

usage: check_emulated.py FLTSCOPE DIR

DIR holds NAME.dmp.xz (or NAME.dmp) and NAME.json, whose `raw` lists are the values
read back from the structures by the program that made the dump (hexadecimal
without 0x, counts as numbers). Every difference is one line; exit 1 on any.
"""
import json
import lzma
import os
import shutil
import subprocess
import sys
import tempfile


class Differences:
    def __init__(self, name):
        self.name = name
        self.compared = 0
        self.lines = []

    def same(self, what, got, want):
        self.compared += 1
        if got != want:
            self.lines.append(f"{self.name}: {what}: got {got!r}, expected {want!r}")


def number(value):
    """An address or number of the export; None when it is missing."""
    if value is None:
        return None
    if isinstance(value, dict):
        value = value.get("value", value.get("raw", value.get("address")))
        return number(value)
    if isinstance(value, str):
        return int(value, 16)
    return value


def truth(value):
    return int(value, 16)


def compare_object(d, where, got, want):
    obj = got.get("object") or {}
    d.same(f"{where}.object.flags", number(obj.get("flags")), truth(want["base_flags"]))
    d.same(f"{where}.object.pointer_count", obj.get("pointer_count"), want["pointer_count"])
    rundown = obj.get("rundown") or {}
    raw = truth(want["rundown"])
    d.same(f"{where}.object.rundown.raw", number(rundown.get("raw")), raw)
    state = "active" if raw % 2 == 0 else "drained" if raw == 1 else "waiting"
    d.same(f"{where}.object.rundown.state", rundown.get("state"), state)
    if state == "active":
        d.same(f"{where}.object.rundown.count", rundown.get("count"), raw >> 1)
    if state == "waiting":
        d.same(f"{where}.object.rundown.wait_block", number(rundown.get("wait_block")), raw & ~1)
    names = set()
    if truth(want["base_flags"]) & 1:
        names.add("DRAINING")
    if truth(want["base_flags"]) & 2:
        names.add("ZOMBIED")
    d.same(f"{where}.object.flags.names", set((obj.get("flags") or {}).get("names", [])), names)


def compare_instance(d, where, got, want, owner):
    d.same(f"{where}.name", got.get("name"), want["name"])
    d.same(f"{where}.altitude", got.get("altitude"), want["altitude"])
    d.same(f"{where}.flags", number(got.get("flags")), truth(want["flags"]))
    d.same(f"{where}.filter", number(got.get("filter")), owner)
    d.same(f"{where}.volume", number(got.get("volume")), truth(want["volume"]))
    d.same(f"{where}.track_completion_nodes", number(got.get("track_completion_nodes")),
           truth(want["track_completion"]))
    d.same(f"{where}.context", number(got.get("context")), truth(want["context"]))
    compare_object(d, where, got, want)


def compare_filter(d, where, got, want, frame):
    d.same(f"{where}.name", got.get("name"), want["name"])
    d.same(f"{where}.altitude", got.get("altitude"), want["altitude"])
    d.same(f"{where}.flags", number(got.get("flags")), truth(want["flags"]))
    d.same(f"{where}.frame", number(got.get("frame")), frame)
    d.same(f"{where}.driver_object", number(got.get("driver_object")), truth(want["DriverObject"]))
    d.same(f"{where}.instance_count", got.get("instance_count"), want["rcount"])
    # mCount is twice the number of entries.
    for key, raw in (("active_opens", "active_opens_raw"),
                     ("server_port_count", "connections_raw"), ("client_port_count", "ports_raw")):
        d.same(f"{where}.{key}", got.get(key), want[raw] >> 1)
    d.same(f"{where}.verifier_extension", number(got.get("verifier_extension")),
           truth(want["VerifierExtension"]))
    callbacks = got.get("callbacks") or {}
    for name in ("FilterUnload", "OldDriverUnload"):
        # The export may leave out a callback that was not registered.
        d.same(f"{where}.{name}", number(callbacks.get(name)) or 0, truth(want[name]))
    compare_object(d, where, got, want)
    instances = got.get("instances") or []
    d.same(f"{where}.instances", [number(i["address"]) for i in instances],
           [truth(i["addr"]) for i in want["instance_list"]])
    for have, expected in zip(instances, want["instance_list"]):
        compare_instance(d, f"{where}.instance {expected['addr']}", have, expected,
                         truth(want["addr"]))


def compare_volume(d, where, got, want, raw_frame):
    d.same(f"{where}.name", got.get("name"), want["name"])
    d.same(f"{where}.flags", number(got.get("flags")), truth(want["flags"]))
    d.same(f"{where}.frame", number(got.get("frame")), truth(raw_frame["addr"]))
    d.same(f"{where}.instance_count", got.get("instance_count"), want["rcount_instances"])
    d.same(f"{where}.file_system_type", got.get("file_system_type"), want["fstype"])
    d.same(f"{where}.cdo_device_name", got.get("cdo_device_name"), want["cdo"])
    d.same(f"{where}.cdo_driver_name", got.get("cdo_driver_name"), want["driver"])
    d.same(f"{where}.volume_in_next_frame", number(got.get("volume_in_next_frame")),
           truth(want["in_next_frame"]))
    d.same(f"{where}.frame_zero_volume", number(got.get("frame_zero_volume")),
           truth(want["frame_zero"]))
    d.same(f"{where}.targeted_open_count", got.get("targeted_open_count"),
           want["targeted_opens"])
    d.same(f"{where}.instances", len(got.get("instances") or []), want["rcount_instances"])
    on_volume = {truth(i["addr"]) for f in raw_frame["filters"] for i in f["instance_list"]
                 if i["volume"] == want["addr"]}
    d.same(f"{where}.instances as a set", {number(i) for i in got.get("instances") or []},
           on_volume)
    compare_object(d, where, got, want)


def compare_drivers(d, export, want):
    """DRIVER_OBJECTs by address, through the filters of the raw lists."""
    drivers = {number(x["address"]): x for x in export.get("drivers") or []}
    for f in (f for frame in want["raw"] for f in frame["filters"]):
        got = drivers.get(truth(f["DriverObject"]))
        where = f"driver object of {f['name']}"
        d.same(f"{where} is there", got is not None, True)
        if got is None:
            continue
        d.same(f"{where}.flags", number(got.get("flags")), truth(f["driver_object_flags"]))
        d.same(f"{where}.driver_unload", number(got.get("driver_unload")) or 0,
               truth(f["driver_object_unload"]))


def compare(d, export, want):
    d.same("fltmgr.globals", number((export.get("fltmgr") or {}).get("globals")),
           truth(want["globals"]))
    d.same("dump.build", export["dump"].get("build"), want["build"])
    frames = export.get("frames") or []
    d.same("frames", [number(f["address"]) for f in frames],
           [truth(f["addr"]) for f in want["raw"]])
    for got, raw in zip(frames, want["raw"]):
        where = f"frame {raw['addr']}"
        d.same(f"{where}.id", got.get("id"), raw["id"])
        d.same(f"{where}.altitude", got.get("altitude"), {"low": raw["low"], "high": raw["high"]})
        d.same(f"{where}.filter_count", got.get("filter_count"), raw["rcount_filters"])
        d.same(f"{where}.volume_count", got.get("volume_count"), raw["rcount_volumes"])
        d.same(f"{where}.filters", [number(f["address"]) for f in got.get("filters") or []],
               [truth(f["addr"]) for f in raw["filters"]])
        d.same(f"{where}.volumes", [number(v["address"]) for v in got.get("volumes") or []],
               [truth(v["addr"]) for v in raw["volumes"]])
        for have, expected in zip(got.get("filters") or [], raw["filters"]):
            compare_filter(d, f"filter {expected['name']}", have, expected, truth(raw["addr"]))
        for have, expected in zip(got.get("volumes") or [], raw["volumes"]):
            compare_volume(d, f"volume {expected['name']}", have, expected, raw)
    compare_drivers(d, export, want)
    compare_waits(d, frames, want)
    compare_threads(d, export, want)
    compare_unload_lock(d, export, want)


def compare_waits(d, frames, want):
    """The filter of the experiment: what its wait block says is still held."""
    after = (want.get("experiment") or {}).get("after") or {}
    objects = [after] + after.get("inst", [])
    have = {}
    for frame in frames:
        for f in frame.get("filters") or []:
            have[number(f["address"])] = f
            for i in f.get("instances") or []:
                have[number(i["address"])] = i
    for obj in objects:
        block = obj.get("waitblock")
        if not block or truth(obj["addr"]) not in have:
            continue
        rundown = have[truth(obj["addr"])]["object"]["rundown"]
        where = f"{obj['addr']}.rundown"
        d.same(f"{where}.wait_block", number(rundown.get("wait_block")), truth(block["at"]))
        d.same(f"{where}.count", rundown.get("count"), block["count"])


def compare_threads(d, export, want):
    """The threads that were made to wait: stack, what they wait for, their ids."""
    if not want.get("experiment"):
        d.same("threads that nothing asks for", export.get("threads"), None)
        return
    threads = {number(t["address"]): t for t in export.get("threads") or []}
    for t in want.get("threads") or []:
        got = threads.get(truth(t["ethread"]))
        where = f"thread {t['name']}"
        d.same(f"{where} is there", got is not None, True)
        if got is None:
            continue
        d.same(f"{where}.tid", got.get("tid"), t["tid"])
        for key in ("stack_limit", "stack_base", "kernel_stack"):
            d.same(f"{where}.{key}", number(got.get(key)), truth(t[key]))
        d.same(f"{where}.state", (got.get("state") or {}).get("name"), "Waiting")
        d.same(f"{where}.waits", [number(w["object"]) for w in got.get("waits") or []],
               [truth(t["waits_on"])])


def compare_unload_lock(d, export, want):
    """Who owns the frame's FilterUnloadLock, and who waits for it."""
    after = (want.get("experiment") or {}).get("after") or {}
    if "frame_unload_lock_owner" not in after:
        return
    locks = [x for x in export.get("locks") or [] if x["what"] == "FLTP_FRAME.FilterUnloadLock"]
    owner = truth(after["frame_unload_lock_owner"])
    d.same("FilterUnloadLock.owners", [number(o["thread"]) for x in locks for o in x["owners"]],
           [owner] if owner else [])
    waiting = [truth(t["ethread"]) for t in want["threads"]
               if locks and truth(t["object"]) == number(locks[0]["address"])]
    d.same("FilterUnloadLock.waiters", [number(w["thread"]) for x in locks for w in x["waiters"]],
           waiting)


CAUSES = {1: "leaked-context", 21: "blocked-by-other-unload", 28: "zombie-leftover"}


def thread_named(want, name):
    return next((truth(t["ethread"]) for t in want["threads"] if t["name"] == name), None)


def compare_waiter(d, got, want, verdicts):
    """The thread that the wait block's stack belongs to waits, and it is proved."""
    block = ((want["experiment"].get("after") or {}).get("waitblock") or {})
    if not block:
        return
    waiter = (verdicts.get(want["experiment"]["after"]["name"], {}).get("waiter") or {})
    d.same("the waiter", number(waiter.get("thread")), thread_named(want, block["thread"][0]))
    d.same("the waiter's confidence", waiter.get("confidence"), "proved")
    d.same("cycles", got["wait_for"]["cycles"], [])


def compare_victim(d, verdicts, want):
    """Two unloads of one frame: one hangs (S3), the other waits for its lock (S0)."""
    culprit, victim = want["experiment"]["after"], want["experiment"]["second_snap"]
    v = verdicts.get(victim["name"], {})
    d.same("victim.state", v.get("state"), "stuck")
    d.same("victim.stage", v.get("stage"), "S0")
    d.same("victim.cause", (v.get("cause") or {}).get("id"), CAUSES[want["expect"]["cause"]])
    d.same("victim.confidence", v.get("confidence"), "proved")
    d.same("victim.waiter", number((v.get("waiter") or {}).get("thread")),
           thread_named(want, "second"))
    accused = v.get("culprit") or {}
    d.same("victim.culprit", (accused.get("kind"), accused.get("name"),
                              number(accused.get("address")), number(accused.get("thread"))),
           ("filter", culprit["name"], truth(culprit["addr"]), thread_named(want, "worker")))
    v = verdicts.get(culprit["name"], {})
    d.same("culprit.stage", v.get("stage"), "S3")
    d.same("culprit.state", v.get("state"), "stuck")


def compare_verdict(d, got, want):
    """What the experiment's truth says must come out."""
    expect = want.get("expect") or {}
    verdicts = {v.get("name"): v for v in got["verdicts"]}
    if not want.get("experiment"):
        d.same("verdicts", sorted(verdicts), [])
        return
    if expect.get("cause") not in CAUSES:
        return
    compare_waiter(d, got, want, verdicts)
    if expect["cause"] == 21:
        compare_victim(d, verdicts, want)
        return
    v = verdicts.get(expect["filter"], {})
    d.same("verdict.stage", v.get("stage"), expect["stage"])
    d.same("verdict.cause", (v.get("cause") or {}).get("id"), CAUSES[expect["cause"]])
    d.same("verdict.confidence", v.get("confidence"), "proved")
    culprit = number((v.get("culprit") or {}).get("address"))
    if expect["cause"] == 1:
        d.same("the leaked context", culprit, truth(want["context_blocks"][0][0]))
    else:
        d.same("the client's port", culprit, truth(want["experiment"]["prepared"]["port_list"][0]))


def compare_stacks(d, got, want):
    """Each return address that we name lies where the running code put it: [address, the stack pointer
    once it is taken off]. The driver's code pages are not in the dump, so not all can be told."""
    found = {number(t): s["stack"] for s in got["stacks"] for t in s["threads"]}
    for thread in want["threads"]:
        raw = [(truth(ret), truth(sp) - 8) for ret, sp in thread["stack_raw"]]
        ours = [(number(f.get("ret")), number(f.get("ret_at"))) for f in found.get(truth(thread["ethread"]), [])]
        ours = [p for p in ours if p[0] and p[1] and p[1] >= raw[1][1]]
        d.same(f"{thread['name']}: frames that are none", [p for p in ours if p not in raw], [])
        d.same(f"{thread['name']}: the frame above the wait", ours[:1], raw[1:2])
        d.same(f"{thread['name']}: outermost frame", ours[-1:], raw[-1:])


def answer(fltscope, command, dump):
    run = subprocess.run([fltscope, command, "--json", dump], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, timeout=300)
    if run.returncode != 0:
        raise SystemExit(f"{dump}: fltscope {command}: exit {run.returncode}: "
                         f"{run.stderr.decode(errors='replace').strip()}")
    return json.loads(run.stdout)


def unpack(directory, name, scratch):
    plain = os.path.join(directory, name + ".dmp")
    if os.path.exists(plain):
        return plain
    target = os.path.join(scratch, name + ".dmp")
    with lzma.open(plain + ".xz") as src, open(target, "wb") as dst:
        shutil.copyfileobj(src, dst)
    return target


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    fltscope, directory = sys.argv[1:]
    if not os.path.isdir(directory):
        print(f"skip - emulated dumps: {directory} is not there")
        return
    names = sorted(f[:-5] for f in os.listdir(directory) if f.endswith(".json"))
    if not names:
        raise SystemExit(f"{directory}: no NAME.json there")
    failed = False
    for name in names:
        with open(os.path.join(directory, name + ".json"), encoding="utf-8") as f:
            want = json.load(f)
        with tempfile.TemporaryDirectory() as scratch:
            dump = unpack(directory, name, scratch)
            got = answer(fltscope, "export", dump)
            said = answer(fltscope, "diagnose", dump)
            stacks = answer(fltscope, "us", dump) if want.get("threads") else None
        d = Differences(name)
        compare(d, got, want)
        compare_verdict(d, said, want)
        if stacks:
            compare_stacks(d, stacks, want)
        for line in d.lines:
            print(line)
        print(f"{'not ok' if d.lines or not d.compared else 'ok'} - emulated {name}: "
              f"{d.compared} values compared, {len(d.lines)} differ")
        failed = failed or bool(d.lines)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
