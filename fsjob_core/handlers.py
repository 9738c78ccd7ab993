"""What does the work of a job: what a handler is, and the one that calls a Python function."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from .errors import FsJobError
from .host import Event, Host
from .record import Json
from .store import JobStore
from .work import WorkLease

GRACE = 5.0
"""Seconds that work which was told to end is given to do so."""
LOOK_EVERY = 0.25
"""Seconds after which running work is ended at the latest, once it is to end."""
ERROR_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt came to: a value, or why there is none."""

    value: bytes | BinaryIO | None
    error: str = ""


class Handler(Protocol):
    """Does the work of jobs, several at once where the worker has several threads."""

    def run(self, store: JobStore, work: WorkLease, cancel: Event, timeout: float | None) -> Result:
        """Do the work of one job; end early once `cancel` is set or `timeout` seconds have passed.

        Raises OSError where this machine, not the job, is why nothing was tried.
        """

    def close(self) -> None:
        """Leave nothing behind."""


class BadHandler(FsJobError):
    """The handler that was named cannot be used."""


class Deadline:
    """Why work must end now, as `run` is told: its worker stops or lost the lease, or it takes too long."""

    def __init__(self, host: Host, cancel: Event, timeout: float | None) -> None:
        self._monotonic = host.monotonic
        self._cancel = cancel
        self._timeout = timeout
        self._began = host.monotonic()

    def reached(self) -> str | None:
        """The reason; None while the work may go on."""
        if self._cancel.is_set():
            return "it was ended by its worker"
        if self._timeout is not None and self._monotonic() - self._began > self._timeout:
            return f"it took over {self._timeout:g} s"
        return None


class PythonHandler:
    """Calls a function with the request; what it returns is the value: bytes, text, or anything JSON holds.

    A function with two parameters that must be given gets the `WorkLease` as its second. It runs in this process:
    it cannot be ended from outside. One that takes too long is left running and its result is not used.
    """

    def __init__(self, call: Callable[..., object]) -> None:
        self._call = call
        self._wants_lease = _needed_parameters(call) > 1

    @classmethod
    def named(cls, name: str) -> PythonHandler:
        """The handler `package.module:function`. Raises BadHandler, which says what is wrong with it."""
        module, _, function = name.partition(":")
        if not module or not function:
            raise BadHandler(f"{name!r} is no handler: write package.module:function")
        try:
            found = getattr(importlib.import_module(module), function)
        except Exception as error:  # anything may happen while somebody else's module is imported
            raise BadHandler(f"the handler {name} cannot be imported: {type(error).__name__}: {error}") from None
        if not callable(found):
            raise BadHandler(f"the handler {name} is no function")
        if inspect.iscoroutinefunction(found):
            raise BadHandler(f"the handler {name} is a coroutine; give a plain function, with asyncio.run in it")
        return cls(found)

    def run(self, store: JobStore, work: WorkLease, cancel: Event, timeout: float | None) -> Result:
        host = store.host
        deadline = Deadline(host, cancel, timeout)
        ended, results = host.event(), list[Result]()

        def call() -> None:
            results.append(self._attempt(work))
            ended.set()

        host.spawn(call, f"fsjob-call-{work.id[-6:]}")
        why = None
        while not host.wait(ended, LOOK_EVERY) and why is None:
            why = deadline.reached()
            if why is not None and cancel.is_set():
                host.wait(ended, GRACE)
        return results[0] if results else Result(None, why or "")

    def _attempt(self, work: WorkLease) -> Result:
        try:
            found = self._call(work.request, work) if self._wants_lease else self._call(work.request)
        except BaseException as error:  # somebody else's code: its failure, sys.exit included, is the attempt's
            return Result(None, f"{type(error).__name__}: {error}"[:ERROR_BYTES])
        try:
            return Result(_as_bytes(found))
        except (TypeError, ValueError, RecursionError) as error:
            return Result(None, f"the handler returned no value that can be kept: {error}"[:ERROR_BYTES])

    def close(self) -> None:
        """There is nothing to leave behind."""


def _needed_parameters(call: Callable[..., object]) -> int:
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):  # a function written in C that does not tell
        return 1
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(each.kind in by_place and each.default is inspect.Parameter.empty for each in parameters)


def _as_bytes(found: Json) -> bytes:
    if isinstance(found, str):
        return found.encode("utf-8")
    if isinstance(found, (bytes, bytearray, memoryview)):
        return bytes(found)
    return json.dumps(found, allow_nan=False).encode()
