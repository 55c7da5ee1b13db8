# SPDX-License-Identifier: BSD-2-Clause
"""Rows of check_causes.py: names that are empty or unread, code that is gone in part, counts
that are 0, absurd or not those of their lists.

Truth: what the worlds' own text makes of a sound one; an account must not say what it cannot.
"""
VICTIM = ("blocked-by-other-unload", "S0", "proved")
GONE, UNLOAD = "unloaded-without-unregister", "FilterUnload"
ZERO, DAMAGED = "the wait block counts 0 references", "references: it is damaged"


def counted(world, by, count, cause, stage, confidence, said, unsaid="the references are leaked"):
    return (world, ["by=" + by, "count=" + count], (19041,), cause, stage, confidence,
            {"said": said, "unsaid": unsaid})


ROWS = [
    # a name that was read and is empty is "", as `filter` has it; one that was not read is null
    ("waits", ["cause=victim", "named=empty"], (19041,)) + VICTIM +
    ({"filter": "", "said": "unload of [NoName] was begun", "unsaid": "(name not read"},),
    ("waits", ["cause=victim", "named=unread"], (19041,), "leaked-filter-reference", "S3", "likely",
     {"filter": "Stuck", "said": '"name": null', "unsaid": "[NoName]"}),
    ("waits", ["cause=victim", "named=yes"], (19041,)) + VICTIM +
    ({"filter": "Victim", "unsaid": '"name": null'},),
    # 18 in part: FilterUnload alone is in a module that is loaded, or alone is not
    ("rules", ["case=gone", "unload=loaded"], (19041,), GONE, "S0", "likely",
     {"state": "leftover", "evidence": ("FLT_OBJECT.Flags", "InstanceSetup"),
      "said": "callbacks is no longer loaded, it was in"}),
    ("rules", ["case=goneunload", "lies=unloaded"], (19041,), GONE, "S0", "possible",
     {"state": "unknown", "evidence": (UNLOAD,)}),
    ("rules", ["case=goneunload", "lies=nowhere"], (19041,), None, None, None,
     {"silent": (GONE,), "unchecked": (GONE,)}),
    # look-alikes: a callback that is NULL, and a filter that is all there
    ("rules", ["case=goneunload", "lies=null"], (19041,), None, None, None,
     {"silent": (GONE,), "unsaid": GONE}),
    ("rules", ["case=stop"], (19041,), None, None, None, {"silent": (GONE,), "unsaid": GONE}),
    # a wait for 0 references may go on the next moment, and that for too many is none
    counted("held", "context", "0", None, "S3", "possible", ZERO),
    counted("held", "work", "0", None, "S3", "possible", ZERO),
    counted("held", "reference", "0", None, "S3", "possible", ZERO),
    counted("teardown", "reference", "0", None, "S2", "possible", ZERO),
    counted("teardown", "reference", "0xffffffff", "leaked-instance-reference", "S2", "possible",
            "how many is not known", "4294967295 references to the instance"),
    counted("teardown", "work", "0xffffffff", "work-item-outstanding", "S2", "likely",
            "no system has as many references"),
    counted("inflight", "none", "0", None, "S1", "possible", ZERO),
    counted("inflight", "pre", "0xffffffff", "pended-pre-operation", "S1", "likely", DAMAGED,
            "references of operations)"),
    counted("inflight", "deferred", "0", "deferred-io-outstanding", "S1", "possible", ZERO),
    counted("inflight", "deferred", "0xffffffff", "deferred-io-outstanding", "S1", "likely",
            DAMAGED),
    # look-alikes: counts that can be
    counted("inflight", "deferred", "2", "deferred-io-outstanding", "S1", "proved",
            "(2 references of operations)", "it is damaged"),
    counted("teardown", "work", "1", "work-item-outstanding", "S2", "proved",
            "references to the instance are still held", "wait block counts"),
    # a list that came round has no more entries than that, whatever its count says
    ("held", ["by=reference", "mcount=4"], (19041,), "leaked-filter-reference", "S3", "possible",
     {"unsaid": "held by files", "said": "ActiveOpens counts 2 entries, and its list has 0",
      "silent": ("open-files",), "unchecked": ("open-files",)}),
    ("held", ["by=files", "mcount=0"], (19041,), "open-files", "S3", "possible",
     {"said": "a count that its list's entries contradict"}),
    # look-alikes
    ("held", ["by=files", "mcount=6"], (19041,), "open-files", "S3", "proved",
     {"unsaid": "contradict"}),
    ("held", ["by=reference"], (19041,), "leaked-filter-reference", "S3", "likely",
     {"unsaid": "contradict"}),
    # the finding itself, which is all that `check` tells, names who holds a leftover (its
    # message has no full stop, as the verdict's summary has)
    ("ports", ["by=viewer"], (19041,), "zombie-leftover", "S5", "proved",
     {"state": "leftover", "said": 'by its handle 0x2c"'}),
    ("ports", ["by=nohandle"], (19041,), "zombie-leftover", "S5", "likely",
     {"state": "leftover", "said": "Who holds it is not known", "unsaid": "by its handle"}),
]
