# SPDX-License-Identifier: BSD-2-Clause
"""Rows of check_causes.py: names that are empty or unread, code that is gone in part, counts
that are 0, absurd or not those of their lists.

Truth: what the worlds' own text makes of a sound one; an account must not say what it cannot.
"""
VICTIM = ("blocked-by-other-unload", "S0", "proved")
GONE, UNLOAD = "unloaded-without-unregister", "FilterUnload"
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
]
