"""The process from which victims are forked: small, without threads, and with nothing of the other tests in it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ..conftest import ROOT
from .operations import OPERATIONS

Sweep = Callable[..., None]

EACH_OPERATION = pytest.mark.parametrize("name", list(OPERATIONS))


@pytest.fixture(scope="module")
def sweep() -> Iterator[Sweep]:
    """`sweep(kind, operation, ...)`: sweeps, prints its figures, and fails on what must not be."""
    command = [sys.executable, "-m", "tests.crash"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        asked, answered = process.stdin, process.stdout

        def run(kind: str, operation: str, **how: Any) -> None:
            print(json.dumps({"kind": kind, "operation": operation, **how}), file=asked, flush=True)
            answer = answered.readline()
            assert answer, f"the sweep of {operation} has ended"
            found = json.loads(answer)
            if "missing" in found:
                pytest.skip(found["missing"])
            violations = found["violations"]
            where = f" {how['file_system']}" if "file_system" in how else ""
            print(f"crash: {operation} {kind}{where} points={found['points']} violations={len(violations)}")
            if violations:
                pytest.fail("\n".join(violations[:5]), pytrace=False)

        yield run
        asked.close()
