# SPDX-License-Identifier: BSD-2-Clause
"""The cases of check_waits.py: a world, its builds, what must be said of it.

name         of the case
world        fixtures/worlds/WORLD.world, with -D of `define`
builds       --nt and --fltmgr; the first one is swept too
verdicts     by filter name, all there are: cause, stage, state, confidence, waiter
             (KTHREAD), culprit (kind, address, thread), fields: evidence that must be
             there with its value (None: any). A dict by build (None: the others) says
             what differs. says, unsaid: texts that summary and advice must (not) have
messages     by rule: a text that a finding of it must have
fires        rules that have a finding; a rule of severity error that fires and is not
             here is a failure
silent       rules that must have none, by name: the look-alikes first
not_checked  rules that must be told as not checked
cycles       of the wait-for graph
exit         of `check`; 1 when it is not given
checks       [(arguments, exit)]: `check` with more arguments
sweep        False: another case's sweep covers it

To add a cause: a world, a row here, and its look-alikes in `silent`.
"""

ALL = (19041, 7601, 14393, 17763, 22000)
NEW = (19041, 14393, 17763, 22000)

# Rules whose worlds other tests hold (tests/golden/cases, check_causes.py).
ELSEWHERE = ("work-item-outstanding", "deferred-io-outstanding", "port-callback-stuck",
             "verifier-wait", "corrupt-list", "client-ports-open", "no-unload-callback",
             "service-stop-not-supported", "unloaded-without-unregister", "legacy-filter-between",
             "context-over-released", "leaked-volume-reference")

FRAME, STUCK, VICTIM = "0xffffe00101002880", "0xffffe0010102d010", "0xffffe0010102f010"
WORKER, SECOND = "0xffffe00108014080", "0xffffe00108016080"
S3 = ("leaked-context", "leaked-filter-reference", "open-files", "server-port-open",
      "leaked-instance-reference")
S1 = ("pended-pre-operation", "pended-post-operation", "own-io-outstanding", "callback-blocked")
LOCKS = ("blocked-by-other-unload", "unload-callback-blocked", "lock-cycle", "teardown-race",
         "unregister-in-driver-entry")
DRIVER = ("device-handles-open", "driver-object-leaked", "driver-thread-running",
          "driver-object-crosslink", "load-unload-race", "unload-refused")


def but(*groups, without=()):
    return [r for g in groups for r in g if r not in without]


def held(by, cause, fires, builds=ALL, sweep=True, **more):
    return dict(name="held-" + by, world="held", define={"by": by}, builds=builds, sweep=sweep,
                verdicts={"Holder": dict(cause=cause, stage="S3", state="stuck", **more)},
                fires=fires, silent=but(S3, S1, LOCKS, DRIVER, without=fires))


def inflight(by, cause, sweep=True, **more):
    fires = [cause] if cause else []
    return dict(name="inflight-" + by, world="inflight", define={"by": by},
                builds=(19041, 17763, 22000), sweep=sweep,
                verdicts={"Waiter": dict(cause=cause, stage="S1", state="stuck", **more)},
                fires=fires, silent=but(S3, S1, LOCKS, DRIVER, without=fires))


def detached(by, cause, state, fires, code, **more):
    return dict(name="detached-" + by, world="inflight", define={"by": by, "unload": "no"},
                builds=(19041, 17763, 22000), sweep=False, exit=code,
                verdicts={"Waiter": dict(cause=cause, stage="S0", state=state,
                                         fields={"EX_RUNDOWN_WAIT_BLOCK.Count": None}, **more)},
                fires=fires, silent=but(S3, S1, LOCKS, DRIVER, without=fires),
                checks=[(["--driver", "Waiter"], code), (["--driver", "WatchTop"], 0)])


def waits(cause, verdicts, fires, builds=ALL, **more):
    """waits.world: `fires` are all that fire; every other rule must stay silent."""
    return dict(name="waits-" + cause, world="waits", define={"cause": cause}, builds=builds,
                verdicts=verdicts, fires=fires,
                silent=but(S3, S1, LOCKS, DRIVER, ("zombie-leftover",), without=fires), **more)


def whose(cause, checks, waiter=WORKER, **more):
    """An unload runs in Frame 0, and its filter is not known: never a pass."""
    return waits(cause, {"Frame 0": dict(cause=None, stage="unknown", state="unknown", waiter=waiter,
                                         culprit={"kind": "thread", "address": WORKER}, **more)},
                 [], not_checked=["unload-callback-blocked", "blocked-by-other-unload"], exit=4,
                 checks=checks + [(["--rule", "unload-callback-blocked"], 4)], sweep=False)


def third(how, row, **over):
    """The same beside a healthy filter whose second PointerCount a user's handle explains, or
    nothing. All verdicts but those changed here stay."""
    verdicts = {n: dict(v, **over.get(n, {})) for n, v in row["verdicts"].items()}
    return dict(row, name=row["name"] + "-third-" + how, define=dict(row["define"], third=how),
                verdicts=verdicts, builds=(19041, 22000), sweep=False,
                checks=[(["--driver", "Third"], 0)])


def clients(by, says):
    """ports.world: a client whose callback the unload waits for."""
    return dict(name="ports-" + by, world="ports", define={"by": by}, builds=(19041,), sweep=False,
                verdicts={"Talker": dict(cause="port-callback-stuck", state="stuck")},
                fires=["port-callback-stuck", "client-ports-open"], silent=but(S1, LOCKS, DRIVER),
                messages={"client-ports-open": says})


def two(cause, own, **more):
    return waits(cause, {"Stuck": dict(cause="leaked-instance-reference", stage="S2", state="stuck",
                                       waiter=WORKER, culprit={"kind": "instance", "address": own},
                                       fields={"EX_RUNDOWN_WAIT_BLOCK.Count": "1"})},
                 ["leaked-instance-reference", "pended-pre-operation", "teardown-race"],
                 messages={"teardown-race": "cannot be done before that teardown is"},
                 builds=(19041, 17763, 22000), **more)


def stacks(cause, verdict, fires):
    """stuck-stacks.world: whole stacks, every frame unwound."""
    return dict(name="stacks-" + cause, world="stuck-stacks", define={"cause": cause}, builds=NEW,
                verdicts={"Stuck": dict(verdict, state="stuck", waiter=WORKER)}, fires=fires,
                silent=but(S3, S1, LOCKS, DRIVER, without=fires))


# What unloads hold is known for the builds whose code was run.
RUN = {7601: "likely", 14393: "likely", None: "proved"}

CASES = [
    # --- the existing worlds -----------------------------------------------------
    held("files", "open-files", ["open-files"]),
    held("ports", "server-port-open", ["server-port-open"]),
    # held by an instance that nobody tears down; nothing is leaked
    dict(name="threads", world="threads", define={}, builds=NEW, sweep=False,
         verdicts={"CloudSync": dict(cause=None, stage="S3", state="stuck", confidence="likely",
                                     says=["FLT_INSTANCE 0xffffe00103008010 \"CloudSync\"",
                                           "not DRAINING"], unsaid=["leak"])},
         fires=["blocked-by-other-unload"], silent=but(S3, S1, ("teardown-race",))),
    held("both", "open-files", ["open-files", "server-port-open"], sweep=False),
    held("context", "leaked-context", ["leaked-context"], builds=NEW),
    held("reference", "leaked-filter-reference", ["leaked-filter-reference"], builds=NEW, sweep=False),
    inflight("pre", "pended-pre-operation", culprit={"kind": "irp-ctrl"}),
    inflight("post", "pended-post-operation"),
    inflight("own", "own-io-outstanding"),
    inflight("none", None, sweep=False),
    dict(name="seed004", world="seed004", builds=(7601,),
         verdicts={"MyDrv": dict(cause="driver-object-crosslink", stage="S0", state="stuck",
                                 confidence="proved",
                                 culprit={"kind": "filter", "address": "0xfffffa8006dcc960"},
                                 fields={"FLT_FILTER.DriverObject": "0xfffffa8003673c80"}),
                   "SomeDrv": dict(cause="zombie-leftover", stage="S5", state="leftover")},
         fires=["driver-object-crosslink", "zombie-leftover"],
         silent=but(S3, S1, LOCKS, DRIVER, without=["driver-object-crosslink"])),
    dict(name="crosslink", world="crosslink", builds=(7601,),
         verdicts={"MyDrv": dict(cause="driver-object-crosslink", stage="S0", state="stuck",
                                 confidence="proved", culprit={"kind": "filter"}),
                   "SomeDrv": dict(cause="zombie-leftover", stage="S5", state="leftover")},
         fires=["driver-object-crosslink", "zombie-leftover"],
         silent=but(S3, S1, LOCKS, DRIVER, without=["driver-object-crosslink"])),
    dict(name="stage-S2", world="stage", define={"stage": "S2"}, builds=ALL,
         verdicts={"Stuck": dict(cause="leaked-instance-reference", stage="S2", state="stuck",
                                 fields={"EX_RUNDOWN_WAIT_BLOCK.Count": "1"})},
         fires=["leaked-instance-reference"],
         silent=but(S3, S1, LOCKS, DRIVER, without=["leaked-instance-reference"])),
    dict(name="stage-S3b", world="stage", define={"stage": "S3b"}, builds=ALL,
         verdicts={"Stuck": dict(cause="teardown-race", stage="S3", state="stuck",
                                 confidence="likely", culprit={"kind": "instance"})},
         fires=["teardown-race"],
         silent=but(S3, S1, LOCKS, DRIVER, without=["teardown-race"])),
    dict(name="zombie", world="zombie", builds=ALL,
         verdicts={"Gone": dict(cause="zombie-leftover", stage="S5", state="leftover")},
         fires=["zombie-leftover"], silent=but(S3, S1, LOCKS, DRIVER), exit=0),
    dict(name="queued", world="queued", builds=ALL,
         verdicts={"StopMe": dict(cause=None, stage="S0", state="unknown")},
         silent=but(S3, S1, LOCKS, DRIVER), exit=4, sweep=False),
    dict(name="healthy", world="healthy", builds=ALL, silent=but(S3, S1, LOCKS, DRIVER), exit=0, sweep=False),
    # a module list with a hole: the driver that is gone (18), and its look-alike that is not
    *[dict(name=f"rules-{case}-loader", world="rules", define={"case": case, "spoil": "loader"},
           builds=(19041, 22000), silent=["unloaded-without-unregister"],
           not_checked=["unloaded-without-unregister"], exit=4, sweep=False)
      for case in ("gone", "stop")],
    # --- threads, locks, drivers: waits.world ---------------------------------------
    waits("entry", {"Stuck": dict(cause="unregister-in-driver-entry", stage="S3", state="stuck",
                                  confidence="likely", waiter=WORKER,
                                  culprit={"kind": "driver", "address": "0xffffe00100120e30"},
                                  fields={"DRIVER_OBJECT.Flags": "0x2",
                                          "FilterUnloadLock.ActiveCount": "0x0",
                                          "KWAIT_BLOCK.Object": None})},
          ["unregister-in-driver-entry", "leaked-filter-reference"]),
    waits("callback", {"Stuck": dict(cause="unload-callback-blocked", stage="S0", state="stuck",
                                     confidence="likely", waiter=WORKER,
                                     culprit={"kind": "thread", "address": WORKER},
                                     fields={"FilterUnloadLock.OwnerThread": WORKER,
                                             "KWAIT_BLOCK.Object": "0xffffe00108060010",
                                             "FLT_OBJECT.Flags": "0x2000000"})},
          ["unload-callback-blocked"]),
    # Windows 7: where its ETHREAD has StartAddress differs between service builds
    waits("thread", {"Stuck": dict(cause="unload-callback-blocked", stage="S0", state="stuck",
                                   waiter=WORKER,
                                   fields={"KWAIT_BLOCK.Object": "0xffffe00108018080"})},
          ["unload-callback-blocked", "driver-thread-running"], builds=NEW),
    waits("victim", {"Victim": dict(cause="blocked-by-other-unload", stage="S0", state="stuck",
                                    confidence=RUN, waiter=SECOND,
                                    culprit={"kind": "filter", "address": STUCK, "thread": WORKER},
                                    fields={"FilterUnloadLock.OwnerThread": WORKER,
                                            "FilterUnloadLock.NumberOfExclusiveWaiters": "1"}),
                     "Stuck": dict(cause="leaked-filter-reference", stage="S3", state="stuck",
                                   waiter=WORKER)},
          ["blocked-by-other-unload", "leaked-filter-reference"]),
    # look-alike: nothing says that Victim's unload was asked for
    waits("handle", {"Stuck": dict(cause="leaked-filter-reference", stage="S3", state="stuck",
                                   waiter=WORKER)},
          ["blocked-by-other-unload", "leaked-filter-reference"], sweep=False),
    waits("cycle", {"Stuck": dict(cause="lock-cycle", stage="S0", state="stuck",
                                  confidence="likely", waiter=WORKER,
                                  culprit={"kind": "thread", "address": SECOND},
                                  fields={"ERESOURCE.OwnerThread": None})},
          ["lock-cycle", "unload-callback-blocked"], cycles=1),
    # Windows 7: the slots of OperationRundownRef are not in its PDB
    waits("teardown", {"Stuck": dict(cause="teardown-race", stage="S3", state="stuck",
                                     confidence=RUN, waiter=WORKER,
                                     culprit={"kind": {7601: "instance", None: "thread"},
                                              "address": {7601: "0xffffe0010300f010",
                                                          None: SECOND}},
                                     fields={"FLT_OBJECT.Flags": None,
                                             "KWAIT_BLOCK.Object": None})},
          ["teardown-race"]),
    # --- the same with stacks: frames that were unwound prove -------------------------
    stacks("blocked", dict(cause="callback-blocked", stage="S1", confidence="likely",
                           culprit={"kind": "thread", "address": SECOND},
                           fields={"stack frame": None, "EX_RUNDOWN_WAIT_BLOCK.Count": "2"}),
           ["callback-blocked"]),
    # one reference is claimed once
    dict(stacks("ownio", dict(cause="own-io-outstanding", stage="S1", confidence="likely",
                              fields={"EX_RUNDOWN_WAIT_BLOCK.Count": "1"}),
                ["own-io-outstanding"]), builds=(19041, 17763, 22000), sweep=False),
    stacks("callback", dict(cause="unload-callback-blocked", stage="S0", confidence=RUN,
                            culprit={"kind": "thread", "address": WORKER},
                            fields={"stack frame": None,
                                    "FilterUnloadLock.OwnerThread": WORKER}),
           ["unload-callback-blocked"]),
    stacks("entry", dict(cause="unregister-in-driver-entry", stage="S3", confidence=RUN,
                         fields={"stack frame": None, "DRIVER_OBJECT.Flags": "0x2"}),
           ["unregister-in-driver-entry", "leaked-filter-reference"]),
    waits("device", {"Stuck": dict(cause="device-handles-open", stage="S0", state="stuck",
                                   confidence="likely", says=["Close the handles on the device"],
                                   culprit={"kind": "device", "address": "0xffffe00100122060"},
                                   fields={"DEVICE_OBJECT.ReferenceCount": "0x2",
                                           "DRIVER_OBJECT.Flags": "0x12",
                                           "_DEVOBJ_EXTENSION.ExtensionFlags": "0x801"})},
          ["device-handles-open"]),
    waits("attached", {"Stuck": dict(cause="device-handles-open", stage="S0", state="stuck",
                                     says=["IoDetachDevice"], unsaid=["Close the handles"],
                                     fields={"DEVICE_OBJECT.AttachedDevice": "0xffffe00100126060"})},
          ["device-handles-open"], sweep=False),
    waits("leaked", {"Stuck": dict(cause="zombie-leftover", stage="S5", state="leftover")},
          ["zombie-leftover", "driver-object-leaked"]),
    waits("race", {"Stuck": dict(cause=None, stage="S0", state="unknown")},
          ["load-unload-race"], builds=(7601,), exit=4),
    # serialised since Windows 8: the same memory is no finding there
    dict(waits("race", {"Stuck": dict(cause=None, stage="S0", state="unknown")}, [], builds=NEW,
               exit=4, sweep=False), name="waits-no-race"),
    waits("refused", {"Stuck": dict(cause="unload-refused", stage="S0", state="refused",
                                    confidence="likely",
                                    says=["A mandatory unload of Stuck is over"],
                                    fields={"FLT_FILTER.Flags": None,
                                            "DRIVER_OBJECT.Flags": "0x13",
                                            "FilterUnloadLock.ActiveCount": "0x0"})},
          ["unload-refused"]),
    waits("flagonly", {"Stuck": dict(cause="unload-refused", stage="S0", state="unknown",
                                     confidence="possible",
                                     says=["DRVO_UNLOAD_INVOKED of its driver is clear"],
                                     unsaid=["is over and", "frees the driver"],
                                     fields={"DRIVER_OBJECT.Flags": "0x12"})},
          ["unload-refused"], exit=4, sweep=False),
    waits("begun", {"Stuck": dict(cause=None, stage="S0", state="unknown",
                                  says=["either it waits for another unload of this frame, or "])}, [],
          not_checked=["unload-refused"], exit=4, sweep=False),
    # --- two instances, torn down by two threads: the unload's is the lock's owner's ---------
    two("two", "0xffffe00103014010"),
    two("twolast", "0xffffe0010300f010", sweep=False),
    # a wait block that no thread waits for proves no wait
    waits("pool", {"Stuck": dict(cause="leaked-context", stage="S3", state="stuck",
                                 confidence="likely",
                                 fields={"CONTEXT_NODE.UseCount": "0x1"})},
          ["leaked-context"], builds=(19041, 17763, 22000), sweep=False),
    clients("message", "2 clients are connected to Talker; its unload waits for what "
            "port-callback-stuck tells and for no connection, but leaves a zombied filter until "
            "the clients close their handles"),
    clients("disconnect", "1 client is connected to Talker; its unload waits for what "
            "port-callback-stuck tells and for no connection, but leaves a zombied filter until "
            "the client closes its handle"),
    # --- an instance's teardown hangs, and no unload is asked for -----------------------------
    detached("pre", "pended-pre-operation", "stuck", ["pended-pre-operation"], 1,
             confidence="proved", culprit={"kind": "irp-ctrl"}),
    detached("none", None, "unknown", [], 4),
    # --- an unload is under way, and nothing tells what it does, or whose it is ------------
    whose("whose", [(["--driver", "Stuck"], 4), (["--driver", "Victim"], 4),
                    (["--driver", "WatchTop"], 0)],
          fields={"FilterUnloadLock.OwnerThread": WORKER,
                  "KWAIT_BLOCK.Object": "0xffffe00108060010", "FLT_OBJECT.PointerCount": "0x2"}),
    whose("nobody", [(["--driver", "Stuck"], 4)],
          fields={"FilterUnloadLock.OwnerThread": WORKER,
                  "KWAIT_BLOCK.Object": "0xffffe00108060010"}),
    # a thread that does not wait hangs nowhere
    whose("busywhose", [], waiter=None, fields={"KTHREAD.State": "1 Ready"}),
    waits("busy", {"Stuck": dict(cause=None, stage="S0", state="unknown", waiter=None,
                                 culprit={"kind": "thread", "address": WORKER},
                                 fields={"KTHREAD.State": "2 Running"})}, [],
          not_checked=["unload-callback-blocked"], exit=4, sweep=False,
          checks=[(["--driver", "Stuck"], 4), (["--driver", "Victim"], 0)]),
]

BY_NAME = {c["name"]: c for c in CASES}
# One that has a PointerCount for a handle is not taken for one that is unloaded.
CASES += [third("handle", BY_NAME["waits-" + c]) for c in ("callback", "victim", "cycle")]
CASES += [
    # where nothing explains it, the waiter may be of its unload: but nothing says that
    third("bare", BY_NAME["waits-victim"], Victim={"confidence": "likely", "waiter": None}),
    # and where the other's page is not there, the unload may be its
    *[dict(BY_NAME["waits-whose"], name="waits-whose-lost-" + name, builds=(19041, 22000),
           define={"cause": "whose", "lost": hex(int(lost, 16) & ~0xfff)},
           checks=[(["--driver", other], 4)])
      for name, lost, other in (("victim", VICTIM, "Stuck"), ("stuck", STUCK, "Victim"))],
]
