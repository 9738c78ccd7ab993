"""The `fsjob` command as a shell runs it, on a store of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fsjob_core import JobStore

from ..conftest import ROOT


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "store", durability="process")


Run = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def run(store: JobStore) -> Run:
    """Run `fsjob ARGUMENTS` on the store; gives exit code, output and complaint."""

    def fsjob(*arguments: str, given: str = "") -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "fsjob_tui.cli", *arguments], input=given, capture_output=True, text=True,
            env={**os.environ, "FSJOB_DIR": store.directory, "PYTHONPATH": str(ROOT)}, timeout=60,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    return fsjob
