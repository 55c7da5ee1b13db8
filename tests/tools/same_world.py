#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""One world, every full layout and every physical container: the same export.

same_world.py --tool FLTSCOPE --mkworld MKWORLD --work DIR

The world's text is the truth: its objects stand at the same addresses on every
build, so names, altitudes, counts, states and links must be equal, whatever the
offsets are. Left out of the comparison: what the build decides (layout, flags that
only some builds have, fields that only some builds have).
"""
import argparse
import json
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FULL = ["7601", "14393", "17763", "19041", "22000"]
# Windows 7's _FLT_FILESYSTEM_TYPE ends before NPFS: there this value has no name.
LATER = {"\\Device\\NamedPipe": "FLT_FSTYPE_NPFS"}
FAILED = 0


def report(name, problem):
    global FAILED
    FAILED += bool(problem)
    print("not ok - %s\n#   %s" % (name, problem) if problem else "ok - " + name)


def export(args, world, build, fmt, extra=(), options=()):
    dump = os.path.join(args.work, "same-%s-%s-%s.%s" % (world, build, fmt,
                                                         "vmem" if fmt == "vmem" else "dmp"))
    subprocess.run([args.mkworld, os.path.join(TOP, "fixtures/worlds", world + ".world"), "-o", dump,
                    "--format", fmt, "--nt", build, "--fltmgr", build, *extra], check=True)
    r = subprocess.run([args.tool, *options, "export", "--json", dump], capture_output=True, check=False)
    if r.returncode:
        raise RuntimeError("exit %d: %s" % (r.returncode, r.stderr[-400:]))
    return json.loads(r.stdout)


def link_offsets(doc):
    """Links point at fields, whose offsets differ: keep which object they belong to."""
    known = sorted(int(a, 16) for a in addresses(doc))

    def owner(value):
        va = int(value, 16)
        below = [a for a in known if a <= va < a + 0x900]
        return "in %#x" % below[-1] if below else value
    return owner


def addresses(doc):
    for f in doc["frames"]:
        yield f["address"]
        for k in ("filters", "volumes"):
            for o in f[k]:
                yield o["address"]
                for i in o.get("instances", []):
                    if isinstance(i, dict):
                        yield i["address"]


def common(o, owner):
    obj = o["object"]
    return {"address": o["address"], "state": obj["flags"]["names"],
            "pointer_count": obj["pointer_count"], "rundown": obj["rundown"],
            "links": [owner(obj["primary_link"][k]) for k in ("flink", "blink")]}


def essence(doc):
    owner = link_offsets(doc)
    frames = []
    for f in doc["frames"]:
        filters = []
        for x in f["filters"]:
            e = common(x, owner)
            e.update({k: x.get(k) for k in ("name", "altitude", "frame", "instance_count",
                                            "active_opens", "operations")})
            e["driver"] = x["driver_object"]
            e["callbacks"] = {k: v for k, v in x["callbacks"].items()
                              if k not in ("SectionNotification", "unproved")}
            e["instances"] = []
            for i in x["instances"]:
                ie = common(i, owner)
                ie.update({k: i.get(k) for k in ("name", "altitude", "filter", "volume",
                                                 "track_completion_nodes")})
                e["instances"].append(ie)
            filters.append(e)
        volumes = []
        for x in f["volumes"]:
            if x.get("file_system") is None:
                x["file_system"] = LATER.get(x["name"])
            e = common(x, owner)
            e.update({k: x.get(k) for k in ("name", "file_system", "device_object", "frame",
                                            "disk_device_object", "instance_count", "instances")})
            volumes.append(e)
        frames.append({"address": f["address"], "id": f["id"], "name": f["name"],
                       "altitude": f["altitude"], "filters": filters, "volumes": volumes,
                       "filter_count": f["filter_count"], "volume_count": f["volume_count"]})
    return {"frames": frames, "modules": [(m["name"], m["base"], m["size"]) for m in doc["modules"]],
            "other": doc.get("other_instances", [])}


def low32(o, gone=("address", "field", "array", "track_completion_nodes")):
    """What 32 and 64 bits share in x86-filters: the objects, by the low half of their addresses, and
    all that is told of them but where the parts between objects lie, whose sizes differ."""
    if isinstance(o, dict):
        keep = o.get("name") is not None or "altitude" in o
        return {k: low32(v) for k, v in o.items() if k not in gone or (k == "address" and keep)}
    if isinstance(o, (list, tuple)):
        return [low32(v) for v in o]
    if isinstance(o, str) and re.fullmatch("(in )?0x[0-9a-f]{9,}", o):
        return "%s0x%s" % ("in " if o[0] == "i" else "", o[-8:].lstrip("0") or "0")
    return o


def narrow_export(args, world, build, extra, names):
    """The same objects on 32 bits, with three levels of tables and with two, and on 64."""
    wide = essence(export(args, world, build, "full", ("-D", "machine=x64", *extra)))
    # a later Windows than 7 does not start without PAE
    for pae in ("yes", "no") if build == "7601" else ("yes",):
        try:
            got = essence(export(args, world, build + "-x86", "full", ("-D", "pae=" + pae, *extra)))
            filters = [x["name"] for f in got["frames"] for x in f["filters"]]
            d = difference(low32(unmarked(wide)), low32(unmarked(got)))
            if filters != names:
                d = "not the world's filters: %r" % filters
        except (RuntimeError, KeyError) as e:
            d = repr(e)
        report("%s of %s with pae=%s says the same on 32 bits as on 64" %
               (" ".join((world, *extra[1:])), build, pae), d)


SURE = ["possible", "likely", "proved"]
# What x86-held.world's filter waits for, and its cause in the catalogue (unload-causes.md 1, 2, 10, 11, 12).
HELD = [("context", "leaked-context"), ("reference", "leaked-filter-reference"), ("files", "open-files"),
        ("ports", "server-port-open"), ("work", "work-item-outstanding")]


def verdicts(args, world, build, extra):
    dump = os.path.join(args.work, "same-verdicts-%s-%s.dmp" % (world, build))
    subprocess.run([args.mkworld, os.path.join(TOP, "fixtures/worlds", world + ".world"), "-o", dump,
                    "--nt", build, "--fltmgr", build, *extra], check=True)
    r = subprocess.run([args.tool, "diagnose", "--json", dump], capture_output=True, check=False)
    if r.returncode:
        raise RuntimeError("exit %d: %s" % (r.returncode, r.stderr[-400:]))
    return {v["name"]: (v["stage"], (v.get("cause") or {}).get("id"), v["confidence"])
            for v in json.loads(r.stdout)["verdicts"]}


def narrow_verdicts(args, world, build, extra, expected, wide_expected=None):
    """The same cause on 32 bits, and never surer of it than on 64, whose layouts are from PDBs."""
    both = (wide_expected or expected, expected)
    try:
        wide = verdicts(args, world, build, ("-D", "machine=x64", *extra))
        got = verdicts(args, world, build + "-x86", extra)
        d = difference({k: v[0] for k, v in wide.items()}, {k: v[0] for k, v in got.items()})
        for told, want in zip((wide, got), both):
            if {k: v[1] for k, v in told.items()} != want:
                d = "not the world's verdicts: %r" % told
        for k, v in got.items():
            if not d and SURE.index(v[2]) > SURE.index(wide[k][2]):
                d = "%s is %s on 32 bits, %s on 64" % (k, v[2], wide[k][2])
    except (RuntimeError, KeyError) as e:
        d = repr(e)
    report("%s of %s has the same verdicts on 32 bits as on 64, none surer" %
           (" ".join((world, *extra[1:])), build), d)


def narrow(args):
    calm, seed = ["WatchTop", "AvShield"], ["WatchTop", "AvShield", "SomeDrv", "MyDrv"]
    for build in ("7601", "14393", "19041"):
        narrow_export(args, "x86-filters", build, (), calm + ["Gone"])
        narrow_export(args, "x86-crosslink", build, (), seed)
        link = {"MyDrv": "driver-object-crosslink", "SomeDrv": "zombie-leftover"}
        # that the walk goes on was read in the code of 64-bit 19041 only
        narrow_verdicts(args, "x86-crosslink", build, (), link,
                        {**link, "MyDrv": None} if build == "19041" else None)
        narrow_verdicts(args, "x86-crosslink", build, ("-D", "case=queued"), {"MyDrv": None})
        narrow_verdicts(args, "x86-threads", build, (), {"SlowSync": "leaked-filter-reference"})
        # 32-bit 7 is the one whose types are better known than those of 64 bits
        for by, cause in HELD if build != "7601" else ():
            narrow_verdicts(args, "x86-held", build, ("-D", "by=" + by), {"Holder": cause})
        # the wait block's event stands behind a Count that is as wide as a pointer
        try:
            wide, got = (threads_of(args, "x86-threads", "full",
                                    ("--nt", b, "--fltmgr", b, *more))
                         for b, more in ((build, ("-D", "machine=x64")), (build + "-x86", ())))
            d = difference(threads_low32(wide), threads_low32(got))
            if len(got) != 7:
                d = "not the world's seven threads: %d" % len(got)
        except (RuntimeError, KeyError) as e:
            d = repr(e)
        report("threads of x86-threads of %s are the same on 32 bits as on 64" % build, d)


def threads_low32(threads):
    """By the low half of their addresses, without what stands on stacks or was allocated."""
    return {t[-8:]: {**{k: v.get(k) for k in ("pid", "tid", "image", "state", "wait_reason")},
                     "waits": [(w["type"] or {}).get("name") for w in v["waits"] or []]}
            for t, v in threads.items()}


def narrow_containers(args):
    """A 32-bit world is the same out of every type of dump that 32-bit systems write."""
    for pae in ("yes", "no"):
        full = export(args, "x86-filters", "7601-x86", "full", ("-D", "pae=" + pae))
        if len(full["frames"]) != 1 or not full["frames"][0]["filters"]:
            report("x86-filters has its filters", "none was found")
        del full["dump"]
        for fmt in ("bitmap", "kernel", "summary"):
            try:
                got = export(args, "x86-filters", "7601-x86", fmt, ("-D", "pae=" + pae))
                if got.pop("dump")["machine"] != "x86":
                    raise RuntimeError("not an x86 dump")
                d = difference(full, got)
            except (RuntimeError, KeyError) as e:
                d = repr(e)
            report("x86-filters with pae=%s as %s exports the same as full, all but the dump object" %
                   (pae, fmt), d)
    try:
        d = difference(essence(export(args, "x86-filters", "7601-x86", "full")),
                       essence(export(args, "x86-filters", "7601-x86", "triage")))
    except (RuntimeError, KeyError) as e:
        d = repr(e)
    report("x86-filters as triage has the same objects as full", d)


def unmarked(o):
    if isinstance(o, dict):
        return {k: unmarked(v) for k, v in o.items() if k != "unproved"}
    return [unmarked(v) for v in o] if isinstance(o, list) else o


def difference(a, b, path=""):
    if isinstance(a, dict) and isinstance(b, dict):
        for k in sorted(set(a) | set(b)):
            d = difference(a.get(k), b.get(k), path + "." + k)
            if d:
                return d
        return None
    if isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            return "%s: %d entries against %d" % (path, len(a), len(b))
        for i, (x, y) in enumerate(zip(a, b)):
            d = difference(x, y, "%s[%d]" % (path, i))
            if d:
                return d
        return None
    return None if a == b else "%s: %r against %r" % (path, a, b)


# What is null in the dump object has its gap there: the header's field as DUMP_HEADER64 names it.
HEADER = {"build": "MinorVersion", "processors": "NumberProcessors", "bugcheck": "BugCheckCode", "time": "SystemTime",
          "uptime_seconds": "SystemUpTime", "directory_table_base": "DirectoryTableBase"}


def own_gaps(head):
    """Why the dump object's gaps are not those of what it lacks; None: they are."""
    told = {g["what"]: g["reason"] for g in head.get("gaps", [])}
    lacks = {"DUMP_HEADER." + f for k, f in HEADER.items() if k in head and head[k] is None}
    known = {"DUMP_HEADER." + f for k, f in HEADER.items() if head.get(k) is not None}
    if not lacks <= set(told) or known & set(told):
        return "%s are null, the gaps are %s" % (sorted(lacks), sorted(told))
    return "these are no gaps of a header: %s" % told if set(told.values()) - {"not-found"} else None


def headless(args):
    """Memory without any header, its page tables named: RAM above 4 GiB displaced in the file
    (raw-compact, vmem), by the user's word or VMware's map of regions."""
    high = ("--ram", "6G", "--high")
    for fmt, extra, options in (("raw", (), ("--raw",)),
                                ("raw-compact", high, ("--raw-hole", "0xc0000000-0x100000000")),
                                ("vmem", high, ())):
        a = export(args, "healthy-machine", "19041", "full", extra)
        dtb = a["dump"]["directory_table_base"]
        b = export(args, "healthy-machine", "19041", fmt, extra, ("--dtb", dtb, *options))
        d = own_gaps(a.pop("dump")) or own_gaps(b.pop("dump"))
        report("healthy-machine as %s exports the same as full, all but the dump object" % fmt,
               d or difference(a, b))


def threads_of(args, world, fmt, extra=()):
    """What `threads --json` says of each thread, by address."""
    dump = os.path.join(args.work, "same-threads-%s-%s.dmp" % (world, fmt))
    subprocess.run([args.mkworld, os.path.join(TOP, "fixtures/worlds", world + ".world"), "-o", dump,
                    "--format", fmt, *extra], check=True)
    r = subprocess.run([args.tool, "threads", "--json", dump], capture_output=True, check=False)
    if r.returncode:
        raise RuntimeError("exit %d: %s" % (r.returncode, r.stderr[-400:]))
    return {t["address"]: {k: t.get(k) for k in ("process", "image", "pid", "tid", "state", "waits",
                                                 "wait_reason", "start")}
            for t in unmarked(json.loads(r.stdout))["threads"]}


def unknown_build(args):
    """Without the header's build, the processes tell which layout of the kernel it is."""
    for world in ("threads", "hang"):
        want = threads_of(args, world, "full")
        if len(want) < 5:
            report("%s has its threads" % world, "fewer than five were found")
        for fmt in ("elf", "kdump"):
            try:
                d = difference(want, threads_of(args, world, fmt))
            except (RuntimeError, KeyError) as e:
                d = repr(e)
            report("threads of %s as %s, of a build that is not known, are those of full" %
                   (world, fmt), d)


def main():
    p = argparse.ArgumentParser()
    for a in ("--tool", "--mkworld", "--work"):
        p.add_argument(a, required=True)
    args = p.parse_args()
    os.makedirs(args.work, exist_ok=True)
    first = essence(export(args, "healthy", FULL[0], "bitmap"))
    if sum(len(f["filters"]) for f in first["frames"]) < 6:
        report("healthy has its filters", "fewer than six were found")
    for build in FULL[1:]:
        try:
            d = difference(first, essence(export(args, "healthy", build, "bitmap")))
        except (RuntimeError, KeyError) as e:
            d = repr(e)
        report("healthy on %s says the same as on %s" % (build, FULL[0]), d)
    for fmt in ("full", "bitmap", "kernel"):
        try:
            # a layout of another machine proves less: the same values, more of them marked
            d = difference(unmarked(essence(export(args, "healthy", "19041", "full"))),
                           unmarked(essence(export(args, "healthy-arm64", "19041", fmt))))
        except (RuntimeError, KeyError) as e:
            d = repr(e)
        report("healthy on ARM64 as %s says the same as on x64" % fmt, d)
    for fmt, extra in (("full", ()), ("full", ("--ram", "6G", "--high")), ("kernel", ()), ("summary", ()),
                       ("rdmp", ()), ("rdmp-complete", ("--ram", "6G", "--high")), ("elf", ("--guest-header",)),
                       ("elf-paging", ("--guest-header",)), ("kdump", ("--guest-header",)),
                       ("kdump-flat", ("--guest-header",))):
        a = export(args, "healthy", "19041", "bitmap")
        b = export(args, "healthy", "19041", fmt, extra)
        d = own_gaps(a.pop("dump")) or own_gaps(b.pop("dump"))
        report("healthy as %s exports the same as bitmap, all but the dump object" %
               " ".join((fmt, *extra)), d or difference(a, b))
    headless(args)
    unknown_build(args)
    narrow(args)
    narrow_containers(args)
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
