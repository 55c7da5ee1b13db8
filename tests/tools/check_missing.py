#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_missing.py FLTSCOPE MKWORLD WORKDIR: a library that is loaded when it is needed is not there.

An empty file of its name stands first in LD_LIBRARY_PATH: the dynamic loader stops at it (ld.so(8)).
What needs the library must say so by name and fail; what does not need it must not notice.
"""
import gzip
import os
import subprocess
import sys

TOOL, MKWORLD, WORK = (os.path.abspath(a) for a in sys.argv[1:4])
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
NAMES = ["libcapstone.so.4", "libcapstone.so.5", "libxml2.so.2", "libxml2.so.16", "libarchive.so.13",
         "libcurl.so.4", "libcurl-gnutls.so.4", "libsnappy.so.1", "libmspack.so.0"]
failed = 0


def check(what, good, detail=""):
    global failed
    failed += not good
    print("%s - without the library: %s%s" % ("ok" if good else "not ok", what,
                                              "" if good else "\n#   " + str(detail)[:2000]))


def run(*args, empty=True):
    env = dict(os.environ, NO_COLOR="1")
    if empty:
        env["LD_LIBRARY_PATH"] = os.path.join(WORK, "empty")
    return subprocess.run([TOOL, *args], capture_output=True, text=True, check=False, env=env,
                          timeout=120, cwd=WORK)


def world(name, out, *args):
    subprocess.run([MKWORLD, os.path.join(TOP, "fixtures/worlds", name), "-o",
                    os.path.join(WORK, out), *args], check=True)


def needs(what, library, *args):
    r = run(*args)
    check(what, r.returncode in (2, 3, 4) and library in r.stderr and "not installed" in r.stderr
          and not r.stdout.strip(), (r.returncode, r.stdout, r.stderr))


def main():
    os.makedirs(os.path.join(WORK, "empty"), exist_ok=True)
    for name in NAMES:
        with open(os.path.join(WORK, "empty", name), "wb"):
            pass
    world("seed004.world", "seed.dmp", "--format", "kernel")
    world("hang.world", "hang.dmp", "--format", "kernel")
    for command in ("diagnose", "frames", "info", "export", "threads"):
        dump = "hang.dmp" if command == "threads" else "seed.dmp"
        with_it, without = run(command, dump, empty=False), run(command, dump)
        check(command + " needs none", (with_it.returncode, with_it.stdout, with_it.stderr) ==
              (without.returncode, without.stdout, without.stderr) and without.stdout, without)
    with open(os.path.join(WORK, "seed.dmp"), "rb") as f, \
            gzip.open(os.path.join(WORK, "seed.dmp.gz"), "wb", 1) as z:
        z.write(f.read())
    check("gzip needs none", run("frames", "seed.dmp.gz").returncode == 0, run("frames", "seed.dmp.gz"))
    for command in ("k", "us", "hang"):
        needs(command, "libcapstone.so", command, "hang.dmp")
    needs("check --format junit", "libxml2.so", "check", "--format", "junit", "seed.dmp")
    with open(os.path.join(WORK, "seed.dmp.zst"), "wb") as f:
        f.write(b"\x28\xb5\x2f\xfd" + bytes(60))  # RFC 8878's magic number
    needs("a .zst dump", "libarchive.so", "frames", "seed.dmp.zst")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
