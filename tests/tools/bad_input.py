#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Bad files at the command line: a clear message and exit 3, or a smaller answer.

bad_input.py --tool FLTSCOPE --mkworld MKWORLD --work DIR

Header offsets are those of DUMP_HEADER64 and TRIAGE_DUMP64 as public readers
agree on them (kdmp-parser, volatility3, QEMU). Every run must end by itself,
within a time and memory bound, without a signal, and say something.
"""
import argparse
import os
import resource
import struct
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FAILED = 0


def report(name, problem):
    global FAILED
    if problem:
        FAILED += 1
        print("not ok - %s\n#   %s" % (name, problem))
    else:
        print("ok - " + name)


def limits():
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def run(tool, args, timeout=60):
    r = subprocess.run([tool] + args, capture_output=True, preexec_fn=limits, timeout=timeout,
                       check=False)
    return r.returncode, r.stdout, r.stderr


def sane(tool, path, allowed, args=("diagnose",), seen=None):
    """None, or what is wrong with how the tool took this file; its exit status joins `seen`."""
    code, out, err = run(tool, list(args) + [path])
    if seen is not None:
        seen.add(code)
    if code not in allowed:
        return "exit %d (allowed %s): %s" % (code, sorted(allowed), err[-400:])
    if code in (3, 4) and not err.strip():
        return "exit %d without a word" % code
    if b"Sanitizer" in err or b"runtime error" in err:
        return err[-800:].decode("utf-8", "replace")
    if any(c < 0x20 and c not in (9, 10) for c in out + err):
        return "a control character reached the output"
    return None


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return path


def no_dumps(tool, work):
    cases = {
        "empty": b"",
        "one byte": b"P",
        "text": b"hello, this is no dump\n" * 400,
        "terminal bytes": b"\x1b]0;owned\x07\x1b[31m" * 400,
        "ELF": b"\x7fELF\x02\x01\x01" + b"\0" * 9000,
        "zeros": b"\0" * 20000,
        "signature only": b"PAGEDU64",
        "header of filler": b"PAGEDU64" + b"PAGE" * 2046,
        "32-bit dump": b"PAGEDUMP" + b"PAGE" * 4094,
    }
    for name, data in cases.items():
        report("bad input: " + name, sane(tool, write(os.path.join(work, "bad.bin"), data), {3}))
    report("bad input: no such file", sane(tool, os.path.join(work, "nothing-here"), {3}))
    report("bad input: a directory", sane(tool, work, {3}))


def truncations(tool, work, dump, name, step=4096):
    with open(dump, "rb") as f:
        data = f.read()
    bad, seen, path = None, set(), os.path.join(work, "cut.bin")
    for size in range(0, len(data), step):
        write(path, data[:size])
        bad = sane(tool, path, {0, 3, 4}, ("info",), seen) or sane(tool, path, {0, 3, 4})
        if bad:
            bad = "cut to %d bytes: %s" % (size, bad)
            break
    if not bad and not ({0, 3} <= seen):
        bad = "expected both refusals and smaller answers, saw exits %s" % sorted(seen)
    report("truncation of a %s dump at every %d KiB (%d cuts)"
           % (name, step >> 10, len(data) // step + 1), bad)


COUNTS = {
    # offset, size: every count, length, offset and address the readers take from a header
    "NumberOfRuns": (0x88, 4), "NumberOfPages": (0x90, 8), "run[0].BasePage": (0x98, 8),
    "run[0].PageCount": (0xa0, 8), "DirectoryTableBase": (0x10, 8), "PsLoadedModuleList": (0x20, 8),
    "KdDebuggerDataBlock": (0x80, 8), "NumberProcessors": (0x34, 4), "DumpType": (0xf98, 4),
    "MachineImageType": (0x30, 4), "RequiredDumpSpace": (0xfa0, 8),
}
BITMAP = {"FirstPage": (0x2020, 8), "TotalPresentPages": (0x2028, 8), "BitmapSize": (0x2030, 8)}
TRIAGE = {n: (0x2000 + 4 * i, 4) for i, n in enumerate(
    "ServicePackBuild SizeOfDump ValidOffset ContextOffset ExceptionOffset MmOffset "
    "UnloadedDriversOffset PrcbOffset ProcessOffset ThreadOffset CallStackOffset SizeOfCallStack "
    "DriverListOffset DriverCount StringPoolOffset StringPoolSize BrokenDriverOffset".split())}
TRIAGE.update({"TopOfStack": (0x2048, 8), "DataPageAddress": (0x2060, 8), "DataPageOffset": (0x2068, 4),
               "DataPageSize": (0x206c, 4), "DebuggerDataOffset": (0x2070, 4),
               "DebuggerDataSize": (0x2074, 4), "DataBlocksOffset": (0x2078, 4),
               "DataBlocksCount": (0x207c, 4)})

# DUMP_HEADER32 and what follows it at 0x1000: TRIAGE_DUMP32 and SUMMARY_DUMP32 of the WDK 10's types.
# Every field of them is in the readers' own tests; here those on which more than a reader hangs.
COUNTS32 = {"DirectoryTableBase": (0x10, 4), "PsLoadedModuleList": (0x18, 4),
            "KdDebuggerDataBlock": (0x60, 4), "PaeEnabled": (0x5c, 1), "DumpType": (0xf88, 4),
            "Context.Ebp": (0x3d4, 4), "Context.Esp": (0x3e4, 4)}
BITMAP32 = {"FirstPage": (0x1020, 8), "BitmapSize": (0x1030, 8)}
SUMMARY32 = {"HeaderSize": (0x100c, 4), "BitmapSize": (0x1010, 4)}
TRIAGE32 = {"ContextOffset": (0x100c, 4), "UnloadedDriversOffset": (0x1018, 4), "DriverCount": (0x1034, 4),
            "DataBlocksOffset": (0x1060, 4), "DataBlocksCount": (0x1064, 4)}

# elf.h; the notes are the first program header, and stand behind the third
ELF = {"e_phoff": (32, 8), "e_shoff": (40, 8), "e_phentsize": (54, 2), "e_phnum": (56, 2),
       "PT_NOTE p_offset": (0x48, 8), "PT_NOTE p_filesz": (0x60, 8), "PT_LOAD p_offset": (0x80, 8),
       "PT_LOAD p_paddr": (0x90, 8), "PT_LOAD p_filesz": (0x98, 8), "n_namesz": (0xe8, 4),
       "n_descsz": (0xec, 4)}
# makedumpfile's diskdump_mod.h; four blocks of headers and two of bitmaps before descriptors
KDUMP = {"header_version": (8, 4), "block_size": (428, 4), "sub_hdr_size": (432, 4),
         "bitmap_blocks": (436, 4), "max_mapnr": (440, 4), "split": (4096 + 12, 4),
         "offset_note": (4096 + 48, 8), "size_note": (4096 + 56, 8), "max_mapnr_64": (4096 + 96, 8),
         "bitmap": (0x5000, 8), "descriptor offset": (0x6000, 8), "descriptor size": (0x6008, 4),
         "descriptor flags": (0x600c, 4)}
FLAT = {"record offset": (4096, 8), "record size": (4104, 8)}
# volatility3's vmware layer; the table of two groups of 80 bytes, the first group at once behind it
VMSS = {"groups": (8, 4), "cpu offset": (0x4c, 8), "cpu size": (0x54, 8), "memory offset": (0x9c, 8)}
# kdmp-parser's RDMP_HEADER64 at 0x2000 and the ranges behind it
RDMP = {"marker": (0x2000, 4), "metadata size": (0x2010, 8), "first page": (0x2018, 8), "range": (0x2030, 8),
        "range's pages": (0x2038, 8)}
CONTAINERS = (("elf", ELF, 64 << 10), ("elf-paging", {}, 64 << 10), ("kdump", KDUMP, 4 << 10),
              ("kdump-flat", FLAT, 4 << 10), ("vmss", VMSS, 64 << 10), ("rdmp", RDMP, 64 << 10))


def huge_counts(tool, work, dump, name, fields, args=("diagnose",)):
    with open(dump, "rb") as f:
        data = f.read()
    path = os.path.join(work, "count.bin")
    for field, (off, size) in fields.items():
        bad = None
        for value in ((1 << 8 * size) - 1, 1 << (8 * size - 1), (1 << (8 * size - 4)) - 1,
                      len(data), len(data) + 1, 1, 0):
            value &= (1 << 8 * size) - 1
            old = data[off:off + size]
            new = struct.pack("<Q", value)[:size]
            if new == old:
                continue
            write(path, data[:off] + new + data[off + size:])
            bad = bad or sane(tool, path, {0, 3, 4}, args)
            if bad:
                bad = "%s = 0x%x: %s" % (field, value, bad)
                break
        report("%s dump with a lying %s" % (name, field), bad)


def no_machine(tool, work, dump):
    """A header without a machine type: there is no memory to follow a stack in."""
    with open(dump, "rb") as f:
        data = f.read()
    path = write(os.path.join(work, "machine.bin"), data[:0x30] + b"\0\0" + data[0x32:])
    for command in ("k", "kv", "us", "hang", "threads", "running", "vm", "locks", "info"):
        report("no machine type: " + command,
               sane(tool, path, {0} if command == "info" else {3, 4}, (command,)))


def narrow(args):
    """Dumps of a 32-bit system; `k` walks the stack that the header's registers lead to. The readers'
    own tests cut them at every byte."""
    for fmt, world, command, fields in (("full", "x86-stack", "k", COUNTS32),
                                        ("bitmap", "x86-filters", "diagnose", BITMAP32),
                                        ("summary", "x86-filters", "diagnose", SUMMARY32),
                                        ("triage", "x86-filters", "diagnose", TRIAGE32)):
        dump = os.path.join(args.work, "%s-%s.dmp" % (world, fmt))
        subprocess.run([args.mkworld, os.path.join(TOP, "fixtures/worlds", world + ".world"), "-o",
                        dump, "--format", fmt], check=True)
        huge_counts(args.tool, args.work, dump, "32-bit %s:" % fmt, fields, (command,))
    truncations(args.tool, args.work, dump, "32-bit triage", 4096)


def headless(args):
    """Memory without a header: as it is, and VMware's with its state beside it. Either may be cut."""
    world = os.path.join(TOP, "fixtures/worlds/healthy-machine.world")
    for fmt, name, options in (("raw", "cut.raw", ["--raw"]), ("vmem", "cut.vmem", [])):
        dump = os.path.join(args.work, "whole." + fmt)
        subprocess.run([args.mkworld, world, "-o", dump, "--format", fmt], check=True)
        with open(dump, "rb") as f:
            data = f.read()
        path, bad, seen = os.path.join(args.work, name), None, set()
        if fmt == "vmem":
            os.replace(dump[:-4] + "vmsn", path[:-4] + "vmsn")
        for size in range(0, len(data), 64 << 10):
            write(path, data[:size])
            bad = bad or sane(args.tool, path, {0, 3, 4}, (*options, "export"), seen)
        report("truncation of %s memory at every 64 KiB (%d cuts)" % (fmt, len(data) >> 16),
               bad or (None if {0, 3} <= seen else "saw exits %s" % sorted(seen)))


def main():
    p = argparse.ArgumentParser()
    for a in ("--tool", "--mkworld", "--work"):
        p.add_argument(a, required=True)
    args = p.parse_args()
    os.makedirs(args.work, exist_ok=True)
    no_dumps(args.tool, args.work)
    world = os.path.join(TOP, "fixtures/worlds/seed004.world")
    for fmt, extra in (("full", {}), ("bitmap", BITMAP), ("triage", TRIAGE)):
        dump = os.path.join(args.work, fmt + ".dmp")
        subprocess.run([args.mkworld, world, "-o", dump, "--format", fmt], check=True)
        if os.path.getsize(dump) < 4 << 20:
            # the readers' own tests cut at every byte that matters
            truncations(args.tool, args.work, dump, fmt, 4096 if fmt == "triage" else 12288)
        huge_counts(args.tool, args.work, dump, fmt, dict(COUNTS, **extra))
        if fmt == "full":
            no_machine(args.tool, args.work, dump)
    narrow(args)
    for fmt, fields, step in CONTAINERS:
        dump = os.path.join(args.work, fmt + ".dmp")
        subprocess.run([args.mkworld, world, "-o", dump, "--format", fmt, "--guest-header"],
                       check=True)
        truncations(args.tool, args.work, dump, fmt, step)
        huge_counts(args.tool, args.work, dump, fmt, fields)
    headless(args)
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
