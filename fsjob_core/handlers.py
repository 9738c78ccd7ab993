"""What does the work of a job or tells a target: what such handlers are, and those that call a Python function."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Protocol

from .delivery import Notification
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


class Teller(Protocol):
    """Tells targets of values, several at once where the notifier has several threads."""

    def tell(
        self, store: JobStore, note: Notification, target: Json, cancel: Event, timeout: float | None
    ) -> str | None:
        """Tell one target; None where it was told, else why not. Ends early like `Handler.run`, raises as it does."""

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
        return cls(_named(name))

    def run(self, store: JobStore, work: WorkLease, cancel: Event, timeout: float | None) -> Result:
        arguments = (work.request, work) if self._wants_lease else (work.request,)
        deadline = Deadline(store.host, cancel, timeout)
        return _in_time(store.host, work.id, partial(self._attempt, arguments), cancel, deadline)

    def _attempt(self, arguments: tuple[object, ...]) -> Result:
        found = self._call(*arguments)
        try:
            return Result(_as_bytes(found))
        except (TypeError, ValueError, RecursionError) as error:
            return Result(None, f"the handler returned no value that can be kept: {error}"[:ERROR_BYTES])

    def close(self) -> None:
        """There is nothing to leave behind."""


class PythonTeller:
    """Calls a function with target and value: it was told unless that raises, or returns False."""

    def __init__(self, call: Callable[..., object]) -> None:
        self._call = call

    @classmethod
    def named(cls, name: str) -> PythonTeller:
        """The handler `package.module:function`. Raises BadHandler, which says what is wrong with it."""
        return cls(_named(name))

    def tell(
        self, store: JobStore, note: Notification, target: Json, cancel: Event, timeout: float | None
    ) -> str | None:
        value = note.value
        deadline = Deadline(store.host, cancel, timeout)
        result = _in_time(store.host, note.id, partial(self._attempt, target, value), cancel, deadline)
        return None if result.value is not None else result.error

    def _attempt(self, target: Json, value: bytes) -> Result:
        if self._call(target, value) is False:
            return Result(None, "the handler returned False")
        return Result(b"")

    def close(self) -> None:
        """There is nothing to leave behind."""


def _named(name: str) -> Callable[..., object]:
    module, _, function = name.partition(":")
    if not module or not function:
        raise BadHandler(f"{name!r} is no handler: write package.module:function")
    try:
        found = getattr(importlib.import_module(module), function)
    except (Exception, SystemExit) as error:  # anything may happen while somebody else's module is imported
        raise BadHandler(f"the handler {name} cannot be imported: {type(error).__name__}: {error}") from None
    if not callable(found):
        raise BadHandler(f"the handler {name} is no function")
    if inspect.iscoroutinefunction(found):
        raise BadHandler(f"the handler {name} is a coroutine; give a plain function, with asyncio.run in it")
    return found  # type: ignore[no-any-return]


def _in_time(host: Host, job_id: str, attempt: Callable[[], Result], cancel: Event, deadline: Deadline) -> Result:
    """What somebody else's code came to; it is left running where it does not end in time."""
    ended, results = host.event(), list[Result]()

    def call() -> None:
        try:
            results.append(attempt())
        except BaseException as error:  # its failure, sys.exit included, is the attempt's
            results.append(Result(None, f"{type(error).__name__}: {error}"[:ERROR_BYTES]))
        ended.set()

    host.spawn(call, f"fsjob-call-{job_id[-6:]}")
    why = None
    while not host.wait(ended, LOOK_EVERY) and why is None:
        why = deadline.reached()
        if why is not None and cancel.is_set():
            host.wait(ended, GRACE)
    return results[0] if results else Result(None, why or "")


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
