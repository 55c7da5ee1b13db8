# SPDX-License-Identifier: BSD-2-Clause
"""Rows of check_causes.py: who holds a filter or an instance (causes 1 to 7, 9 to 12).

Truth: the catalogue in facts, unload-causes.md; which builds' accounting was seen running
([run]: 17763, 19041, 22000), so 14393 and 7601 are never more than likely.
"""
RUN = (17763, 19041, 22000)
S3 = ("leaked-context", "leaked-filter-reference", "open-files", "server-port-open",
      "work-item-outstanding")
S12 = ("leaked-instance-reference", "pended-pre-operation", "pended-post-operation",
       "own-io-outstanding", "deferred-io-outstanding")
COUNT = "EX_RUNDOWN_WAIT_BLOCK.Count"
HOLDER, WAITER = "ffffe0010102d010", "ffffe0010300f010"


def s3(by, builds, cause, confidence, **more):
    fire = (cause,) + tuple(more.get("also", ()))
    more.setdefault("silent", tuple(r for r in S3 + S12 if r not in fire))
    return ("held", ["by=" + by], builds, cause, "S3", confidence, more)


def s12(world, by, builds, cause, stage, confidence, **more):
    fire = (cause,) + tuple(more.get("also", ()))
    more.setdefault("silent", tuple(r for r in S3 + S12 if r not in fire))
    return (world, ["by=" + by], builds, cause, stage, confidence, more)


NODE = ("CONTEXT_NODE.RegInfo", "CONTEXT_NODE.UseCount", COUNT)
ITEM = ("FLT_GENERIC_WORKITEM.FltObject", "WORK_QUEUE_ITEM.List.Flink")
DEFERRED = ("FLT_DEFERRED_IO_WORKITEM.Instance", "WORK_QUEUE_ITEM.List.Flink")
PENDED = ("COMPLETION_NODE.IrpCtrl", "CALLBACK_NODE.Instance")


def operations_counted(count, confidence, said, fields=(COUNT,)):
    row = s12("inflight", "pre", (19041,), "pended-pre-operation", "S1", confidence,
              evidence=PENDED + ("EX_RUNDOWN_REF_CACHE_AWARE.Number",) + fields, said=said)
    row[1].append("count=" + count)
    return row


def spoilt(how, confidence, account, **more):
    """held by=work with damage to its first item."""
    fire = ("work-item-outstanding",) + tuple(more.get("also", ()))
    more["silent"] = tuple(r for r in S3 + S12 if r not in fire)
    more["ledger"] = ("filter", HOLDER, account)
    return ("held", ["by=work", "spoil=" + how], (19041,), "work-item-outstanding", "S3",
            confidence, more)


LEFT = "2 = 1 work-item + 1 not explained"
REFERENCE = {"also": ("leaked-filter-reference",)}

def miscounted(by, more, cause, confidence, **extra):
    """held with another count than its holders make."""
    return ("held", ["by=" + by] + more, (19041,), cause, "S3", confidence, extra)


ROWS = [
    # S3, told apart by the holder alone: 1, 2, 10, 11, 12
    s3("context", RUN, "leaked-context", "proved", evidence=NODE, culprit=("context", "0x"),
       ledger=("filter", HOLDER, "2 = 2 context")),
    s3("context", (14393,), "leaked-context", "likely", evidence=NODE),
    s3("reference", RUN, "leaked-filter-reference", "likely", evidence=(COUNT,), culprit=None,
       ledger=("filter", HOLDER, "2 = 2 not explained")),
    s3("reference", (14393,), "leaked-filter-reference", "possible"),
    s3("files", RUN, "open-files", "proved", evidence=("FLT_FILTER.ActiveOpens.mCount", COUNT),
       ledger=("filter", HOLDER, "3 = 3 open-file")),
    s3("ports", RUN, "server-port-open", "proved", evidence=("FLT_SERVER_PORT_OBJECT.Filter",),
       culprit=("server-port", "0x"), ledger=("filter", HOLDER, "1 = 1 server-port")),
    s3("work", RUN, "work-item-outstanding", "proved", evidence=ITEM + ("DISPATCHER_HEADER",),
       culprit=("work-item", "Holder+0x4000"), ledger=("filter", HOLDER, "2 = 2 work-item")),
    s3("work", (7601, 14393), "work-item-outstanding", "likely", evidence=ITEM),
    # on no list: it runs, or is freed memory, and the remainder may be a reference as well
    s3("loose", RUN, "work-item-outstanding", "possible", evidence=ITEM,
       also=("leaked-filter-reference",), ledger=("filter", HOLDER, "1 = 1 not explained")),
    # what is no item, or not queued, is not counted
    spoilt("type", "proved", LEFT, **REFERENCE),
    spoilt("size", "proved", LEFT, **REFERENCE),
    spoilt("parameter", "proved", LEFT, **REFERENCE),
    spoilt("worker", "proved", LEFT, **REFERENCE),
    spoilt("routine", "proved", LEFT, **REFERENCE),
    spoilt("taken", "proved", LEFT, **REFERENCE),
    # both neighbours name it, but the list leads to no queue
    spoilt("ring", "likely", "2 = 2 work-item"),
    spoilt("queue", "likely", "2 = 2 work-item"),
    # the dump lacks the queue: whether they stand in it is not known, and nothing says that they
    # do not; a context may be in what is missing, too
    spoilt("missing", "possible", "2 = 2 not explained",
           also=("leaked-filter-reference", "leaked-context"),
           unchecked=("work-item-outstanding",), gaps=("WORK_QUEUE_ITEM.List",),
           unsaid="on no list"),
    # and what was not found may be what is missing: the next of the causes is not proved by it
    ("held", ["by=work", "spoil=loader"], (19041,), "leaked-context", "S3", "possible",
     {"unchecked": ("work-item-outstanding",), "also": ("leaked-filter-reference",)}),
    ("teardown", ["by=work", "spoil=missing"], (19041,), "leaked-instance-reference", "S2",
     "possible", {"unchecked": ("work-item-outstanding",), "gaps": ("kernel memory",)}),
    ("inflight", ["by=deferred", "spoil=missing"], (19041,), "pended-pre-operation", "S1",
     "likely", {"unchecked": ("deferred-io-outstanding",)}),
    # a triage dump was never all of memory: what is not in it is no proof
    s3("reference", (19041,), "leaked-context", "possible", format="triage",
       also=("leaked-filter-reference",), unchecked=("work-item-outstanding",)),
    # two and three causes: all found, and the account adds up
    s3("both", RUN, "open-files", "proved", also=("server-port-open",),
       ledger=("filter", HOLDER, "3 = 1 server-port + 2 open-file")),
    s3("three", RUN, "open-files", "proved", also=("leaked-context", "work-item-outstanding"),
       ledger=("filter", HOLDER, "3 = 1 context + 1 open-file + 1 work-item")),
    # counts that cannot be: nothing is reckoned with them, and nothing is proved
    miscounted("files", ["count=0xfffffffffffffffe"], "open-files", "likely",
            silent=("leaked-filter-reference",), gaps=("EX_RUNDOWN_WAIT_BLOCK.Count",),
            unchecked=("leaked-filter-reference",), unsaid="18446744073709551"),
    miscounted("files", ["count=1"], "open-files", "possible", silent=("leaked-filter-reference",),
            unchecked=("leaked-filter-reference",), unsaid="3 of 1"),
    miscounted("files", ["count=0"], "open-files", "possible", silent=("leaked-filter-reference",),
            unsaid="3 of 0"),
    miscounted("ports", ["count=0"], "server-port-open", "possible", unsaid="1 of 0"),
    miscounted("files", ["mcount=86"], "open-files", "possible", unsaid="43 of"),
    # and one that can
    miscounted("files", ["count=4"], "open-files", "proved", also=("leaked-filter-reference",),
            ledger=("filter", HOLDER, "4 = 3 open-file + 1 not explained")),
    # S1: 5, 6, 7, 9, and what only looks like them
    s12("inflight", "pre", RUN, "pended-pre-operation", "S1", "proved", evidence=PENDED,
        culprit=("irp-ctrl", "0x")),
    s12("inflight", "pre", (14393,), "pended-pre-operation", "S1", "likely", evidence=PENDED),
    s12("inflight", "post", RUN, "pended-post-operation", "S1", "likely",
        evidence=("IRP_CTRL.FltWork.Type",)),
    s12("inflight", "own", RUN, "own-io-outstanding", "S1", "likely",
        evidence=("IRP_CTRL.InitiatingInstance",)),
    s12("inflight", "deferred", RUN, "deferred-io-outstanding", "S1", "proved",
        also=("pended-pre-operation",), evidence=DEFERRED, culprit=("work-item", "Waiter+0x4000")),
    s12("inflight", "none", RUN + (14393,), None, "S1", None),
    # the wait block's Count is the total of what S1 waits for; 5 has two of it ([run] 6)
    operations_counted("7", "proved",
                       "2 of the 7 references that it waits for; who has 5 of them was not"),
    operations_counted("0", "possible", "more than the 0 references"),
    operations_counted("1", "likely", "more than the 1 reference"),
    # no count of anything
    operations_counted("0xfffffffffffffff7", "likely",
                       "The wait block counts 18446744073709551607 references: it is damaged"),
    # S2: 3, 9, 10
    s12("teardown", "reference", RUN, "leaked-instance-reference", "S2", "likely",
        evidence=("FLT_INSTANCE.TrackCompletionNodes", COUNT), culprit=("instance", WAITER),
        ledger=("instance", WAITER, "1 = 1 not explained")),
    s12("teardown", "reference", (7601, 14393), "leaked-instance-reference", "S2", "possible"),
    s12("teardown", "work", RUN, "work-item-outstanding", "S2", "proved", evidence=ITEM,
        culprit=("work-item", "Waiter+0x4000"),
        ledger=("instance", WAITER, "1 = 1 work-item")),
    s12("teardown", "work", (14393,), "work-item-outstanding", "S2", "likely"),
    s12("teardown", "deferred", RUN, "deferred-io-outstanding", "S2", "proved",
        evidence=DEFERRED, ledger=("instance", WAITER, "1 = 1 work-item")),
    s12("teardown", "both", RUN, "work-item-outstanding", "S2", "proved",
        also=("leaked-instance-reference",),
        ledger=("instance", WAITER, "3 = 1 work-item + 2 not explained")),
]
