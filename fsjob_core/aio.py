"""The store for asyncio: the same names as coroutines, thin over threads, safe to cancel.

What was begun is finished in its thread although nobody awaits it any more; a lease that arrives after its pull was
cancelled is given back at once.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, ParamSpec, Self, TypeVar

from .delivery import Notification, Respond
from .facts import Counts, Entry, LockInfo, WorkerInfo
from .held import Held
from .host import Host
from .journal import Outcome
from .record import JobRecord, Json
from .steps import BATCH_SECONDS, Value
from .store import JobStore
from .work import WorkLease

if TYPE_CHECKING:
    from .doctor import Problem

THREADS = 8
"""Calls of one store that run at the same time at most."""
AT_ONCE = 200
"""Entries that one hop to a thread brings."""

P = ParamSpec("P")
R = TypeVar("R")
L = TypeVar("L", bound=Held)


class AsyncJobStore:
    """`JobStore` for asyncio; takes what it takes. `async with` it, or `close` it, to end its threads.

        >>> import asyncio, tempfile
        >>> async def main():
        ...     async with AsyncJobStore(tempfile.mkdtemp(), durability="process") as store:
        ...         job = await store.create({"calculate": "3+3"})
        ...         async with await store.pull_work() as work:
        ...             await work.fulfill(b"6")
        ...         return await store.read_value(job.id)
        >>> asyncio.run(main())
        b'6'
    """

    def __init__(self, directory: str | os.PathLike[str], *, respond: Respond | None = None, **options: Any) -> None:
        self.store = JobStore(directory, respond=respond, **options)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="fsjob-aio")

    @property
    def directory(self) -> str:
        """The store's directory, absolute."""
        return self.store.directory

    async def close(self) -> None:
        """End the threads, once what runs in them is done."""
        await asyncio.get_running_loop().run_in_executor(None, self._pool.shutdown)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _call(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: call(*args, **kwargs))

    async def _finish(self, call: Callable[[], None]) -> None:
        """A call that is made although whoever awaits it is cancelled before it has begun."""
        try:
            future = asyncio.wrap_future(self._pool.submit(call))
        except RuntimeError:  # the store was closed before its lease was given back
            future = asyncio.get_running_loop().run_in_executor(None, call)
        await asyncio.shield(future)

    def _leave(self, call: Callable[[], None]) -> None:
        """A call that nobody awaits."""
        try:
            self._pool.submit(call)
        except RuntimeError:  # the store was closed before the generator that makes this call
            self.store.host.spawn(call, "fsjob-aio-late")

    async def _pull(self, pull: Callable[[], L | None]) -> L | None:
        arrival = _Arrival(self.store.host, pull)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, arrival.run)
        except asyncio.CancelledError:
            too_late = arrival.abandon()
            if too_late is not None:
                self._leave(too_late.release)
            raise

    async def _each(self, iterator: Iterator[R], at_once: int) -> AsyncIterator[R]:
        """What a blocking iterator yields, a few at a time; it is closed in the end, cancelled or not."""
        mutex, failures = self.store.host.mutex(), list[Exception]()

        def take() -> list[R]:
            found: list[R] = []
            with mutex:
                try:
                    for each in islice(iterator, at_once):
                        found.append(each)
                except Exception as error:  # told after what came before it
                    failures.append(error)
            return found

        def close() -> None:
            with mutex:
                getattr(iterator, "close", lambda: None)()

        try:
            while found := await self._call(take):
                for each in found:
                    yield each
            if failures:
                raise failures[0]
        finally:
            self._leave(close)

    # ── create and change ──

    async def create(self, request: Json) -> JobRecord:
        """See `JobStore.create`."""
        return await self._call(self.store.create, request)

    async def create_many(self, requests: Iterable[Json] | AsyncIterable[Json]) -> AsyncIterator[JobRecord]:
        """Make jobs lazily, in durable batches: each is yielded once it is durable. Takes an async iterable, too."""
        if not isinstance(requests, AsyncIterable):
            async for job in self._each(iter(self.store.create_many(requests)), 1):
                yield job
            return
        monotonic = self.store.host.monotonic
        batch: list[Json] = []
        began = monotonic()
        try:
            async for request in requests:
                batch.append(request)
                if len(batch) >= AT_ONCE or monotonic() - began > BATCH_SECONDS:
                    full, batch = batch, []
                    async for job in self._each(self.store.create_many(full), AT_ONCE):
                        yield job
                    began = monotonic()
        except Exception as error:  # of the caller's iterable, or a refused request: what came before it is made
            async for job in self._each(self.store.create_many(batch), AT_ONCE):
                yield job
            raise error
        except BaseException:  # cancelled while it waited: made all the same
            self._leave(lambda: _exhaust(self.store.create_many(batch)))
            raise
        async for job in self._each(self.store.create_many(batch), AT_ONCE):
            yield job

    async def update(self, job_id: str, version: int, request: Json) -> JobRecord:
        """See `JobStore.update`."""
        return await self._call(self.store.update, job_id, version, request)

    async def fulfill(self, job_id: str, value: Value, version: int | None = None) -> None:
        """See `JobStore.fulfill`."""
        await self._call(self.store.fulfill, job_id, value, version)

    async def requeue(self, job_id: str) -> JobRecord:
        """See `JobStore.requeue`."""
        return await self._call(self.store.requeue, job_id)

    async def park(self, job_id: str, reason: str = "") -> JobRecord:
        """See `JobStore.park`."""
        return await self._call(self.store.park, job_id, reason)

    async def delete(self, job_id: str) -> None:
        """See `JobStore.delete`."""
        await self._call(self.store.delete, job_id)

    async def purge(self, older_than: float) -> int:
        """See `JobStore.purge`."""
        return await self._call(self.store.purge, older_than)

    # ── notifications ──

    async def queue(self, job_id: str, target: Json) -> None:
        """See `JobStore.queue`."""
        await self._call(self.store.queue, job_id, target)

    async def unqueue(self, job_id: str, target: Json) -> None:
        """See `JobStore.unqueue`."""
        await self._call(self.store.unqueue, job_id, target)

    async def unqueue_all(self, job_id: str, targets: Sequence[Json]) -> None:
        """See `JobStore.unqueue_all`."""
        await self._call(self.store.unqueue_all, job_id, targets)

    async def flush(self, job_id: str) -> None:
        """See `JobStore.flush`; `respond` is a plain function and is called in a thread."""
        await self._call(self.store.flush, job_id)

    async def tell_again(self, job_id: str, targets: Sequence[Json] | None = None) -> Sequence[Json]:
        """See `JobStore.tell_again`."""
        return await self._call(self.store.tell_again, job_id, targets)

    async def pull_notification(self) -> AsyncNotification | None:
        """See `JobStore.pull_notification`. Cancelled, it leaves no lock behind."""
        note = await self._pull(self.store.pull_notification)
        return None if note is None else AsyncNotification(self, note)

    # ── work ──

    async def pull_work(self) -> AsyncWorkLease | None:
        """See `JobStore.pull_work`. Cancelled, it leaves no lock behind."""
        work = await self._pull(self.store.pull_work)
        return None if work is None else AsyncWorkLease(self, work)

    pull_job = pull_work

    async def pause(self, reason: str = "") -> None:
        """See `JobStore.pause`."""
        await self._call(self.store.pause, reason)

    async def resume(self) -> None:
        """See `JobStore.resume`."""
        await self._call(self.store.resume)

    async def label(self, name: str | None = None, klass: str | None = None) -> None:
        """See `JobStore.label`."""
        await self._call(self.store.label, name, klass)

    # ── locks ──

    async def locks(self) -> Sequence[LockInfo]:
        """See `JobStore.locks`."""
        return await self._call(self.store.locks)

    async def break_lock(self, lock: LockInfo, force: bool = False, **options: Any) -> Outcome:
        """See `JobStore.break_lock`."""
        return await self._call(self.store.break_lock, lock, force, **options)

    async def doctor(self) -> AsyncIterator[Problem]:
        """See `JobStore.doctor`."""
        async for problem in self._each(self.store.doctor(), 1):
            yield problem

    async def repair(self, problem: Problem, force: bool = False) -> Outcome:
        """See `JobStore.repair`."""
        return await self._call(self.store.repair, problem, force)

    # ── reading ──

    async def get(self, job_id: str) -> JobRecord:
        """See `JobStore.get`."""
        return await self._call(self.store.get, job_id)

    async def read_value(self, job_id: str) -> bytes:
        """See `JobStore.read_value`."""
        return await self._call(self.store.read_value, job_id)

    async def open_value(self, job_id: str) -> BinaryIO:
        """See `JobStore.open_value`; the file is an ordinary one, whose reads block."""
        return await self._call(self.store.open_value, job_id)

    async def counts(self) -> Counts:
        """See `JobStore.counts`."""
        return await self._call(self.store.counts)

    async def list(self, view: str) -> AsyncIterator[Entry | LockInfo]:
        """See `JobStore.list`."""
        found: Iterator[Entry | LockInfo] = await self._call(self.store.list, view)
        async for entry in self._each(found, AT_ONCE):
            yield entry

    async def workers(self) -> Sequence[WorkerInfo]:
        """See `JobStore.workers`."""
        return await self._call(self.store.workers)

    async def why(self, job_id: str) -> str:
        """See `JobStore.why`."""
        return await self._call(self.store.why, job_id)


def _exhaust(iterator: Iterator[object]) -> None:
    for _ in iterator:
        pass


class _Arrival(Generic[L]):
    """A pull under way in a thread: whoever asked for it gets the lease, or nobody does."""

    def __init__(self, host: Host, pull: Callable[[], L | None]) -> None:
        self._pull = pull
        self._mutex = host.mutex()
        self._is_abandoned = False
        self._arrived: L | None = None

    def run(self) -> L | None:
        if self._is_abandoned:
            return None
        found = self._pull()
        with self._mutex:
            self._arrived = found
            keep = not self._is_abandoned
        if not keep and found is not None:
            found.release()
        return found if keep else None

    def abandon(self) -> L | None:
        """Nobody awaits it any more. Gives what has arrived already, to be released."""
        with self._mutex:
            self._is_abandoned = True
            return self._arrived


class _Leased(Generic[L]):
    """A lease in asyncio: an async context manager, whose loss is told in the loop."""

    def __init__(self, store: AsyncJobStore, lease: L) -> None:
        self._store = store
        self._lease = lease
        self._loop = asyncio.get_running_loop()
        self._turn = store.store.host.mutex()

    def _in_turn(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """In a thread: what has begun is finished before the lease is given back, though nobody awaits it any more."""
        with self._turn:
            return call(*args, **kwargs)

    @property
    def id(self) -> str:
        """The job's id."""
        return self._lease.id

    @property
    def compromised(self) -> bool:
        """Whether the lease was lost; nothing can be changed through it any more."""
        return self._lease.compromised

    @property
    def oncompromised(self) -> Callable[[Self], object] | None:
        """Called once, in the event loop, with this object, when its lease is lost; soon if it is lost already."""
        return self._on_compromised

    @oncompromised.setter
    def oncompromised(self, call: Callable[[Self], object] | None) -> None:
        self._on_compromised = call

        def tell(_: object) -> None:
            with suppress(RuntimeError):  # the loop has ended before the lease did
                self._loop.call_soon_threadsafe(lambda: call(self) if call else None)

        self._lease.oncompromised = None if call is None else tell

    _on_compromised: Callable[[Self], object] | None = None

    async def release(self) -> None:
        """Give the lock back; may be called twice. It is given back even where this is cancelled."""
        await self._store._finish(lambda: self._in_turn(self._lease.release))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.release()


class AsyncWorkLease(_Leased[WorkLease]):
    """`WorkLease` for asyncio."""

    @property
    def request(self) -> Json:
        """See `WorkLease.request`."""
        return self._lease.request

    @property
    def version(self) -> int:
        """See `WorkLease.version`."""
        return self._lease.version

    @property
    def attempt(self) -> int:
        """See `WorkLease.attempt`."""
        return self._lease.attempt

    @property
    def recovered(self) -> bool:
        """See `WorkLease.recovered`."""
        return self._lease.recovered

    async def fulfill(self, value: Value) -> None:
        """See `WorkLease.fulfill`."""
        await self._store._call(self._in_turn, self._lease.fulfill, value)

    async def begin(self) -> None:
        """See `WorkLease.begin`."""
        await self._store._call(self._in_turn, self._lease.begin)

    async def fail(self, error: str, retry_in: float) -> None:
        """See `WorkLease.fail`."""
        await self._store._call(self._in_turn, self._lease.fail, error, retry_in)

    async def give_back(self) -> None:
        """See `WorkLease.give_back`."""
        await self._store._call(self._in_turn, self._lease.give_back)

    async def park(self, reason: str) -> None:
        """See `WorkLease.park`."""
        await self._store._call(self._in_turn, self._lease.park, reason)

    async def prove(self) -> None:
        """See `WorkLease.prove`."""
        await self._store._call(self._lease.prove)


class AsyncNotification(_Leased[Notification]):
    """`Notification` for asyncio; the value is read by `await note.value()`."""

    @property
    def waiting(self) -> list[Json]:
        """See `Notification.waiting`."""
        return self._lease.waiting

    async def value(self) -> bytes:
        """See `Notification.value`."""
        return await self._store._call(lambda: self._lease.value)

    async def done(self, error: object = None, delivered: Sequence[Json] = ()) -> None:
        """See `Notification.done`. It is done although this is cancelled."""
        await self._store._finish(lambda: self._in_turn(self._lease.done, error, delivered))
