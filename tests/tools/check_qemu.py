#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Dumps that QEMU wrote: a guest of our own (tests/guest) stands still with a world in its memory.

check_qemu.py --tool FLTSCOPE --mkworld MKWORLD --work DIR

What must come out is the export of the same world in a DMP of mkworld's, but for `dump`; it is in
no way made from what QEMU writes. HMP's memsave reads guest virtual memory through QEMU's own MMU:
what `db` shows must be those bytes.
"""
import argparse
import json
import os
import resource
import shutil
import subprocess
import time

import qemu_registers

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GUEST = os.path.join(TOP, "tests/guest")
QEMU = "qemu-system-x86_64"
FILE_MAX = 256 << 20  # of what QEMU writes
LIMIT = 60            # seconds, of one QEMU
FAILED = 0

# What QEMU is to write: suffix, monitor commands.
WRITES = {
    "elf": "dump-guest-memory {}",
    "elf-paging": "dump-guest-memory -p {}",
    "kdump": "dump-guest-memory -z {}",
    "dmp": "dump-guest-memory -w {}",
    "raw": "pmemsave 0 0x2000000 {}",
}
FORMATS = {"elf": "elf", "elf-paging": "elf", "kdump": "kdump", "dmp": "dmp-full", "raw": "raw", "backend": "raw"}
HALF = ["elf", "kdump", "dmp"]
# Virtual ranges that memsave reads: nt's headers, over the end of a page, list heads in nt's data,
# KUSER_SHARED_DATA, a filter.
RANGES = [(0xFFFFF80230000000, 0x200), (0xFFFFF80230400F80, 0x80), (0xFFFFF80230400100, 0x300),
          (0xFFFFF78000000000, 0x300), (0xFFFFE00101020010, 0x300), (0xFFFFE00101010E60, 0x300)]

# The file behind the guest's memory: it has no hole below 4 GiB.
BACKEND = ["-object", "memory-backend-file,id=ram,size=%s,mem-path=out.backend,share=on", "-machine",
           "pc,memory-backend=ram%s"]


def backend(size, machine=""):
    return ["-m", size, BACKEND[0], BACKEND[1] % size, BACKEND[2], BACKEND[3] % machine]


# name, world, QEMU's arguments, the guest's command line, what is written
MACHINES = [
    ("one processor", "healthy-machine", ["-m", "32M", "-device", "vmcoreinfo"], "one", list(WRITES)),
    ("one processor, no header from the guest", "healthy-machine", ["-m", "32M"], "one",
     ["elf", "elf-paging", "kdump", "raw"]),
    ("a memory backend file", "healthy-machine", backend("32M"), "one", ["elf", "backend"]),
    ("a memory backend file, memory above 4 GiB", "healthy-machine", backend("64M", ",max-ram-below-4g=24M"), "one",
     ["elf", "backend"]),
    ("two processors", "seed004-machine", ["-m", "32M", "-smp", "2", "-device", "vmcoreinfo"], "smp", HALF),
    ("two processors, one never started", "healthy-machine", ["-m", "32M", "-smp", "2"], "one", ["elf"]),
    ("LA57", "healthy-machine", ["-m", "32M", "-cpu", "max", "-device", "vmcoreinfo"], "la57", HALF),
    ("LA57, no header from the guest", "healthy-machine", ["-m", "32M", "-cpu", "max"], "la57", ["elf"]),
    ("memory above 4 GiB", "healthy-machine",
     ["-m", "64M", "-machine", "pc,max-ram-below-4g=24M", "-device", "vmcoreinfo"], "one",
     ["elf", "elf-paging", "kdump", "dmp"]),
    ("memory above 4 GiB, no header from the guest", "healthy-machine",
     ["-m", "64M", "-machine", "pc,max-ram-below-4g=24M"], "one", ["elf"]),
    ("KVA shadowing, both processors in user mode", "healthy-machine", ["-m", "32M", "-smp", "2"],
     "smp kvas", ["elf", "elf-paging", "kdump"]),
]


def report(name, problem):
    global FAILED
    FAILED += bool(problem)
    print("not ok - %s\n#   %s" % (name, problem) if problem else "ok - " + name, flush=True)


def build_guest(work):
    """The guest as a 32-bit ELF, which is what multiboot takes."""
    target = "--target=x86_64-unknown-none-elf"
    objects = []
    for source in ("boot.S", "guest.c"):
        objects.append(os.path.join(work, source + ".o"))
        subprocess.run(["clang", target, "-O1", "-std=gnu11", "-ffreestanding", "-fno-pic", "-mno-red-zone",
                        "-mgeneral-regs-only", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
                        "-fno-builtin", "-Wall", "-Wextra", "-Werror", "-Wno-unused-command-line-argument",
                        "-c", os.path.join(GUEST, source), "-o", objects[-1]], check=True)
    subprocess.run(["ld.lld", "-m", "elf_x86_64", "-T", os.path.join(GUEST, "guest.ld"), "-z", "max-page-size=4096",
                    "--build-id=none", "-o", os.path.join(work, "guest.64"), *objects], check=True)
    subprocess.run(["llvm-objcopy", "-O", "elf32-i386", os.path.join(work, "guest.64"),
                    os.path.join(work, "guest")], check=True)


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_MAX, FILE_MAX))


def run_qemu(work, arguments, line, commands):
    """Start, wait until the guest stands still, have it dumped. A reason when it went wrong."""
    console = os.path.join(work, "console")
    if os.path.exists(console):
        os.unlink(console)
    q = subprocess.Popen([QEMU, "-accel", "tcg", "-nodefaults", "-display", "none", "-no-reboot", "-net", "none",
                          "-kernel", "guest", "-initrd", "world", "-append", line, "-debugcon", "file:console",
                          "-chardev", "stdio,id=m", "-mon", "chardev=m,mode=readline", *arguments],
                         cwd=work, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         preexec_fn=small_files)
    try:
        said, end = "", time.monotonic() + LIMIT
        while not said.endswith("\n") and q.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
            if os.path.exists(console):
                with open(console, encoding="ascii") as f:
                    said = f.read()
        if said != "ready\n":
            return "the guest says '%s'" % said.strip()
        commands = ["stop", qemu_registers.COMMAND, *commands, "quit"]
        out = q.communicate("".join(c + "\n" for c in commands).encode(), timeout=LIMIT)[0]
        with open(os.path.join(work, "monitor"), "wb") as f:
            f.write(out)
        return out.decode(errors="replace")[-300:] if q.returncode else None
    except subprocess.TimeoutExpired:
        return "QEMU does not end"
    finally:
        q.kill()
        q.wait()


def export(args, path, options=()):
    r = subprocess.run([args.tool, *options, "export", "--json", path], capture_output=True, check=False, timeout=LIMIT)
    if r.returncode:
        raise RuntimeError("exit %d: %s" % (r.returncode, r.stderr.decode()[-300:]))
    doc = json.loads(r.stdout)
    head = doc.pop("dump")
    return head, doc


def options_for(kind, line):
    """Raw memory is read on the user's word; the file behind 24 MiB below 4 GiB and the rest above has no hole."""
    if kind not in ("raw", "backend"):
        return []
    return ["--raw-hole", "0x1800000-0x100000000"] if any("max-ram" in w for w in line) else ["--raw"]


def check_dump(args, path, kind, right, arguments):
    try:
        head, doc = export(args, path, options_for(kind, arguments))
    except (RuntimeError, subprocess.TimeoutExpired, ValueError) as e:
        return str(e)
    if head["format"] != FORMATS[kind]:
        return "format %s" % head["format"]
    if doc != right:
        return "the export differs in %s; notes: %s" % ([k for k in right if doc.get(k) != right[k]],
                                                        head.get("notes"))
    return None


def shown_bytes(args, path, va, size, options):
    r = subprocess.run([args.tool, *options, "--json", "db", path, hex(va), "L%x" % size], capture_output=True, check=False)
    return bytes(json.loads(r.stdout)["values"])


def check_memory(args, work, path, options):
    for i, (va, size) in enumerate(RANGES):
        with open(os.path.join(work, "mem%d" % i), "rb") as f:
            truth = f.read()
        got = shown_bytes(args, path, va, size, options)
        if len(truth) != size or got != truth:
            return "0x%x: %s, memsave says %s" % (va, got[:16].hex(), truth[:16].hex())
    return None


def check_registers(args, path):
    with open(os.path.join(args.work, "monitor"), encoding="utf-8", errors="replace") as f:
        return qemu_registers.compare(args.tool, path, f.read())


def machine(args, name, world, arguments, line, kinds):
    for f in os.listdir(args.work):
        if f.startswith(("out.", "mem")):
            os.unlink(os.path.join(args.work, f))
    subprocess.run([args.mkworld, os.path.join(TOP, "fixtures/worlds", world + ".world"), "-o",
                    os.path.join(args.work, "world"), "--format", "guest"], check=True)
    truth = os.path.join(args.work, "right.dmp")
    subprocess.run([args.mkworld, os.path.join(TOP, "fixtures/worlds", world + ".world"), "-o", truth], check=True)
    right = export(args, truth)[1]
    commands = [WRITES[k].format("out." + k) for k in kinds if k in WRITES]
    memory = "healthy" in world and "kvas" not in line
    if memory:
        commands += ["memsave 0x%x %d mem%d" % (va, size, i) for i, (va, size) in enumerate(RANGES)]
    problem = run_qemu(args.work, arguments, line, commands)
    report("qemu, %s: the guest runs" % name, problem)
    if problem:
        return
    for k in kinds:
        path = os.path.join(args.work, "out." + k)
        report("qemu, %s: %s" % (name, k), check_dump(args, path, k, right, arguments))
        if FORMATS[k] in ("elf", "kdump"):
            report("qemu, %s: %s, registers as the monitor has them" % (name, k), check_registers(args, path))
        if memory:
            report("qemu, %s: %s, memory as memsave has it" % (name, k), check_memory(args, args.work, path, options_for(k, arguments)))


def narrow(args):
    """A 32-bit system's memory in a machine that stands still at its reset, out of long mode: so QEMU names it
    EM_386, or in kdump's header x86_64 with a 32-bit system's registers. No CR3: the kernel is searched for."""
    world = os.path.join(TOP, "fixtures/worlds/x86-machine.world")
    for pae in ("yes", "no"):
        truth, raw = (os.path.join(args.work, f) for f in ("right.dmp", "out.memory"))
        for path, fmt in ((truth, "full"), (raw, "raw")):
            subprocess.run([args.mkworld, world, "-o", path, "--format", fmt, "-D", "pae=" + pae], check=True)
        with open(raw, "r+b") as f:  # below 1 MiB is the firmware's
            above = f.read()[0x100000:]
            f.seek(0)
            f.truncate()
            f.write(above)
        right = export(args, truth)[1]
        kinds = ["elf", "kdump", "raw"]
        subprocess.run([QEMU, "-accel", "tcg", "-nodefaults", "-display", "none", "-net", "none", "-S", "-m", "32M",
                        "-device", "loader,file=out.memory,addr=0x100000,force-raw=on", "-monitor", "stdio"],
                       input="".join(WRITES[k].format("out." + k) + "\n" for k in kinds).encode() + b"quit\n",
                       cwd=args.work, preexec_fn=small_files, capture_output=True, timeout=LIMIT, check=True)
        for k in kinds:
            path = os.path.join(args.work, "out." + k)
            report("qemu, 32 bits, pae=%s: %s" % (pae, k), check_dump(args, path, k, right, []))


def main():
    p = argparse.ArgumentParser()
    for o in ("tool", "mkworld", "work"):
        p.add_argument("--" + o, required=True)
    args = p.parse_args()
    args.work = os.path.abspath(args.work)
    if not shutil.which(QEMU):
        print("skip - qemu: %s is not installed" % QEMU)
        return 0
    os.makedirs(args.work, exist_ok=True)
    build_guest(args.work)
    for m in MACHINES:
        machine(args, *m)
    narrow(args)
    for f in os.listdir(args.work):
        if f.startswith(("out.", "mem")):
            os.unlink(os.path.join(args.work, f))
    return 1 if FAILED else 0


if __name__ == "__main__":
    raise SystemExit(main())
