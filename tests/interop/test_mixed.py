"""Two Node and two Python processes on one store, one of each killed in the middle; checked by what they said."""

from __future__ import annotations

import time
from collections import Counter

from fsjob_core import JobStore

from ..conftest import scale
from .conftest import Process, Start


def acknowledged(processes: list[Process]) -> Counter[str]:
    """How often each job's fulfill was acknowledged."""
    lines = [line for process in processes for line in process.said]
    return Counter(line["fulfilled"] for line in lines if "fulfilled" in line and line["error"] is None)


def test_every_job_is_fulfilled_once(store: JobStore, node: Start, python: Start) -> None:
    jobs = scale(100, 1000)
    ids = [job.id for job in store.create_many({"n": number} for number in range(jobs))]
    nodes = [node("work") for _ in range(2)]
    pythons = [python("work") for _ in range(2)]
    deadline = time.monotonic() + scale(150, 900)
    while store.counts().fulfilled < jobs // 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for victim in (nodes[0], pythons[0]):
        victim.kill()
    while store.counts().pending:
        assert time.monotonic() < deadline, store.counts()
        time.sleep(0.2)
    for process in (*nodes, *pythons):
        process.kill()

    ours, theirs = acknowledged(pythons), acknowledged(nodes)
    twice = sorted(job_id for job_id, count in (ours + theirs).items() if count > 1)
    held_twice = _held_by_two_nodes(nodes)
    whole = [store.read_value(job_id) in (f"node:{job_id}".encode(), f"python:{job_id}".encode()) for job_id in ids]
    print(f"\nmixed: {jobs} jobs, {sum(ours.values())} by Python, {sum(theirs.values())} by Node, "
          f"{len(twice)} acknowledged twice, {len(held_twice)} locks held by two Node processes")  # fmt: skip
    assert all(whole)
    assert ours and theirs, "both kinds did work"
    assert not [job_id for job_id in twice if ours[job_id]], "never twice where one of ours was told yes"
    assert not set(twice) - held_twice


def _held_by_two_nodes(nodes: list[Process]) -> set[str]:
    pulled = Counter(job_id for node in nodes for job_id in {line["pulled"] for line in node.said if "pulled" in line})
    return {job_id for job_id, count in pulled.items() if count > 1}
