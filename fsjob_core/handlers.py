"""What does the work: a command in a process group of its own, or a Python callable."""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from .errors import FsJobError
from .host import Event
from .record import Json, dump
from .store import JobStore
from .work import WorkLease

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL to a command's process group."""
LOOK_EVERY = 0.25
ERROR_LINES = 5
ERROR_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt came to: a value, or why there is none."""

    value: bytes | BinaryIO | None
    error: str = ""


class Handler(Protocol):
    def run(self, store: JobStore, work: WorkLease, cancel: Event, timeout: float | None) -> Result:
        """Do the work of one job; end early once `cancel` is set or `timeout` seconds have passed."""


class BadHandler(FsJobError):
    """The handler that was named cannot be used."""


# ── a command ──


class CommandHandler:
    """Runs a command: the request as JSON on its standard input, its standard output is the value if it exits 0."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.argv = list(argv)

    def run(self, store: JobStore, work: WorkLease, cancel: Event, timeout: float | None) -> Result:
        disk, host = store.ground.disk, store.host
        names = [store.layout.staging(f"{host.me.tag}.{host.token()}") for _ in range(3)]
        with (
            disk.anonymous(names[0]) as request,
            disk.anonymous(names[1]) as errors,
        ):
            output = disk.anonymous(names[2])
            request.write(dump(work.request))
            request.seek(0)
            environment = {
                **os.environ,
                "FSJOB_ID": work.id,
                "FSJOB_DIR": store.directory,
                "FSJOB_ATTEMPT": str(work.attempt),
                "FSJOB_VERSION": str(work.version),
            }
            try:
                process = subprocess.Popen(
                    self.argv, stdin=request, stdout=output, stderr=errors, env=environment, start_new_session=True
                )
            except OSError as error:
                output.close()
                return Result(None, f"{self.argv[0]}: {error.strerror}")
            ended = self._wait(store, process, cancel, timeout)
            if ended is None and process.returncode == 0:
                output.seek(0)
                return Result(output)
            output.close()
            return Result(None, f"{ended or _status(process.returncode)}{_last_lines(errors)}")

    def _wait(
        self, store: JobStore, process: subprocess.Popen[bytes], cancel: Event, timeout: float | None
    ) -> str | None:
        """Until the command has ended, by itself (None) or by us (why). Nothing of its group is left."""
        host = store.host
        ends = host.monotonic() + timeout if timeout else None
        ended = os.pidfd_open(process.pid)
        try:
            poll = select.poll()
            poll.register(ended, select.POLLIN)
            while not poll.poll(LOOK_EVERY * 1000):
                if cancel.is_set():
                    return self._end(process, poll, "it was ended by its worker")
                if ends is not None and host.monotonic() > ends:
                    return self._end(process, poll, f"it took over {timeout:.0f} s")
            return None
        finally:
            with suppress(ProcessLookupError, PermissionError):  # children that it left behind
                os.killpg(process.pid, signal.SIGKILL)
            os.close(ended)
            process.wait()

    def _end(self, process: subprocess.Popen[bytes], poll: select.poll, why: str) -> str:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        poll.poll(GRACE * 1000)
        return why


def _status(code: int) -> str:
    if code >= 0:
        return f"exit {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _last_lines(errors: BinaryIO) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - ERROR_BYTES))
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()[-ERROR_LINES:]
    return ": " + "\n".join(lines) if lines else ""


# ── Python ──


class PythonHandler:
    """Calls a function with the request; what it returns is the value: bytes, text, or anything JSON holds."""

    def __init__(self, call: Callable[[Json], object]) -> None:
        self.call = call

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
        return cls(found)

    def run(self, store: JobStore, work: WorkLease, cancel: Event, timeout: float | None) -> Result:
        try:
            found = self.call(work.request)
        except Exception as error:  # somebody else's code: its failure is the attempt's
            return Result(None, f"{type(error).__name__}: {error}"[:ERROR_BYTES])
        if isinstance(found, str):
            return Result(found.encode("utf-8", "replace"))
        if isinstance(found, (bytes, bytearray)):
            return Result(bytes(found))
        try:
            return Result(json.dumps(found, allow_nan=False).encode())
        except (TypeError, ValueError) as error:
            return Result(None, f"the handler returned no value that can be kept: {error}")
