"""Stores to test on, and other processes that really hold locks and really die."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fsjob_core.operator import Operator
from fsjob_core.store import JobStore

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "store", durability="process")


@pytest.fixture
def operator(store: JobStore) -> Operator:
    return Operator(store, "ann")


class Holder:
    """Another process that runs some lines with `store`, prints a line, and then waits to be ended."""

    def __init__(self, directory: str, lines: str) -> None:
        script = (
            "import sys\nfrom fsjob_core.store import JobStore\n"
            f"store = JobStore({directory!r}, durability='process', worker_name='holder')\n"
            f"{lines}\nsys.stdin.readline()\n"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def holding(store: JobStore) -> Iterator[Callable[[str], Holder]]:
    holders: list[Holder] = []

    def start(lines: str) -> Holder:
        holders.append(Holder(store.directory, lines))
        return holders[-1]

    yield start
    for holder in holders:
        holder.close()
