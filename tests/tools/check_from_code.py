#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_from_code.py FLTSCOPE MKWORLD WORKDIR: a Filter Manager that no layout reads, by its code.

The structures of healthy.world are moved until every shipped layout is refused. clang compiles
the walks of check_recover.py for just these structures, and the world carries that code. Without
it the answer must be a refusal; with parts of it, what these parts show. Debian packages: clang,
lld, llvm. Without them: said, skipped.
"""
import json
import os
import re
import shutil
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import check_recover as walks  # noqa: E402

TOOL, MKWORLD, WORK = (os.path.abspath(a) for a in sys.argv[1:4])
BASE = 0xfffff80231000000
EXPORTS = {"FltGetFilterFromName": "from_name", "FltEnumerateFilters": "enumerate",
           "FltEnumerateInstanceInformationByFilter": "instances",
           "FltObjectReference": "reference_object"}
MOVED = {
    "filter": ["_FLT_FILTER.Frame 0x18", "_FLT_INSTANCE.Volume 0x10"],
    "object": ["_FLT_OBJECT.RundownRef 0x8", "_FLTP_FRAME.Links 0x8", "_FLT_FILTER.DriverObject 0x20",
               "_FLT_INSTANCE.FilterLink 0x8", "_FLTP_FRAME.RegisteredFilters 0x40"],
}
NAMES = ["AvShield", "CloudSync", "FileFacts", "LegacyUp", "PageCrypt", "RootCopy", "WatchTop"]
failed = 0


def check(what, good, detail=""):
    global failed
    failed += not good
    print("%s - from code: %s%s" % ("ok" if good else "not ok", what,
                                    "" if good else "\n#   %s" % str(detail)[:900]), flush=True)


def moved_layout(name, changes):
    args = [a for c in changes for a in ["--insert"] + c.split()]
    out = subprocess.run([sys.executable, os.path.join(HERE, "mutate-layout.py"),
                          os.path.join(TOP, "pdb-layouts/fltmgr/19041-x64.layout"), *args,
                          "--build", "20349"], check=True, capture_output=True, text=True).stdout
    path = os.path.join(WORK, name + ".layout")
    with open(path, "w", encoding="utf-8") as f:
        f.write(out)
    return path, out


def offset(text, type_name, field):
    body = re.search(r"(?m)^type %s .*\n((?:  .*\n)+)" % type_name, text).group(1)
    return int(re.search(r"field (0x[0-9a-f]+|\d+) \S+ %s\b" % field, body).group(1), 0)


def shape(text):
    """The structures' offsets, as the C description wants them."""
    want = dict(LOCK=("_FLT_RESOURCE_LIST_HEAD", "rList"), RUNDOWN=("_FLT_OBJECT", "RundownRef"),
                LINK=("_FLT_OBJECT", "PrimaryLink"), NAME=("_FLT_FILTER", "Name"),
                DRIVER=("_FLT_FILTER", "DriverObject"), INSTANCES=("_FLT_FILTER", "InstanceList"),
                FILTERLINK=("_FLT_INSTANCE", "FilterLink"), LINKS=("_FLTP_FRAME", "Links"),
                FILTERS=("_FLTP_FRAME", "RegisteredFilters"), FRAMES=("_GLOBALS", "FrameList"))
    return {k: offset(text, *v) for k, v in want.items()}


def compile_image(stem, values, exports, level):
    """The linked file, and the RVAs of what the world needs."""
    defines = "".join("#define %s %d\n" % kv for kv in values.items())
    objects = []
    for name, body in (("walks", walks.WALKS), ("others", walks.OTHERS)):
        with open(f"{stem}-{name}.c", "w", encoding="utf-8") as f:
            f.write(defines + walks.STRUCTURES.replace("__declspec(dllexport)", "") + body)
        walks.run("clang", "--target=x86_64-pc-windows-msvc", level, "-ffreestanding", "-c",
                  f"{stem}-{name}.c", "-o", f"{stem}-{name}.obj")
        objects.append(f"{stem}-{name}.obj")
    with open(stem + ".def", "w", encoding="utf-8") as f:
        f.write("LIBRARY nt.exe\nEXPORTS\n" + "\n".join(walks.IMPORTS) + "\n")
    walks.run("llvm-dlltool", "-m", "i386:x86-64", "-d", stem + ".def", "-l", stem + ".lib")
    walks.run("lld-link", "/nologo", "/driver", "/nodefaultlib", "/entry:entry_point",
              "/subsystem:native", "/opt:noref", *["/export:%s=%s" % kv for kv in exports.items()],
              f"/out:{stem}.sys", f"/map:{stem}.map", *objects, stem + ".lib")
    with open(stem + ".map", encoding="utf-8") as f:
        text = f.read()
    base = int(re.search(r"Preferred load address is ([0-9a-f]+)", text).group(1), 16)
    rva = {name: int(va, 16) - base for name, va in re.findall(
        r"(?m)^\s*\S+\s+(the_globals|goes_on|gives_up)\s+([0-9a-f]+)\s", text)}
    return stem + ".sys", rva


def sections(image):
    with open(image, "rb") as f:
        data = f.read()
    nt = struct.unpack_from("<I", data, 0x3c)[0]
    n, opt = struct.unpack_from("<H", data, nt + 6)[0], struct.unpack_from("<H", data, nt + 20)[0]
    export = struct.unpack_from("<II", data, nt + 24 + 112)
    found = []
    for i in range(n):
        name, size, rva, raw, at = struct.unpack_from("<8sIIII", data, nt + 24 + opt + 40 * i)
        found.append((name.rstrip(b"\0").decode(), rva, max(size, 1), data[at:at + min(raw, size)]))
    return found, export


def world(name, layout, image, rva, unload, code=True):
    """healthy.world with the image's code and exports, or with neither."""
    found, export = sections(image)
    with open(os.path.join(TOP, "fixtures/worlds/healthy.world"), encoding="utf-8") as f:
        text = f.read()
    shutil.copy(os.path.join(TOP, "fixtures/worlds/lib.world"), os.path.join(WORK, "lib.world"))
    spaces = " ".join("section %s %#x %#x %s" % (s, at, (size + 0xfff) & ~0xfff,
                                                 {".text": "rx", ".data": "rw"}.get(s, "r"))
                      for s, at, size, _ in found if s in (".text", ".rdata", ".data"))
    text = re.sub(r"module FLTMGR.SYS .*", "module fltmgr.sys %#x 0x72000 timestamp 0x61a2b399 %s"
                  % (BASE, spaces), text)
    text = text.replace("set FM FLTMGR", "set FM fltmgr")
    text = text.replace("(@FLTMGR+0x30440)", "(@fltmgr+%#x)" % rva["the_globals"])
    text = text.replace("(@FLTMGR+0x35a10)", "(@fltmgr+%#x)" % rva[unload])
    lines = [text]
    for s, at, _, data in found if code else []:
        if s in (".text", ".rdata"):
            lines += ["bytes %#x %s" % (BASE + at + i, data[i:i + 32].hex())
                      for i in range(0, len(data), 32)]
    if code and export[0]:
        lines.append("bytes %#x %s" % (BASE + 0xd8 + 24 + 112, struct.pack("<II", *export).hex()))
    with open(os.path.join(WORK, name + ".world"), "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    dump = os.path.join(WORK, name + ".dmp")
    subprocess.run([MKWORLD, os.path.join(WORK, name + ".world"), "-o", dump, "--format", "kernel",
                    "--nt", "19041", "--layout", layout, "-D", "build=20349"], check=True)
    return dump


def ask(command, dump, *args):
    r = subprocess.run([TOOL, command, dump, "--json", *args], capture_output=True, text=True, check=False)
    return json.loads(r.stdout) if r.stdout else {"error": r.stderr}


def filters(doc):
    return [f for frame in doc.get("frames", []) for f in frame["filters"]]


def recovered(dump):
    layout = ask("layouts", dump)["fltmgr"]
    return layout, {r["what"]: (int(r["value"], 16), int(r["at"], 16)) for r in layout.get("recovered", [])}


def expected(values, head, exports):
    all_of = {
        "FltGlobals.FrameList.rList": BASE + head + values["FRAMES"] + values["LOCK"],
        "_FLTP_FRAME.Links": values["LINKS"],
        "_FLTP_FRAME.RegisteredFilters.rList": values["FILTERS"] + values["LOCK"],
        "_FLT_OBJECT.PrimaryLink": values["LINK"],
        "_FLT_FILTER.DriverObject": values["DRIVER"],
    }
    if exports:
        all_of.update({
            "_FLT_OBJECT.RundownRef": values["RUNDOWN"], "_FLT_FILTER.Name": values["NAME"],
            "_FLT_FILTER.InstanceList.rList": values["INSTANCES"] + values["LOCK"],
            "_FLT_INSTANCE.FilterLink": values["FILTERLINK"]})
    return all_of


def check_values(what, dump, values, head, exports):
    layout, got = recovered(dump)
    check(what + ": no shipped layout is accepted, the code's is", layout["source"] == "code" and
          all(c["refused"] for c in layout["candidates"] if c.get("match") != "code"), layout)
    want = expected(values, head, exports)
    check(what + ": each offset is the declared one",
          {k: v for k, (v, _) in got.items() if not k.endswith("rLock")} == want, (got, want))
    check(what + ": each names an instruction in fltmgr",
          all(BASE < at < BASE + 0x72000 for k, (_, at) in got.items() if k != "_FLTP_FRAME.Links"), got)


def check_world(what, name, level):
    layout, text = moved_layout(name, MOVED[name])
    values = shape(text)
    stem = os.path.join(WORK, name + level)
    image, rva = compile_image(stem, values, EXPORTS, level)
    full = world(name + level + "-full", layout, image, rva, "goes_on")
    truth = ask("export", full, "--layout", layout)
    check_values(what, full, values, rva["the_globals"], True)
    layout_doc = recovered(full)[0]
    check(what + ": what only the code says is unproved, what the structures confirm is proved",
          {"_FLT_INSTANCE.FilterLink", "_FLT_OBJECT.RundownRef", "_FLT_FILTER.InstanceList"} <=
          set(layout_doc["unproved"]) and
          {"_FLT_FILTER.Name", "_FLT_FILTER.DriverObject", "_FLT_OBJECT.PrimaryLink"} <=
          set(layout_doc["proved"]) and not any(c["what"].startswith("code says") for c in layout_doc["proof"]),
          layout_doc)
    doc = ask("export", full)
    check(what + ": names", sorted(f["name"] or "" for f in filters(doc)) == NAMES, filters(doc)[:1])
    for key in ("address", "driver_object"):
        check(what + ": " + key + " as with the true layout",
              [address(f, key) for f in filters(doc)] == [address(f, key) for f in filters(truth)] and
              len(filters(doc)) == 7, ([address(f, key) for f in filters(doc)],))
    check(what + ": instances as with the true layout",
          [[i["address"] for i in f["instances"]] for f in filters(doc)] ==
          [[i["address"] for i in f["instances"]] for f in filters(truth)], filters(doc)[:1])
    bare_image, bare_rva = compile_image(stem + "-bare", values, {}, level)
    bare = world(name + level + "-bare", layout, bare_image, bare_rva, "gives_up")
    check_values(what + ", nothing exported", bare, values, bare_rva["the_globals"], False)
    none = world(name + level + "-none", layout, image, rva, "goes_on", code=False)
    r = subprocess.run([TOOL, "filters", none], capture_output=True, text=True, check=False)
    said = r.stdout + r.stderr
    check(what + ", no code: refused with the reason", recovered(none)[0]["source"] == "none" and
          "the layout of this build (20349, x64) is not known" in said and
          re.search("no (known one fits the Filter Manager's state|Filter Manager state was found)", said),
          said)


def address(f, key):
    v = f.get(key)
    return v["address"] if isinstance(v, dict) else v


def check_contradiction():
    """Shipped layouts, their structures, and code that was compiled for others."""
    path = os.path.join(TOP, "pdb-layouts/fltmgr/19041-x64.layout")
    with open(path, encoding="utf-8") as f:
        values = shape(f.read())
    for what, change, accused in (("right", {}, None), ("Name", {"NAME": values["NAME"] + 8}, "_FLT_FILTER.Name"),
                                  ("FilterLink", {"FILTERLINK": values["FILTERLINK"] + 8},
                                   "_FLT_INSTANCE.FilterLink")):
        image, rva = compile_image(os.path.join(WORK, "shipped" + what), {**values, **change}, EXPORTS, "-O2")
        layout = ask("layouts", world("shipped" + what, path, image, rva, "goes_on"))["fltmgr"]
        check("exported functions and %s: %s" % (what, "all agree" if not accused else "contradicted"),
              layout["source"] == "family" and layout["refused"] == ([accused] if accused else []) and
              sum(c["what"].startswith("code says") for c in layout["proof"]) >= 9,
              (layout["refused"], layout["source"], layout["proof"]))


def main():
    for needed in ("clang", "lld-link", "llvm-dlltool"):
        if not shutil.which(needed):
            print("ok - from code: %s is missing (packages clang, lld, llvm) # SKIP" % needed)
            return 0
    os.makedirs(WORK, exist_ok=True)
    check_world("moved filters", "filter", "-O2")
    check_world("moved objects", "object", "-Os")
    check_contradiction()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
