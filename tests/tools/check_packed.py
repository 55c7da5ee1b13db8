#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compressed dumps of every kind tell what the plain dump tells; bombs, cut files and archives
with several files are refused, and nothing is left in TMPDIR.

check_packed.py --tool FLTSCOPE --mkworld MKWORLD --work DIR

The packers are Python's (gzip, bz2, lzma, zipfile), libarchive's own writers for 7z and zstd,
and for cab the bytes of [MS-CAB], stored, made below.
"""
import argparse
import bz2
import ctypes
import gzip
import io
import json
import lzma
import os
import resource
import signal
import struct
import subprocess
import tarfile
import time
import zipfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FAILED = 0


def report(name, problem):
    global FAILED
    FAILED += bool(problem)
    print("not ok - %s\n#   %s" % (name, problem) if problem else "ok - " + name)


def by_libarchive(path, data, fmt, filt, names):
    """An archive as libarchive writes it (archive_write(3))."""
    lib = ctypes.CDLL("libarchive.so.13")
    p, s = ctypes.c_void_p, ctypes.c_char_p
    for f, res, args in (("archive_write_new", p, []), ("archive_entry_new", p, []),
                         ("archive_entry_set_pathname", None, [p, s]),
                         ("archive_entry_set_size", None, [p, ctypes.c_int64]),
                         ("archive_entry_set_filetype", None, [p, ctypes.c_uint]),
                         ("archive_write_open_filename", ctypes.c_int, [p, s]),
                         ("archive_write_header", ctypes.c_int, [p, p]),
                         ("archive_write_data", ctypes.c_ssize_t, [p, s, ctypes.c_size_t]),
                         ("archive_write_free", ctypes.c_int, [p]), (fmt, ctypes.c_int, [p]),
                         (filt, ctypes.c_int, [p])):
        getattr(lib, f).restype = res
        getattr(lib, f).argtypes = args
    a = lib.archive_write_new()
    assert getattr(lib, fmt)(a) == 0 and getattr(lib, filt)(a) == 0
    assert lib.archive_write_open_filename(a, path.encode()) == 0
    for name in names:
        e = lib.archive_entry_new()
        lib.archive_entry_set_pathname(e, name.encode())
        lib.archive_entry_set_size(e, len(data))
        lib.archive_entry_set_filetype(e, 0o100000)
        assert lib.archive_write_header(a, e) == 0
        assert lib.archive_write_data(a, data, len(data)) == len(data)
    assert lib.archive_write_free(a) == 0


def seven_zip(path, data, names=("MEMORY.DMP",)):
    by_libarchive(path, data, "archive_write_set_format_7zip", "archive_write_add_filter_none", names)


def zstd(path, data):
    by_libarchive(path, data, "archive_write_set_format_raw", "archive_write_add_filter_zstd", ["x"])


def cab(path, data, names=("MEMORY.DMP",)):
    """[MS-CAB]: one folder, stored in CFDATA of up to 32 KiB; no check sums."""
    whole = data * len(names)
    blocks = [whole[i:i + 0x8000] for i in range(0, len(whole), 0x8000)]
    files = b"".join(struct.pack("<IIHHHH", len(data), i * len(data), 0, 0x5000, 0, 0x20) +
                     n.encode() + b"\0" for i, n in enumerate(names))
    at = 36 + 8
    body = b"".join(struct.pack("<IHH", 0, len(b), len(b)) + b for b in blocks)
    size = at + len(files) + len(body)
    with open(path, "wb") as f:
        f.write(b"MSCF" + struct.pack("<IIIIIBBHHHHH", 0, size, 0, at, 0, 3, 1, 1, len(names), 0, 7, 0))
        f.write(struct.pack("<IHH", at + len(files), len(blocks), 0) + files + body)


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def zipped(path, data, names=("MEMORY.DMP",)):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for n in names:
            z.writestr(n, data)


KINDS = {
    "gzip": lambda p, d: write(p, gzip.compress(d)),
    "bzip2": lambda p, d: write(p, bz2.compress(d)),
    "xz": lambda p, d: write(p, lzma.compress(d)),
    "zstd": zstd, "zip": zipped, "7z": seven_zip, "cab": cab,
}


class Run:
    def __init__(self, args):
        self.tool = args.tool
        self.temp = os.path.join(args.work, "temp")
        os.makedirs(self.temp, exist_ok=True)
        self.env = {**os.environ, "TMPDIR": self.temp, "NO_COLOR": "1"}

    def __call__(self, *words, before=None):
        r = subprocess.run([self.tool, *words], capture_output=True, check=False, env=self.env,
                           preexec_fn=before, timeout=120)
        if os.listdir(self.temp):
            raise RuntimeError("left in TMPDIR: %s" % os.listdir(self.temp))
        return r

    def export(self, path):
        r = self("export", "--json", path)
        if r.returncode:
            raise RuntimeError("exit %d: %s" % (r.returncode, r.stderr.decode()[-300:]))
        doc = json.loads(r.stdout)
        notes = doc.pop("dump").get("notes", [])
        return doc, notes


def refused(run, path, *words, before=None):
    r = run("info", path, before=before)
    text = r.stderr.decode(errors="replace")
    if r.returncode != 3:
        return "exit %d: %s" % (r.returncode, text)
    if "\\x0a" in text:
        return "the end of another's line stands in ours: %r" % text
    if "\x1b" in text:
        return "an escape sequence reached the terminal: %r" % text
    for w in words:
        if w not in text:
            return "no '%s' in: %s" % (w, text)
    return None


def same(run, plain, kind, path, data):
    KINDS[kind](path, data)
    got, notes = run.export(path)
    if got != plain:
        return "the export differs"
    want = "unpacked from %s: %d bytes, of %d compressed" % (kind, len(data), os.stat(path).st_size)
    return None if want in notes else "no note '%s': %s" % (want, notes)


def cut(run, path, plain):
    """At some lengths (test_packed.c has every one): an error, or (a zip without its table) the whole dump."""
    with open(path, "rb") as f:
        whole = f.read()
    for n in (9, *(len(whole) * i // 5 for i in range(1, 5)), len(whole) - 9, len(whole) - 1):
        write(path, whole[:n])
        r = run("export", "--json", path)
        if r.returncode == 0:
            doc = json.loads(r.stdout)
            del doc["dump"]
            if doc != plain:
                return "cut to %d of %d bytes it gives another answer" % (n, len(whole))
        elif r.returncode != 3:
            return "cut to %d bytes: exit %d, %s" % (n, r.returncode, r.stderr.decode()[-200:])
    return None


def killed(run, path):
    """While it unpacks: nothing is left."""
    p = subprocess.Popen([run.tool, "info", path], env=run.env, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    time.sleep(0.15)
    p.send_signal(signal.SIGINT)
    p.wait(60)
    return "left: %s" % os.listdir(run.temp) if os.listdir(run.temp) else None


def tar(data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        e = tarfile.TarInfo("MEMORY.DMP")
        e.size = len(data)
        t.addfile(e, io.BytesIO(data))
    return out.getvalue()


def others(run, path, data):
    """Files that are no dump and known for what they are; each says what to do. The look-alikes are
    read or refused as before."""
    zipped(path, data)
    with open(path, "rb") as f:
        whole = bytearray(f.read())
    for at in (whole.find(b"PK\3\4") + 22, whole.find(b"PK\1\2") + 24):  # APPNOTE: uncompressed size
        struct.pack_into("<I", whole, at, len(data) - 5)
    write(path, whole)
    report("a zip that lies about its size", refused(run, path, "a zip file: ", "libarchive: "))
    advice = ("unpack it, and name the dump that is in it", ".zip, .7z and .cab with one file in them")
    write(path, tar(data))
    report("tar", refused(run, path, "not a dump: a tar archive", *advice))
    for kind in ("gzip", "bzip2", "xz", "zstd"):
        KINDS[kind](path, tar(data))
        report("tar within %s" % kind, refused(run, path, "unpacked from %s: not a dump: a tar archive" % kind, *advice))
    write(path, b"Rar!\x1a\7\1\0" + data)
    report("rar", refused(run, path, "not a dump: a RAR archive", *advice))
    for magic, words in ((b"\x04\x22\x4d\x18", "an LZ4 file: unpack it"), (b"MDMP", "a minidump of a process"),
                         (b"QFI\xfb", "a QEMU disk image"), (b"LibvirtQemudSave", "virsh dump --memory-only"),
                         (b"QEVM", "dump-guest-memory"), (b"HIBR", "a hibernation file")):
        write(path, magic + bytes(8192))
        report("%r" % magic, refused(run, path, "not a dump: ", words))
        write(path, magic[:-1] + b"!" + bytes(8192))
        r = refused(run, path, "not a dump: at offset 0: expected PAGEDU64")
        report("not quite %r" % magic, r)


def bomb(path):
    """4 GiB of zeros: bzip2 makes it some 3 KiB, of streams of 64 MiB."""
    write(path, bz2.compress(bytes(64 << 20)) * 64)


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (100 << 10, 100 << 10))


def main():
    p = argparse.ArgumentParser()
    for o in ("tool", "mkworld", "work"):
        p.add_argument("--" + o, required=True)
    args = p.parse_args()
    os.makedirs(args.work, exist_ok=True)
    run = Run(args)
    dump, path = (os.path.join(args.work, n) for n in ("plain.dmp", "packed"))
    subprocess.run([args.mkworld, os.path.join(TOP, "fixtures/worlds/zombie.world"), "-o", dump,
                    "--format", "bitmap", "--nt", "19041", "--fltmgr", "19041"], check=True)
    with open(dump, "rb") as f:
        data = f.read()
    plain, _ = run.export(dump)
    for kind in KINDS:
        report("%s tells the same" % kind, same(run, plain, kind, path, data))
        report("%s cut anywhere" % kind, cut(run, path, plain))
        KINDS[kind](path, data)
        report("%s with no room" % kind,
               refused(run, path, "a %s file" % kind, "TMPDIR names another place", before=small_files))
    for kind, pack in (("zip", zipped), ("7z", seven_zip), ("cab", cab)):
        pack(path, b"x" * 100, ("a\x1b]0;owned\x07.dmp", "b.dmp", "c.txt"))
        report("%s with three files names them" % kind,
               refused(run, path, "3 files are in it", "owned", "b.dmp", "c.txt"))
    others(run, path, data)
    write(path, gzip.compress(b"no dump at all"))
    report("what is no dump within", refused(run, path, "not a dump", "no dump"))
    bomb(path)
    report("a bomb", refused(run, path, "a bzip2 file: it grows beyond 1073741824 bytes"))
    report("interrupted", killed(run, path))
    return 1 if FAILED else 0


if __name__ == "__main__":
    raise SystemExit(main())
