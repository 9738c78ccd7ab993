"""The handlers that run a command, in a process group of its own of which nothing is left afterwards."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, BinaryIO

from .delivery import Notification
from .handlers import ERROR_BYTES, GRACE, LOOK_EVERY, BadHandler, Deadline, Result
from .host import Event, Host
from .record import Json, dump
from .store import JobStore
from .systemd import VARIABLES
from .undertaker import Undertaker
from .work import WorkLease

ERROR_LINES = 5


class CommandHandler:
    """Runs a command: the request as JSON on its standard input, its standard output is the value if it exits 0.

    `FSJOB_ID`, `FSJOB_DIR`, `FSJOB_ATTEMPT` and `FSJOB_VERSION` are in its environment. Raises BadHandler where
    there is no such command, so that a mistyped one does not use up the tries of every job.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self._command = Command(argv)

    def run(self, store: JobStore, work: WorkLease, cancel: Event, timeout: float | None) -> Result:
        disk, host = store.ground.disk, store.host
        names = [store.layout.staging(host.tagged_token()) for _ in range(2)]
        told = {"FSJOB_ATTEMPT": str(work.attempt), "FSJOB_VERSION": str(work.version)}
        output = disk.anonymous(names[0])  # a file: a large value must not fill the memory
        try:
            with disk.anonymous(names[1]) as request:
                request.write(dump(work.request))
                request.seek(0)
                environment = {"FSJOB_ID": work.id, "FSJOB_DIR": store.directory, **told}
                error = self._command.run(host, environment, request, output, Deadline(host, cancel, timeout))
        except BaseException:
            output.close()
            raise
        if error is not None:
            output.close()
            return Result(None, error)
        output.seek(0)
        return Result(output)

    def close(self) -> None:
        self._command.close()


class CommandTeller:
    """Runs a command for each target: it was told where that exits 0.

    The target is in `FSJOB_TARGET` as JSON, the value on standard input; `FSJOB_ID`, `FSJOB_DIR`, `FSJOB_ATTEMPT` (of
    this target) and `FSJOB_VERSION` are in its environment, too. What it prints to standard output goes nowhere.
    Raises BadHandler where there is no such command.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self._command = Command(argv)

    def tell(
        self, store: JobStore, note: Notification, target: Json, cancel: Event, timeout: float | None
    ) -> str | None:
        environment = {
            "FSJOB_ID": note.id,
            "FSJOB_DIR": store.directory,
            "FSJOB_ATTEMPT": str(note.tries(target) + 1),
            "FSJOB_VERSION": str(note.record.version),
            "FSJOB_TARGET": dump(target, "the target").decode("utf-8"),
        }
        with note.open_value() as value:
            return self._command.run(store.host, environment, value, None, Deadline(store.host, cancel, timeout))

    def close(self) -> None:
        self._command.close()


class Command:
    """A command that is run again and again, several at once, each in a process group of its own."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = list(argv)
        if not _can_be_run(self._argv[0]):
            raise BadHandler(f"{self._argv[0]!r} is no command that can be run here")
        self._undertaker = Undertaker()

    def run(
        self, host: Host, environment: Mapping[str, str], stdin: BinaryIO, stdout: BinaryIO | None, deadline: Deadline
    ) -> str | None:
        """Run it to its end; why it failed (how it ended, and the end of its standard error), None where it did not.

        Nothing of its process group is left.
        Raises OSError where it could not be started, which is no fault of the job's.
        """
        if not _can_be_run(self._argv[0]):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._argv[0])
        argv = self._undertaker.signing_in(self._argv)
        outer = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        try:
            process = subprocess.Popen(
                argv, stdin=stdin, stdout=subprocess.DEVNULL if stdout is None else stdout, bufsize=0,
                stderr=subprocess.PIPE, env={**outer, **environment}, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            if error.errno == errno.E2BIG:  # the arguments are ours, the environment holds the target
                size = sum(map(len, environment.values()))
                return f"{self._argv[0]}: {size:,} bytes are too much for its environment"
            raise
        assert process.stderr is not None
        said = None
        try:
            self._undertaker.watch(process.pid)
            said = Tail(host, process.stderr)
            ended = self._wait(host, process, deadline)
        finally:
            _signal_group(process.pid, signal.SIGKILL)  # and children that it left behind, before its pid is free
            process.wait()
            self._undertaker.forget(process.pid)
            if said is None:  # no more threads to be had
                process.stderr.close()
        last_lines = said.close()
        if ended is None and process.returncode == 0:
            return None
        return f"{ended or _status(process.returncode)}{last_lines and f': {last_lines}'}"

    def _wait(self, host: Host, process: subprocess.Popen[bytes], deadline: Deadline) -> str | None:
        """Until the command has ended by itself (None), or is to be ended (why)."""
        ended = _ending(host, process.pid)
        while not host.wait(ended, LOOK_EVERY):
            why = deadline.reached()
            if why is not None:
                _signal_group(process.pid, signal.SIGTERM)
                host.wait(ended, GRACE)
                return why
        return None

    def close(self) -> None:
        """Leave nothing behind."""
        self._undertaker.close()


def _can_be_run(name: str) -> bool:
    paths = [name] if "/" in name else [os.path.join(folder, name) for folder in os.get_exec_path()]
    return any(os.path.isfile(path) and os.access(path, os.X_OK) for path in paths)


def _ending(host: Host, pid: int) -> Event:
    """Set once the process has ended. It is not reaped: while it is a zombie its group's number is nobody else's."""
    ended = host.event()

    def wait() -> None:
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        ended.set()

    host.spawn(wait, f"fsjob-wait-{pid}")
    return ended


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _status(code: int) -> str:
    if code >= 0:
        return f"exit {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


class Tail:
    """The end of what a process says on its standard error, however much that is."""

    def __init__(self, host: Host, stream: IO[bytes]) -> None:
        self._host = host
        self._stream = stream
        self._kept = b""
        self._stop, self._ended = host.event(), host.event()
        host.spawn(self._read, "fsjob-stderr")

    def _read(self) -> None:
        with self._stream as stream:
            fd = stream.fileno()
            os.set_blocking(fd, False)
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            while True:
                stopped = self._stop.is_set()  # asked before reading: what was written until then is read
                if poll.poll(0 if stopped else LOOK_EVERY * 1000):
                    data = os.read(fd, 1 << 16)
                    self._kept = (self._kept + data)[-ERROR_BYTES:]
                    if not data:
                        break
                elif stopped:  # somebody who left the process group still holds it
                    break
        self._ended.set()

    def close(self) -> str:
        """No more: the process has ended. Gives the last few lines."""
        self._stop.set()
        self._host.wait(self._ended, GRACE)
        return "\n".join(self._kept.decode("utf-8", "replace").strip().splitlines()[-ERROR_LINES:])
