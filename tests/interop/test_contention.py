"""Several processes want one lock whose holder is gone: one gets it, never two, never none."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fsjob_core import JobStore

from ..conftest import ROOT, scale

CONTENDER = """
import os, sys, time
from fsjob_core.store import JobStore
store = JobStore(sys.argv[1], durability="process", worker_name=sys.argv[2])
print("ready", flush=True)
for line in sys.stdin:
    job, seconds = line.split()
    ends = time.monotonic() + float(seconds)
    work = None
    while work is None and time.monotonic() < ends:
        from fsjob_core.lease import Judgement, Lease, LockPlace, judge, look, take_over
        place = LockPlace.of(store.layout, "work", job)
        seen = look(store.host, place.path)
        if seen is not None and judge(store.host, place.path, seen, local=True) is not Judgement.HELD:
            try:
                work = take_over(store.host, place, seen, sys.argv[2])
            except Exception as error:
                print("busy", error, file=sys.stderr)
        elif seen is not None and seen.owner is not None and seen.owner.worker.startswith("contender"):
            break
        time.sleep(0.0005 if float(seconds) < 5 else 0.02)
    print("won" if work is not None and work.prove() else "lost", flush=True)
"""


class Contenders:
    def __init__(self, store: JobStore, number: int) -> None:
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-c", CONTENDER, store.directory, f"contender-{index}"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            for index in range(number)
        ]  # fmt: skip
        for process in self.processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"

    def contend(self, job_id: str, seconds: float) -> int:
        """Send all of them after one lock; gives how many won."""
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(f"{job_id} {seconds}\n")
            process.stdin.flush()
        return sum(process.stdout.readline() == "won\n" for process in self.processes if process.stdout)

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "store", durability="process")


def dead_owner(store: JobStore, jobs: int) -> list[str]:
    """Jobs whose work locks are held by a process that was killed."""
    script = (
        "import sys\nfrom fsjob_core.store import JobStore\n"
        f"store = JobStore({store.directory!r}, durability='process', worker_name='dead')\n"
        f"kept = [store.pull_work() for _ in range({jobs})]\n"
        "print(*[work.id for work in kept], flush=True)\nsys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None and process.stdin is not None
    ids = process.stdout.readline().split()
    process.kill()
    process.wait()
    process.stdout.close()
    process.stdin.close()
    return ids


def test_one_lock_of_a_dead_owner_has_one_winner_among_four(store: JobStore) -> None:
    rounds = scale(40, 500)
    list(store.create_many(range(rounds)))
    ids = dead_owner(store, rounds)
    assert len(ids) == rounds
    contenders = Contenders(store, 4)
    try:
        winners = [contenders.contend(job_id, 4) for job_id in ids]
    finally:
        contenders.end()
    print(f"\ncontention, dead owner: {rounds} rounds, 4 processes, winners {sorted(set(winners))}")
    assert winners == [1] * rounds


def test_old_locks_without_an_owner_have_one_winner_each(store: JobStore) -> None:
    jobs = [job.id for job in store.create_many(range(scale(10, 40)))]
    for job_id in jobs:
        os.mkdir(store.layout.work_lock(job_id))
        os.utime(store.layout.work_lock(job_id), (time.time() - 3600,) * 2)
    script = (
        "import sys, time\nfrom fsjob_core.store import JobStore\n"
        "store = JobStore(sys.argv[1], durability='process')\nends = time.monotonic() + 18\nkept = []\n"
        f"while time.monotonic() < ends and len(kept) < {len(jobs)}:\n"
        "    work = store.pull_work()\n"
        "    if work is None:\n        time.sleep(0.2)\n        continue\n"
        "    kept.append(work)\n    print(work.id, flush=True)\n"
        "print('end', flush=True)\nsys.stdin.read()\n"  # whoever exits gives its locks to the others
        "assert not any(work.compromised for work in kept)\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, store.directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(4)
    ]  # fmt: skip
    won = [_won(process) for process in processes]
    for process in processes:
        process.communicate(timeout=60)
    everything = sorted(job_id for ids in won for job_id in ids)
    print(f"\ncontention, no owner: {len(jobs)} locks, 4 processes, won {[len(ids) for ids in won]}")
    assert everything == sorted(jobs), "each won once"
    assert all(process.returncode == 0 for process in processes)


def _won(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    lines = []
    while (line := process.stdout.readline().strip()) != "end":
        assert line, "it ended early"
        lines.append(line)
    return lines
