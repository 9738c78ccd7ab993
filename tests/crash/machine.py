"""Hosts for the tests: the real kernel, with every call of the seam counted, killed before, or failed.

And a clock that waits move, so that ten seconds of staleness take none.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, NamedTuple, cast

from fsjob_core.host import REAL, Calls, Host, RealCalls, Thread
from fsjob_core.lease import BEAT_EVERY, Heart

REFUSED = " refused"
NO_SYSTEM_CALL = "fdopen"
CALLS = tuple(Calls.__annotations__)

Hook = Callable[[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""(name, the real call, its arguments): makes the call, or does not."""


class Clock:
    """Real time and what was waited, which takes none of it. Instead of its threads it has the heart beat."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.waited = 0.0
        """Seconds for which the library has waited."""
        self._beaten = 0.0
        self.host: Host | None = None

    def time(self) -> float:
        return REAL.time() + self.ahead

    def monotonic(self) -> float:
        return REAL.monotonic() + self.ahead

    def wait(self, event: Any, seconds: float) -> bool:
        self.waited += seconds
        self.pass_by(seconds)
        return bool(event.is_set())

    def pass_by(self, seconds: float) -> None:
        """Let time pass, without anybody having waited."""
        self.ahead += seconds
        if self.ahead - self._beaten >= BEAT_EVERY / 2:
            self._beaten = self.ahead
            heart = self.host.services.get(Heart) if self.host is not None else None
            if heart is not None:
                heart.beat()


class _NoThread:
    def join(self, timeout: float | None = None) -> None:
        return None


def _spawn_nothing(run: Callable[[], None], name: str) -> Thread:
    return _NoThread()


_fstype = functools.cache(REAL.fstype)


def host_with(hook: Hook | None = None, clock: Clock | None = None) -> Host:
    """The real host as a process of its own, its calls going through `hook`; by a clock that is moved, no threads."""
    host = replace(REAL, services={}, fstype=_fstype)
    if hook is not None:
        host = replace(host, calls=_hooked(hook), guard=_hooked_guard(hook))
    if clock is not None:
        host = replace(host, time=clock.time, monotonic=clock.monotonic, wait=clock.wait, spawn=_spawn_nothing)
        clock.host = host
    return host


class _Hooked:
    pass


def _hooked(hook: Hook) -> Calls:
    calls = _Hooked()
    for name in CALLS:
        real = getattr(RealCalls, name)
        setattr(calls, name, real if name == NO_SYSTEM_CALL else _through(hook, name, real))
    return cast(Calls, calls)


def _through(hook: Hook, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **named: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            return real(*args, **named)
        return hook(name, real, args, named)

    return call


def _hooked_guard(hook: Hook) -> Callable[[str, bool], AbstractContextManager[None]]:
    def nothing(*_: object) -> None:
        return None

    @contextmanager
    def guard(path: str, shared: bool) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            with REAL.guard(path, shared):
                yield
            return
        hook("guard", nothing, (path, shared), {})
        with REAL.guard(path, shared):
            hook("guarded", nothing, (path, shared), {})
            yield
            hook("unguard", nothing, (path, shared), {})

    return guard


class Counter:
    """Numbers the calls from 1 on, and remembers which they were and whether they were refused."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __call__(self, name: str, real: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        self.calls.append(told(name, args))
        try:
            return real(*args, **named)
        except OSError:
            self.calls[-1] += REFUSED
            raise


class Killer(Counter):
    """Ends the process as kill -9 does, right before its call number `at`."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self._at = at

    def __call__(self, name: str, real: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        self.calls.append(name)
        if len(self.calls) == self._at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **named)


def told(name: str, args: tuple[Any, ...]) -> str:
    """A call in one short line."""
    return f"{name}({', '.join(f'{arg!r:.90}' for arg in args[:2])})"


# ── processes ──


class Ended(NamedTuple):
    """A process that has ended: what it said, and how."""

    said: list[dict[str, Any]]
    killed: bool
    failure: str
    """Its traceback, if it had one."""


Say = Callable[[dict[str, Any]], None]


def in_child(run: Callable[[Say], None], meanwhile: Callable[[int], None] | None = None) -> Ended:
    """Fork, run, and hear what the child says, to its end. `meanwhile` is called with its pid."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(read_end)
        _be_child(run, write_end)
    os.close(write_end)
    if meanwhile is not None:
        meanwhile(pid)
    with open(read_end, "rb") as pipe:
        lines = [json.loads(line) for line in pipe.read().splitlines()]
    status = os.waitpid(pid, 0)[1]
    said = [line for line in lines if "failure" not in line]
    failure = "".join(line["failure"] for line in lines if "failure" in line)
    return Ended(said, os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, failure)


def _be_child(run: Callable[[Say], None], write_end: int) -> None:
    def say(what: dict[str, Any]) -> None:
        os.write(write_end, json.dumps(what).encode() + b"\n")

    try:
        run(say)
    except BaseException:
        say({"failure": traceback.format_exc()})
    finally:
        os._exit(0)
