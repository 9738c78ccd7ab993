"""Real Node processes on a store, and real Python processes beside them."""

from __future__ import annotations

import json
import os
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


class Process:
    """A process that says what happens in JSON lines."""

    def __init__(self, command: list[str], tmp: Path) -> None:
        tmp.mkdir(exist_ok=True)
        self.said: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
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

    def until(self, member: str, seconds: float = 40.0) -> dict[str, Any]:
        """The first line that has this member."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in list(self.said):
                if member in line:
                    return line
            time.sleep(0.02)
        raise AssertionError(f"{member!r} was not said: {self.said[-5:]}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(5)


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "store", durability="process")


Start = Callable[..., Process]


@pytest.fixture
def node(store: JobStore, node_driver: Callable[..., list[str]], tmp_path: Path) -> Iterator[Start]:
    """Start a Node process on the store: node("work"), node("hold"), ..."""
    started: list[Process] = []

    def start(command: str, argument: str = "") -> Process:
        started.append(Process(node_driver(command, store.directory, argument), tmp_path / "node-tmp"))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def python(store: JobStore, tmp_path: Path) -> Iterator[Start]:
    """Start a Python process of tests/interop/python_worker.py on the store."""
    started: list[Process] = []

    def start(command: str) -> Process:
        script = str(Path(__file__).with_name("python_worker.py"))
        started.append(Process([sys.executable, script, command, store.directory], tmp_path / "node-tmp"))
        return started[-1]

    yield start
    for process in started:
        process.kill()
