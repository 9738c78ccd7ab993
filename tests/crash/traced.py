"""The same crash points from outside: strace kills a process right before its N-th system call.

strace takes hold of a child that is about to act, so that only its calls on the store are numbered. The signal
is delivered as the call is entered and the kernel does not carry it out (`test_strace` tries that): what stood
after call N is what stands before call N + 1.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from .machine import REFUSED, Ended, Say, in_child
from .sweep import Bench, Found, list_calls

CHANGING = (
    "mkdir", "mkdirat", "rmdir", "symlink", "symlinkat", "unlink", "unlinkat", "rename", "renameat", "renameat2",
    "write", "pwrite64", "writev", "fsync", "fdatasync", "utimensat", "setxattr", "fsetxattr", "lsetxattr", "chmod",
    "fchmod", "fchmodat", "link", "linkat", "ftruncate", "truncate", "open", "openat", "flock",
)  # fmt: skip
READING = (
    "read", "close", "getdents64", "readlink", "readlinkat", "lstat", "stat", "fstat", "newfstatat", "statx",
    "getxattr", "fgetxattr", "lgetxattr", "lseek", "fcntl",
)  # fmt: skip
CALL = re.compile(r"(\d+) +(\w+)\((.*)")
TIMES = 3
"""How often a call is tried to be met: a thread of a heart that beats meanwhile makes calls of its own."""
ANY_PROCESS = ctypes.c_ulong(-1)
PR_SET_PTRACER = 0x59616D61


class Call(NamedTuple):
    """One system call: the which-th of its name in the main thread, and how strace wrote it."""

    name: str
    which: int
    text: str


def calls_of(pid: int, log: str, wanted: tuple[str, ...]) -> Iterator[Call]:
    """The calls of one thread in a log, of those that are wanted."""
    counted = Counter[str]()
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            match = CALL.match(line)
            if match and int(match[1]) == pid and match[2] in wanted:
                counted[match[2]] += 1
                yield Call(match[2], counted[match[2]], line.strip())


class Strace:
    """Strace on one process, from when it is ready until it has ended."""

    def __init__(self, log: str, wanted: tuple[str, ...], inject: str = "") -> None:
        self._log = log
        self._options = ["-e", f"trace={','.join(f'?{name}' for name in wanted)}"]
        if inject:
            self._options += ["-e", f"inject={inject}"]
        self._ready, self._say_ready = os.pipe()
        self._hear_go, self._go = os.pipe()
        self.pid = 0

    def wait_in_child(self) -> None:
        """In the child: be taken hold of, whoever may do that, before anything is done."""
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANY_PROCESS, 0, 0, 0)
        os.close(self._go)
        os.write(self._say_ready, b".")
        os.read(self._hear_go, 1)

    def attach(self, pid: int) -> None:
        """In the parent: take hold of the child, then let it act, to its end."""
        self.pid = pid
        os.close(self._say_ready)
        os.close(self._hear_go)
        os.read(self._ready, 1)
        command = ["strace", "-f", "-y", "-s", "200", "-o", self._log, *self._options, "-p", str(pid)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            assert strace.stderr is not None
            heard = strace.stderr.readline()
            os.write(self._go, b".")
            os.close(self._go)
            os.close(self._ready)
            heard += strace.stderr.read()
        assert "attached" in heard, heard


def under_strace(bench: Bench, wanted: tuple[str, ...], inject: str = "") -> tuple[Ended, list[Call]]:
    """Make the operation on a fresh store by the real host, its calls written down."""
    bench.fresh()
    log = f"{bench.directory}.strace"
    strace = Strace(log, wanted, inject)

    def run(say: Say) -> None:
        strace.wait_in_child()
        bench.act_really(say)

    ended = in_child(run, strace.attach)
    return ended, list(calls_of(strace.pid, log, wanted))


CHANGES = {"mkdir", "rmdir", "symlink", "unlink", "rename", "write", "fsync", "setxattr", "fchmod", "utime", "create"}


def beside_the_seam(made: list[str], seen: list[Call]) -> list[str]:
    """Changes of the store that strace has seen and the seam has not, those of the guard apart, or the other way."""
    kernel = Counter(seam_name(call) for call in seen if "guard" not in call.text and " = -1 E" not in call.text)
    seam = Counter(_of_the_seam(call) for call in made if not call.endswith(REFUSED))
    return [
        f"{name}: the kernel was asked {kernel[name]} times, through the seam {seam[name]} times"
        for name in sorted(CHANGES)
        if kernel[name] != seam[name]
    ]


def _of_the_seam(call: str) -> str:
    name, _, rest = call.partition("(")
    return "create" if name == "open" and int(rest.split(", ")[1].split(")")[0]) & os.O_CREAT else name


def seam_name(call: Call) -> str:
    """What the seam calls a system call."""
    if call.name.startswith("open"):
        return "create" if "O_CREAT" in call.text else "open"
    if call.name == "unlinkat":
        return "rmdir" if "AT_REMOVEDIR" in call.text else "unlink"
    if call.name == "utimensat":
        return "utime"
    return call.name.removesuffix("at2").removesuffix("at").removeprefix("f" if call.name == "fsetxattr" else "")


def trace(bench: Bench, found: Found, reading: bool = False, every: int = 1, first: int = 0) -> None:
    """Kill the process before each of its system calls, or before every so many-th of them."""
    bench.fresh()
    bench.look(Ended([], False, ""), whole=False)  # what Python loads when it is first used is not loaded later
    wanted = CHANGING + (READING if reading else ())
    through_the_seam = list_calls(bench)
    ended, calls = under_strace(bench, wanted)
    room = os.path.dirname(bench.directory)
    beside = beside_the_seam(through_the_seam, [call for call in calls if room in call.text])
    calls = [call for call in calls if room in call.text or call.name == "write"]  # which is what it says
    found.add("not killed", [*([ended.failure] if ended.failure else []), *bench.look(ended, whole=True), *beside])
    found.calls = len(calls)
    for call in calls[first % every :: every]:
        for left in reversed(range(TIMES)):
            ended, made = under_strace(bench, wanted, f"{call.name}:signal=KILL:when={call.which}")
            last = made[-1] if made else None
            there = last is not None and (last.name, last.which) == (call.name, call.which) and ended.killed
            faults = [ended.failure] if ended.failure else []
            if not there and not left:
                faults.append(f"it was killed elsewhere: {last}")
            faults += bench.look(ended, whole=False, doctor_first=bool(call.which % 2))
            found.add(f"killed before {call.text[:160]}", faults)
            if there:
                break
