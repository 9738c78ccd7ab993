"""Real Node processes on a store, and real Python processes beside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fsjob_core import JobStore

from ..conftest import ROOT


class Process:
    """A process that says what happens in JSON lines."""

    def __init__(self, command: list[str], tmp: Path, cwd: Path | None = None) -> None:
        tmp.mkdir(exist_ok=True)
        self.said: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=cwd,
            env={**os.environ, "TMPDIR": str(tmp), "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                self.said.append(json.loads(line))
            except ValueError:  # cut off by a kill
                continue

    def tell(self, order: str) -> None:
        """Send a line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{order}\n".encode())
        self.process.stdin.flush()

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def until(self, member: str, seconds: float = 40.0) -> dict[str, Any]:
        """The first line that has this member."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in list(self.said):
                if member in line:
                    return line
            time.sleep(0.02)
        raise AssertionError(f"{member!r} was not said: {self.said[-5:]}")

    def end(self, seconds: float = 10.0) -> int:
        """Wait until it ends by itself; gives its exit status."""
        return self.process.wait(seconds)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(5)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


def eventually(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.02)


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "store", durability="process")


Start = Callable[..., Process]
"""start(command, argument, store): one more process, on the test's own store unless another is given."""


class Starter:
    """Starts processes, and kills them in the end."""

    def __init__(self, command: Callable[..., list[str]], store: JobStore | None, tmp: Path) -> None:
        self._command = command
        self._store = store
        self._tmp = tmp
        self._started: list[Process] = []

    def __call__(
        self, command: str, argument: str = "", store: JobStore | None = None, *,
        directory: str = "", tmp: Path | None = None, cwd: Path | None = None,
    ) -> Process:  # fmt: skip
        at = store or self._store
        where = directory or (at.directory if at else "")
        process = Process(self._command(command, where, argument), tmp or self._tmp, cwd)
        self._started.append(process)
        return process

    def end(self) -> None:
        for process in self._started:
            process.kill()


def python_command(*arguments: str) -> list[str]:
    return [sys.executable, str(Path(__file__).with_name("python_worker.py")), *arguments]


@pytest.fixture
def node(store: JobStore, node_driver: Callable[..., list[str]], tmp_path: Path) -> Iterator[Start]:
    """Start a Node process on the store: node("work"), node("hold"), ..."""
    starter = Starter(node_driver, store, tmp_path / "node-tmp")
    yield starter
    starter.end()


@pytest.fixture
def defect(store: JobStore, node_driver: Callable[..., list[str]], tmp_path: Path) -> Iterator[Start]:
    """Start tests/node/defects.js on the store."""
    starter = Starter(partial(node_driver, script="defects.js"), store, tmp_path / "node-tmp")
    yield starter
    starter.end()


@pytest.fixture
def python(store: JobStore, tmp_path: Path) -> Iterator[Start]:
    """Start a Python process of tests/interop/python_worker.py on the store."""
    starter = Starter(python_command, store, tmp_path / "node-tmp")
    yield starter
    starter.end()
