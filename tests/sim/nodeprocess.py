"""What the operations of fs-job-store 1.2.0 are made of: locks, whole files, staging, a `finally` in parallel."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from .properlock import Calls, Failure, Lock, Lockfile

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHUNK = 1 << 16

Respond = Callable[[Any, str, bytes], bool]
"""(target, id, value): deliver; says whether it was taken."""


class Aborted(Exception):
    """A lock of an operation was compromised in the middle of it."""


class Task:
    """One operation: what it holds, what it leaves to the end, and whether it was aborted."""

    def __init__(self) -> None:
        self.aborted: Failure | None = None
        self.locks: list[Lock] = []
        self.cleanup: list[Callable[[], None]] = []

    def abort(self, error: Failure) -> None:
        self.aborted = self.aborted or error

    def go_on(self) -> None:
        if self.aborted is not None:
            raise Aborted from self.aborted


class Process:
    """One Node process. `tmp` is its TMPDIR; `start` runs a function beside it (the beats of its locks)."""

    def __init__(
        self,
        root: str,
        calls: Calls,
        time: Callable[[], float],
        wait: Callable[[float], object],
        random: Random,
        start: Callable[[Callable[[], None]], object],
        *,
        tmp: str,
        respond: Respond | None = None,
    ) -> None:
        self.root, self.calls, self.random, self.tmp, self.respond = root, calls, random, tmp, respond
        self.locks = Lockfile(calls, time, wait, start)
        self.staged: list[str] = []

    # ── calls ──

    def path(self, part: str, job_id: str = "") -> str:
        return f"{self.root}/{part}/{job_id}" if job_id else f"{self.root}/{part}"

    def do(self, task: Task, name: str, *args: Any) -> Any:
        """A call, after which an aborted operation does not go on."""
        try:
            return getattr(self.calls, name)(*args)
        finally:
            task.go_on()

    def lock(self, task: Task, file: str) -> None:
        lock = self.locks.lock(file, task.abort)
        task.go_on()  # aborted while it waited: this one then stays, and is beaten for ever
        task.locks.append(lock)
        task.cleanup.append(lambda: self.locks.remove(lock))

    def read(self, task: Task, path: str) -> bytes:
        calls, data = self.calls, b""
        file = calls.open(path, os.O_RDONLY)
        try:
            while more := calls.read(file, CHUNK):
                data += more
        finally:
            calls.close(file)
        task.go_on()
        return data

    def state(self, task: Task, job_id: str) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.read(task, f"{self.path('jobs', job_id)}/state.json"))
        return state

    def write(self, task: Task, path: str, data: bytes) -> None:
        """Not at one stroke, and not synced."""
        calls = self.calls
        file = calls.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            while data:
                data = data[calls.write(file, data) :]
        finally:
            calls.close(file)
        task.go_on()

    def write_state(self, task: Task, path: str, state: dict[str, Any]) -> None:
        self.write(task, path, json.dumps(state, separators=(",", ":"), ensure_ascii=False).encode())

    def stage(self, task: Task, *, remove: bool = True) -> str:
        """A directory of its own in TMPDIR."""
        path = f"{self.tmp}/tmp-{self._word()}"
        with suppress(FileNotFoundError):
            self.do(task, "stat", path)
        self.do(task, "mkdir", path, 0o700)
        self.staged.append(path)
        if remove:
            task.cleanup.append(lambda: self._unstage(path))
        return path

    def _unstage(self, path: str) -> None:
        self.staged.remove(path)
        for name in self.calls.listdir(path):
            self.calls.lstat(f"{path}/{name}")
            self.calls.unlink(f"{path}/{name}")
        self.calls.rmdir(path)

    def _word(self) -> str:
        return "".join(self.random.choice(_LETTERS) for _ in range(12))

    def make(self, task: Task, path: str) -> None:
        with suppress(FileExistsError):
            self.do(task, "mkdir", path)

    def finish(self, task: Task) -> None:
        """All that was left to the end, in parallel; errors are not looked at."""
        for lock in task.locks:
            self.locks.forget(lock)
        self.random.shuffle(task.cleanup)
        for action in task.cleanup:
            with suppress(OSError):
                action()

    def exit(self) -> None:
        """The end of the process, but by a signal: its locks go, whoever holds them now, and its staged files."""
        self.locks.exit()
        for path in list(self.staged):
            with suppress(OSError):
                self._unstage(path)


class Ends:
    """The `finally` of an operation, which an abort does not reach."""

    def __init__(self, process: Process, task: Task) -> None:
        self._process, self._task = process, task

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or (issubclass(kind, Exception) and not issubclass(kind, Aborted)):
            self._process.finish(self._task)
