# SPDX-License-Identifier: BSD-2-Clause
"""The cases of check_inside.py: name, world, its -D, and for each command its arguments,
exit status, what it must say and what it must not (blanks are one blank)."""

RULE8 = ["check", "--rule", "callback-blocked", "DUMP"]
NO_BOTTOM = "the return address is 0, but this is not where the thread began"

CASES = [
    # --- stacks that break off are not looked at ------------------------------------
    ("wild return address", "hang", ["unload=1", "odd=return"], [
        (RULE8, 4, ["not decided: callback-blocked"], ["clean"]),
        (["hang", "DUMP"], 4, ["The stack of explorer.exe thread ffffab06b8121080 breaks off",
                               "4 of 7 threads"], ["No thread was found inside a filter."])]),
    ("0 in the middle of a stack", "hang", ["unload=1", "odd=bottom"], [
        (RULE8, 4, ["not decided: callback-blocked"], ["clean"]),
        (["k", "DUMP", "ffffab06b8121080"], 0, ["(broken: " + NO_BOTTOM], []),
        (["hang", "DUMP"], 4, [NO_BOTTOM, "4 of 7 threads"],
         ["No thread was found inside a filter."])]),
    ("whole stacks", "hang", ["unload=1"], [
        (RULE8, 1, ["is in it, blocked below"], ["not decided"]),
        (["hang", "DUMP"], 0, ["1 thread inside TmPreFlt", "5 of 7 threads"], ["breaks off"])]),
    # --- of two IRPs on the stack neither is a fact ---------------------------------
    ("an IRP left over", "hang", ["odd=stale"], [
        (["hang", "DUMP"], 0, ['reading "\\Windows\\Temp\\before.txt" (IRP ',
                               ' or closing "\\Users\\user1\\AppData\\Local\\IconCache.db" (IRP ',
                               "which of these 2 the stack does not say"], []),
        (["hang", "DUMP", "--json"], 0, ['"operation": null', '"major": "IRP_MJ_READ"'], [])]),
    ("one IRP", "hang", [], [
        (["hang", "DUMP"], 0, ['is stuck for 1m:25.937 closing "\\Users\\user1\\AppData\\Local\\IconCache.db": '],
         ["does not say"]),
        (["hang", "DUMP", "--json"], 0, ['"possible_operations": []'], ['"operation": null'])]),
    # --- only what lasts is stuck; nobody waits since before the start ------------------
    ("a tick count before the wait", "hang", ["now=5711000"], [
        (["hang", "DUMP"], 0, ["waits (since when is not known)"], ["stuck for", "is stuck"]),
        (["threads", "DUMP", "ffffab06b8121080"], 0, ["Ticks: not known"], [])]),
    ("a wait of one tick", "hang", ["now=5711864"], [
        (["hang", "DUMP"], 0, ["has waited for 0s.015"], ["is stuck"])]),
    ("a wait of a second", "hang", ["now=5711927"], [
        (["hang", "DUMP"], 0, ["is stuck for 1s.000"], ["has waited"])]),
    # --- a driver's own lock: nt's list of resources leads to it ------------------------
    ("an ERESOURCE of the driver", "stuck-stacks", ["cause=lock"], [
        (["hang", "DUMP"], 0, ["waiting for the lock ERESOURCE at ffffe00108070010, which System "
                               "thread ffffe00108018080 owns"], ["SynchronizationEvent"]),
        (["diagnose", "DUMP"], 0, ["waits for ERESOURCE 0xffffe00108070010, which thread "
                                   "0xffffe00108018080 (System, 4.40) has"], []),
        (["threads", "DUMP", "ffffe00108016080"], 0,
         ["of Resource @ 0xffffe00108070010 ERESOURCE - owning thread ffffe00108018080"], []),
        (["locks", "DUMP"], 0, ["Resource @ 0xffffe00108070010 Exclusively owned"], [])]),
    ("an ERESOURCE on no list", "stuck-stacks", ["cause=lock", "listed=0"], [
        (["hang", "DUMP"], 0, ["waiting for SynchronizationEvent"], ["owns", "the lock"]),
        (["locks", "DUMP"], 0, [], ["ffffe00108070010"])]),
    ("the owner of FilterUnloadLock", "threads", [], [
        (["threads", "DUMP", "ffffe00108016080"], 0, ["FLTP_FRAME.FilterUnloadLock - owning thread "],
         [])]),
    # --- each filter that a stack passes through ----------------------------------------
    ("two filters on one stack", "stuck-stacks", ["cause=two"], [
        (["hang", "DUMP"], 0,
         ["1 thread inside Other", "2 threads inside Stuck",
          "the Filter Manager called Other, and it waits in Other, waiting for NotificationEvent "
          "ffffe00108060010.",
          "the Filter Manager called Stuck, and below it, where the Filter Manager called Other, "
          "Other holds it up"], [])]),
    ("one filter", "stuck-stacks", ["cause=blocked"], [
        (["hang", "DUMP"], 0,
         ["2 threads inside Stuck", "called Stuck, and it waits in Stuck, waiting for "
          "NotificationEvent ffffe00108060010.",
          # the unload's own wait is not "held up": diagnose knows it as the waiter
          "called Stuck, and it waits in the Filter Manager, waiting for the rundown of FLT_INSTANCE "
          "ffffe0010300f010 of the filter \"Stuck\", which is being unloaded."],
         ["Other", "FLTMGR holds it up"])]),
    ("a wait in the Filter Manager", "stuck-stacks", ["cause=send"], [
        (["hang", "DUMP"], 0, ["called Stuck, and it waits in the Filter Manager, waiting for "
                               "NotificationEvent ffffe00108060010."], ["holds it up", "rundown"])]),
    ("a driver's own code in the Filter Manager", "stuck-stacks", ["cause=entry"], [
        (["hang", "DUMP"], 0,
         ["1 thread inside Stuck", "code of Stuck that the Filter Manager did not call has called it, "
          "and it waits in the Filter Manager, waiting for the rundown of FLT_FILTER "
          "ffffe0010102d010"], ["No thread was found"])]),
    # its own thread that waits in its own code hangs in no filter
    ("a driver's own thread", "stuck-stacks", ["cause=lock"], [
        (["hang", "DUMP"], 0, ["2 threads inside Stuck"], ["did not call", "3 threads inside"])]),
    ("a wait for two objects", "stuck-stacks", ["cause=any"], [
        (["hang", "DUMP"], 0, ["waiting for any of 2 objects (NotificationEvent ffffe00108060010; "
                               "SynchronizationEvent ffffe00108062010)"], []),
        (["hang", "DUMP", "--json"], 0, ['"object": "0xffffe00108062010"',
                                         '"wait_type": "any"'], [])]),
    ("a wait for both of two objects", "stuck-stacks", ["cause=any", "waits=0"], [
        (["hang", "DUMP"], 0, ["waiting for all of 2 objects (NotificationEvent "], ["any of 2"])]),
    ("wait blocks that disagree", "stuck-stacks", ["cause=any", "waits=0", "first=1"], [
        (["hang", "DUMP"], 0, ["waiting for 2 objects (NotificationEvent "], ["any of", "all of"])]),
    # --- the one that FltMgr called, and the one that holds it up -----------------------
    ("diagnose: the article's two drivers", "hang", ["unload=1"], [
        (["diagnose", "DUMP"], 0,
         ["A callback of TmPreFilter has not returned: thread 0xffffab06b8121080 (explorer.exe, "
          "1584.1588) is in it, blocked below it in TmXPFlt.sys and waits for",
          "TmXPFlt+0x1bce3 another driver below it"], ["it seems"])]),
    ("diagnose: another filter below", "stuck-stacks", ["cause=two"], [
        (["diagnose", "DUMP"], 0,
         ["is in it, blocked below it in Other.sys (filter Other) and waits for "
          "NotificationEvent 0xffffe00108060010"], [])]),
    ("diagnose: another filter below FilterUnload", "stuck-stacks", ["cause=below"], [
        (["diagnose", "DUMP"], 0,
         ["runs it, blocked below it in Other.sys (filter Other) and waits for"], [])]),
    ("diagnose: itself", "stuck-stacks", ["cause=blocked"], [
        (["diagnose", "DUMP"], 0, ["is in it and waits for"], ["blocked below", "another driver"])]),
    ("diagnose: FilterUnload itself", "stuck-stacks", ["cause=callback"], [
        (["diagnose", "DUMP"], 0, ["runs it and waits for"], ["blocked below", "another driver"])]),
    # --- a routine that a thread is seen to run ------------------------------------------
    ("a work item that runs", "stuck-stacks", ["cause=work"], [
        (["diagnose", "DUMP"], 0,
         ["work-item-outstanding (likely)", "a work item of it runs: thread 0xffffe00108016080 "
          "(copy.exe, 2a4.38) is in it and waits for NotificationEvent 0xffffe00108060010",
          "Stuck+0x4080 the routine, on the thread's stack"], ["may run now"])]),
    ("a work item that nobody runs", "stuck-stacks", ["cause=work", "routine=0x6800"], [
        (["diagnose", "DUMP"], 0, ["(possible)", "it may run now, or be freed memory"],
         ["(likely)", "is in it"])]),
    ("MessageNotify that a thread is in", "stuck-stacks", ["cause=message"], [
        (["diagnose", "DUMP"], 0,
         ["held by MessageNotify of Stuck, which has not returned: thread 0xffffe00108016080 "
          "(copy.exe, 2a4.38) is in it and waits for NotificationEvent 0xffffe00108060010"], [])]),
    ("MessageNotify that nobody is seen in", "stuck-stacks", ["cause=message", "routine=0x6800"], [
        (["diagnose", "DUMP"], 0, ["held by MessageNotify of Stuck, which has not returned. "],
         ["is in it"])]),
    # --- nothing under way: one line, and where to look next -----------------------------
    ("diagnose says that threads were not read", "hang", [], [
        (["diagnose", "DUMP"], 0, ["No driver was found stuck, refused or left over: 1 frame, 1 filter, "
                                   "1 instance, 1 volume looked at. Threads were not read: `fltscope "
                                   "hang` looks for those inside a filter."], [])]),
    ("threads were read", "hang", ["unload=1"], [
        (["diagnose", "DUMP"], 0, ["callback-blocked"], ["Threads were not read"])]),
    # --- IDs as they are printed ----------------------------------------------------------
    ("IDs as they are printed", "hang", [], [
        *[(["k", "DUMP", t], 0, ["ffffdf00`63b26400 fffff803`5d0d74fd"], [])
          for t in ("1584.1588", "1588", "0n5512", "0x1588", "ffffab06b8121080")],
        *[(["process", "DUMP", p], 0, ["explorer.exe"], ["svchost"])
          for p in ("1584", "0n5508", "1584.1588", "0x1584", "explorer.exe", "explorer")],
        (["us", "DUMP", "-p", "0n5508"], 0, ["1 stack(s) with 1 threads"], []),
        (["hang", "DUMP", "-p", "0n5508"], 0, ["inside TmPreFlt"], []),
        (["k", "DUMP", "1584.1a2c"], 4, ["no thread has this address or ID"], []),
        (["process", "DUMP", "1584.1a2c"], 4, ["no process"], []),
        (["process", "DUMP", "5508"], 4, ["no process"], []),
        (["k", "DUMP", "0"], 4, ["not the ID of one thread alone"], ["Child-SP"]),
        (["k", "DUMP", "--cxr", "0"], 2, ["takes the address of a CONTEXT"], ["Child-SP"])]),
    ("a verdict's PID", "ports", ["by=process"], [
        (["diagnose", "DUMP"], 0, ["agent.exe (process 0xffffe00108004040, pid 0x1268)"], []),
        (["process", "DUMP", "0x1268"], 0, ["agent.exe"], [])]),
]
