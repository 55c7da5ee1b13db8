#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A symbol server on 127.0.0.1 that behaves well, and badly in many ways.

check_symsrv.py --driver SYMSRV_DRIVER

After every case, the caches may hold whole, right files only: no temporary ones, no
empty folders, nothing outside. Prints "ok - name" and "not ok - name" lines.
"""
import argparse
import http.server
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

KEY = "844374F1C0A34D0C9A1E0F1E2D3C4B5A1"
OTHER = "00000000C0A34D0C9A1E0F1E2D3C4B5A1"
FAILED = 0


def pdb(key=KEY, size=100000):
    head = b"%s %d\n" % (key.encode(), size)
    return head + bytes((i * 31 + 7) & 0xff for i in range(size - len(head)))


def cabinet(data, name=b"x.pdb"):
    """MSZIP (type 1), by the published format; checksums 0: not computed."""
    blocks = []
    for i in range(0, len(data), 32768):
        # a block is a deflate stream of its own whose window is the block before
        z = (zlib.compressobj(9, zlib.DEFLATED, -15, zdict=data[i - 32768:i]) if i else
             zlib.compressobj(9, zlib.DEFLATED, -15))
        packed = b"CK" + z.compress(data[i:i + 32768]) + z.flush()
        blocks.append(struct.pack("<IHH", 0, len(packed), len(data[i:i + 32768])) + packed)
    entry = struct.pack("<IIHHHH", len(data), 0, 0, 0, 0, 0x20) + name + b"\0"
    first = 44 + len(entry)
    body = b"".join(blocks)
    return (struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, first + len(body), 0, 44, 0, 3, 1, 1, 1, 0,
                        0, 0) + struct.pack("<IHH", first, len(blocks), 1) + entry + body)


GOOD = pdb()


class Handler(http.server.BaseHTTPRequestHandler):
    """The first part of the path says how to behave, the rest is the store."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def whole(self, data, code=200):
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def start_chunks(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def go_to(self, where):
        self.send_response(302)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        srv = self.server
        srv.asked.append(self.path)
        _, how, rest = self.path.split("/", 2)
        try:
            getattr(self, "how_" + how.replace("-", "_"))(rest)
        except (BrokenPipeError, ConnectionResetError):
            pass
        except AttributeError:
            self.send_error(404)

    def store(self, rest, files):
        data = files.get(rest)
        if data is None:
            self.whole(b"<html>no</html>", 404)
        else:
            self.whole(data)

    def how_hit(self, rest):
        self.store(rest, {"x.pdb/%s/x.pdb" % KEY: GOOD, "x.pdb/%s/x.pd_" % KEY: b"not asked"})

    def how_encoded(self, rest):
        self.store(rest, {"a%%20b%%23%%25%%C3%%BC.pdb/%s/a%%20b%%23%%25%%C3%%BC.pdb" % KEY: GOOD})

    def how_miss(self, rest):
        self.store(rest, {})

    def how_forbidden(self, rest):
        self.whole(b"AccessDenied", 403)

    def how_error(self, rest):
        self.whole(b"later", 503)

    def how_login(self, rest):
        self.whole(b"who", 401)

    def how_partial_code(self, rest):
        self.whole(GOOD[:500], 206)

    def how_html(self, rest):
        self.whole(b"<html>Welcome to our proxy</html>")

    def how_empty(self, rest):
        self.whole(b"")

    def how_wrong(self, rest):
        self.store(rest, {"x.pdb/%s/x.pdb" % KEY: pdb(OTHER)})

    def how_short(self, rest):
        """A whole answer with half a file in it."""
        self.whole(GOOD[:50000])

    def how_truncated(self, rest):
        self.send_response(200)
        self.send_header("Content-Length", str(len(GOOD)))
        self.end_headers()
        self.wfile.write(GOOD[:60000])
        self.close_connection = True

    def how_truncated_chunks(self, rest):
        self.start_chunks()
        self.chunk(GOOD[:60000])
        self.close_connection = True

    def how_slow(self, rest):
        self.send_response(200)
        self.send_header("Content-Length", str(len(GOOD)))
        self.end_headers()
        for i in range(0, 100):
            self.wfile.write(GOOD[i:i + 1])
            self.wfile.flush()
            if self.server.closing.wait(0.2):
                return

    def how_silent(self, rest):
        self.server.closing.wait(20)
        self.close_connection = True

    def how_endless(self, rest):
        self.start_chunks()
        while not self.server.closing.is_set():
            self.chunk(GOOD)

    def how_huge(self, rest):
        """Tells its size, which is beyond the limit."""
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 40))
        self.end_headers()
        self.wfile.write(GOOD)
        self.server.closing.wait(5)
        self.close_connection = True

    def how_bomb(self, rest):
        """A few hundred KB on the wire, 256 MB unpacked."""
        z = zlib.compressobj(9, zlib.DEFLATED, 31)
        data = b"".join(z.compress(bytes(1 << 20)) for _ in range(256)) + z.flush()
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def how_gzip(self, rest):
        z = zlib.compressobj(9, zlib.DEFLATED, 31)
        data = z.compress(GOOD) + z.flush()
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def how_loop(self, rest):
        self.go_to(self.path)

    def how_moved(self, rest):
        self.go_to("/hit/" + rest)

    def how_to_file(self, rest):
        self.go_to("file://" + self.server.secret)

    def how_to_ftp(self, rest):
        self.go_to("ftp://127.0.0.1:%d/x" % self.server.server_address[1])

    def how_to_gopher(self, rest):
        self.go_to("gopher://127.0.0.1:%d/x" % self.server.server_address[1])

    def how_packed(self, rest):
        self.store(rest, {"x.pdb/%s/x.pd_" % KEY: cabinet(GOOD)})

    def how_packed_wrong(self, rest):
        self.store(rest, {"x.pdb/%s/x.pd_" % KEY: cabinet(pdb(OTHER))})

    def how_packed_cut(self, rest):
        self.store(rest, {"x.pdb/%s/x.pd_" % KEY: cabinet(GOOD)[:500]})

    def how_pointer_message(self, rest):
        self.store(rest, {"x.pdb/%s/file.ptr" % KEY: b"MSG: archived on tape 7"})

    def how_pointer_local(self, rest):
        self.store(rest, {"x.pdb/%s/file.ptr" % KEY: b"PATH:" + self.server.secret.encode()})

    def how_twotier(self, rest):
        self.store(rest, {"index2.txt": b"", "x./x.pdb/%s/x.pdb" % KEY: GOOD,
                          "nt/ntx.pdb/%s/ntx.pdb" % KEY: GOOD})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, secret):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        self.secret = secret
        self.closing = threading.Event()

    def handle_error(self, request, client_address):
        pass


class Case:
    """One run of the driver on an empty cache."""

    def __init__(self, driver, server, work):
        self.driver, self.server, self.work = driver, server, work
        self.cache = os.path.join(work, "cache")

    def run(self, path, *names, options=(), keep=False):
        if not keep:
            shutil.rmtree(self.cache, ignore_errors=True)
        self.server.asked.clear()
        path = path.replace("@/", "http://127.0.0.1:%d/" % self.server.server_address[1])
        path = path.replace("$", self.work)
        args = [self.driver, *options, path]
        for name in names or ("x.pdb",):
            args += name if isinstance(name, tuple) else (name, KEY)
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        start = time.time()
        try:
            r = subprocess.run(args, capture_output=True, timeout=60, env=env, check=False)
        except subprocess.TimeoutExpired:
            r = subprocess.CompletedProcess(args, -1, b"", b"no end after 60 seconds")
        self.seconds = time.time() - start
        self.err = r.stderr.decode("utf-8", "replace")
        self.lines = r.stdout.decode("utf-8", "replace").splitlines()
        self.code = r.returncode
        return self

    def has(self, start, part=""):
        return any(s.startswith(start) and part in s for s in self.lines)

    def trouble(self, *wanted):
        """What is wrong, or None. wanted: (start, part) of lines."""
        if self.code or self.err:
            return "exit %d: %s" % (self.code, self.err[-800:])
        for w in wanted:
            if not self.has(*((w,) if isinstance(w, str) else w)):
                return "no line %r in:\n%s" % (w, "\n".join(self.lines))
        return self.dirt()

    def dirt(self):
        """The cache holds whole, right files only, and no empty folders."""
        for folder, dirs, files in os.walk(self.cache):
            if not dirs and not files and folder != self.cache:
                return "an empty folder stays: " + folder
            for f in files:
                with open(os.path.join(folder, f), "rb") as h:
                    if h.read() != GOOD:
                        return "not a whole, right file: %s/%s" % (folder, f)
                if not folder.endswith("/%s/%s" % (f, KEY)):
                    return "a file in an unexpected place: %s/%s" % (folder, f)
        return None

    def files(self):
        return sum(len(files) for _, _, files in os.walk(self.cache))


def report(name, problem):
    global FAILED
    if problem:
        FAILED += 1
        print("not ok - symsrv: %s\n#   %s" % (name, str(problem).replace("\n", "\n#   ")))
    else:
        print("ok - symsrv: " + name)
    sys.stdout.flush()


# name, how the server behaves, driver options, lines that must be there, requests that the
# server may see (None: any number; these three with the one for the compressed file, which a
# tool without libmspack's header never makes)
ASKS_PACKED = ("miss", "forbidden", "twotier")
SINGLE = [
    ("hit", "hit", [], ["found ", ("place ok ", "/hit/x.pdb/")], 1),
    ("miss", "miss", [], ["failed not-found:", ("place not-found ", "HTTP 404")], 4),
    ("forbidden is a miss", "forbidden", [], ["failed not-found:", ("place ", "HTTP 403")], 4),
    ("server error", "error", [], ["failed not-found:", ("place system ", "HTTP 503")], 1),
    ("login wanted", "login", [], [("place system ", "HTTP 401")], 1),
    ("a status that is no file", "partial-code", [], [("place system ", "HTTP 206")], None),
    ("a page instead of a file", "html", [], [("place corrupt ", "age <html>")], None),
    ("empty file", "empty", [], [("place corrupt ", "empty file")], None),
    ("wrong GUID", "wrong", [], ["failed not-found:",
                                 ("place corrupt ", "GUID and age " + OTHER)], 1),
    ("half a file, well sent", "short", [], [("place corrupt ", "50000 bytes, expected")], 1),
    ("truncated body", "truncated", [], [("place corrupt ", "60000 of 100000 bytes")], 1),
    ("truncated chunks", "truncated-chunks", [], [("place corrupt ", "after 60000 bytes")], None),
    ("slow body", "slow", ["--low-speed", "1000", "1"], [("place limit ", "too slow")], 1),
    ("slow body, total time", "slow", ["--total-ms", "700", "--low-speed", "1", "60"],
     [("place limit ", "too slow")], 1),
    ("silent server", "silent", ["--low-speed", "1000", "1"], [("place limit ", "too slow")], 1),
    ("endless body", "endless", ["--max-bytes", "1000000"],
     [("place limit ", "larger than the limit of 1000000 bytes")], None),
    ("endless body, total time", "endless", ["--total-ms", "300"], [("place limit ", "too slow")],
     1),
    ("size told and too large", "huge", ["--max-bytes", "1000000"],
     [("place limit ", "larger than the limit of 1000000 bytes")], None),
    ("compressed transfer bomb", "bomb", ["--max-bytes", "1000000"],
     [("place limit ", "larger than the limit of 1000000 bytes")], None),
    ("one byte too large", "hit", ["--max-bytes", "99999"],
     [("place limit ", "larger than the limit of 99999 bytes")], None),
    ("just fits", "hit", ["--max-bytes", "100000"], ["found "], 1),
    ("compressed transfer", "gzip", [], ["found "], 1),
    ("redirect loop", "loop", [], [("place limit ", "more than 5 redirects")], 6),
    ("redirect loop, own limit", "loop", ["--redirects", "2"], [("place limit ", "more than 2")],
     3),
    ("redirect", "moved", [], ["found "], 2),
    ("redirect to file://", "to-file", [], [("place invalid ", "refused a redirect")], 1),
    ("redirect to ftp://", "to-ftp", [], [("place invalid ", "refused a redirect")], 1),
    ("redirect to gopher://", "to-gopher", [], [("place invalid ", "refused a redirect")], 1),
    ("message in file.ptr", "pointer-message", [],
     ["failed not-found:", ("place not-found ", "archived on tape 7")], None),
    ("file.ptr to a file of this machine", "pointer-local", [],
     ["failed not-found:", ("place unsupported ", "not followed")], None),
    ("two-tier server", "twotier", [], ["found "], 5),
]

PACKED = [
    ("compressed file", "packed", [], ["found "], 2),
    ("compressed, wrong GUID", "packed-wrong", [], [("place corrupt ", "GUID and age")], None),
    ("compressed, cut", "packed-cut", [], [("place corrupt ", "compressed")], None),
    ("compressed, too large unpacked", "packed", ["--max-bytes", "99999"],
     [("place limit ", "100000 bytes unpacked, the limit is 99999")], None),
]


def single(case, name, how, options, wanted, requests):
    if how in ASKS_PACKED and not case.asks_packed:
        requests -= 1
    case.run("srv*$/cache*@/" + how, options=options)
    problem = case.trouble(*wanted, "libcurl loaded")
    if not problem and case.has("found ") != (case.files() == 1):
        problem = "%d files in the cache" % case.files()
    if not problem and requests is not None and len(case.server.asked) != requests:
        problem = "%d requests, expected %d: %s" % (len(case.server.asked), requests,
                                                    case.server.asked)
    if not problem and case.seconds > 15:
        problem = "took %.1f s" % case.seconds
    report(name, problem)


def memory(case):
    """What was asked is not asked again; a dead server is asked once for many files."""
    case.run("srv*$/cache*@/hit", "x.pdb", "x.pdb", ("x.pdb", KEY))
    report("a found file is asked for once",
           case.trouble("found ") or len(case.server.asked) != 1 and case.server.asked)
    case.run("srv*$/cache*@/hit", keep=True)
    report("the cache serves the next session, without libcurl",
           case.trouble("found ", "libcurl not loaded") or case.server.asked)
    case.run("srv*$/cache*@/hit", options=["--offline"], keep=True)
    report("the cache serves offline", case.trouble("found ") or case.server.asked)
    case.run("srv*$/cache*@/hit", options=["--offline"])
    report("offline asks nobody",
           case.trouble("failed not-found:", ("place not-found ", "offline"), "libcurl not loaded")
           or case.server.asked)
    case.run("srv*$/cache*@/miss", "x.pdb", "x.pdb")
    report("a missing file is asked for once",
           case.trouble(("failed not-found:", "asked for before: x.pdb"))
           or len(case.server.asked) != 3 + case.asks_packed and case.server.asked)
    case.run("srv*$/cache*@/error", "x.pdb", "y.pdb", "z.pdb")
    report("a failing server is asked once",
           case.trouble(("place system ", "not asked again: it failed before: the server answered"))
           or len(case.server.asked) != 1 and case.server.asked)
    case.run("srv*$/cache*@/twotier", "x.pdb", "ntx.pdb")
    report("a two-tier server is known from then on",
           case.trouble("found ") or case.files() != 2 and "not both found"
           or len(case.server.asked) != 5 + case.asks_packed and case.server.asked)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    case.run("srv*$/cache*http://127.0.0.1:%d" % port, "x.pdb", "y.pdb")
    report("nobody listens", case.trouble(("place system ", "onnect"),
                                          ("place system ", "not asked again")))


def paths(case):
    """How elements of a symbol path work together."""
    case.run("srv*$/cache*@/miss;srv*$/cache*@/wrong;srv*$/cache*@/truncated;srv*$/cache*@/hit")
    report("bad servers first, a good one last",
           case.trouble("found ", ("place corrupt ", "/wrong/"), ("place corrupt ", "/truncated/"))
           or case.files() != 1 and "not in the cache")
    case.run("srv*$/cache/1*$/cache/2*@/hit")
    report("every cache on the way gets it",
           case.trouble("found ") or case.files() != 2 and "%d files" % case.files())
    case.run("srv*@/hit", options=["--cache", case.cache])
    report("srv*URL uses the default cache", case.trouble("found ") or case.files() != 1 and "no")
    case.run("srv*@/hit")
    report("srv*URL without a default cache says so",
           case.trouble("failed not-found:", ("place invalid ", "srv*DIR*URL"),
                        "libcurl not loaded") or case.server.asked)
    case.run("cache*$/cache;@/hit")
    report("cache* before a URL", case.trouble("found ") or case.files() != 1 and "no")
    blocked = os.path.join(case.work, "blocked")
    with open(blocked, "w", encoding="ascii"):
        pass
    case.run("srv*$/cache*$/blocked*@/hit")
    report("a cache that cannot be written to is told, the next one serves",
           case.trouble("found ", ("place system ", "/blocked/")) or case.files() != 1 and "no")
    case.run("srv*$/blocked*@/hit")
    report("no cache can be written to",
           case.trouble("failed not-found:", ("place system ", "cannot make the folder")))
    os.unlink(blocked)
    case.run("srv*C:\\symbols*@/hit", options=["--cache", case.cache])
    report("a Windows folder is told, the rest serves",
           case.trouble("found ", ("place invalid ", "Windows path")))
    case.run("srv*$/cache*@/encoded", "a b#%\u00fc.pdb")
    report("the URL is encoded", case.trouble("found ") or
           len(case.server.asked) != 1 and case.server.asked)
    for name in ("..", "nul.pdb", "x\r\nHost: evil", "x.pdb\x1b[2J", "", "a?b"):
        case.run("srv*$/cache*@/hit", name)
        report("hostile name %r never leaves" % name,
               case.trouble("failed invalid:", "libcurl not loaded") or case.server.asked)
    case.run("srv*$/cache*@/hit", "..\\..\\x.pdb")
    report("only the base name is asked for",
           case.trouble("found ") or case.server.asked != ["/hit/x.pdb/%s/x.pdb" % KEY]
           and case.server.asked)
    case.run("srv*$/cache*@/hit", ("x.pdb", "../" + KEY))
    report("hostile key never leaves", case.trouble("failed invalid:") or case.server.asked)
    port = case.server.server_address[1]
    case.run("srv*$/cache*http://me:secret@127.0.0.1:%d/wrong" % port)
    report("passwords are not told", case.trouble(("place corrupt ", "//...@127")) or
           any("secret" in s for s in case.lines) and case.lines)


def other(case):
    case.run("srv*$/cache*@/hit")
    report("progress counts to the end", case.trouble(("progress ", " 100000 100000")))
    case.run("srv*$/cache*@/slow", "x.pdb", options=["--stop-after", "2"])
    report("progress can end it",
           case.trouble(("failed invalid:", "interrupted")) or case.seconds > 10 and "late")
    out = os.path.join(case.work, "cache", "out")
    case.run("srv*$/cache/in*@/hit", options=["--fetch", out])
    report("fetch into a store",
           case.trouble("found %s/x.pdb/%s/x.pdb" % (out, KEY)) or case.files() != 2 and "files")
    case.run("srv*$/cache/in*@/hit", options=["--fetch", out], keep=True)
    report("fetch again asks nobody",
           case.trouble("found " + out, "libcurl not loaded") or case.server.asked)
    case.run("srv*$/cache*@/wrong", options=["--fetch", out])
    report("fetch of a wrong file leaves nothing",
           case.trouble("failed not-found:") or case.files() and "files")


def certificate(case):
    """A certificate that nobody signed is refused."""
    cert, key = os.path.join(case.work, "cert.pem"), os.path.join(case.work, "key.pem")
    try:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", key, "-out", cert], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        print("skip - symsrv: certificates, no openssl command here")
        return
    server = Server(case.server.secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    case.run("srv*$/cache*https://127.0.0.1:%d/hit" % server.server_address[1])
    report("a certificate that nobody signed",
           case.trouble("failed not-found:", ("place system ", "ca-certificates")) or server.asked)
    server.shutdown()


def killed(case):
    """Killed in the middle: what stays is never taken for a symbol file."""
    shutil.rmtree(case.cache, ignore_errors=True)
    url = "http://127.0.0.1:%d/slow" % case.server.server_address[1]
    path = "srv*%s*%s" % (case.cache, url)
    with subprocess.Popen([case.driver, path, "x.pdb", KEY], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as p:
        for _ in range(100):
            time.sleep(0.05)
            if case.files():
                break
        p.kill()
    left = case.files()
    case.run("srv*$/cache*@/miss", keep=True)
    problem = None
    if left != 1:
        problem = "%d files at the time of the kill, expected the temporary one" % left
    elif case.code or case.err or not case.has("failed not-found:"):
        problem = case.err or case.lines
    report("what a killed download leaves is not found", problem)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--driver", required=True)
    p.add_argument("--only", default="", help="cases of the table whose name contains this")
    a = p.parse_args()
    work = tempfile.mkdtemp(prefix="fltscope-symsrv-")
    secret = os.path.join(work, "secret.pdb")
    with open(secret, "wb") as f:
        f.write(GOOD)
    server = Server(secret)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    case = Case(os.path.abspath(a.driver), server, work)
    try:
        case.run("srv*$/cache*@/hit")
        text = "\n".join(case.lines)
        if "built without libcurl" in text or "libcurl.so.4 is not installed" in text:
            print("skip - symsrv: no libcurl here (libcurl4-openssl-dev to build, libcurl4 to run)")
            return 0
        case.run("srv*$/cache*@/packed")
        text = "\n".join(case.lines)
        case.asks_packed = "built without libmspack" not in text
        packed = case.asks_packed and "libmspack.so.0 is not" not in text
        if not packed:
            print("skip - symsrv: compressed files, no libmspack here (libmspack-dev)")
        for row in SINGLE + (PACKED if packed else []):
            if a.only in row[0]:
                single(case, *row)
        if not a.only:
            memory(case)
            paths(case)
            other(case)
            certificate(case)
            killed(case)
    finally:
        server.closing.set()
        server.shutdown()
        shutil.rmtree(work, ignore_errors=True)
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
