# SPDX-License-Identifier: BSD-2-Clause
"""Processors' registers: what `info` has of a dump that QEMU wrote against what QEMU's monitor said of the machine.

QEMU's `info registers` prints its CPUX86State itself (target/i386/cpu-dump.c); the notes are made by
target/i386/arch_dump.c.
"""
import json
import re
import subprocess

COMMAND = "info registers -a"
GENERAL = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"] + ["r%d" % i for i in range(8, 16)]


def one(text):
    """One processor's block; None: it is not in long mode."""
    ret = {m[1].lower(): int(m[2], 16) for m in re.finditer(r"\b(R[A-Z]{2}|R\d{1,2}) *=([0-9a-f]{16})\b", text)}
    if "rip" not in ret:
        return None
    for name, pattern in (("efl", r"\bRFL=([0-9a-f]{8})\b"), ("cs", r"\bCS *=([0-9a-f]{4})\b"),
                          ("gsbase", r"\bGS *=[0-9a-f]{4} ([0-9a-f]{16})\b"), ("idtr", r"\bIDT= *([0-9a-f]{16})\b"),
                          ("cr3", r"\bCR3=([0-9a-f]{16})\b"), ("cr4", r"\bCR4=([0-9a-f]{8,16})\b")):
        ret[name] = int(re.search(pattern, text)[1], 16)
    return ret


def monitor(text):
    """Processor number to registers."""
    parts = re.split(r"CPU#(\d+)", text.replace("\r", ""))
    found = {int(parts[i]): one(parts[i + 1]) for i in range(1, len(parts), 2)}
    return {n: r for n, r in found.items() if r}


def shown(tool, path):
    r = subprocess.run([tool, "info", "--json", path], capture_output=True, check=True, timeout=60)
    return json.loads(r.stdout)["registers"]


def compare(tool, path, text):
    """A reason, or None."""
    truth = monitor(text)
    got = shown(tool, path)
    if not truth or [r["processor"] for r in got] != sorted(truth):
        return "processors %s, the monitor has %s" % ([r["processor"] for r in got], sorted(truth))
    for r in got:
        want = truth[r["processor"]]
        missing = [n for n in GENERAL + ["rip", "efl", "cs", "cr3", "cr4", "gsbase", "idtr"] if n not in r]
        if r["from"] != "QEMU note" or missing:
            return "processor %d, from %s: without %s" % (r["processor"], r["from"], missing)
        if r["mode"] != ("user" if want["cs"] & 3 == 3 else "kernel"):
            return "processor %d: %s mode with CS 0x%x" % (r["processor"], r["mode"], want["cs"])
        for name, v in want.items():
            if int(r[name], 16) != v:
                return "processor %d, %s: %s, the monitor says 0x%x" % (r["processor"], name, r[name], v)
    return None
