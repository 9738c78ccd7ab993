"""Calls that fail: the N-th call of an operation, once or from there on, with each error that a disk may give."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fsjob_core.errors import FsJobError
from fsjob_core.lease import Heart

from .machine import Clock, host_with
from .oracle import Look, locks
from .sweep import Bench, Found, NothingToDo

ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EACCES", "EMFILE", "EROFS", "EINTR")
SHORT = "short"
"""Not an error: half of what was to be written is written."""


class Way(NamedTuple):
    """How calls fail. `forever`: all calls from the N-th on, else it alone."""

    error: str
    forever: bool

    def __str__(self) -> str:
        return f"{self.error} {'for good' if self.forever else 'once'}"


WAYS = tuple(Way(error, forever) for error in (*ERRORS, SHORT) for forever in (False, True))


@dataclass
class Failer:
    """Fails calls as a disk does: what is closed is closed all the same, and what was given no path names none."""

    at: int
    way: Way
    over: bool = False
    count: int = 0
    last_sync: int = 0
    """The last call that any success depended on: a commit's, for what comes after it only tidies up."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Name and path of every call that failed."""
    unsynced: set[str] = field(default_factory=set)
    """What could not be synced since the last acknowledged step, but where that is nobody's loss."""
    synced_later: set[str] = field(default_factory=set)
    """Of these, what was then synced with success: it says so, and yet the first loss stays."""

    def __call__(self, name: str, real: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if name in ("guarded", "unguard") or self.over:
            return real(*args, **named)
        self.count += 1
        path = _path(args)
        if name == "fsync" and not _is_telling():
            self.last_sync = self.count
        if self.count == self.at or (self.way.forever and self.count > self.at):
            if self.way.error != SHORT:
                self._fail(name, real, args, path)
            if name == "write":
                args = (args[0], bytes(args[1])[: max(len(args[1]) // 2, 1)])
                self.failed.append((name, path))
        if name == "fsync" and path in self.unsynced:
            self.synced_later.add(path)
        return real(*args, **named)

    def _fail(self, name: str, real: Callable[..., Any], args: tuple[Any, ...], path: str) -> None:
        if name == "close":
            real(*args)
        self.failed.append((name, path))
        if name == "fsync" and not _is_telling():
            self.unsynced.add(path)
        number = getattr(errno, self.way.error)
        given = [arg for arg in args if isinstance(arg, str)]
        if len(given) == 2:
            raise OSError(number, os.strerror(number), given[0], None, given[1])
        raise OSError(number, os.strerror(number), *given)


def _path(args: tuple[Any, ...]) -> str:
    if isinstance(args[0], int):
        return os.readlink(f"/proc/self/fd/{args[0]}")
    paths = [arg for arg in args if isinstance(arg, str)]
    return paths[-1] if paths else ""


def _is_telling() -> bool:
    """Whether the call is made by a flush after a fulfill, or for the audit log: no success depends on these."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name in ("flush_quietly", "append_audit"):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


class Trial:
    """One run of an operation in which calls fail."""

    def __init__(self, bench: Bench, at: int, way: Way, *, durable: bool = False) -> None:
        self.bench = bench
        self.durable = durable
        """Whether the first call that fails comes after the last one on which any success depends."""
        self.failer = Failer(at, way)
        self.said: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self.clock = Clock()
        self.host = host_with(self.failer, self.clock)
        self.acting = bench.acting(self.host, self._hear)

    def _hear(self, line: dict[str, Any]) -> None:
        self.said.append(line)
        if "step" in line and self.failer.unsynced:
            self.faults.append(f"acknowledged, though {sorted(self.failer.unsynced)} could not be synced")
        if self.failer.synced_later:
            self.faults.append(f"acknowledged on a second sync of {sorted(self.failer.synced_later)}")

    def run(self) -> list[str]:
        self.bench.fresh()
        before = _descriptors()
        complete = self._act()
        self.failer.over = True
        if self.durable and not complete and self.bench.operation.tidies:
            self.faults.append("what was done, and is durable, was denied")
        self._release()
        self._nothing_is_held(before)
        look = Look(
            self.bench.operation, self.bench.directory, self.bench.ids, self.said, failed=bool(self.failer.failed)
        )
        look.clock.pass_by(self.clock.ahead)
        look.at(look.is_whole if complete and not self.failer.failed else look.is_there)
        look.at(look.goes_on)
        return self.faults + look.faults

    def _act(self) -> bool:
        try:
            self.bench.act(self.acting)
        except OSError as error:
            self._names_the_path(error)
            return False
        except (FsJobError, NothingToDo):
            return False
        except Exception:
            self.faults.append(traceback.format_exc())
            return False
        return True

    def _names_the_path(self, error: OSError) -> None:
        """In the store, or on the way to it."""
        path = str(error.filename or "")
        names = path and (path.startswith(self.bench.directory) or self.bench.directory.startswith(path))
        if not names or not error.strerror:
            self.faults.append(f"{error!r} does not name the path\n{traceback.format_exc(limit=-4)}")

    def _release(self) -> None:
        try:
            self.acting.release()
        except Exception:
            self.faults.append(f"a release that nothing hinders fails: {traceback.format_exc()}")

    def _nothing_is_held(self, before: set[str]) -> None:
        leaked = _descriptors() - before
        if leaked:
            self.faults.append(f"descriptors are left open: {sorted(leaked)}")
        heart = self.host.services.get(Heart)
        if heart is not None and (heart._leases or heart._to_tell):
            self.faults.append("a lease is still kept")
        hindered = {path for name, path in self.failer.failed if name in ("lstat", "rmdir", "unlink", "symlink")}
        for path in self._left_locks():
            if path not in hindered and not any(name == "guard" for name, _ in self.failer.failed):
                self.faults.append(f"{path} is left, though nothing hindered its release")

    def _left_locks(self) -> list[str]:
        if self.bench.operation.locked:
            return []
        return locks(Look(self.bench.operation, self.bench.directory, {}, []).layout)


def _descriptors() -> set[str]:
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except FileNotFoundError:  # the listing's own
            continue
    return {entry for entry in found if not entry.endswith("/.fsjob/guard")}  # kept, one a thread


def trials(total: int, ways: int, first: int) -> Iterator[tuple[int, Way]]:
    """Every call, each in so many of the ways, which take turns."""
    for number in range(1, total + 1):
        for turn in range(ways):
            yield number, WAYS[(first + number * 5 + turn) % len(WAYS)]


def fail(bench: Bench, found: Found, ways: int = len(WAYS), first: int = 0, only: int = 0, way: int = -1) -> None:
    """Have each call fail, in so many ways."""
    dry = Trial(bench, 0, WAYS[0])
    found.add("nothing failed", dry.run())
    found.calls = dry.failer.count
    for number, which in trials(found.calls, ways, first):
        if only in (0, number) and (way < 0 or WAYS[way] == which):
            trial = Trial(bench, number, which, durable=0 < dry.failer.last_sync < number)
            faults = trial.run()
            call = " ".join(trial.failer.failed[0]) if trial.failer.failed else "no call"
            found.add(f"call {number}, {call}, {which}", faults)
