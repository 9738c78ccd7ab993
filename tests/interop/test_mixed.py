"""Processes that work on one store at random, killed, stopped and continued; judged by what they said afterwards.

Two Node and two Python processes, and four Python processes, at the same time on two stores. FSJOB_SCALE=large plays an
hour. What Node's own takeovers and unfenced commits may have done is counted apart; ours alone must explain everything.
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fsjob_core import JobStore
from fsjob_core.doctor import Kind
from fsjob_core.layout import is_job_id

from ..conftest import scale
from .conftest import eventually
from .faults import Run
from .history import Call, State, told_twice, wrong

SECONDS = 20.0
STALE = 8.0
"""Seconds of a stop after which somebody may take the locks of who was stopped."""


def on_disk(store: JobStore) -> dict[str, State]:
    """Every job as it is; a state.json that is not whole raises."""
    found = {}
    for job_id in filter(is_job_id, os.listdir(store.layout.jobs)):
        record = store.get(job_id)
        value = store.read_value(job_id).decode() if record.fulfilled else None
        parked = bool(record.ours.get("parked"))
        found[job_id] = State(record.request, record.version, record.fulfilled, parked, tuple(record.waiting), value)
    return found


def unlinked(store: JobStore, last: dict[str, State]) -> tuple[set[str], set[str]]:
    """Jobs that nobody finds: wanted ones without a link in pending/, told ones without one in waiting/."""
    layout = store.layout
    wanted = {job_id for job_id, state in last.items() if not state.fulfilled and not state.parked}
    told = {job_id for job_id, state in last.items() if state.waiting}
    return (
        {job_id for job_id in wanted if not os.path.lexists(layout.pending_link(job_id))},
        {job_id for job_id in told if not os.path.lexists(layout.waiting_link(job_id))},
    )


def is_node(call: Call) -> bool:
    return call.process.startswith("node")


def left_to_node(run: Run, calls: list[Call]) -> set[str]:
    """Jobs whose state lock Node may have taken, kept or removed without right.

    It commits after a stop as if nothing had been, and of two that take a stale lock both may win. So: jobs that a Node
    process was changing when it was stopped for long, and those that anybody was changing who was stopped for long or
    killed, where Node came to change them later.
    """
    doubtful = set()
    for process, at, seconds in run.faults:
        if seconds < STALE:
            continue
        for call in calls:
            if call.process == process and call.begun <= at <= call.ended:
                later = any(is_node(other) and other.id == call.id and other.ended > at for other in calls)
                if later or (is_node(call) and math.isfinite(seconds)):
                    doubtful.add(call.id)
    return doubtful


def lost_by_node(calls: list[Call]) -> set[str]:
    """Jobs whose pending link Node may have removed after a requeue: it unlinks while it releases its state lock."""
    again = [call for call in calls if call.op == "requeue"]
    ends = [call for call in calls if is_node(call) and call.op in ("fulfill", "update")]
    return {
        call.id
        for call in again
        for end in ends
        if call.id == end.id and end.ended > call.begun and call.ended > end.begun
    }


def link_again(store: JobStore, half_made: set[str]) -> None:
    """The doctor links jobs of creates that were killed before they had, once it is sure that they are not at it."""

    def mended() -> bool:
        for problem in store.doctor():
            if problem.kind is Kind.PENDING_WITHOUT_LINK and problem.id in half_made:
                store.repair(problem)
        return not unlinked(store, on_disk(store))[0] & half_made

    if half_made:
        eventually(mended, 40.0)


def drain(store: JobStore, seconds: float = 40.0) -> None:
    """Do all the work that is left, when the dead may be taken for dead."""
    ends = time.monotonic() + seconds
    while store.counts().pending and time.monotonic() < ends:
        work = store.pull_work()
        if work is None:
            time.sleep(0.1)
            continue
        with work:
            work.fulfill(b"drained")


def play(directory: Path, node_command: Callable[..., list[str]], nodes: int, pythons: int, seed: int) -> str:
    """One run and its judgement; gives a line of figures."""
    run = Run(directory, node_command, nodes, pythons, seed)
    run.play(SECONDS)
    calls, store = run.calls(), run.store
    last = on_disk(store)
    unexplained = wrong(calls, run.acknowledged(), last)
    pending, waiting = unlinked(store, last)
    doubtful = left_to_node(run, calls)
    cut_off = {call.id for call in calls if is_node(call) and call.op == "done" and call.unknown}
    linked = {call.id for call in calls if call.op == "requeue" and call.error is None and not call.unknown}
    half_made = pending - set(run.acknowledged()) - linked  # nobody was told of them
    removed = lost_by_node(calls) & pending

    link_again(store, half_made)
    for job_id in removed - half_made:
        store.requeue(job_id)
    drain(store)
    undone = {job_id for job_id in last if not store.get(job_id).fulfilled and not last[job_id].parked}

    yes = Counter(
        call.process.partition("-")[0]
        for call in calls
        if call.op == "fulfill" and call.error is None and not call.unknown
    )
    faults = Counter(
        "killed" if math.isinf(fault.seconds) else "13 s" if fault.seconds > STALE else "short" for fault in run.faults
    )
    figures = (
        f"history {nodes} Node + {pythons} Python, seed {seed}: {len(calls)} calls on {len(last)} jobs, "
        f"fulfilled {dict(yes)}, faults {dict(faults)}, {sum(call.unknown for call in calls)} unknown; "
        f"left to Node: {len(doubtful)} doubtful, {len(doubtful & set(unexplained))} of them unexplained, "
        f"{len(removed)} pending links"
    )
    told = "\n".join(
        f"{job_id}: ends as {last.get(job_id)}\n  "
        + "\n  ".join(map(str, sorted(unexplained[job_id], key=lambda c: c.begun)))
        for job_id in set(unexplained) - doubtful
    )
    assert not run.died(), run.died()
    assert not told, f"{figures}\n{told}"
    assert not told_twice(calls), [[str(call) for call in pair] for pair in told_twice(calls)]
    assert not pending - removed - doubtful - half_made, f"{figures}\npending links: {pending}"
    assert not waiting - doubtful - cut_off, f"{figures}\nwaiting links: {waiting}"
    assert not undone - doubtful, f"{figures}\nnot done in the end: {undone}"
    said = {call.process.partition("-")[0] for call in calls if not call.unknown}
    assert said == {name for name, number in (("node", nodes), ("python", pythons)) if number}, figures
    return figures


def test_histories_are_explained(node_driver: Callable[..., list[str]], tmp_path: Path) -> None:
    for seed in range(scale(1, 110)):
        with ThreadPoolExecutor(2) as pool:
            runs = [
                pool.submit(play, tmp_path / f"{seed}-{nodes}", node_driver, nodes, 4 - nodes, seed) for nodes in (2, 0)
            ]
        print("", *(run.result() for run in runs), sep="\n")
