"""What processes do in a simulated world, and what they tell the oracle of it. One program an actor."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from fsjob_core.delivery import Fulfillment
from fsjob_core.doctor import Kind, Problem
from fsjob_core.errors import FsJobError
from fsjob_core.facts import Verdict
from fsjob_core.journal import Kept
from fsjob_core.operator import Operator
from fsjob_core.record import from_bytes
from fsjob_core.store import JobStore
from fsjob_core.work import WorkLease

from . import history
from .node import Aborted, Node, NodeError
from .oracle import Oracle
from .sched import Event

if TYPE_CHECKING:
    from .scenarios import Run

Program = Callable[["Run", JobStore], None]


def sleep(store: JobStore, seconds: float) -> None:
    store.host.wait(store.host.event(), seconds)


def attempt(act: Callable[[], Any]) -> Any:
    """What an act gives; None where it was refused or failed."""
    with suppress(FsJobError, OSError):
        return act()


# ── work ──


def worker(run: Run, store: JobStore) -> None:
    """Does a few jobs; sometimes works for long, fails, or records the attempt. Waits for jobs as long as planned."""
    left, patient_until = run.plan.pulls, run.world.hub.now + run.plan.patience
    while left and run.world.hub.now < patient_until:
        work = attempt(store.pull_work)
        if work is None:
            sleep(store, 0.7)
            continue
        left -= 1
        do_work(run, store, work)


def do_work(run: Run, store: JobStore, work: WorkLease) -> None:
    oracle, proc = run.oracle, run.world.proc_of(store.host)
    oracle.discovered(work.id, work.request)
    work.oncompromised = oracle.watch_loss(work._lease, proc)
    draw = run.random.random()
    if draw < run.plan.recorded:
        attempt(work.begin)
    if run.hostile and run.random.random() < run.plan.long:
        sleep(store, run.random.choice((0.5, 4.0, 12.0)))
    if run.hostile and draw < run.plan.recorded / 3:
        attempt(lambda: work.fail("it failed", 0.5))
    else:
        attempt(lambda: give(oracle, work.id, run.value(), work.version, work.fulfill))
    attempt(work.release)


def give(oracle: Oracle, job_id: str, value: bytes, version: int | None, fulfill: Callable[[bytes], object]) -> None:
    with oracle.call(f"fulfill {value!r}", job_id, history.fulfilled(value, version)):
        fulfill(value)


def by_hand(run: Run, store: JobStore) -> None:
    """An operator who gives a job its value without a lease."""
    job_id = run.some_job()
    value = run.value()
    attempt(lambda: give(run.oracle, job_id, value, None, lambda given: store.fulfill(job_id, given)))


def creator(run: Run, store: JobStore) -> None:
    request = {"late": run.random.randrange(1000)}
    began = run.world.hub.steps
    job = attempt(lambda: store.create(request))
    if job is not None:
        run.oracle.add_created(job.id, history.created(request), began)


def batch_creator(run: Run, store: JobStore) -> None:
    began = run.world.hub.steps
    with suppress(FsJobError, OSError):
        for job in store.create_many({"batch": number} for number in range(3)):
            run.oracle.add_created(job.id, history.created(job.request), began)


def pair(run: Run, store: JobStore) -> None:
    """One process of two threads, each with a store of its own."""
    second = JobStore(store.directory, worker_name=f"{store.worker_name}b", must_exist=True, _host=store.host)
    second.ground._ready = True
    proc = run.world.proc_of(store.host)
    run.world.hub.start(proc, f"{proc.name}b", lambda: worker(run, second))
    worker(run, store)


# ── locks alone: scenarios small enough for high bounds ──


def taker(run: Run, store: JobStore) -> None:
    """Takes the state lock of a job, from a dead or stale holder too, proves it, and gives it back."""
    ground, job_id = store.ground, run.some_job()
    lease = attempt(lambda: ground.lock("state", job_id, run.plan.patience))
    if lease is not None:
        lease.prove()
        lease.release()


# ── those who wait ──


def queuer(run: Run, store: JobStore) -> None:
    for _ in range(2):
        job_id, target = run.some_job(), run.target()
        attempt(partial(_queue, run.oracle, store, job_id, target))


def _queue(oracle: Oracle, store: JobStore, job_id: str, target: Any) -> None:
    with oracle.call("queue", job_id, history.queued(target)):
        store.queue(job_id, target)


def unqueuer(run: Run, store: JobStore) -> None:
    job_id = run.some_job()
    record = attempt(lambda: store.get(job_id))
    if record is not None and record.waiting:
        attempt(lambda: _unqueue(run.oracle, store, job_id, record.waiting[:1]))


def _unqueue(oracle: Oracle, store: JobStore, job_id: str, targets: list[Any]) -> None:
    with oracle.call("unqueue", job_id, history.unqueued(targets)):
        store.unqueue_all(job_id, targets)


def notifier(run: Run, store: JobStore) -> None:
    """Pulls notifications; tells all targets, or only the first."""
    left, patient_until = run.plan.pulls, run.world.hub.now + (run.plan.patience if run.hostile else 0.5)
    while left and run.world.hub.now < patient_until:
        note = attempt(store.pull_notification)
        if note is None:
            sleep(store, 0.7)
            continue
        left -= 1
        targets = note.waiting[: run.random.choice((1, len(note.waiting)))]
        value = attempt(partial(getattr, note, "value"))
        if value is None:
            attempt(note.done)
            continue
        for target in targets:
            if not note.compromised:
                run.oracle.delivers(note.id, target, value)
        attempt(partial(_done, run.oracle, note, targets))


def _done(oracle: Oracle, note: Any, targets: list[Any]) -> None:
    with oracle.call("done", note.id, history.unqueued(targets)):
        note.done(None, targets)
    oracle.told |= {(note.id, history.text(target)) for target in targets}


def responding(run: Run, store: JobStore) -> None:
    """A worker whose store tells targets itself once it has fulfilled."""

    def respond(target: Any, fulfillment: Fulfillment) -> None:
        oracle = run.oracle
        oracle.delivers(fulfillment.id, target, fulfillment.value)
        oracle.calls[fulfillment.id].append(
            history.Call("flush", history.unqueued([target]), run.world.hub.steps)
        )

    store.respond = respond
    worker(run, store)


# ── operators ──


def updater(run: Run, store: JobStore) -> None:
    job_id = run.some_job()
    record = attempt(lambda: store.get(job_id))
    if record is not None:
        request = {"edited": run.random.randrange(1000)}
        attempt(lambda: _update(run.oracle, store, job_id, record.version, request))


def _update(oracle: Oracle, store: JobStore, job_id: str, version: int, request: Any) -> None:
    with oracle.call("update", job_id, history.updated(version, request)):
        store.update(job_id, version, request)


def requeuer(run: Run, store: JobStore) -> None:
    for _ in range(run.plan.requeues):
        job_id = run.some_job()
        attempt(partial(_requeue, run.oracle, store, job_id))
        sleep(store, run.random.random() * 2)


def _requeue(oracle: Oracle, store: JobStore, job_id: str) -> None:
    with oracle.call("requeue", job_id, history.requeued):
        store.requeue(job_id)


def parker(run: Run, store: JobStore) -> None:
    job_id = run.some_job()
    attempt(lambda: _park(run.oracle, store, job_id))


def _park(oracle: Oracle, store: JobStore, job_id: str) -> None:
    with oracle.call("park", job_id, history.parked):
        store.park(job_id, "by hand")


def deleter(run: Run, store: JobStore) -> None:
    job_id = run.some_job()

    def act() -> None:
        with run.oracle.call("delete", job_id, history.deleted):
            store.delete(job_id)

    attempt(act)


def barrer(run: Run, store: JobStore) -> None:
    """Takes a live lock away: its holder is told, and the job is freed or parked."""
    lock = next((lock for lock in attempt(store.locks) or () if lock.kind == run.plan.barred), None)
    if lock is None:
        return
    run.oracle.forced.add(lock.path)

    def act() -> None:
        with run.oracle.call("park", lock.id, history.parked) as call:
            outcome = store.break_lock(lock, force=True, park=parks)
            call.refused = "is parked" not in outcome.what

    parks = run.random.random() < 0.5
    attempt(act)


def breaker(run: Run, store: JobStore) -> None:
    """Releases what is dead, stale or beats for nothing."""
    sleep(store, run.random.choice((0.0, 11.0)))
    for lock in attempt(store.locks) or ():
        if lock.verdict is Verdict.LEAKED:
            run.oracle.forced.add(lock.path)
        attempt(partial(store.break_lock, lock))


def person(run: Run, store: JobStore) -> None:
    """Somebody who acts, and often thinks better of it."""
    operator = Operator(store, store.worker_name)
    for _ in range(run.plan.acts):
        attempt(partial(_act, run, operator))
        sleep(store, run.random.random() * 2)
        if run.random.random() < 0.7:
            attempt(partial(_undo, run, operator))


def _act(run: Run, operator: Operator) -> None:
    oracle, job_id = run.oracle, run.some_job()
    act = run.random.choice(("create", "requeue", "requeue", "park", "edit", "unqueue", "delete", "delete"))
    if act == "create":
        request, began = {"made": run.random.randrange(1000)}, run.world.hub.steps
        oracle.add_created(operator.create(request).id, history.created(request), began)
        return
    record = operator.store.get(job_id)
    if act == "requeue":
        with oracle.call("requeue", job_id, history.requeued):
            operator.requeue(job_id)
    elif act == "park":
        with oracle.call("park", job_id, history.parked):
            operator.park(job_id)
    elif act == "edit":
        request = {"edited": run.random.randrange(1000)}
        with oracle.call("edit", job_id, history.updated(record.version, request)):
            operator.edit(job_id, record.version, request)
    elif act == "unqueue" and record.waiting:
        with oracle.call("unqueue", job_id, history.unqueued(record.waiting[:1])):
            operator.unqueue(job_id, record.waiting[0])
    elif act == "delete":
        with oracle.call("delete", job_id, history.deleted):
            operator.delete(job_id)


def _undo(run: Run, operator: Operator) -> None:
    group = operator.last()
    if group is None:
        return
    (kept,) = group.first.jobs
    again = _who_waits_again(kept)
    run.oracle.told -= again
    with run.oracle.call(f"undo {kept.act}", kept.id, _undone(kept)) as call:
        for outcome in operator.undo(group):
            call.refused = "it was before" in outcome.what
            call.unsure = not outcome.done
    run.oracle.told -= again


def _who_waits_again(kept: Kept) -> set[tuple[str, str]]:
    """Targets that an undo puts back on the list: they are told again, and from its first moment on."""
    waiting = from_bytes(kept.id, kept.old.encode()).waiting if kept.old else []
    return {(kept.id, history.text(target)) for target in waiting}


def _undone(kept: Kept) -> history.Effect:
    if kept.act == "create":
        return lambda job: job._replace(exists=False)
    if kept.act == "delete":
        return lambda job: job._replace(exists=True)
    old = from_bytes(kept.id, kept.old.encode())

    def effect(job: history.Model) -> history.Model | None:
        if not job.exists:
            return None
        version = job.version if job.version == old.version else job.version + 1  # none means two things
        return job._replace(
            state=old.state, version=version, request=history.text(old.request),
            waiting=tuple(map(history.text, old.waiting)), parked=bool(old.ours.get("parked")),
        )  # fmt: skip

    return effect


def doctor(run: Run, store: JobStore) -> None:
    """Mends what it finds, and looks again."""
    for _ in range(2):
        mend(run, store)
        sleep(store, run.random.choice((0.1, 11.0)))


def mend(run: Run, store: JobStore) -> list[Problem]:
    """One round of the doctor's; gives what it found."""
    found: list[Problem] = attempt(lambda: list(store.doctor())) or []
    for problem in found:
        if problem.kind in (Kind.LEAKED_LOCK, Kind.GHOST_LOCK):
            run.oracle.forced.add(problem.path)
        attempt(partial(store.repair, problem))
    return found


# ── Node ──


def node(run: Run, store: JobStore) -> None:
    """A worker of the Node package, which also makes a job and tells who waits."""
    host, oracle = store.host, run.oracle
    proc = run.world.proc_of(host)
    oracle.nodes.append(proc)
    never, calls = host.event(), cast(Any, host.calls)
    package = Node(
        store.directory, calls, host.time, lambda seconds: host.wait(never, seconds), run.random,
        lambda beat: host.spawn(beat, "beat"), tmp=store.layout.trash,
    )  # fmt: skip
    try:
        _node_creates(run, package)
        for _ in range(run.plan.pulls):
            _node_works(run, package)
        _node_tells(run, package)
    except Aborted:
        pass
    with suppress(OSError, NodeError):
        package.exit()


def _node_creates(run: Run, package: Node) -> None:
    request, began = {"node": run.random.randrange(1000)}, run.world.hub.steps
    with suppress(OSError, NodeError, ValueError):
        run.oracle.add_created(package.create(request), history.created(request), began)


def _node_works(run: Run, package: Node) -> None:
    with suppress(OSError, NodeError, ValueError):
        job = package.pull_job()
        run.oracle.discovered(job.id, job.request)
        value = run.value()
        with suppress(OSError, NodeError, ValueError):
            _node_gives(run, package, job.id, value)
        package.release(job)


def _node_gives(run: Run, package: Node, job_id: str, value: bytes) -> None:
    call = history.Call(f"fulfill {value!r}", history.fulfilled(value, None), run.world.hub.steps, by_node=True)
    run.oracle.calls[job_id].append(call)
    package.fulfill(job_id, value)
    call.acknowledged, call.ended = True, run.world.hub.steps


def _node_tells(run: Run, package: Node) -> None:
    with suppress(OSError, NodeError, ValueError):
        note = package.pull_notification()
        if note is not None:
            call = history.Call("done", history.unqueued(note.waiting), run.world.hub.steps, by_node=True)
            run.oracle.calls[note.id].append(call)
            package.done(note, note.waiting)


PROGRAMS: dict[str, Program] = {
    program.__name__: program
    for program in (
        worker, pair, by_hand, creator, batch_creator, queuer, unqueuer, notifier, responding, updater, requeuer,
        taker, parker, deleter, barrer, breaker, person, doctor, node,
    )
}  # fmt: skip

__all__ = ["PROGRAMS", "Event", "attempt", "do_work", "notifier", "sleep", "worker"]
