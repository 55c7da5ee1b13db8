# SPDX-License-Identifier: BSD-2-Clause
"""Rows of check_causes.py: ports and the Filter Verifier (13, 14, 26, 28).

Truth: unload-causes.md 13, 14, 26, 28; a running MessageNotify is S3 with Count 1, a stuck
DisconnectNotify S4 ([run] 1), a client leaves a zombie ([run] 3). S4 is 14's and 26's
alone, and VerifierExtension tells them apart: where its offset is confirmed by nothing,
both are possible only.
"""
RUN = (17763, 19041, 22000)
HELD = ("leaked-context", "leaked-filter-reference", "open-files", "server-port-open",
        "work-item-outstanding")
TALKER = "ffffe0010102d010"


def row(by, builds, cause, stage, confidence, **more):
    fire = (cause,) + tuple(more.get("also", ()))
    rules = HELD + ("port-callback-stuck", "verifier-wait", "zombie-leftover")
    more.setdefault("silent", tuple(r for r in rules if r not in fire))
    return ("ports", ["by=" + by], builds, cause, stage, confidence, more)


MESSAGE = ("FLT_PORT_OBJECT.MsgNotifRundownRef", "FLT_SERVER_PORT_OBJECT.MessageNotify",
           "EX_RUNDOWN_WAIT_BLOCK.Count")
GONE = ("FLT_FILTER.VerifierExtension", "FLT_PORT_OBJECT.Disconnected",
        "FLT_SERVER_PORT_OBJECT.DisconnectNotify")
COUNT = ("FLT_FILTER.VerifierExtension", "FLT_VERIFIER_EXTENSION.Count",
         "FLT_VERIFIER_OBJECT.Object")
NOTE = {"client-ports-open": "note"}

ROWS = [
    # S3: the account is whole with the running call, so nothing is leaked
    row("message", RUN, "port-callback-stuck", "S3", "proved", evidence=MESSAGE, severity=NOTE,
        also=("client-ports-open",), culprit=("client-port", "Talker+0x3200"),
        ledger=("filter", TALKER, "1 = 1 message-notify")),
    row("message", (14393,), "port-callback-stuck", "S3", "likely", evidence=MESSAGE),
    # more calls than the filter has references
    ("ports", ["by=message", "calls=0x1000"], (19041,), "port-callback-stuck", "S3", "possible",
     {"unsaid": "2048 of", "unchecked": ("leaked-filter-reference",)}),
    # S4: 14 and 26 side by side
    row("disconnect", (14393, 19041, 22000), "port-callback-stuck", "S4", "likely", exact=True,
        evidence=GONE, culprit=("client-port", "Talker+0x3100"), unchecked=("port-callback-stuck",)),
    row("disconnect", RUN, "port-callback-stuck", "S4", "possible", evidence=GONE),
    row("verifier", RUN + (14393,), "verifier-wait", "S4", "likely", evidence=COUNT, culprit=None,
        also=("port-callback-stuck",), severity={"verifier-wait": "warning"}),
    row("unsure", RUN, "port-callback-stuck", "S4", "possible", also=("verifier-wait",)),
    # the Verifier's count names the leak that S3 waits for
    row("leak", RUN, "leaked-filter-reference", "S3", "likely", evidence=COUNT[1:]),
    # clients of a live filter are a note, of a zombie a warning
    row("live", RUN + (14393,), None, None, None, also=("client-ports-open",), severity=NOTE),
    row("zombie", RUN + (14393,), "zombie-leftover", "S5", "proved", state="leftover",
        also=("client-ports-open",), severity={"client-ports-open": "warning"},
        culprit=("client-port", "0x")),
    row("lost", RUN, "zombie-leftover", "S5", "proved", state="leftover",
        culprit=("client-port", "0x"),
        evidence=("FLT_SERVER_PORT_OBJECT.Filter", "FLT_PORT_OBJECT.ServerPort",
                  "FLT_CCB.Data.Port.Port", "FILE_OBJECT.FsContext2")),
    row("handle", RUN + (14393,), "zombie-leftover", "S5", "proved", state="leftover",
        culprit=("filter-handle", "0x"),
        evidence=("FLT_CCB.Data.Filter.Filter", "FILE_OBJECT.FsContext2")),
    row("process", (19041, 22000), "zombie-leftover", "S5", "proved", state="leftover",
        culprit=("process", "agent.exe"),
        evidence=("FLT_PORT_OBJECT.ServerPort", "HANDLE_TABLE_ENTRY.Object")),
    row("viewer", (19041, 22000), "zombie-leftover", "S5", "proved", state="leftover",
        culprit=("process", "viewer.exe"), evidence=("HANDLE_TABLE_ENTRY.Object",)),
    row("nohandle", RUN, "zombie-leftover", "S5", "likely", state="leftover", culprit=None),
    # nothing leads to it: it is told of, and is no culprit
    row("stray", RUN, "zombie-leftover", "S5", "likely", state="leftover", culprit=None,
        unsaid="FLT_PORT_OBJECT"),
    row("orphan", RUN, "zombie-leftover", "S5", "likely", state="leftover", culprit=None,
        evidence=("FLT_PORT_OBJECT.ServerPort",), unsaid="still has its port open"),
    row("ccb", RUN, "zombie-leftover", "S5", "likely", state="leftover", culprit=None,
        evidence=("FLT_CCB.Data.Filter.Filter",), unsaid="still has a handle"),
    row("flipped", RUN, None, None, None, silent=HELD + ("zombie-leftover",)),
]
