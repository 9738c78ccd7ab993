"""Killed and failing system calls, by strace: what the seam cannot see goes round it, here it is seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from fsjob_core.store import JobStore

from ..conftest import need, scale
from .conftest import EACH_OPERATION, Sweep

DURABILITIES = ["full", "process"][: scale(1, 2)]


def strace(log: Path, inject: str, *command: str) -> subprocess.CompletedProcess[str]:
    call = inject.partition(":")[0]
    options = ["-f", "-o", str(log), "-e", f"trace={call}", "-e", f"inject={inject}"]
    if "error=" in inject:  # quicker, but strace 6.1 then delivers no signals
        options.append("--seccomp-bpf")
    return subprocess.run(
        [need("strace"), *options, *command],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def test_a_call_that_is_killed_is_not_carried_out(tmp_path: Path) -> None:
    """So to kill before each call covers what stands after each as well."""
    code = "import os\nfor name in 'abc': os.mkdir(name); print(name, flush=True)"
    script = ["-c", f"import os\nos.chdir({str(tmp_path)!r})\n{code}"]
    done = strace(tmp_path / "log", "mkdir,mkdirat:signal=KILL:when=2", sys.executable, *script)
    assert done.returncode != 0
    assert done.stdout.split() == ["a"] and sorted(path.name for path in tmp_path.iterdir()) == ["a", "log"]


@pytest.mark.parametrize("durability", DURABILITIES)
@EACH_OPERATION
def test_killed_before_any_system_call(sweep: Sweep, name: str, durability: str) -> None:
    need("strace")
    first = zlib.crc32(name.encode())  # another sample of each operation
    sweep("trace", name, durability=durability, reading=bool(scale(0, 1)), every=scale(2, 1), first=first)


FAILING = [
    ("fsync", "EIO", 5, "Input/output error"),
    ("write", "ENOSPC", 1, "No space left on device; make room, then try again"),
    ("rename", "EDQUOT", 1, "Disk quota exceeded; make room, then try again"),
    ("symlink", "EROFS", 4, "Read-only file system; it can only be read here"),
]
"""System call, error, exit code, what is said."""


@pytest.mark.parametrize(("call", "error", "code", "said"), FAILING[: scale(1, 4)], ids=lambda value: str(value)[:9])
def test_a_failing_call_is_one_line_with_its_path(tmp_path: Path, call: str, error: str, code: int, said: str) -> None:
    store = JobStore(tmp_path / "store")
    store.create("before")
    number, acknowledged = 0, 1
    while True:
        number += 1
        which = f"{call},{call}at:error={error}:when={number}" if call in ("rename", "symlink") else ""
        which = which or f"{call}:error={error}:when={number}"
        command = [sys.executable, "-m", "fsjob_tui.cli", "create", "-C", store.directory, "{}"]
        done = strace(tmp_path / "log", which, *command)
        if "(INJECTED)" not in (tmp_path / "log").read_text():
            break
        if call == "write" and not done.stderr:  # it was the write of what is said
            continue
        if store.layout.audit in done.stderr:  # the job is made all the same, and must not be made again
            assert (done.returncode, len(done.stderr.splitlines())) == (0, 1)
            acknowledged += 1
            continue
        assert (done.returncode, done.stdout) == (code, "")
        if done.stderr == f"fsjob: standard output: {said}\n":  # its id could not be said, and it is made all the same
            acknowledged += 1
            continue
        assert len(done.stderr.splitlines()) == 1 and store.directory in done.stderr and said in done.stderr
    print(f"crash: create under failing {call} points={number - 1} violations=0")
    assert done.returncode == 0 and number > 1
    ids = [path.name for path in Path(store.layout.jobs).iterdir()]
    assert done.stdout.strip() in ids
    for job_id in ids:
        assert json.loads(Path(store.layout.state(job_id)).read_text())["state"] == 1
    assert store.counts().pending > acknowledged
