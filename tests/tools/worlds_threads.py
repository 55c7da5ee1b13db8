# SPDX-License-Identifier: BSD-2-Clause
"""Reads back the world `threads`. Offsets are literal, from public PDB type sets of each build."""
from worlds_common import HFRAMES, must_miss, same

PROCESSES = (0xFFFFE00108000040, 0xFFFFE00108002040, 0xFFFFE00108004040)
WORKER, SECOND, RUNNER = 0xFFFFE00108014080, 0xFFFFE00108016080, 0xFFFFE00108018080
SHARER = 0xFFFFE0010801C080
BLOCK = 0xFFFFB3080002FC00
# EPROCESS.ActiveProcessLinks, ImageFileName, KPROCESS.ThreadListHead is at 0x30 on all
LINKS = {7601: 0x188, 14393: 0x2F0, 17763: 0x2E8, 19041: 0x448, 22000: 0x448}
IMAGE = {7601: 0x2E0, 14393: 0x450, 17763: 0x450, 19041: 0x5A8, 22000: 0x5A8}


def check_lists(d):
    links = LINKS[d.build]
    head = int.from_bytes(d.header[0x28:0x30], "little")
    same("processes", [x - links for x in d.walk(head)], list(PROCESSES))
    same("image", d.read(PROCESSES[1] + IMAGE[d.build], 9), b"smss.exe\0")
    threads = [x - 0x2F8 for x in d.walk(PROCESSES[0] + 0x30)]
    same("threads of System", threads[:3], [WORKER, SECOND, RUNNER])
    same("KDBG.KiProcessorBlock", d.num(d.num(d.kdbg + 0x218)), 0xFFFFE00108040180)
    same("CurrentThread", d.num(0xFFFFE00108040180 + 8), RUNNER)
    same("TickCount", d.num(0xFFFFF78000000320), 470000)


def check_wait(d):
    seven = d.build == 7601
    block = d.num(WORKER + (0x98 if seven else 0xD0))
    same("State", d.num(WORKER + (0x164 if seven else 0x184), 1), 5)
    same("StackLimit", d.num(WORKER + 0x30), 0xFFFFB3080002A000)
    same("StackBase", d.num(WORKER + (0x278 if seven else 0x38)), 0xFFFFB30800030000)
    same("wait block's thread", d.num(block + (0x10 if seven else 0x18)), WORKER)
    same("wait block's object", d.num(block + (0x18 if seven else 0x20)), BLOCK + 8)
    same("event's waiters", d.walk(BLOCK + 0x10), [block])


def check_locks(d):
    lock = HFRAMES[1] + 0x208
    same("OwnerThread", d.num(lock + 0x30), WORKER)
    same("ActiveCount and Flag", d.num(lock + 0x18, 4), 0x800001)
    same("exclusive waiters", d.num(lock + 0x4C, 4), 1)
    lead = d.num(lock + 0x28)
    stack = 0xFFFFB3080003A000 <= lead < 0xFFFFB30800040000
    same("ExclusiveWaiters is on the waiter's stack", stack, d.build >= 17763)


def check(d, _):
    if d.type == 4:  # the list's head is nt's data, which a triage dump has not
        must_miss("processes", "captured", lambda: d.walk(int.from_bytes(d.header[0x28:0x30], "little")))
        return
    check_lists(d)
    check_wait(d)
    check_locks(d)
