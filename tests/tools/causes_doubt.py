# SPDX-License-Identifier: BSD-2-Clause
"""Rows of check_causes.py: names that are empty or unread, code that is gone in part, counts
that are 0, absurd or not those of their lists.

Truth: what the worlds' own text makes of a sound one; an account must not say what it cannot.
"""
VICTIM = ("blocked-by-other-unload", "S0", "proved")
ROWS = [
    # a name that was read and is empty is "", as `filter` has it; one that was not read is null
    ("waits", ["cause=victim", "named=empty"], (19041,)) + VICTIM +
    ({"filter": "", "said": "unload of [NoName] was begun", "unsaid": "(name not read"},),
    ("waits", ["cause=victim", "named=unread"], (19041,), "leaked-filter-reference", "S3", "likely",
     {"filter": "Stuck", "said": '"name": null', "unsaid": "[NoName]"}),
    ("waits", ["cause=victim", "named=yes"], (19041,)) + VICTIM +
    ({"filter": "Victim", "unsaid": '"name": null'},),
]
