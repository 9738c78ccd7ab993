"""One store, processes in several pid namespaces: nobody is taken for dead who may be alive.

What is not checkable goes by its beats alone. Skipped where namespaces cannot be made.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fsjob_core import JobStore

from ..conftest import need
from .conftest import Process, python_command

NEW = {"its own /proc": ["--mount-proc"], "the old /proc": []}
"""How a new pid namespace is made."""


def unshare(*options: str) -> list[str]:
    """The command that runs what follows in a new pid namespace."""
    command = [need("unshare"), "--pid", "--fork", "--kill-child", *options]
    if subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("a new pid namespace is not allowed here")
    return command


def script(command: str, store: JobStore) -> list[str]:
    return [sys.executable, str(Path(__file__).with_name("namespaces.py")), command, store.directory]


Run = Callable[[list[str]], Process]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    started: list[Process] = []

    def start(command: list[str]) -> Process:
        started.append(Process(command, tmp_path / "tmp"))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def test_across_namespaces_a_lock_is_taken_after_ten_seconds_of_watched_silence_only(run: Run, tmp_path: Path) -> None:
    """The holder inside and the observer outside, and the other way round, with each kind of /proc, all at once."""
    watched: list[tuple[Process, Process, str]] = []
    for number, options in enumerate(NEW.values()):
        inside = unshare(*options)
        for names in (inside, []), ([], inside), (inside, inside):
            store = JobStore(tmp_path / f"store-{number}-{len(watched)}", durability="process")
            job = store.create(1)
            holder = run([*names[0], *python_command("hold", store.directory)])
            assert holder.until("pulled")["pulled"] == job.id
            watched.append((holder, run([*names[1], *script("watch", store)]), job.id))
    for holder, observer, _ in watched:
        said = observer.until("judged")["judged"]
        assert said["alive"] is None and said["verdict"] == "live" and "not checkable from here" in said["proof"]
        holder.kill()
    for _, observer, job_id in watched:
        pulled = observer.until("pulled", 60)
        assert pulled["pulled"] == job_id and pulled["watched"] >= 10


def test_inside_one_namespace_death_is_proven(run: Run, store: JobStore) -> None:
    inside = run([*unshare(*NEW["its own /proc"]), *script("same", store)])
    pulled = inside.until("pulled", 60)
    said = {name: inside.until(name)[name] for name in ("living", "zombie", "gone", "again")}
    assert {name: found["alive"] for name, found in said.items()} == {
        "living": True, "zombie": False, "gone": False, "again": False,
    }  # fmt: skip
    assert [found["verdict"] for found in said.values()] == ["live", "dead", "dead", "dead"]
    assert "same boot, same pid namespace" in said["again"]["proof"]
    assert pulled["pulled"] is not None, "its pid is another's by now, who does not hold the lock"


def test_with_a_proc_of_another_namespace_only_the_absence_of_the_pid_proves_death(run: Run, store: JobStore) -> None:
    inside = run([*unshare(*NEW["the old /proc"]), *script("same", store)])
    assert inside.until("pulled", 60)["pulled"] is None
    said = {name: inside.until(name)[name] for name in ("living", "zombie", "gone", "again")}
    assert {name: found["alive"] for name, found in said.items()} == {
        "living": None, "zombie": None, "gone": False, "again": None,
    }  # fmt: skip
    assert [found["verdict"] for found in said.values()] == ["live", "live", "dead", "live"]


def test_a_process_that_proc_hides_is_not_proven_dead(run: Run, store: JobStore) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount /proc")
    command = 'mount -t proc -o hidepid=2 proc /proc && exec "$@"'
    inside = unshare("--mount")
    if subprocess.run([*inside, "sh", "-c", command, "-", "true"], capture_output=True).returncode:
        pytest.skip("/proc cannot be mounted here")
    hidden = run([*inside, "sh", "-c", command, "-", *script("hidden", store)])
    said = {name: hidden.until(name)[name] for name in ("living", "zombie", "gone")}
    assert [found["seen"] for found in said.values()] == [False] * 3
    assert {name: found["alive"] for name, found in said.items()} == {"living": None, "zombie": None, "gone": False}
