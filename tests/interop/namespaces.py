"""A Python process that is started in some pid namespace, and says in JSON lines whom it takes for dead from there."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fsjob_core import JobStore
from fsjob_core.host import REAL, Identity
from fsjob_core.lease import look
from tests.interop.python_worker import say


def owner_of(store: JobStore, job_id: str) -> Identity:
    seen = look(REAL, store.layout.work_lock(job_id))
    assert seen is not None and seen.owner is not None
    return seen.owner.identity


def judged(store: JobStore, job_id: str) -> dict[str, object]:
    lock = next(lock for lock in store.locks() if lock.id == job_id)
    return {"alive": REAL.alive(owner_of(store, job_id)), "verdict": lock.verdict, "proof": lock.proof}


def watch(store: JobStore) -> None:
    """Judge the one lock that stands, then pull until it is ours; says for how long it had watched it unchanged."""
    job_id = next(iter(store.locks())).id
    say(judged=judged(store, job_id))
    beat, since = -1, 0.0
    while True:
        before = look(REAL, store.layout.work_lock(job_id))
        assert before is not None
        if before.mtime_ns != beat:
            beat, since = before.mtime_ns, REAL.monotonic()
        work = store.pull_work()
        if work is not None:
            return say(pulled=work.id, watched=REAL.monotonic() - since)
        time.sleep(0.05)


def child(run: Callable[[], None]) -> tuple[int, int]:
    """Fork; the child runs and then waits to be killed. Gives its pid and when it started, once it has run."""
    ready, done = os.pipe()
    pid = os.fork()
    if pid == 0:
        run()
        os.write(done, str(REAL.me.start).encode())
        signal.pause()
    return pid, int(os.read(ready, 20))


def hold(store: JobStore) -> None:
    assert store.pull_work() is not None


def again(pid: int, started: int) -> None:
    """Start a process of a pid that was used before, by one that started at another time."""
    while True:
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        other, start = child(lambda: None)
        assert other == pid
        if start != started:
            return
        os.kill(other, signal.SIGKILL)
        os.waitpid(other, 0)


def same(store: JobStore) -> None:
    """Everybody in this namespace: alive, then a zombie, then gone, then a pid that is used again."""
    job_id = store.create(1).id
    pid, started = child(lambda: hold(store))
    say(living=judged(store, job_id))
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    say(zombie=judged(store, job_id))
    os.waitpid(pid, 0)
    say(gone=judged(store, job_id))
    again(pid, started)
    say(again=judged(store, job_id), pid=pid)
    work = store.pull_work()
    say(pulled=work.id if work else None)
    os.kill(pid, signal.SIGKILL)


def hidden(store: JobStore) -> None:
    """Root's processes, seen by an account that cannot see them in /proc."""
    job_id = store.create(1).id
    pid, _ = child(lambda: hold(store))
    identity = owner_of(store, job_id)

    def as_nobody() -> object:
        ready, done = os.pipe()
        nobody = os.fork()
        if nobody == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            answer = {"seen": os.path.exists(f"/proc/{pid}"), "alive": REAL.alive(identity)}
            os.write(done, json.dumps(answer).encode())
            os._exit(0)
        os.waitpid(nobody, 0)
        return json.loads(os.read(ready, 100))

    say(living=as_nobody())
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    say(zombie=as_nobody())
    os.waitpid(pid, 0)
    say(gone=as_nobody())


if __name__ == "__main__":
    {"watch": watch, "same": same, "hidden": hidden}[sys.argv[1]](JobStore(sys.argv[2], durability="process"))
