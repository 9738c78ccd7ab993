"""A real disk under a host whose calls lie, in one thread with a clock of its own: waiting costs no time."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from fsjob_core.host import REAL, Host, RealCalls
from fsjob_core.lease import Heart

CHANGES = ("mkdir", "rmdir", "symlink", "unlink", "rename", "open")


def failure(number: int, path: object = None) -> OSError:
    return OSError(number, os.strerror(number), path)


class Lie(NamedTuple):
    """What is said of the n-th change, made or not."""

    number: int
    made: bool

    def __str__(self) -> str:
        return f"{errno.errorcode[self.number]}-{'made' if self.made else 'not-made'}"


def lies_of(name: str) -> list[Lie]:
    repeated = errno.EEXIST if name in ("mkdir", "symlink", "open") else errno.ENOENT
    done = [Lie(number, True) for number in (repeated, errno.EIO, errno.ESTALE)]
    return [*done, *(Lie(number, False) for number in (errno.EAGAIN, errno.ESTALE, errno.ENOTCONN))]


class LyingCalls:
    """The real calls. The change of index `at` is lied about; `before` may answer any call in the call's place."""

    def __init__(self) -> None:
        self.at, self.lie = -1, Lie(0, False)
        self.made: list[str] = []
        self.before: Callable[..., Any] | None = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        real = getattr(RealCalls, name)

        def call(*args: Any, **options: Any) -> Any:
            if self.before is not None and (answer := self.before(name, *args)) is not None:
                return answer
            if name in CHANGES and (name != "open" or args[1] & os.O_EXCL):
                self.made.append(name)
                if len(self.made) - 1 == self.at:
                    return self._lie(real, args)
            return real(*args, **options)

        return call

    def _lie(self, real: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if self.lie.made:
            fd = real(*args)
            if fd is not None:
                os.close(fd)
        raise failure(self.lie.number, args[0])


@dataclass
class Machine:
    """A host over lying calls whose clock moves when it waits."""

    calls: LyingCalls = field(default_factory=LyingCalls)
    ahead: float = 0.0
    fstype: str = "nfs4"
    waits: int = 0

    def host(self) -> Host:
        self.began = REAL.monotonic()
        host = replace(
            REAL,
            calls=self.calls,
            time=lambda: REAL.time() + self.ahead,
            monotonic=lambda: REAL.monotonic() + self.ahead,
            wait=self._wait,
            spawn=lambda run, name: None,  # type: ignore[arg-type,return-value]
            fstype=lambda path: self.fstype,
            services={},
        )
        self.heart = Heart.of(host)
        return host

    def _wait(self, event: Any, seconds: float) -> bool:
        self.waits += 1
        before = int(self.ahead)
        self.ahead += seconds
        if int(self.ahead) > before:
            self.heart.beat()
            self.heart.watch(REAL.monotonic() + self.ahead)
        return bool(event.is_set())
