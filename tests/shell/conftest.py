"""The `fsjob` command as a script runs it: real processes on a store of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fsjob_core import JobStore

from ..conftest import ROOT

FSJOB = [sys.executable, "-m", "fsjob_tui.cli"]
PATH = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])


class Shell:
    """Runs `fsjob ARGUMENTS` on one store."""

    def __init__(self, directory: str) -> None:
        self.environment = {**os.environ, "PYTHONPATH": PATH, "FSJOB_DIR": directory, "PYTHONWARNINGS": "error"}
        self.environment.pop("NOTIFY_SOCKET", None)

    def __call__(self, *arguments: str, given: bytes = b"", **options: Any) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [*FSJOB, *arguments], input=given, capture_output=True, timeout=120, env=self.environment, **options
        )
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "store", durability="process")


@pytest.fixture
def shell(store: JobStore) -> Shell:
    return Shell(store.directory)


class Running:
    """A worker or notifier that runs; what it says is kept."""

    def __init__(self, shell: Shell, arguments: tuple[str, ...], **options: Any) -> None:
        environment = {**shell.environment, **options.pop("env", {})}
        self.process = subprocess.Popen(
            [*FSJOB, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=environment, **options,
        )  # fmt: skip
        self.events: list[dict[str, Any]] = []
        self.other: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                self.events.append(json.loads(line))
            except ValueError:  # no event, or cut off by a kill
                self.other.append(line.decode("utf-8", "replace"))

    def kinds(self, job_id: str | None = None) -> list[str]:
        return [event["kind"] for event in list(self.events) if job_id in (None, event.get("id"))]

    def until(self, true: Callable[[], object] | str, seconds: float = 60.0) -> None:
        """Wait for an event of a kind, or for something to be true."""
        deadline = time.monotonic() + seconds
        while not (true in self.kinds() if isinstance(true, str) else true()):
            assert time.monotonic() < deadline, f"not seen: {true}: {self.events[-5:]} {self.other[-5:]}"
            time.sleep(0.01)

    def tell(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = 60.0) -> int:
        code = self.process.wait(seconds)
        self._reader.join(seconds)
        return code

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


Start = Callable[..., Running]


@pytest.fixture
def start(shell: Shell) -> Iterator[Start]:
    """Start `fsjob ARGUMENTS`, to be ended with the test."""
    started: list[Running] = []

    def begin(*arguments: str, **options: Any) -> Running:
        started.append(Running(shell, arguments, **options))
        return started[-1]

    yield begin
    for running in started:
        running.end()


def processes_with(mark: str) -> list[int]:
    """The processes whose environment holds a text."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
