"""Real processes stopped for 13 and 24 seconds in the middle of their work, while others take over.

Each story is told on a store of its own, all of them at the same time; the tests below wait for how they ended.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from fsjob_core import AlreadyFulfilled, GuardBusy, JobStore
from fsjob_core.facts import Verdict

from .conftest import Process, Start, Starter, eventually, python_command


class Stage:
    """What a story is told on: a store with one job, and processes to start on it."""

    def __init__(self, directory: Path, node_command: Callable[..., list[str]]) -> None:
        directory.mkdir()
        self.store = JobStore(directory / "store", durability="process")
        self.job = self.store.create(1)
        self.id = self.job.id
        script = str(Path(__file__).with_name("stopping.py"))
        self.node: Start = Starter(node_command, self.store, directory / "tmp")
        self.python: Start = Starter(python_command, self.store, directory / "tmp")
        self.stopping: Start = Starter(lambda *arguments: [sys.executable, script, *arguments], self.store, directory)

    def end(self) -> None:
        for starter in (self.node, self.python, self.stopping):
            starter.end()  # type: ignore[attr-defined]


def stopped(process: Process) -> float:
    """Wait until all of a process stands still; gives the time."""
    stat = Path(f"/proc/{process.process.pid}/stat")
    eventually(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
    return time.monotonic()


def stop(process: Process) -> float:
    process.signal(signal.SIGSTOP)
    return stopped(process)


def go_on(process: Process, since: float, seconds: float) -> None:
    """Continue a process that was stopped, when it has been for so many seconds."""
    eventually(lambda: time.monotonic() - since > seconds, seconds + 1)
    process.signal(signal.SIGCONT)


def whose(store: JobStore, path: str) -> tuple[int, str]:
    """Inode and owner of a lock."""
    lock = next(lock for lock in store.locks() if lock.path == path)
    return lock.inode, lock.token


def count(process: Process, member: str) -> int:
    return sum(member in line for line in process.said)


def in_time(pulled: Process, since: float) -> None:
    """Nobody takes a lock of a process that may be alive before it was watched for ten seconds."""
    pulled.until("pulled", 60)
    assert time.monotonic() - since > 9


# ── stopped between pulling and fulfilling ──


def _robbed(stage: Stage, successor: Start, seconds: float, *, first: str) -> None:
    """`first`: who fulfills first, the successor or the one that was stopped."""
    lock = stage.store.layout.work_lock(stage.id)
    robbed = stage.python("hold")
    robbed.until("pulled")
    since = stop(robbed)
    then = successor("hold")
    in_time(then, since)
    now = whose(stage.store, lock)
    if first == "successor":
        then.tell("fulfill successor")
        assert then.until("fulfill")["error"] is None
    go_on(robbed, since, seconds)
    robbed.tell("fulfill stopped")
    assert robbed.until("fulfill")["error"] == "LeaseLost"
    robbed.tell("release")
    robbed.until("release")
    robbed.until("compromised", 5)
    assert whose(stage.store, lock) == now, "its successor's lock stands"
    if first == "stopped":
        assert not stage.store.get(stage.id).fulfilled
        then.tell("fulfill successor")
        assert then.until("fulfill")["error"] is None
    assert stage.store.read_value(stage.id) == b"successor"
    assert whose(stage.store, lock) == now
    then.tell("release")
    assert then.until("release").get("foreign_beats", 0) == 0, "nobody but its holder has beaten the lock"
    assert not os.path.exists(lock) and count(robbed, "compromised") == 1 and count(then, "compromised") == 0


def ours_robbed_by_ours_for_13_s(stage: Stage) -> None:
    _robbed(stage, stage.python, 13, first="stopped")


def ours_robbed_by_ours_for_24_s(stage: Stage) -> None:
    _robbed(stage, stage.python, 24, first="successor")


def ours_robbed_by_node_for_13_s(stage: Stage) -> None:
    _robbed(stage, stage.node, 13, first="stopped")


def ours_robbed_by_node_for_24_s(stage: Stage) -> None:
    _robbed(stage, stage.node, 24, first="successor")


def node_robbed_by_ours_for_13_s(stage: Stage) -> None:
    """It beats its successor's lock once, and is told."""
    lock = stage.store.layout.work_lock(stage.id)
    ghost = stage.node("hold")
    ghost.until("pulled")
    since = stop(ghost)
    then = stage.python("hold")
    in_time(then, since)
    now = whose(stage.store, lock)
    then.tell("fulfill successor")
    assert then.until("fulfill")["error"] is None
    go_on(ghost, since, 13)
    ghost.until("compromised", 10)
    ghost.tell("fulfill stopped")
    assert ghost.until("fulfill")["error"] == "already resolved"
    ghost.tell("release")
    assert ghost.until("release")["error"] == "ERELEASED"
    assert stage.store.read_value(stage.id) == b"successor" and whose(stage.store, lock) == now
    then.tell("release")
    then.until("release")
    assert not os.path.exists(lock) and count(then, "compromised") == 0


def node_robbed_by_ours_for_24_s(stage: Stage) -> None:
    """It notices nothing, and its release removes its successor's lock: ours is told, once, and the value stays."""
    lock = stage.store.layout.work_lock(stage.id)
    ghost = stage.node("hold")
    ghost.until("pulled")
    since = stop(ghost)
    then = stage.python("hold")
    in_time(then, since)
    then.tell("fulfill successor")
    assert then.until("fulfill")["error"] is None
    go_on(ghost, since, 24)
    ghost.tell("fulfill stopped")
    assert ghost.until("fulfill")["error"] == "already resolved"
    ghost.tell("release")
    assert ghost.until("release")["error"] is None and count(ghost, "compromised") == 0
    assert not os.path.exists(lock)
    then.until("compromised", 5)
    then.tell("release")
    then.until("release")
    assert count(then, "compromised") == 1
    assert stage.store.read_value(stage.id) == b"successor"


# ── stopped while it changes the job ──


def _overtaken(stage: Stage, point: str, seconds: float, overtake: Callable[[], None]) -> None:
    stuck = stage.stopping(point)
    stuck.until("stopping")
    since = stopped(stuck)
    overtake()
    assert time.monotonic() - since > 9, "its state lock was watched for ten seconds"
    state = os.stat(stage.store.layout.state(stage.id))
    go_on(stuck, since, seconds)
    assert stuck.until("fulfilled")["error"] == "LeaseLost"
    stuck.until("released")
    stuck.until("compromised", 5)
    after = os.stat(stage.store.layout.state(stage.id))
    assert (after.st_ino, after.st_mtime_ns) == (state.st_ino, state.st_mtime_ns)
    assert stage.store.read_value(stage.id) == b"successor"
    assert sorted(os.listdir(stage.store.layout.job(stage.id))) == ["state.json", "value"]
    assert count(stuck, "compromised") == 1


def _overtaken_by_an_operator(stage: Stage, point: str) -> None:
    _overtaken(stage, point, 13, lambda: stage.store.fulfill(stage.id, b"successor"))
    assert [lock.kind for lock in stage.store.locks()] == ["work"], "it was lost by the clock, so it goes stale"


def _overtaken_by_a_worker(stage: Stage, point: str, worker: Start) -> None:
    def overtake() -> None:
        then = worker("hold")
        then.until("pulled", 60)
        then.tell("fulfill successor")
        assert then.until("fulfill", 60)["error"] is None
        then.tell("release")
        then.until("release")

    _overtaken(stage, point, 24, overtake)
    eventually(lambda: not list(stage.store.locks()))
    assert not os.path.lexists(stage.store.layout.pending_link(stage.id))


def stopped_before_its_value_for_13_s(stage: Stage) -> None:
    _overtaken_by_an_operator(stage, "value")


def stopped_before_its_state_for_13_s(stage: Stage) -> None:
    _overtaken_by_an_operator(stage, "state")


def stopped_before_its_value_for_24_s(stage: Stage) -> None:
    _overtaken_by_a_worker(stage, "value", stage.python)


def stopped_before_its_state_for_24_s(stage: Stage) -> None:
    _overtaken_by_a_worker(stage, "state", stage.python)


def stopped_while_it_writes_and_overtaken_by_node(stage: Stage) -> None:
    """Node leaves what was staged; the clock that is asked before each rename refuses."""
    _overtaken_by_a_worker(stage, "write", stage.node)


def stopped_after_its_commit_for_13_s(stage: Stage) -> None:
    """What it committed stands, and it is told so."""
    stuck = stage.stopping("committed")
    stuck.until("stopping")
    since = stopped(stuck)
    with pytest.raises(AlreadyFulfilled):
        stage.store.fulfill(stage.id, b"successor")
    go_on(stuck, since, 13)
    assert stuck.until("fulfilled")["error"] is None
    stuck.until("compromised", 5)
    assert stage.store.read_value(stage.id) == b"stopped" and count(stuck, "compromised") == 1


# ── stopped inside the guard ──


def _others_go_on(stage: Stage, holder: Process) -> None:
    """A worker of another process does ten jobs, and whoever wants the guard is told who has it."""
    jobs = {job.id for job in stage.store.create_many(range(10))}
    worker = stage.python("work")
    eventually(lambda: jobs <= {line["fulfilled"] for line in worker.said if line.get("error", "") is None}, 30)
    dead = next(lock for lock in stage.store.locks() if lock.verdict is Verdict.DEAD)
    with pytest.raises(GuardBusy, match=f"the guard is held by pid {holder.process.pid}"):
        stage.store.break_lock(dead)
    worker.kill()


def stopped_inside_the_exclusive_guard(stage: Stage) -> None:
    owner = stage.python("hold")
    owner.until("pulled")
    owner.kill()
    stuck = stage.stopping("takeover")
    stuck.until("stopping")
    stopped(stuck)
    _others_go_on(stage, stuck)
    stuck.signal(signal.SIGCONT)
    assert stuck.until("fulfilled") == {"fulfilled": stage.id, "error": None}, "nobody could have taken the lock"


def stopped_inside_the_shared_guard(stage: Stage) -> None:
    stuck = stage.stopping("unlink")
    stuck.until("stopping")
    stopped(stuck)
    stage.store.create(2)
    owner = stage.python("hold")
    owner.until("pulled")
    owner.kill()
    _others_go_on(stage, stuck)
    assert stage.store.get(stage.id).fulfilled
    stuck.kill()


STORIES = [
    ours_robbed_by_ours_for_13_s,
    ours_robbed_by_ours_for_24_s,
    ours_robbed_by_node_for_13_s,
    ours_robbed_by_node_for_24_s,
    node_robbed_by_ours_for_13_s,
    node_robbed_by_ours_for_24_s,
    stopped_before_its_value_for_13_s,
    stopped_before_its_state_for_13_s,
    stopped_before_its_value_for_24_s,
    stopped_before_its_state_for_24_s,
    stopped_while_it_writes_and_overtaken_by_node,
    stopped_after_its_commit_for_13_s,
    stopped_inside_the_exclusive_guard,
    stopped_inside_the_shared_guard,
]


@pytest.fixture(scope="module")
def told(
    node_driver: Callable[..., list[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    root = tmp_path_factory.mktemp("stopped")

    def tell(story: Callable[[Stage], None]) -> None:
        stage = Stage(root / story.__name__, node_driver)
        try:
            story(stage)
        finally:
            stage.end()

    with ThreadPoolExecutor(len(STORIES)) as pool:
        yield {story.__name__: pool.submit(tell, story) for story in STORIES}


@pytest.mark.parametrize("story", [story.__name__ for story in STORIES])
def test(story: str, told: dict[str, Future[None]]) -> None:
    told[story].result()
