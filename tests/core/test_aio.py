"""The store for asyncio: the same store, and nothing is leaked by a task that is cancelled."""

from __future__ import annotations

import asyncio
import gc
import inspect
import io
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from fsjob_core import JobStore, errors
from fsjob_core.aio import AsyncJobStore, AsyncNotification, AsyncWorkLease
from fsjob_core.delivery import Notification
from fsjob_core.host import REAL
from fsjob_core.record import Json
from fsjob_core.steps import BATCH_SECONDS
from fsjob_core.work import WorkLease


@pytest.fixture
async def aio(tmp_path: Path) -> AsyncIterator[AsyncJobStore]:
    async with AsyncJobStore(tmp_path / "store", durability="process", worker_name="aio") as store:
        yield store


FOR_LOOPS = {
    "next_due", "next_notification_due", "pull_due_notification", "pull_is_unfinished",
    "notification_pull_is_unfinished", "flush_after", "read_only", "put_off",
}  # fmt: skip
"""What worker loops and operations use among themselves."""
FOR_NOTIFIERS = {"record", "open_value", "recovered", "due_targets", "still_waits", "tries", "settle"}


@pytest.mark.parametrize(
    ("ours", "theirs", "without"),
    [
        (AsyncJobStore, JobStore, FOR_LOOPS),
        (AsyncWorkLease, WorkLease, {"record"}),
        (AsyncNotification, Notification, FOR_NOTIFIERS),
    ],
)
def test_the_same_names(ours: type, theirs: type, without: set[str]) -> None:
    def names(kind: type) -> set[str]:
        return {name for name, _ in inspect.getmembers(kind) if not name.startswith("_")}

    assert names(theirs) - names(ours) == without


async def test_a_job_lives(aio: AsyncJobStore) -> None:
    job = await aio.create({"calculate": "3+3"})
    await aio.queue(job.id, "somebody")
    work = await aio.pull_work()
    assert work is not None
    async with work:
        assert (work.id, work.request, work.version, work.compromised) == (job.id, {"calculate": "3+3"}, 0, False)
        assert await aio.pull_work() is None
        await work.begin()
        await work.fulfill(b"6")
    note = await aio.pull_notification()
    assert note is not None
    async with note:
        assert (await note.value(), note.waiting) == (b"6", ["somebody"])
        await note.done(None, note.waiting)
    assert await aio.read_value(job.id) == b"6"
    assert (await aio.counts()).as_dict() == {"pending": 0, "locked": 0, "waiting": 0, "fulfilled": 1, "parked": 0}
    with pytest.raises(errors.AlreadyFulfilled):
        await aio.fulfill(job.id, b"7")


async def test_many_are_made_of_an_iterable_of_either_kind(aio: AsyncJobStore) -> None:
    async def requests() -> AsyncIterator[Json]:
        for number in range(450):
            yield number

    made = [job.request async for job in aio.create_many(requests())]
    assert made == list(range(450))
    assert [job.request async for job in aio.create_many(["a", "b"])] == ["a", "b"]
    assert len({entry.id async for entry in aio.list("pending")}) == 452


class Ended(Exception):
    """Of a source of requests."""


async def _ends(count: int) -> AsyncIterator[Json]:
    for number in range(count):
        yield number
    raise Ended


async def _spoils(count: int) -> AsyncIterator[Json]:
    for number in range(count + 100):
        yield number if number != count else float("nan")


@pytest.mark.parametrize("count", [150, 250])
@pytest.mark.parametrize(("source", "error"), [(_ends, Ended), (_spoils, errors.InvalidRequest)])
async def test_what_came_before_an_error_is_made_and_told(
    aio: AsyncJobStore, source: Callable[[int], AsyncIterator[Json]], error: type[Exception], count: int
) -> None:
    told = []
    with pytest.raises(error):
        async for job in aio.create_many(source(count)):
            told.append(job.request)
    assert told == list(range(count)) and (await aio.counts()).pending == count


async def test_a_source_that_is_slow_or_cancelled_holds_nothing_back(aio: AsyncJobStore) -> None:
    now, asked, told = [0.0], list[Json](), list[tuple[Json, int]]()
    taken = asyncio.Event()
    aio.store.host = replace(REAL, monotonic=lambda: now[0])

    async def slow() -> AsyncIterator[Json]:
        for number in range(3):
            now[0] += 0.0 if number != 1 else 2 * BATCH_SECONDS
            asked.append(number)
            yield number
        taken.set()
        await asyncio.sleep(600)

    async def make() -> None:
        async for job in aio.create_many(slow()):
            told.append((job.request, len(asked)))

    task = asyncio.create_task(make())
    await taken.wait()
    assert told == [(0, 2), (1, 2)]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await aio.close()
    assert aio.store.counts().pending == 3


async def test_a_listing_that_was_left_is_closed_after_its_store(tmp_path: Path) -> None:
    troubles: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: troubles.append(what))
    async with AsyncJobStore(tmp_path / "store", durability="process") as store:
        await store.create(1)
        listing = store.list("pending")
        async for _ in listing:
            break
    await listing.aclose()  # type: ignore[attr-defined]  # as the loop does with one that nobody holds any more
    del listing
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert not troubles


async def test_what_was_taken_before_it_stopped_is_made(aio: AsyncJobStore) -> None:
    async for _ in aio.create_many(iter(range(1000))):
        break
    await aio.close()
    assert 0 < aio.store.counts().pending < 1000
    assert len(os.listdir(aio.store.layout.jobs)) == aio.store.counts().pending


class Gate:
    """Holds a pull up in its thread, where it has the lease already."""

    def __init__(self, store: AsyncJobStore, kind: str) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        pull = getattr(store.store, kind)

        def slow() -> object:
            found = pull()
            self.reached.set()
            self.open.wait(20)
            return found

        setattr(store.store, kind, slow)

    async def wait(self) -> None:
        while not self.reached.is_set():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("kind", ["pull_work", "pull_notification"])
async def test_a_cancelled_pull_leaks_no_lease(aio: AsyncJobStore, kind: str) -> None:
    job = await aio.create(1)
    if kind == "pull_notification":
        await aio.queue(job.id, "a")
        await aio.fulfill(job.id, "v")
    gate = Gate(aio, kind)
    task = asyncio.create_task(getattr(aio, kind)())
    await gate.wait()
    assert len(aio.store.locks()) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.open.set()
    await aio.close()
    assert aio.store.locks() == []


async def test_a_pull_cancelled_at_any_moment_leaks_no_lease(aio: AsyncJobStore) -> None:
    made = [job.id async for job in aio.create_many(range(40))]
    held = []
    for number in range(40):
        task = asyncio.create_task(aio.pull_work())
        for _ in range(number % 7):
            await asyncio.sleep(0.0001)
        task.cancel()
        with suppress(asyncio.CancelledError):
            held.append(await task)
    await aio.close()
    alive = {work.id for work in held if work is not None}
    assert {lock.id for lock in aio.store.locks()} == alive <= set(made)


def test_a_loop_that_ends_with_a_pull_under_way_leaks_no_lease(tmp_path: Path) -> None:
    store = AsyncJobStore(tmp_path / "store", durability="process")
    store.store.create(1)
    gate = Gate(store, "pull_work")

    async def main() -> None:
        task = asyncio.create_task(store.pull_work())
        await gate.wait()
        task.cancel()

    asyncio.run(main())
    gate.open.set()
    store._pool.shutdown()
    assert store.store.locks() == []


async def test_a_lease_is_given_back_where_its_block_is_cancelled(aio: AsyncJobStore) -> None:
    await aio.create(1)
    inside = asyncio.Event()

    async def work_for_ever() -> None:
        work = await aio.pull_work()
        assert work is not None
        async with work:
            inside.set()
            await asyncio.sleep(600)

    task = asyncio.create_task(work_for_ever())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert aio.store.locks() == []


async def test_a_fulfill_that_has_begun_is_finished_before_its_lease_is_given_back(aio: AsyncJobStore) -> None:
    job, begun, go_on = await aio.create(1), threading.Event(), threading.Event()

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            begun.set()
            go_on.wait(10)
            return super().read(size)

    async def fulfill() -> None:
        work = await aio.pull_work()
        assert work is not None
        async with work:
            await work.fulfill(Slow(b"6"))

    task = asyncio.create_task(fulfill())
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    asyncio.get_running_loop().call_later(0.3, go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await aio.read_value(job.id) == b"6" and aio.store.locks() == []


async def test_a_lease_is_given_back_although_its_store_was_closed_before(tmp_path: Path) -> None:
    async with AsyncJobStore(tmp_path / "store", durability="process") as aio:
        await aio.create(1)
        work = await aio.pull_work()
        assert work is not None
    await work.release()
    assert aio.store.locks() == []


async def test_a_done_that_is_cancelled_before_it_begins_is_done(aio: AsyncJobStore) -> None:
    job, go_on = await aio.create(1), threading.Event()
    await aio.queue(job.id, "ops")
    await aio.fulfill(job.id, b"v")
    note = await aio.pull_notification()
    assert note is not None
    busy = [asyncio.create_task(aio._call(go_on.wait, 10)) for _ in range(8)]
    task = asyncio.create_task(note.done(None, ["ops"]))
    await asyncio.sleep(0.05)
    task.cancel()
    go_on.set()
    await asyncio.gather(*busy, task, return_exceptions=True)
    await aio.close()
    assert aio.store.locks() == [] and aio.store.get(job.id).waiting == []


async def test_a_lost_lease_is_told_in_the_loop(aio: AsyncJobStore) -> None:
    await aio.create(1)
    work = await aio.pull_work()
    assert work is not None
    told: asyncio.Future[tuple[AsyncWorkLease, int]] = asyncio.get_running_loop().create_future()
    work.oncompromised = lambda lease: told.set_result((lease, threading.get_ident()))
    os.rmdir(aio.store.layout.work_lock(work.id))
    with pytest.raises(errors.LeaseLost):
        await work.prove()
    assert await asyncio.wait_for(told, 10) == (work, threading.get_ident())
    with pytest.raises(errors.LeaseLost):
        await work.fulfill(b"x")
    await work.release()
