#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The unwinder against code that really runs, and against llvm-readobj.

check_unwind.py BINDIR WORKDIR       (BINDIR holds unwind_run, unwind_dump, unwind_trace)

clang and lld-link make drivers for Windows out of tests/unwind. The x64 ones are loaded into
a process and run instruction by instruction; the ARM64 ones run under qemu-aarch64, steered
through its gdb stub. At every instruction the unwinder must name the callers that the calls
really made. llvm-readobj --unwind says how the data is to be read. Without one of these
programs: said, skipped.
"""
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(os.path.dirname(HERE), "unwind")
FAILED = 0
BASE, STACK, STACK_SIZE, STEPS_MAX = 0x10000000, 0x20000000, 0x100000, 20000


def check(name, good, detail=""):
    global FAILED
    FAILED += not good
    print("%s - %s%s" % ("ok" if good else "not ok", name, "" if good else "\n#   %s" % str(detail)[:3000]), flush=True)


def run(*args):
    r = subprocess.run(args, capture_output=True, text=True, check=False)
    if r.returncode != 0:
        raise RuntimeError("%s: exit %d: %s" % (" ".join(args)[:300], r.returncode, r.stderr[-800:]))
    return r.stdout


def image(work, name, target, objects, machine):
    objs = []
    for source, *flags in objects:
        obj = os.path.join(work, "%s-%s.obj" % (name, source.replace(".", "-")))
        run("clang", "--target=%s-pc-windows-msvc" % target, *flags, "-c", os.path.join(SOURCES, source), "-o", obj)
        objs.append(obj)
    out = os.path.join(work, name + ".dll")
    run("lld-link", "/dll", "/noentry", "/nodefaultlib", "/base:0x%x" % BASE, "/machine:" + machine,
        *(["/fixed"] if machine == "x64" else []), "/out:" + out, *objs)
    return out


# --- x64: run in a process ---------------------------------------------------------

def run_x64(tool, path, name, least):
    r = subprocess.run([tool, path], capture_output=True, text=True, check=False)
    m = re.search(r"run: (\d+) instructions, (\d+) of (\d+) in \.pdata, (\d+) failures", r.stdout)
    check("x64 %s: the true callers at every instruction" % name, r.returncode == 0 and m and m.group(4) == "0",
          r.stdout + r.stderr)
    if m:
        n, seen, total = (int(x) for x in m.groups()[:3])
        check("x64 %s: %d instructions looked at, %d of the %d of .pdata" % (name, n, seen, total),
              n >= least and seen >= total * 0.94)


# --- llvm-readobj -------------------------------------------------------------------

def readobj_x64(path):
    """Lines as unwind_dump prints them."""
    out = []
    regs = "RAX RCX RDX RBX RSP RBP RSI RDI R8 R9 R10 R11 R12 R13 R14 R15".split()
    for block in run("llvm-readobj", "--unwind", path).split("RuntimeFunction {")[1:]:
        def field(name, text=block):
            return re.search(r"%s: \(0x([0-9A-F]+)\)" % name, text)
        begin, end, data = (int(field(x).group(1), 16) - BASE for x in ("StartAddress", "EndAddress", "UnwindInfoAddress"))
        out.append("function %x %x %x" % (begin, end, data))
        frame = re.search(r"FrameRegister: (?:-|(\w+) \(0x\w+\))", block).group(1)
        offset = re.search(r"FrameOffset: (?:-|0x(\w+))", block).group(1)
        out.append("info %d %d %d %d %d" % (
            int(re.search(r"Version: (\d+)", block).group(1)), int(re.search(r"Flags \[ \(0x(\w+)\)", block).group(1), 16),
            int(re.search(r"PrologSize: (\d+)", block).group(1)), regs.index(frame) if frame else 0, int(offset or "0", 16)))
        for at, op, rest in re.findall(r"0x([0-9A-F]{2}): (\w+) ?(.*)", block):
            m = dict(re.findall(r"(\w+)=(\w+)", rest))
            if "reg" in m and m["reg"].startswith("XMM"):
                reg = int(m["reg"][3:])
            elif "reg" in m and op != "SET_FPREG":
                reg = regs.index(m["reg"])
            else:
                reg = None
            value = int(m.get("size", m.get("offset", "0")), 0) if op != "SET_FPREG" else 0
            out.append((at.lower().lstrip("0") or "0", op, reg, 8 if op == "PUSH_MACHFRAME" and "yes" in rest else value))
        chained = block.split("Chained {")[1:]
        if chained:
            c = [int(re.search(r"%s: \(0x(\w+)\)" % x, chained[0]).group(1), 16) - BASE
                 for x in ("StartAddress", "EndAddress", "UnwindInfoAddress")]
            out.append("chained %x %x %x" % tuple(c))
    return out


def same_x64(ours, theirs):
    """The first difference; ours name a register in every op, theirs only where it means one."""
    if len(ours) != len(theirs):
        return "%d lines, %d by llvm-readobj" % (len(ours), len(theirs))
    for a, b in zip(ours, theirs):
        if isinstance(b, tuple):
            w = a.split()
            if w[0] != "op" or w[1:3] != [b[0], b[1]] or int(w[4]) != b[3] or (b[2] is not None and int(w[3]) != b[2]):
                return "%s / %s" % (a, b)
        elif a != b:
            return "%s / %s" % (a, b)
    return ""


def decode_x64(tool, path, name):
    ours, theirs = run(tool, path).splitlines(), readobj_x64(path)
    check("x64 %s: UNWIND_INFO as llvm-readobj reads it, %d functions" %
          (name, sum(isinstance(x, str) and x.startswith("function") for x in theirs)),
          len(theirs) > 20 and not same_x64(ours, theirs), same_x64(ours, theirs))


def plain(line):
    """One instruction in words that both use."""
    line = line.strip().replace("x30", "lr").replace("x29", "fp").replace("sub sp, sp,", "sub sp,")
    return "nop" if re.match(r"stp x[0246], x[1357], \[sp", line) else line


def readobj_arm64(path):
    out, section = {}, None
    for block in run("llvm-readobj", "--unwind", path).split("RuntimeFunction {")[1:]:
        rva = int(re.search(r"Function: .*?(?:\()?0x(\w+)\)?", block).group(1), 16) - BASE
        lines = ["length %d" % int(re.search(r"FunctionLength: (\d+)", block).group(1))]
        section = False
        for line in block.splitlines():
            line = line.strip()
            if line == "Prologue [":
                lines.append("prologue")
                section = True
            elif line == "Opcodes [":
                lines.append("epilogue")
                section = True
            elif line == "]":
                section = False
            elif line.startswith("EpilogueOffset:"):
                lines.insert(1, "epilogue at %s" % line.split()[1])
            elif line.startswith("StartOffset:"):
                lines.append("scope " + line.split()[1])
            elif line.startswith("EpilogueStartIndex:"):
                lines[-1] += " " + line.split()[1]
            elif section and line:
                lines.append(plain(line.split(";")[-1]))
        out[rva] = lines
    return out


def dump_arm64(tool, path):
    out = {}
    for block in run(tool, path).split("function ")[1:]:
        lines = block.splitlines()
        at = [x for x in lines[2:] if x.startswith("epilogue at")]
        out[int(lines[0], 16)] = [lines[1]] + at + [plain(x) for x in lines[2:] if x not in at]
    return out


def decode_arm64(tool, path, name):
    ours, theirs = dump_arm64(tool, path), readobj_arm64(path)
    # llvm-readobj 14 does not know CR 2 (signed) nor one register with lr, and says nothing of end_c
    known = {k: v for k, v in theirs.items() if "INVALID!" not in v and "code fc" not in ours.get(k, [])
             and ours.get(k, [""])[-1] != "end_c"}
    bad = ["+0x%x: %s / %s" % (k, ours.get(k), v) for k, v in known.items() if ours.get(k) != v]
    check("ARM64 %s: unwind data as llvm-readobj reads it, %d functions" % (name, len(known)),
          len(known) > 20 and set(ours) == set(theirs) and not bad, "\n#   ".join(bad))


# --- ARM64: run under qemu ------------------------------------------------------------

class Stub:
    """As much of gdb's remote protocol as is needed."""

    def __init__(self, path):
        for _ in range(200):
            try:
                self.s = socket.socket(socket.AF_UNIX)
                self.s.connect(path)
                break
            except OSError:
                time.sleep(0.05)
        self.buf = b""
        self.s.settimeout(20)
        self.ask("qSupported")

    def ask(self, text):
        data = text.encode()
        self.s.sendall(b"$" + data + b"#%02x" % (sum(data) & 255))
        while True:
            begin, end = self.buf.find(b"$"), self.buf.find(b"#")
            if 0 <= begin < end and len(self.buf) >= end + 3:
                answer, self.buf = self.buf[begin + 1:end], self.buf[end + 3:]
                self.s.sendall(b"+")
                return answer.decode()
            got = self.s.recv(1 << 16)
            if not got:
                raise RuntimeError("qemu's gdb stub went away")
            self.buf += got

    def regs(self):
        self.raw = bytes.fromhex(self.ask("g"))
        return list(struct.unpack_from("<33Q", self.raw))  # x0..x30, sp, pc

    def set(self, values):
        self.ask("G" + (struct.pack("<33Q", *values) + self.raw[33 * 8:]).hex())

    def read(self, at, n):
        out = b""
        while len(out) < n:
            out += bytes.fromhex(self.ask("m%x,%x" % (at + len(out), min(1024, n - len(out)))))
        return out


def flat(path):
    with open(path, "rb") as f:
        b = f.read()
    pe = struct.unpack_from("<I", b, 0x3c)[0]
    n, optional = struct.unpack_from("<H", b, pe + 6)[0], struct.unpack_from("<H", b, pe + 20)[0]
    out = bytearray(struct.unpack_from("<I", b, pe + 24 + 56)[0])
    for i in range(n):
        size, rva, raw, at = struct.unpack_from("<4I", b, pe + 24 + optional + 40 * i + 8)
        out[rva:rva + min(size, raw)] = b[at:at + min(size, raw)]
    exp = struct.unpack_from("<I", out and b, pe + 24 + 112)[0]
    functions, names, ordinals = struct.unpack_from("<3I", out, exp + 28)
    symbols = {}
    for i in range(struct.unpack_from("<I", out, exp + 24)[0]):
        at = struct.unpack_from("<I", out, names + 4 * i)[0]
        name = bytes(out[at:out.index(0, at)]).decode()
        symbols[name] = BASE + struct.unpack_from("<I", out, functions + 4 * struct.unpack_from("<H", out, ordinals + 2 * i)[0])[0]
    return bytes(out), symbols


def elf(work, name, bits):
    """A program that holds the image where it wants to be, a stack, and does nothing."""
    base = os.path.join(work, name)
    with open(base + ".bin", "wb") as f:
        f.write(bits)
    with open(base + ".s", "w", encoding="ascii") as f:
        f.write('.globl _start\n.text\n_start: b _start\n.section .image,"awx"\n.incbin "%s.bin"\n'
                '.section .room,"aw",@nobits\n.space 0x%x\n' % (base, STACK_SIZE))
    run("clang", "--target=aarch64-linux-gnu", "-c", base + ".s", "-o", base + ".o")
    run("ld.lld", "-static", base + ".o", "-o", base + ".elf", "--section-start=.image=0x%x" % BASE,
        "--section-start=.room=0x%x" % STACK)
    return base + ".elf"


def trace_one(stub, bits, function, argument, times, out):
    """Step through one function; a record for each instruction that is new enough."""
    top = STACK + STACK_SIZE - 0x100
    stub.regs()
    stub.set([argument] + [0] * 30 + [top, function])
    calls, n = [(0, top)], 0
    for _ in range(STEPS_MAX):
        *x, sp, pc = stub.regs()
        if pc == 0:
            return n
        insn = struct.unpack_from("<I", bits, pc - BASE)[0]
        times[pc] = times.get(pc, 0) + 1
        if times[pc] <= 6:
            stack = stub.read(sp, STACK + STACK_SIZE - sp)
            flat_calls = [v for pair in reversed(calls) for v in pair]
            out.write(struct.pack("<%dQ" % (35 + len(flat_calls)), pc, sp, *x, len(calls), *flat_calls, len(stack)) + stack)
            n += 1
        if insn & 0xfc000000 == 0x94000000 or insn & 0xfffffc1f == 0xd63f0000:  # bl, blr
            calls.append((pc + 4, sp))
        elif insn & 0xfffffc1f == 0xd65f0000:  # ret
            calls.pop()
        if not stub.ask("s").startswith("T05"):
            raise RuntimeError("stopped at 0x%x" % pc)
    raise RuntimeError("0x%x does not end" % function)


def run_arm64(tool, work, path, name):
    bits, symbols = flat(path)
    sock = os.path.abspath(os.path.join(work, name + ".sock"))
    if len(sock) > 100:
        sock = "/tmp/unwind-%d-%s.sock" % (os.getpid(), name)
    if os.path.exists(sock):
        os.unlink(sock)
    qemu = subprocess.Popen(["qemu-aarch64", "-cpu", "max", "-g", sock, elf(work, name, bits)])
    trace, n, times = os.path.join(work, name + ".trace"), 0, {}
    try:
        stub = Stub(sock)
        with open(trace, "wb") as f:
            for symbol in sorted(symbols):
                for argument in (5, 0) if symbol.startswith("run_") else ():
                    n += trace_one(stub, bits, symbols[symbol], argument, times, f)
    finally:
        qemu.kill()
        qemu.wait()
    r = subprocess.run([tool, path, trace], capture_output=True, text=True, check=False)
    check("ARM64 %s: the true callers at every instruction" % name, r.returncode == 0 and
          "trace: %d instructions, 0 failures" % n in r.stdout, r.stdout + r.stderr)
    check("ARM64 %s: %d instructions looked at, %d places" % (name, n, len(times)), len(times) > 550)


def main():
    bindir, work = sys.argv[1:3]
    os.makedirs(work, exist_ok=True)
    missing = [x for x in ("clang", "lld-link", "llvm-readobj") if not shutil.which(x)]
    if missing:
        print("ok - unwinder against real code # SKIP: %s not installed" % ", ".join(missing))
        return 0
    tool = lambda name: os.path.join(bindir, name)  # noqa: E731
    for level in "0", "2", "s":
        path = image(work, "x64-O" + level, "x86_64", [("x64.s",), ("code.c", "-O" + level)], "x64")
        decode_x64(tool("unwind_dump"), path, "-O" + level)
        run_x64(tool("unwind_run"), path, "-O" + level, 4000)
    path = image(work, "x64-v2", "x86_64", [("x64_v2.s",)], "x64")
    run_x64(tool("unwind_run"), path, "version 2 and indirect entries", 150)
    for level in "0", "2":
        path = image(work, "arm64-O" + level, "aarch64", [("arm64.s",), ("code.c", "-O" + level)], "arm64")
        decode_arm64(tool("unwind_dump"), path, "-O" + level)
        if not shutil.which("qemu-aarch64") or not shutil.which("ld.lld"):
            print("ok - ARM64 -O%s under qemu # SKIP: qemu-aarch64 not installed (Debian: qemu-user)" % level)
        else:
            run_arm64(tool("unwind_trace"), work, path, "arm64-O" + level)
    return FAILED != 0


if __name__ == "__main__":
    sys.exit(main())
