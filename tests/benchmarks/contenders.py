"""The store and other queues at the same work: a job is put, taken under a lock, its result kept by its id, acked.

What a queue does not do itself is added in the cheapest way (a result is a file of its own, written and renamed), and
what it lacks is told in `LACKS`: it does less than the others, and stands beside them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, Protocol

from fsjob_core import JobStore

REQUEST: dict[str, Any] = {"calculate": "3+3"}
VALUE = b"6"


class Contender(Protocol):
    """One queue, opened on an empty directory."""

    def create(self) -> object:
        """Put one job."""

    def work(self) -> object:
        """Take one, keep its result, ack it."""


class Fsjob:
    """This store."""

    def __init__(self, root: str, durability: str = "process") -> None:
        self.store = JobStore(root, durability=durability)

    def create(self) -> None:
        self.store.create(REQUEST)

    def work(self) -> bool:
        """Whether there was a job: others may be at work on the store, too."""
        work = self.store.pull_work()
        if work is None:
            return False
        work.fulfill(VALUE)
        work.release()
        return True


class Results:
    """Results by id, for queues that keep none: a file each, whole or not there."""

    def __init__(self, root: str) -> None:
        self.root = root
        os.mkdir(root)

    def keep(self, name: object) -> None:
        path = f"{self.root}/{name}"
        fd = os.open(f"{path}.tmp", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(fd, VALUE)
        os.close(fd)
        os.rename(f"{path}.tmp", path)


class Dirq:
    """dirq: a file a job, a hard link its lock."""

    def __init__(self, root: str) -> None:
        from dirq.QueueSimple import QueueSimple

        self.queue = QueueSimple(f"{root}/queue")
        self.results = Results(f"{root}/results")

    def create(self) -> None:
        self.queue.add(json.dumps(REQUEST))

    def work(self) -> None:
        name = self._lock_next()
        json.loads(self.queue.get(name))
        self.results.keep(name.replace("/", "-"))
        self.queue.remove(name)

    def _lock_next(self) -> str:
        name = self.queue.next() or self.queue.first()  # of its last listing, else of a new one
        while name and not self.queue.lock(name):
            name = self.queue.next()
        assert name, "the queue is empty"
        return str(name)


class PersistFile:
    """persist-queue, its queue of files."""

    def __init__(self, root: str) -> None:
        from persistqueue import Queue

        self.queue = Queue(f"{root}/queue", autosave=True)
        self.results = Results(f"{root}/results")
        self.number = 0

    def create(self) -> None:
        self.queue.put(REQUEST)

    def work(self) -> None:
        self.queue.get(block=False)
        self.number += 1
        self.results.keep(self.number)
        self.queue.task_done()


class PersistAck:
    """persist-queue, its SQLite queue with acknowledgement."""

    def __init__(self, root: str) -> None:
        from persistqueue import SQLiteAckQueue

        self.queue = SQLiteAckQueue(f"{root}/queue", auto_commit=True)
        self.results = Results(f"{root}/results")

    def create(self) -> None:
        self.queue.put(REQUEST)

    def work(self) -> None:
        item = self.queue.get(block=False, raw=True)
        self.results.keep(item["pqid"])
        self.queue.ack(id=item["pqid"])


class Huey:
    """huey's storage of files or in SQLite: dequeued under a lock, the result kept by the task's id."""

    def __init__(self, root: str, kind: str) -> None:
        from huey.storage import FileStorage, SqliteStorage

        make = {"file": lambda: FileStorage("q", root), "sqlite": lambda: SqliteStorage("q", f"{root}/queue.db")}
        self.storage = make[kind]()
        self.number = 0

    def create(self) -> None:
        self.number += 1
        self.storage.enqueue(json.dumps({**REQUEST, "id": self.number}).encode())

    def work(self) -> None:
        task = json.loads(self.storage.dequeue())
        self.storage.put_data(str(task["id"]), VALUE, is_result=True)


class Litequeue:
    """litequeue: a table in SQLite."""

    def __init__(self, root: str) -> None:
        from litequeue import LiteQueue

        self.queue = LiteQueue(f"{root}/queue.db")
        self.results = Results(f"{root}/results")

    def create(self) -> None:
        self.queue.put(json.dumps(REQUEST))

    def work(self) -> None:
        message = self.queue.pop()
        json.loads(message.data)
        self.results.keep(message.message_id)
        self.queue.done(message.message_id)


CONTENDERS: dict[str, Callable[[str], Contender]] = {
    "fsjob": Fsjob,
    "dirq": Dirq,
    "persist-queue file": PersistFile,
    "persist-queue SQLite ack": PersistAck,
    "huey file": lambda root: Huey(root, "file"),
    "huey SQLite": lambda root: Huey(root, "sqlite"),
    "litequeue": Litequeue,
}
LACKS = {
    "dirq": "no result (added as a file); a lock names nobody and is never proven",
    "persist-queue file": "no lock between processes, no result (added as a file), no ack",
    "persist-queue SQLite ack": "no result (added as a file)",
    "huey file": "no ack: what was dequeued and not done is lost",
    "huey SQLite": "no ack: what was dequeued and not done is lost",
    "litequeue": "no result (added as a file)",
}
