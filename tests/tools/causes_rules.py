# SPDX-License-Identifier: BSD-2-Clause
"""Rows of check_causes.py: rules that need no unload in progress (4, 15, 17, 18, 30, 32), and
their look-alikes.

Truth: unload-causes.md, the paragraphs of these numbers. 4 is [inf] and never more than
likely; a leaked volume reference blocks no unload ([run]), so it is no verdict.
"""
RUN = (17763, 19041, 22000)
ALL = RUN + (14393,)
RULES = ("no-unload-callback", "service-stop-not-supported", "unloaded-without-unregister",
         "context-over-released", "leaked-volume-reference", "driver-object-crosslink",
         "zombie-leftover", "corrupt-list")

OTHER = tuple(r for r in RULES if r != "context-over-released")


def row(case, builds, cause, stage, confidence, **more):
    fire = (cause,) + tuple(more.get("also", ()))
    more.setdefault("silent", tuple(r for r in RULES if r not in fire))
    return ("rules", ["case=" + case], builds, cause, stage, confidence, more)


def finding(case, builds, rule, fields, severity, **more):
    """A finding without a verdict."""
    return row(case, builds, None, None, None, also=(rule,), premises={rule: fields},
               severity={rule: severity}, **more)


UNLOAD = ("FLT_FILTER.FilterUnload", "DRIVER_OBJECT.DriverUnload")
ROWS = [
    # 15 and 17 differ by FilterUnload alone
    finding("nounload", ALL, "no-unload-callback", UNLOAD, "note"),
    finding("nostop", ALL, "service-stop-not-supported", UNLOAD, "note"),
    row("stop", ALL, None, None, None),
    row("asked", ALL, "no-unload-callback", "S0", "proved", state="refused", evidence=UNLOAD),
    row("gone", ALL, "unloaded-without-unregister", "S0", "proved", state="leftover",
        evidence=("FLT_OBJECT.Flags", "FilterUnload")),
    # 32 and 1 differ by the use count alone
    row("over", RUN, "context-over-released", "S3", "likely",
        evidence=("CONTEXT_NODE.UseCount", "its owner"), silent=OTHER + ("leaked-context",)),
    ("rules", ["case=over", "uses=0xffffffff"], (19041,), "context-over-released", "S3", "likely",
     {"evidence": ("CONTEXT_NODE.UseCount", "its owner"), "silent": OTHER + ("leaked-context",)}),
    row("attached", RUN, "leaked-context", "S3", "proved",
        evidence=("CONTEXT_NODE.RegInfo", "CONTEXT_NODE.UseCount")),
    finding("dismount", RUN, "leaked-volume-reference",
            ("FLT_OBJECT.RundownRef", "FLT_VOLUME.TargetedOpenActiveCount"), "warning",
            ledger=("volume", "ffffe00102002820",
                    "8 = 4 instance + 3 targeted-open + 1 not explained")),
    row("opens", RUN, None, None, None,
        ledger=("volume", "ffffe00102002820", "7 = 4 instance + 3 targeted-open")),
    row("atrest", RUN, None, None, None),
    # 30: two frames on one volume; frames alone prove nothing
    ("healthy", [], ALL, None, None, None,
     {"also": ("legacy-filter-between",), "severity": {"legacy-filter-between": "note"},
      "premises": {"legacy-filter-between": ("FLT_VOLUME.VolumeInNextFrame",)}, "silent": RULES}),
    row("oneframe", ALL, None, None, None,
        silent=RULES + ("legacy-filter-between",)),
    # the accounts of transcripts 03 and 27
    ("numbers", [], ALL, None, None, None,
     {"ledger": ("filter", "ffffe0010102d010",
                 "5 = 1 registration + 3 instance + 1 server-port"), "silent": RULES}),
    ("numbers", [], ALL, None, None, None,
     {"ledger": ("volume", "ffffe0010200c010",
                 "70 = 1 registration + 2 instance + 67 targeted-open"), "silent": RULES}),
]
