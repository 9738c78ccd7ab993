"""Once an act is durable nothing that fails may deny it: what is left is logged, and others clear it away."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fsjob_core.delivery import Notification
from fsjob_core.lease import Heart
from fsjob_core.operator import Operator
from fsjob_core.store import JobStore

from ..crash.machine import host_with
from .conftest import Holder

Act = Callable[[JobStore, str], Any]


class FailsAfterTheLastSync:
    """Every call of the seam after the n-th fsync fails, the audit log's not counted; what is closed is closed."""

    def __init__(self, after: int, number: int) -> None:
        self.after, self.number = after, number
        self.synced = 0
        self.failed: list[str] = []
        self.on = False

    def __call__(self, name: str, real: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if not self.on or name in ("guarded", "unguard"):
            return real(*args, **named)
        if self.after and self.synced >= self.after:
            if name == "close":
                real(*args, **named)
            self.failed.append(name)
            raise OSError(self.number, os.strerror(self.number), *(arg for arg in args[:1] if isinstance(arg, str)))
        result = real(*args, **named)
        if name == "fsync" and not os.readlink(f"/proc/self/fd/{args[0]}").endswith("audit.jsonl"):
            self.synced += 1
        return result


def note_of(store: JobStore) -> Notification:
    note = store.pull_notification()
    assert note is not None
    return note


def work(store: JobStore, job_id: str) -> None:
    with store.pull_work() as lease:  # type: ignore[union-attr]
        lease.fulfill(b"v")


def fulfilled(store: JobStore, job_id: str) -> None:
    store.queue(job_id, "t")
    store.fulfill(job_id, b"v")


def parked(store: JobStore, job_id: str) -> None:
    store.park(job_id)


def nothing(store: JobStore, job_id: str) -> None:
    pass


def person(store: JobStore) -> Operator:
    return Operator(store, "ann")


ACTS: dict[str, tuple[Act, Act, Act]] = {
    # what stands before, the act, what is true once it is done
    "fulfill": (nothing, lambda s, j: s.fulfill(j, b"v"), lambda s, j: s.read_value(j) == b"v"),
    "work": (nothing, work, lambda s, j: s.read_value(j) == b"v"),
    "queue": (nothing, lambda s, j: s.queue(j, "t"), lambda s, j: s.get(j).waiting == ["t"]),
    "unqueue": (fulfilled, lambda s, j: s.unqueue(j, "t"), lambda s, j: s.get(j).waiting == []),
    "done": (fulfilled, lambda s, j: note_of(s).done(None, ["t"]), lambda s, j: s.get(j).waiting == []),
    "update": (nothing, lambda s, j: s.update(j, 0, 2), lambda s, j: s.get(j).version == 1),
    "requeue": (parked, lambda s, j: s.requeue(j), lambda s, j: s.get(j).version == 1),
    "park": (nothing, lambda s, j: s.park(j), lambda s, j: s.get(j).ours["parked"]),
    "delete": (nothing, lambda s, j: s.delete(j), lambda s, j: not os.path.exists(s.layout.job(j))),
    "a person's fulfill": (nothing, lambda s, j: person(s).fulfill(j, b"v"), lambda s, j: s.read_value(j) == b"v"),
    "a person's edit": (nothing, lambda s, j: person(s).edit(j, 0, 2), lambda s, j: s.get(j).version == 1),
    "a person's requeue": (parked, lambda s, j: person(s).requeue(j), lambda s, j: s.get(j).version == 1),
    "a person's park": (nothing, lambda s, j: person(s).park(j), lambda s, j: s.get(j).ours["parked"]),
    "a person's queue": (nothing, lambda s, j: person(s).queue(j, "t"), lambda s, j: s.get(j).waiting == ["t"]),
    "a person's unqueue": (fulfilled, lambda s, j: person(s).unqueue(j, "t"), lambda s, j: s.get(j).waiting == []),
}  # fmt: skip


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.ENOTEMPTY], ids=errno.errorcode.get)
@pytest.mark.parametrize("name", ACTS)
def test_what_fails_after_the_last_sync_does_not_deny_the_act(name: str, number: int, tmp_path: Path) -> None:
    before, act, is_done = ACTS[name]

    def run(after: int) -> FailsAfterTheLastSync:
        hook = FailsAfterTheLastSync(after, number)
        directory = tmp_path / str(after)
        job_id = JobStore(directory).create(1).id
        before(JobStore(directory), job_id)
        host = host_with(hook)
        store = JobStore(directory, _host=host)
        store.ground.ready()
        hook.on = True
        outcome = act(store, job_id)
        hook.on = False
        assert getattr(outcome, "done", True)
        assert is_done(JobStore(directory), job_id)
        assert not Heart.of(host)._leases, "what could not be released is left to go stale"
        return hook

    syncs = run(0).synced
    assert run(syncs).failed


def test_a_lock_in_which_something_lies_is_left_and_nothing_else_suffers(
    store: JobStore, caplog: pytest.LogCaptureFixture
) -> None:
    job = store.create(1)
    with store.pull_work() as lease:  # type: ignore[union-attr]
        Path(store.layout.work_lock(job.id), "foreign").touch()
        lease.fulfill(b"6")
    assert store.read_value(job.id) == b"6"
    assert "left to go stale" in caplog.text and job.id in caplog.text


def test_a_thread_that_cannot_start_costs_neither_lock_nor_descriptor(
    store: JobStore, holding: Callable[[str], Holder]
) -> None:
    holder = holding(
        "import os, threading\n"
        "def no_more(self): raise RuntimeError(\"can't start new thread\")\n"
        "store.create(1); threading.Thread.start = no_more\n"
        "before = len(os.listdir('/proc/self/fd'))\n"
        "try: store.pull_work()\n"
        "except OSError as error: said = str(error)\n"
        "leaked = len(os.listdir('/proc/self/fd')) - before - 1  # the guard is kept open\n"
        "print(said, leaked, os.listdir(store.layout.pending), flush=True)"
    )
    said, _, left = holder.line.partition(" 0 [")
    assert "new thread" in said and ".lock" in said, "it names the path"
    assert left and ".lock" not in left


def test_an_interrupt_while_a_change_is_put_away_leaves_no_state_lock_that_is_beaten_for_ever(tmp_path: Path) -> None:
    on = False

    def interrupt(name: str, real: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        result = real(*args, **named)
        if on and name == "unlink":
            raise KeyboardInterrupt
        return result

    store = JobStore(tmp_path / "store", durability="process", _host=host_with(interrupt))
    job = store.create(1)
    on = True
    with pytest.raises(KeyboardInterrupt):
        store.update(job.id, 7, 2)
    on = False
    assert not os.path.exists(store.layout.state_lock(job.id))
