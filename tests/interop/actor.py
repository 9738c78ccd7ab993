"""A Python process at work on a store that others change too: every call and every return in a JSON line with its time.

For tests/interop/history.py to judge. Its counterpart is tests/node/history.js. Times are CLOCK_MONOTONIC, in seconds.
"""

from __future__ import annotations

import os
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fsjob_core import FsJobError, JobStore
from fsjob_core.layout import is_job_id
from tests.interop.python_worker import say

Result = dict[str, Any]


class Actor:
    """Works, tells, makes and changes jobs at random, one call at a time."""

    def __init__(self, name: str, store: JobStore) -> None:
        self.name = name
        self.store = store
        self.count = 0

    def word(self) -> str:
        """A value, target or request that nobody else gives."""
        return f"{self.name}-{self.count}"

    @contextmanager
    def call(self, op: str, **details: Any) -> Iterator[Result]:
        """One call: said before and after it, with what it gave (in the dict) or how it failed."""
        self.count += 1
        result: Result = {}
        say(call=self.count, t=time.monotonic(), op=op, **details)
        error = None
        try:
            yield result
        except FsJobError as failure:
            error = type(failure).__name__
        say(ret=self.count, t=time.monotonic(), error=error, result=result or None)

    def one_job(self) -> str | None:
        """Any job; every other time one of the first few, for which all contend."""
        ids = sorted(name for name in os.listdir(self.store.layout.jobs) if is_job_id(name))
        return random.choice(random.choice([ids, ids[:5]])) if ids else None

    # ── what it does ──

    def work(self) -> None:
        lease = None
        with self.call("pull") as result:
            lease = self.store.pull_work()
            if lease is not None:
                result.update(id=lease.id, version=lease.version)
        if lease is None:
            return
        time.sleep(random.random() * 0.02)
        value = self.word()
        with self.call("fulfill", id=lease.id, version=lease.version, value=value):
            lease.fulfill(value)
        lease.release()

    def tell(self) -> None:
        note = None
        with self.call("notice") as result:
            note = self.store.pull_notification()
            if note is not None:
                value = note.value.decode()
                note._lease.require()  # stopped in between it may have read the value of a later version
                result.update(id=note.id, waiting=note.waiting, value=value)
        if note is None:
            return
        targets = note.waiting[: random.randint(1, len(note.waiting))]
        with self.call("done", id=note.id, targets=targets):
            note.done(None, targets)

    def create(self) -> None:
        request = self.word()
        with self.call("create", request=request) as result:
            result["id"] = self.store.create(request).id

    def change(self) -> None:
        job_id = self.one_job()
        if job_id is None:
            return
        store, word = self.store, self.word()
        record = store.get(job_id)
        acts: list[tuple[str, Result, Callable[[], object]]] = [
            ("queue", {"target": word}, lambda: store.queue(job_id, word)),
            ("queue", {"target": word}, lambda: store.queue(job_id, word)),
            (
                "update",
                {"version": record.version, "request": word},
                lambda: store.update(job_id, record.version, word),
            ),
            ("requeue", {}, lambda: store.requeue(job_id)),
            ("park", {}, lambda: store.park(job_id)),
            ("fulfill", {"value": word}, lambda: store.fulfill(job_id, word)),
        ]
        if record.waiting:
            target = random.choice(record.waiting)
            acts.append(("unqueue", {"targets": [target]}, lambda: store.unqueue(job_id, target)))
        op, details, act = random.choice(acts)
        with self.call(op, id=job_id, **details):
            act()

    def run(self) -> None:
        while True:
            acts = [self.work, self.tell, self.change]
            random.choices([*acts, self.create], weights=[4, 3, 6, 1])[0]()
            time.sleep(random.random() * 0.03)


if __name__ == "__main__":
    try:
        Actor(sys.argv[1], JobStore(sys.argv[2], durability="process")).run()
    except BaseException:
        say(died=traceback.format_exc())
        raise
