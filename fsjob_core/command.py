"""The handler that runs a command, in a process group of its own of which nothing is left afterwards."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO

from .handlers import ERROR_BYTES, GRACE, LOOK_EVERY, BadHandler, Deadline, Result
from .host import Event, Host
from .record import dump
from .store import JobStore
from .work import WorkLease

ERROR_LINES = 5
_NOT_ITS_FAULT = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
"""Errors of starting a process that say nothing about the job."""


class CommandHandler:
    """Runs a command: the request as JSON on its standard input, its standard output is the value if it exits 0.

    `FSJOB_ID`, `FSJOB_DIR`, `FSJOB_ATTEMPT` and `FSJOB_VERSION` are in its environment. Raises BadHandler where
    there is no such command, so that a mistyped one does not use up the tries of every job.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self.argv = list(argv)
        if not _can_be_run(self.argv[0]):
            raise BadHandler(f"{self.argv[0]!r} is no command that can be run here")
        self._undertaker = Undertaker()

    def run(self, store: JobStore, work: WorkLease, cancel: Event, timeout: float | None) -> Result:
        disk, host = store.ground.disk, store.host
        names = [store.layout.staging(f"{host.me.tag}.{host.token()}") for _ in range(3)]
        output = disk.anonymous(names[0])  # a file: a large value must not fill the memory
        try:
            with disk.anonymous(names[1]) as request, disk.anonymous(names[2]) as errors:
                request.write(dump(work.request))
                request.seek(0)
                error = self._run(store, work, (request, output, errors), Deadline(host, cancel, timeout))
        except BaseException:
            output.close()
            raise
        if error is not None:
            output.close()
            return Result(None, error)
        output.seek(0)
        return Result(output)

    def _run(
        self, store: JobStore, work: WorkLease, files: tuple[BinaryIO, BinaryIO, BinaryIO], deadline: Deadline
    ) -> str | None:
        """Run it to its end; why it failed, None where it did not."""
        stdin, stdout, stderr = files
        environment = {
            **os.environ,
            "FSJOB_ID": work.id,
            "FSJOB_DIR": store.directory,
            "FSJOB_ATTEMPT": str(work.attempt),
            "FSJOB_VERSION": str(work.version),
        }
        try:
            process = subprocess.Popen(
                self.argv, stdin=stdin, stdout=stdout, stderr=stderr, env=environment, start_new_session=True
            )
        except OSError as error:
            if error.errno in _NOT_ITS_FAULT:
                raise
            return f"{self.argv[0]}: {error.strerror}"
        self._undertaker.watch(process.pid)
        try:
            ended = self._wait(store.host, process, deadline)
        finally:
            self._undertaker.forget(process.pid)
        if ended is None and process.returncode == 0:
            return None
        return f"{ended or _status(process.returncode)}{_last_lines(stderr)}"

    def _wait(self, host: Host, process: subprocess.Popen[bytes], deadline: Deadline) -> str | None:
        """Until the command has ended, by itself (None) or by us (why). Nothing of its group is left."""
        try:
            ended = _ending(host, process.pid)
            while not host.wait(ended, LOOK_EVERY):
                why = deadline.reached()
                if why is not None:
                    _signal_group(process.pid, signal.SIGTERM)
                    host.wait(ended, GRACE)
                    return why
            return None
        finally:
            _signal_group(process.pid, signal.SIGKILL)  # and children that it left behind, before its pid is free
            process.wait()

    def close(self) -> None:
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


def _last_lines(errors: BinaryIO) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - ERROR_BYTES))
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()[-ERROR_LINES:]
    return ": " + "\n".join(lines) if lines else ""


class Undertaker:
    """A small shell that outlives this process, and then kills the process groups that it left running.

    Killed outright a worker can end nothing itself: its job would be another's at once, and be done by two.
    """

    _SCRIPT = (
        'trap "" HUP INT TERM; groups=" "; '
        "while read -r word group; do case $word in "
        '+) groups="$groups$group ";; '
        '-) groups="${groups%% $group *} ${groups#* $group }";; '
        "esac; done; "
        'for group in $groups; do kill -KILL -- "-$group"; done'
    )

    def __init__(self) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", self._SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        """A process group that is to end with this process."""
        self._tell(f"+ {group}\n")

    def forget(self, group: int) -> None:
        """It has ended: its number may soon be another's."""
        self._tell(f"- {group}\n")

    def close(self) -> None:
        """End it, and what it still watches."""
        if self._shell.stdin is not None:
            self._shell.stdin.close()
        self._shell.wait()

    def _tell(self, line: str) -> None:
        if self._shell.stdin is not None:
            with suppress(BrokenPipeError):  # somebody killed it: the work itself goes on
                self._shell.stdin.write(line.encode())
